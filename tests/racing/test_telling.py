from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from league.errors import RemoteProtocolError
from league.racing.agent import Briefing, Observation, Penalty
from league.racing.rules import Rules
from league.racing.telling import (
    briefing_fields,
    observation_fields,
    read_briefing,
    read_observation,
    trial_observation,
)
from league.sim.car import DEEPRACER_GZSIM
from league.sim.layout import STATE_SIZE
from league.sim.objects import Box
from league.track.circuit import Circuit
from league.wire.codec import MAX_SERVER_ITEMS, decode, encode
from league.wire.messages import CODECS


def ring(radius_m: float, rows: int = 40) -> np.ndarray:
    turn = np.linspace(0, 2 * np.pi, rows, endpoint=False)
    return radius_m * np.column_stack([np.cos(turn), np.sin(turn)])


CIRCUIT = Circuit("ring:reversed", ring(3.1), ring(2.6), ring(3.7), name="Ring (reversed)")
BRIEFING = Briefing(
    "final-1", 1, CIRCUIT, DEEPRACER_GZSIM, Rules(laps=5, sectors=2), 2**53 - 1, ("state", "lidar"),
    ((0, "Ada"), (2, "Chloé")), (Box(1.5, -2.25, 0.1), Box(-3.0, 0.5, -1.0, 0.3, 0.2)),
)  # fmt: skip
SPEC = [{"name": "state", "id": "state.v1", "size": 105}, {"name": "lidar", "id": "lidar.v1", "size": 64}]


def travelled(fields, codec):
    return decode(encode({"type": "obs", **fields}, codec), limit=1 << 20, items=MAX_SERVER_ITEMS)


@pytest.mark.parametrize("codec", CODECS)
@given(
    state=arrays.arrays(np.float32, STATE_SIZE),
    pose=arrays.arrays(np.float32, 4),
    tick=st.integers(0, 2**40),
    time_us=st.integers(0, 2**40),
    lap=st.integers(0, 100),
    flag=st.sampled_from(["green", "yellow", "red", "chequered"]),
    penalty=st.none() | st.builds(Penalty, st.sampled_from(["off_track", "collision"]), st.integers(0, 900)),
    missed=st.integers(0, 60),
)
def test_an_observation_comes_back_bit_for_bit(codec, state, pose, tick, time_us, lap, flag, penalty, missed):
    seen = Observation(tick, time_us, state, {"pose": pose}, lap, flag, penalty, missed)
    came = read_observation(tick, travelled(observation_fields(seen, ("state", "pose")), codec))
    assert came.state.tobytes() == state.tobytes()
    assert came.sensors["pose"].tobytes() == pose.tobytes()
    assert (came.tick, came.time_us, came.lap, came.flag) == (tick, time_us, lap, flag)
    assert (came.penalty, came.missed) == (penalty, missed)


def test_a_driver_gets_only_what_it_asked_for():
    seen = Observation(0, 0, np.ones(STATE_SIZE, np.float32), {"pose": np.ones(4, np.float32)})
    assert set(observation_fields(seen)["sensors"]) == {"state"}
    came = read_observation(0, observation_fields(seen, ("pose", "lidar")))
    assert set(came.sensors) == {"pose"}
    assert not came.state.any()


def test_an_agent_may_write_into_what_it_sees():
    came = read_observation(0, observation_fields(Observation(0, 0, np.ones(STATE_SIZE, np.float32))))
    came.state[0] = 5.0
    assert came.speed_mps == 5.0


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"sensors": None}, "obs.sensors: expected a map, found nothing"),
        ({"sensors": {"state": b"\0" * 416}}, "obs.sensors.state: found 416 bytes of float32, expected 420"),
        ({"sensors": {"lidar": b"\0" * 3}}, "found 3 bytes of float32, expected a multiple of 4"),
        ({"sensors": {"state": [0.0] * 105}}, "obs.sensors.state: expected bytes, found a list"),
        ({"t_us": 1.5}, "obs: expected t_us and lap as whole numbers"),
        ({"flag": 7}, "flag as text"),
        ({"penalty": 7}, "obs.penalty: expected a map, found 7"),
        ({"penalty": {"kind": "off_track"}}, "obs.penalty.left_ticks"),
        ({"missed": -1}, "obs.missed"),
    ],
)
def test_an_observation_that_cannot_be_read_is_refused_by_field(changed, says):
    told = observation_fields(Observation(0, 0, np.zeros(STATE_SIZE, np.float32)))
    with pytest.raises(RemoteProtocolError, match=says) as caught:
        read_observation(0, {**told, **changed})
    assert caught.value.code == "bad_field"


@pytest.mark.parametrize("codec", CODECS)
def test_a_briefing_comes_back_whole(codec):
    came = read_briefing(travelled(briefing_fields(BRIEFING, obs_spec=SPEC), codec))
    for name in ("heat", "seat", "car", "rules", "seed", "sensors", "opponents"):
        assert getattr(came, name) == getattr(BRIEFING, name)
    assert (came.circuit.id, came.circuit.name) == ("ring:reversed", "Ring (reversed)")
    assert came.circuit.sha256 == CIRCUIT.sha256
    for line in ("centre", "left", "right"):
        assert getattr(came.circuit, line).tobytes() == getattr(CIRCUIT, line).tobytes()


def test_what_an_assignment_says_in_short_agrees_with_the_rest():
    told = briefing_fields(BRIEFING, obs_spec=SPEC, deadline_ms=40, bank_ms=1000)
    assert (told["laps"], told["hz"], told["clock"], told["grid"]) == (5, 15, "lockstep", 3)
    assert (told["deadline_ms"], told["bank_ms"]) == (40, 1000)
    assert told["act_spec"]["speed_mps"] == [0.0, DEEPRACER_GZSIM.max_speed_mps]
    assert told["circuit"]["length_m"] == CIRCUIT.length_m
    assert told["circuit"]["direction"] == "anticlockwise"


def test_a_newer_server_s_extra_figures_and_rules_are_left_out():
    told = briefing_fields(BRIEFING)
    told["car"] = {**told["car"], "wings": 2}
    told["rules"] = {**told["rules"], "pit_stops": 1}
    came = read_briefing({**told, "weather": "rain"})
    assert (came.car, came.rules) == (BRIEFING.car, BRIEFING.rules)


def changed(path, value):
    told = briefing_fields(BRIEFING)
    where = told
    for key in path[:-1]:
        where[key] = dict(where[key])
        where = where[key]
    where[path[-1]] = value
    return told


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("circuit", "sha256"), "0" * 64, "assign.circuit: fingerprint .*, expected 000000000000"),
        (("circuit", "id"), "other", None),
        (("circuit", "left"), ring(2.0).astype("<f8").tobytes(), "fingerprint"),
        (("circuit", "left"), b"\0" * 24, "assign.circuit.left: found 3 numbers, expected pairs"),
        (("circuit", "left"), b"\0" * 23, "assign.circuit.left: found 23 bytes"),
        (("circuit", "centre"), b"", "assign.circuit: .*has shape"),
        (("circuit", "centre"), ring(3.0, 9).astype("<f8").tobytes(), "rows"),
        (("circuit", "right"), np.full((40, 2), np.nan).tobytes(), "not finite"),
        (("circuit",), None, "assign.circuit: expected a map, found nothing"),
        (("car", "max_speed_mps"), "fast", "assign.car.max_speed_mps: expected a number"),
        (("car", "max_speed_mps"), -1.0, "max_speed_mps is -1.0, expected more than 0"),
        (("car", "base_m"), float("nan"), "assign.car.base_m"),
        (("rules", "laps"), 0, "assign.rules: laps: input should be greater"),
        (("sensors",), "state", "assign.sensors: expected a list of texts"),
        (("opponents",), [3], "assign.opponents: expected a list of maps"),
        (("opponents",), [{"seat": 1}], "assign.opponents.name"),
        (("seed",), 2**60, "assign.seed"),
        (("heat",), 5, "assign.heat"),
    ],
)
def test_an_assignment_that_cannot_be_used_is_refused_by_field(path, value, says):
    told = changed(path, value)
    if says is None:  # the fingerprint is of the geometry: a name may change
        assert read_briefing(told).circuit.id == value
        return
    with pytest.raises(RemoteProtocolError, match=says):
        read_briefing(told)


def test_a_trial_observation_is_a_straight_road_with_every_sensor():
    told = briefing_fields(BRIEFING, obs_spec=SPEC)
    seen = trial_observation(told, BRIEFING)
    assert seen.heading_error_rad == 0.0
    assert seen.width_left_m == pytest.approx(0.5)
    assert seen.width_right_m == pytest.approx(0.6)
    assert np.allclose(seen.ahead[:, 0], np.arange(1, 13) * 0.4)
    assert not seen.ahead[:, 1:3].any()
    assert {name: len(numbers) for name, numbers in seen.sensors.items()} == {"lidar": 64}
