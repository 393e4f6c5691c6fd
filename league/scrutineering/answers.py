"""A model asked: whether it loads, and its answers are usable, the same each time, and quick enough.

Runs in a cage, with the agent that will drive the model in the race.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from league.errors import LeagueError
from league.hooks.catalogue import League
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.driving import usable
from league.racing.telling import read_briefing, trial_observation
from league.scrutineering.report import Check

PROBES: Final = 64
TIMED: Final = 300
TIMED_S: Final = 5.0
"""Timing ends after this, however few answers there were."""
WARM_UP: Final = 20
_SEED: Final = 20191

Begin = Callable[[str, str], None]


def ask(model: str, told: Mapping[str, Any], begin: Begin) -> Iterator[Check]:
    """Ask a model in the way in which the race will; ends with the first check that fails.

    Args:
        model: Its folder.
        told: The assignment to a heat, as `briefing_fields` makes it.
        begin: Told each check's name and what is expected before it is made, in case it is the last.
    """
    begin("assignment", "an assignment that can be read")
    briefing = read_briefing(told)
    deadline_ms = float(told["deadline_ms"])

    def check(name: str, expected: str, look: Callable[[], tuple[bool, str]]) -> Check:
        begin(name, expected)
        try:
            passed, found = look()
        except LeagueError as error:
            # The folder it lies in for the moment is nobody's business.
            passed, found = False, str(error).replace(f"{model}/", "")
        except Exception as error:  # noqa: BLE001 - whatever an agent raises is what was found
            passed, found = False, f"{type(error).__name__}: {error}"
        return Check.of(name, passed, found, expected)

    agents: list[Agent] = []
    shown = ", ".join(briefing.sensors)
    probes = list(_probes(told, briefing))
    checks: tuple[tuple[str, str, Callable[[], tuple[bool, str]]], ...] = (
        ("loads", "a model and metadata that fit", lambda: _load(model, briefing, agents)),
        ("sensors", f"what the event shows: {shown}", lambda: _sensors(agents[0], briefing)),
        (
            "pace",
            f"99 of 100 answers within {deadline_ms:g} ms",
            lambda: _pace(agents[0], probes, deadline_ms),
        ),
        ("answers", "finite commands within the car's limits", lambda: _answers(agents[0], probes, briefing)),
        ("same answers", "the same answers to the same questions", lambda: _repeat(agents, probes)),
    )
    for name, expected, look in checks:
        done = check(name, expected, look)
        yield done
        if not done.passed:
            return


def _load(model: str, briefing: Briefing, agents: list[Agent]) -> tuple[bool, str]:
    started_s = time.perf_counter()
    named = League().agent(model)
    for _ in range(2):  # the second, made afresh, must answer as the first does
        agent = named.make()
        agent.prepare(briefing)
        agents.append(agent)
    took_s = (time.perf_counter() - started_s) / 2
    return True, f"ready in {took_s:.2f} s, {_memory_mib()} MiB of memory"


def _sensors(agent: Agent, briefing: Briefing) -> tuple[bool, str]:
    wanted = tuple(agent.sensors)
    return set(wanted) <= set(briefing.sensors), ", ".join(wanted)


def _answers(agent: Agent, probes: list[Observation], briefing: Briefing) -> tuple[bool, str]:
    commands = [agent.act(seen) for seen in probes]
    for number, command in enumerate(commands, 1):
        if not isinstance(command, Command) or not usable(command, briefing.car):
            return False, f"{command} to question {number} of {len(probes)}"
    steers = [command.steer_rad for command in commands]
    speeds = [command.speed_mps for command in commands]
    return True, (
        f"{len(probes)} commands, steering {min(steers):.2f} to {max(steers):.2f} rad, "
        f"speed {min(speeds):.2f} to {max(speeds):.2f} m/s"
    )


def _repeat(agents: list[Agent], probes: list[Observation]) -> tuple[bool, str]:
    first = [agents[0].act(seen) for seen in probes]
    for number, seen in enumerate(probes):
        again = [agent.act(seen) for agent in agents]
        if any(command != first[number] for command in again):
            return False, f"{first[number]} and {again[-1]} to question {number + 1}"
    return True, f"{len(probes)} questions asked three times"


def _pace(agent: Agent, probes: list[Observation], deadline_ms: float) -> tuple[bool, str]:
    """Processor time counts, not time on the clock: a race beside us must not make a model slow."""
    taken_ms: list[float] = []
    until_s = time.perf_counter() + TIMED_S
    for number in range(WARM_UP + TIMED):
        started_s = time.thread_time()
        agent.act(probes[number % len(probes)])
        if number >= WARM_UP or time.perf_counter() > until_s:
            taken_ms.append((time.thread_time() - started_s) * 1e3)
        if time.perf_counter() > until_s:
            break
    p50_ms, p99_ms = np.percentile(taken_ms, (50, 99), method="higher")
    return bool(p99_ms <= deadline_ms), f"{p99_ms:.2f} ms, half of them within {p50_ms:.2f} ms"


def _probes(told: Mapping[str, Any], briefing: Briefing) -> Iterator[Observation]:
    """Questions from plain to odd: a straight road, nothing at all, and noise of growing strength."""
    plain = trial_observation(told, briefing)
    yield plain
    random = np.random.default_rng(_SEED)
    for number in range(1, PROBES):
        strength = 0.0 if number == 1 else 10.0 ** random.uniform(-2, 1)
        yield replace(
            plain,
            state=(plain.state * (number > 1) + random.normal(0, 1, plain.state.size) * strength).astype(
                np.float32
            ),
            sensors={
                name: (numbers * random.uniform(0, 1, numbers.size)).astype(np.float32)
                for name, numbers in plain.sensors.items()
            },
        )


def _memory_mib() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
