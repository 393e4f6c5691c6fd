"""What a driver is told, as fields of messages and back: `Briefing` in `assign`, `Observation` in `obs`.

Pure, and exact: numbers come back bit for bit. It lies in `racing` because it knows both what a driver sees
and how it travels, which `league.wire` does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

import numpy as np

from league.errors import CircuitError, ConfigError, RemoteProtocolError
from league.racing.agent import Briefing, FloatVector, Observation, Penalty
from league.racing.rules import Rules
from league.sim.car import CarSpec
from league.sim.layout import AHEAD_M, AHEAD_START, OPPONENTS_START, STATE_SIZE
from league.sim.objects import Box
from league.track.circuit import Circuit
from league.wire.checking import bad_field, mapping, number, text, whole
from league.wire.codec import pack_doubles, pack_floats, unpack_doubles, unpack_floats

_LINES = ("centre", "left", "right")


def observation_fields(seen: Observation, sensors: Sequence[str] = ("state",)) -> dict[str, Any]:
    """An observation as the fields of `obs` that `AgentSession.observe` takes.

    Args:
        seen: What the driver sees.
        sensors: What it asked for; others are left out.
    """
    packed: dict[str, bytes] = {}
    for name in sensors:
        numbers = seen.state if name == "state" else seen.sensors.get(name)
        if numbers is not None:
            packed[name] = pack_floats(numbers)
    told: dict[str, Any] = {"t_us": seen.time_us, "lap": seen.lap, "flag": seen.flag, "sensors": packed}
    if seen.missed:
        told["missed"] = seen.missed
    penalty = seen.penalty
    if penalty is not None:
        told["penalty"] = {
            "kind": penalty.kind,
            "left_ticks": penalty.left_ticks,
            "cap_mps": penalty.cap_mps,
        }
    return told


def read_observation(k: int, told: Mapping[str, Any]) -> Observation:
    """The observation in an `obs` message.

    Args:
        k: Its tick.
        told: `Obs.fields`.

    Raises:
        RemoteProtocolError: A field is missing or of the wrong type or size.
    """
    given = told.get("sensors")
    if type(given) is not dict:
        raise bad_field("obs.sensors", "a map", given)
    state: FloatVector | None = None
    sensors: dict[str, FloatVector] = {}
    for name, value in given.items():
        if name == "state":
            state = unpack_floats(value, "obs.sensors.state", size=STATE_SIZE)
        else:
            sensors[name] = unpack_floats(value, "obs.sensors")
    if state is None:
        state = np.zeros(STATE_SIZE, np.float32)
    time_us, lap, flag = told.get("t_us"), told.get("lap", 0), told.get("flag", "green")
    if type(time_us) is not int or type(lap) is not int or type(flag) is not str:
        raise bad_field("obs", "t_us and lap as whole numbers and flag as text", [time_us, lap, flag])
    seen = Observation(k, time_us, state, sensors, lap, flag)
    if "penalty" in told:
        seen.penalty = _read_penalty(told)
    if "missed" in told:
        seen.missed = whole(told, "obs", "missed")
    return seen


def briefing_fields(
    briefing: Briefing,
    *,
    obs_spec: Sequence[Mapping[str, Any]] = (),
    deadline_ms: float = 50.0,
    bank_ms: int = 2000,
) -> dict[str, Any]:
    """A briefing as the fields of `assign` that `AgentSession.assign` takes.

    Args:
        briefing: What the driver of one seat knows.
        obs_spec: What every sensor's `describe` says, with its name, id and size.
        deadline_ms: Time for each answer.
        bank_ms: Time in all for answers that are late, in lockstep.
    """
    circuit, car, rules = briefing.circuit, briefing.car, briefing.rules
    return {
        "heat": briefing.heat,
        "seat": briefing.seat,
        "grid": len(briefing.opponents) + 1,
        "seed": briefing.seed,
        "circuit": {
            "id": circuit.id,
            "name": circuit.name,
            "sha256": circuit.sha256,
            "length_m": circuit.length_m,
            "direction": circuit.direction,
            **{line: pack_doubles(getattr(circuit, line)) for line in _LINES},
        },
        "car": car.as_dict(),
        "laps": rules.laps,
        "rules": rules.model_dump(mode="json"),
        "sensors": list(briefing.sensors),
        "obs_spec": [dict(spec) for spec in obs_spec],
        "act_spec": {
            "steer_rad": [-car.max_steer_rad, car.max_steer_rad],
            "speed_mps": [0.0, car.max_speed_mps],
            "min_speed_mps": car.min_speed_mps,
        },
        "hz": rules.control_hz,
        "clock": rules.clock,
        "deadline_ms": deadline_ms,
        "bank_ms": bank_ms,
        "opponents": [{"seat": seat, "name": name} for seat, name in briefing.opponents],
        "boxes": [dict(zip(Box._fields, box, strict=True)) for box in briefing.boxes],
    }


def read_briefing(told: Mapping[str, Any]) -> Briefing:
    """The briefing in an `assign` message.

    Args:
        told: `Assign.fields`.

    Raises:
        RemoteProtocolError: A field cannot be used, or the circuit is not the one that its fingerprint says.
    """
    wanted = told.get("sensors")
    if type(wanted) is not list or not all(type(name) is str for name in wanted):
        raise bad_field("assign.sensors", "a list of texts", wanted)
    rivals = _maps(told, "opponents")
    return Briefing(
        heat=text(told, "assign", "heat", least=1, most=128),
        seat=whole(told, "assign", "seat", most=1000),
        circuit=_read_circuit(mapping(told, "assign", "circuit")),
        car=_read_car(mapping(told, "assign", "car")),
        rules=_read_rules(mapping(told, "assign", "rules")),
        seed=whole(told, "assign", "seed"),
        sensors=tuple(wanted),
        opponents=tuple(
            (whole(rival, "assign.opponents", "seat"), text(rival, "assign.opponents", "name", most=128))
            for rival in rivals
        ),
        boxes=tuple(
            Box(*(number(box, "assign.boxes", field, least=-1e6, most=1e6) for field in Box._fields))
            for box in _maps(told, "boxes")
        ),
    )


def trial_observation(told: Mapping[str, Any], briefing: Briefing) -> Observation:
    """What a driver might see on a straight road, standing still: to try its answers before the start.

    Args:
        told: `Assign.fields`; its `obs_spec` says how long each sensor's array is.
        briefing: What `read_briefing` made of it.
    """
    left_m, right_m = float(briefing.circuit.width_left_m[0]), float(briefing.circuit.width_right_m[0])
    state = np.zeros(STATE_SIZE, np.float32)
    state[5] = 1.0
    state[8:10] = left_m, right_m
    for row, ahead_m in zip(state[AHEAD_START:OPPONENTS_START].reshape(-1, 5), AHEAD_M, strict=True):
        row[:] = ahead_m, 0.0, 0.0, left_m, right_m
    sensors: dict[str, FloatVector] = {}
    specs = told.get("obs_spec")
    for spec in specs if type(specs) is list else ():
        if type(spec) is dict and type(spec.get("name")) is str and spec["name"] != "state":
            sensors[spec["name"]] = np.ones(whole(spec, "assign.obs_spec", "size", most=2**20), np.float32)
    return Observation(0, 0, state, sensors)


def _maps(told: Mapping[str, Any], field: str) -> list[Mapping[str, Any]]:
    """A list of maps in `assign`; empty if it is not there."""
    given = told.get(field, [])
    if type(given) is not list or not all(type(item) is dict for item in given):
        raise bad_field(f"assign.{field}", "a list of maps", given)
    return given


def _read_penalty(told: Mapping[str, Any]) -> Penalty | None:
    if told["penalty"] is None:
        return None
    given = mapping(told, "obs", "penalty")
    return Penalty(
        text(given, "obs.penalty", "kind"),
        whole(given, "obs.penalty", "left_ticks"),
        number(given, "obs.penalty", "cap_mps", default=0.0),
    )


def _read_circuit(told: Mapping[str, Any]) -> Circuit:
    lines: dict[str, Any] = {}
    for line in _LINES:
        flat = unpack_doubles(told.get(line), f"assign.circuit.{line}")
        if flat.size % 2:
            raise RemoteProtocolError(
                "bad_field", f"assign.circuit.{line}: found {flat.size} numbers, expected pairs"
            )
        lines[line] = flat.reshape(-1, 2)
    name = text(told, "assign.circuit", "id", least=1, most=256)
    try:
        circuit = Circuit(id=name, name=text(told, "assign.circuit", "name", default="", most=256), **lines)
    except CircuitError as error:
        raise RemoteProtocolError("bad_field", f"assign.circuit: {error}") from None
    expected = text(told, "assign.circuit", "sha256", least=64)
    if circuit.sha256 != expected:
        raise RemoteProtocolError(
            "bad_field", f"assign.circuit: fingerprint {circuit.sha256[:12]}…, expected {expected[:12]}…"
        )
    return circuit


def _read_car(told: Mapping[str, Any]) -> CarSpec:
    """A newer server's figures that this version does not know are left out."""
    figures: dict[str, Any] = {}
    for item in fields(CarSpec):
        if item.type == "float":
            figures[item.name] = number(told, "assign.car", item.name, least=-1e9, most=1e9)
        else:
            figures[item.name] = text(told, "assign.car", item.name, most=1000)
    try:
        return CarSpec(**figures)
    except ConfigError as error:
        raise RemoteProtocolError("bad_field", f"assign.car: {error}") from None


def _read_rules(told: Mapping[str, Any]) -> Rules:
    known = {name: value for name, value in told.items() if name in Rules.model_fields}
    try:
        return Rules.parse(known, where="assign.rules")
    except ConfigError as error:
        raise RemoteProtocolError("bad_field", str(error)) from None
