"""`check_agent`: whether a driver keeps the contract of `league.Agent`, with a hint where it does not.

It drives the agent on a small circuit of its own, alone and in traffic, and looks at every answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, pi
from time import perf_counter
from typing import Any

import numpy as np

from league.errors import InputError
from league.hooks.catalogue import League
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rules import Rules
from league.track.circuit import Circuit

PREPARE_S = 20.0
ACT_S = 0.050
BANK_S = 2.0
"""What a server grants: 50 ms for each answer, and a bank for the slow ones."""
NOTE_BYTES = 256
DRIVE_TICKS = 15 * 15
TRAFFIC_TICKS = 8 * 15
LEAST_M = 1.0
"""Progress in that time that counts as driving at all."""

AgentLike = Agent | Callable[[], Agent]


class AgentCheckError(InputError, AssertionError):
    """An agent breaks the contract; says where, what was found, and what was expected."""


@dataclass(frozen=True, slots=True)
class AgentReport:
    """What a check saw of an agent that passed."""

    prepare_s: float
    """Longest time that `prepare` took."""
    act_mean_s: float
    act_slowest_s: float
    progress_m: float
    """How far it drove, alone, from a standing start in 15 s."""
    off_tracks: int
    """How often it left the road meanwhile; leaving it is no breach of the contract."""


@dataclass(slots=True)
class _Watch:
    """Measured while checking."""

    prepare_s: float = 0.0
    act_s: float = 0.0
    acts: int = 0
    slowest_s: float = 0.0


def check_agent(
    agent: AgentLike,
    *,
    circuit: Circuit | None = None,
    deterministic: bool = True,
    league: League | None = None,
) -> AgentReport:
    """Check that an agent keeps the contract; drive it for some seconds of race time.

    Checked are: it is an `Agent`, or makes one without arguments; its sensors exist; `prepare` takes no
    longer than 20 s and may be called again for another heat; `act` answers with a `Command` of plain
    finite numbers that the car takes, leaves the observation alone, and takes no longer than a server grants;
    the car moves; the same observations get the same answers; penalties, traffic and the end of the heat
    raise nothing.

    Args:
        agent: A class, a function that makes agents, or an agent, which is then prepared again and again.
        circuit: Where to drive; by default a small oval.
        deterministic: Whether the same observations must get the same answers, as ranked races assume.
        league: What the plugins offer; the installed ones if not given.

    Raises:
        AgentCheckError: It does not; the message says what to change.
    """
    league = league or League()
    circuit = circuit or oval()
    make = _maker(agent)
    first = make()
    _check_sensors(first, league)
    watch = _Watch()
    heat, seen, answers = _drive(make(), league, circuit, cars=1, ticks=DRIVE_TICKS, watch=watch)
    if deterministic:
        _check_same(make(), heat.briefing(0), seen, answers)
    _drive(make(), league, circuit.reversed(), cars=2, ticks=TRAFFIC_TICKS, watch=watch)
    entry = heat.result().entries[0]
    progress_m = entry.progress_pct / 100 * heat.plan.rules.laps * circuit.length_m
    if progress_m < LEAST_M:
        raise AgentCheckError(
            f"{_name(first)} drove {progress_m:.2f} m in {DRIVE_TICKS / 15:.0f} s, "
            f"expected {LEAST_M:g} m or more: its last command was {answers[-1]}"
        )
    return AgentReport(
        watch.prepare_s, watch.act_s / max(watch.acts, 1), watch.slowest_s, progress_m, entry.off_tracks
    )


def oval() -> Circuit:
    """A small flat oval, 13.5 m round and 1.06 m wide, driven anticlockwise."""
    turn = np.linspace(0, pi, 24, endpoint=False)
    east = np.stack((1.5 + 1.2 * np.sin(turn), -1.2 * np.cos(turn)), axis=1)
    straight = np.linspace(-1.5, 1.5, 12, endpoint=False)
    south = np.stack((straight, np.full(12, -1.2)), axis=1)
    centre = np.concatenate((south, east, -south, -east))
    along = np.roll(centre, -1, axis=0) - np.roll(centre, 1, axis=0)
    left = np.stack((-along[:, 1], along[:, 0]), axis=1) / np.hypot(along[:, 0], along[:, 1])[:, None]
    return Circuit(
        id="check-oval",
        centre=centre,
        left=centre + 0.53 * left,
        right=centre - 0.53 * left,
        name="Check oval",
    )


# -- parts -----------------------------------------------------------------------------------------


def _name(agent: Agent) -> str:
    return type(agent).__name__


def _maker(agent: AgentLike) -> Callable[[], Agent]:
    if isinstance(agent, Agent):
        return lambda: agent
    if not callable(agent):
        raise AgentCheckError(
            f"{agent!r} is a {type(agent).__name__}, "
            "expected a subclass of league.Agent, an instance of one, or a function that makes one"
        )

    def make() -> Agent:
        try:
            made = agent()
        except TypeError as error:
            raise AgentCheckError(
                f"{agent!r} cannot be called without arguments ({error}); give the arguments defaults, "
                "or check an instance or a lambda"
            ) from error
        if not isinstance(made, Agent):
            raise AgentCheckError(f"{agent!r} makes a {type(made).__name__}, expected a league.Agent")
        return made

    return make


def _check_sensors(agent: Agent, league: League) -> None:
    if type(agent).act is Agent.act:
        raise AgentCheckError(f"{_name(agent)} does not define act(self, seen) -> Command")
    wanted: object = agent.sensors
    if not isinstance(wanted, tuple | list) or not all(isinstance(name, str) for name in wanted):
        raise AgentCheckError(
            f'{_name(agent)}.sensors is {wanted!r}, expected a tuple of names such as ("state",)'
        )
    if not wanted or len(set(wanted)) != len(wanted):
        raise AgentCheckError(f"{_name(agent)}.sensors is {wanted!r}, expected at least one name, each once")
    for name in wanted:
        if name not in league.sensors:
            known = ", ".join(sorted(league.sensors))
            raise AgentCheckError(
                f"{_name(agent)}.sensors names {name!r}, which nobody offers (known: {known})"
            )


class _Slowcoach(Agent):
    """Traffic: crawls along the middle of the road."""

    def act(self, seen: Observation) -> Command:
        x_m, y_m = (float(value) for value in seen.ahead[1, :2])
        return Command(steer_rad=max(-0.5, min(0.5, 1.4 * y_m / max(x_m, 0.1))), speed_mps=0.6)


def _drive(
    agent: Agent, league: League, circuit: Circuit, *, cars: int, ticks: int, watch: _Watch
) -> tuple[Heat, list[Observation], list[Command]]:
    """Drive the agent from the back of the grid, with every answer checked."""
    drivers: list[Agent] = [*(_Slowcoach() for _ in range(cars - 1)), agent]
    heat = _heat(league, circuit, drivers)
    seat = cars - 1
    for other, driver in enumerate(drivers):
        _prepare(driver, heat.briefing(other), watch if other == seat else _Watch())
    seen_so_far: list[Observation] = []
    answers: list[Command] = []
    while not heat.finished and heat.tick < ticks:
        commands: list[Command | None] = [None] * cars
        for other, seen in enumerate(heat.observe()):
            if seen is None:
                continue
            if other != seat:
                commands[other] = drivers[other].act(seen)
                continue
            commands[other] = answer = _act(agent, seen, heat, watch)
            seen_so_far.append(seen)
            answers.append(answer)
        heat.advance(commands)
    _finish(agent, heat.result().model_dump(mode="json"))
    return heat, seen_so_far, answers


def _heat(league: League, circuit: Circuit, drivers: list[Agent]) -> Heat:
    sensors = tuple(dict.fromkeys(["state", *(name for driver in drivers for name in driver.sensors)]))
    grid = tuple(EntryPlan(id=f"entry-{index}", name=f"Entry {index}") for index in range(len(drivers)))
    plan = HeatPlan(
        id="check",
        phase="check",
        circuit=circuit.id,
        car="deepracer",
        rules=Rules(laps=100, sensors=sensors, off_track_penalty_s=0.2, collision_penalty_s=0.2),
        seed=1,
        grid=grid,
    )
    return Heat(plan, circuit, league.car(plan.car), [league.sensor(name) for name in sensors])


def _prepare(agent: Agent, briefing: Briefing, watch: _Watch) -> None:
    began = perf_counter()
    try:
        answer: object = agent.prepare(briefing)  # type: ignore[func-returns-value]
    except Exception as error:
        raise AgentCheckError(f"{_name(agent)}.prepare raised {type(error).__name__}: {error}") from error
    took_s = perf_counter() - began
    watch.prepare_s = max(watch.prepare_s, took_s)
    if answer is not None:
        raise AgentCheckError(f"{_name(agent)}.prepare returned {answer!r}, expected nothing")
    if took_s > PREPARE_S:
        raise AgentCheckError(f"{_name(agent)}.prepare took {took_s:.1f} s, expected at most {PREPARE_S:g} s")


def _act(agent: Agent, seen: Observation, heat: Heat, watch: _Watch) -> Command:
    kept = {name: values.copy() for name, values in {"state": seen.state, **seen.sensors}.items()}
    began = perf_counter()
    try:
        answer = agent.act(seen)
    except Exception as error:
        raise AgentCheckError(
            f"{_name(agent)}.act raised {type(error).__name__} at tick {seen.tick}: {error}"
        ) from error
    took_s = perf_counter() - began
    watch.act_s, watch.acts = watch.act_s + took_s, watch.acts + 1
    watch.slowest_s = max(watch.slowest_s, took_s)
    if watch.act_s > BANK_S + ACT_S * watch.acts:
        raise AgentCheckError(
            f"{_name(agent)}.act took {watch.act_s:.1f} s for {watch.acts} answers, "
            f"expected {1000 * ACT_S:.0f} ms each and {BANK_S:g} s once: do the heavy work in prepare"
        )
    for name, values in {"state": seen.state, **seen.sensors}.items():
        if not np.array_equal(values, kept[name]):
            raise AgentCheckError(
                f"{_name(agent)}.act changed the {name!r} observation, expected it left alone"
            )
    _check_command(agent, answer, seen.tick, heat.car.max_speed_mps)
    return answer


def _check_command(agent: Agent, answer: object, tick: int, most_mps: float) -> None:
    where = f"{_name(agent)}.act at tick {tick}"
    if not isinstance(answer, Command):
        raise AgentCheckError(f"{where} answered {answer!r}, expected a league.Command")
    for name, low, high in (("steer_rad", -pi / 2, pi / 2), ("speed_mps", 0.0, most_mps)):
        value: object = getattr(answer, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise AgentCheckError(
                f"{where}: {name} is a {type(value).__name__}, expected a plain number: write float(...)"
            )
        if not isfinite(value):
            raise AgentCheckError(f"{where}: {name} is {value}, expected a finite number")
        if not low <= value <= high:
            degrees = ", in radians" if name == "steer_rad" else ""
            raise AgentCheckError(f"{where}: {name} is {value:g}, expected {low:.2f} to {high:.2f}{degrees}")
    if not isinstance(answer.note, str) or len(answer.note.encode()) > NOTE_BYTES:
        raise AgentCheckError(
            f"{where}: the note is too long or no text, expected at most {NOTE_BYTES} bytes"
        )


def _check_same(agent: Agent, briefing: Briefing, seen: list[Observation], answers: list[Command]) -> None:
    _prepare(agent, briefing, _Watch())
    for looked, before in zip(seen, answers, strict=True):
        again = agent.act(looked)
        if (again.steer_rad, again.speed_mps) != (before.steer_rad, before.speed_mps):
            raise AgentCheckError(
                f"{_name(agent)} answered {before} at tick {looked.tick} of one heat and {again} in another "
                "with the same seed and observations, expected the same: draw random numbers from "
                "briefing.seed, start from scratch in prepare, or check with deterministic=False"
            )


def _finish(agent: Agent, result: Mapping[str, Any]) -> None:
    try:
        agent.finish(result)
    except Exception as error:
        raise AgentCheckError(f"{_name(agent)}.finish raised {type(error).__name__}: {error}") from error
