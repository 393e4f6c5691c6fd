"""An agent in one heat of a server: made, prepared, tried, asked, and what goes wrong with it in one line.

It knows nothing of connections; every method may be called from a thread, one at a time.
"""

from __future__ import annotations

import time
from asyncio import Future
from collections.abc import Callable, Mapping
from typing import Any

from league.errors import LeagueError, RaceError
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.telling import read_briefing, trial_observation
from league.wire.messages import Assign, Limits

TRIAL_ANSWERS = 10
TRIAL_LOAD_S = 3.0
"""An agent that takes longer to get ready is not made a second time for trial answers."""
TRIAL_S = 1.0
"""Trial answers end after this."""

_NOTE_BYTES = Limits().note_bytes


class Cockpit:
    """One agent in one heat.

    Args:
        make: Makes the agent.
        name: What errors call it.
        told: The assignment.
    """

    def __init__(self, make: Callable[[], Agent], name: str, told: Assign) -> None:
        self.heat = told.heat
        self.returns = 0
        """How often the connection was made anew in this heat."""
        self.preparing: Future[None] | None = None
        """`prepare`, running or done."""
        self.ready = False
        self.load_ms = self.warm_ms_p99 = 0.0
        self._make, self._name, self._told = make, name, told
        self._agent: Agent | None = None

    def prepare(self) -> None:
        """Make the agent, tell it what it needs, and try answers on another one of its kind."""
        briefing = read_briefing(self._told.fields)
        started_s = time.perf_counter()
        try:
            self._agent = self._make()
            self._agent.prepare(briefing)
        except (
            Exception
        ) as error:  # an agent may raise anything, here and below; the driver is told in one line
            raise self._failed("prepare", error) from error
        load_s = time.perf_counter() - started_s
        self.load_ms = load_s * 1e3
        if load_s < TRIAL_LOAD_S:
            self.warm_ms_p99 = self._try_answers(briefing)
        self.ready = True

    def act(self, seen: Observation) -> tuple[Command, int]:
        """The agent's answer, and the time it took in µs."""
        assert self._agent is not None
        started_ns = time.perf_counter_ns()
        try:
            command = self._agent.act(seen)
        except Exception as error:
            raise self._failed(f"act, tick {seen.tick},", error) from error
        us = (time.perf_counter_ns() - started_ns) // 1000
        if not isinstance(command, Command):
            raise RaceError(f"{self._name}: act returned {type(command).__name__}, expected a Command")
        try:
            return Command(float(command.steer_rad), float(command.speed_mps), _short(command.note)), us
        except (TypeError, ValueError, AttributeError) as error:
            raise self._failed(f"the command of tick {seen.tick}", error) from error

    def finish(self, result: Mapping[str, Any]) -> None:
        """Tell the agent how it went."""
        assert self._agent is not None
        try:
            self._agent.finish(result)
        except Exception as error:
            raise self._failed("finish", error) from error

    def _try_answers(self, briefing: Briefing) -> float:
        """Answer a made-up observation a few times, so that what compiles or loads late does so now.

        Another instance does it: the one that races must not remember a road that it never saw.

        Returns:
            The slowest answer but the first, in ms; 0 if the agent cannot answer what was made up.
        """
        seen = trial_observation(self._told.fields, briefing)
        taken_s: list[float] = []
        try:
            agent = self._make()
            agent.prepare(briefing)
            until_s = time.perf_counter() + TRIAL_S
            while len(taken_s) < TRIAL_ANSWERS and time.perf_counter() < until_s:
                started_s = time.perf_counter()
                agent.act(seen)
                taken_s.append(time.perf_counter() - started_s)
        except Exception:  # noqa: BLE001 - what was made up may be too odd for it; the race will tell
            return 0.0
        return max(taken_s[1:] or taken_s) * 1e3

    def _failed(self, where: str, error: Exception) -> RaceError:
        if isinstance(error, LeagueError):
            return RaceError(f"{self._name}: {where} failed: {error}")
        reason = " ".join(str(error).split())[:200]
        return RaceError(
            f"{self._name}: {where} raised {type(error).__name__}{': ' if reason else ''}{reason}"
        )


def _short(note: str) -> str:
    """A note cut to what an answer may carry."""
    return note.encode(errors="replace")[:_NOTE_BYTES].decode(errors="ignore") if note else ""
