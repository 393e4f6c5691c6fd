"""The car as the agent of a client: what the league asks of a driver, and what the car's own agent answers.

The agent runs beside the car and sees what the car sees. It is asked once for every observation that the
server sends; so when the server falls silent, so do the commands, and the gate closes.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from league.bridge.ride import Ride
from league.bridge.senses import Senses
from league.gate.limits import drive_for, speed_for
from league.racing.agent import Agent, Briefing, Command, Observation

GREEN: Final = ("green", "yellow")
"""Flags under which a car may move."""
AHEAD_S: Final = 0.001
"""A command is called this much older than it is, so that rounding never makes it come from the future."""
BLIND_S: Final = 1.0
"""A car that has seen nothing for so long is not driven on by itself when it sees again."""


class CarSeat(Agent):
    """One heat of a physical car.

    Args:
        ride: The car.
        make: Makes the agent that drives it.
        senses: What the car sees, as the league's sensors.
        claim: Asked once, in `prepare`, whether this is the seat that drives: a client tries its agent's
            answers on another one beforehand, and those must not reach the car.
    """

    def __init__(
        self, ride: Ride, make: Callable[[], Agent], senses: Senses, claim: Callable[[], bool]
    ) -> None:
        self._ride, self._senses, self._claim = ride, senses, claim
        self._agent, self._drives = make(), False
        self._top_mps = 0.0
        self._opening, self._base, self._first = -1, 0, True
        self._saw_s: float | None = None
        """When the agent last saw all that it needs; None before it did."""
        self._earliest_s = math.inf
        """The smallest difference between our clock and the race's: an observation that took no time."""

    def prepare(self, briefing: Briefing) -> None:
        """Get the agent ready for the heat."""
        self._drives = self._claim()
        self._top_mps = briefing.car.max_speed_mps
        self._senses.prepare(briefing)
        self._agent.prepare(briefing)

    def act(self, seen: Observation) -> Command:
        """Ask the agent, offer its command to the gate, and tell the server what the car was told."""
        now_s = time.monotonic()
        ride = self._ride
        if not self._drives:
            return self._agent.act(self._senses.complete(seen, ride.fresh_sample()))
        ride.link.heard_s, ride.link.racing = now_s, True
        if self._opening != ride.openings:
            self._begin_anew()
        born_s = self._born_s(seen, now_s)
        wanted = self._ask(self._senses.complete(seen, ride.fresh_sample()), now_s)
        stand = self._first or seen.flag not in GREEN or (seen.penalty is not None)
        steer_rad, drive = 0.0, 0.0
        if ride.car is not None:
            steer_rad, drive = wanted.steer_rad, 0.0 if stand else _drive(wanted.speed_mps, ride)
            refusal = ride.offer(steer_rad, drive, seq=self._base + seen.tick, born_s=born_s)
            self._first = self._first and refusal is not None
        return self._as_told(ride)

    def finish(self, result: Mapping[str, Any]) -> None:
        """The heat is over: nobody drives any more."""
        self._ride.lacks = ""
        self._ride.disarm("the heat is over")
        self._agent.finish(result)

    def _ask(self, seen: Observation, now_s: float) -> Command:
        """The agent's command; an agent that lacks a sense is not asked, and the car stands meanwhile."""
        missing = self._ride.lacks = self._senses.missing(seen, self._agent.sensors)
        if not missing:
            self._saw_s = now_s
            return self._agent.act(seen)
        if self._saw_s is not None and now_s - self._saw_s > BLIND_S:
            self._ride.disarm(f"the agent has no {missing} for {BLIND_S:g} s")
            self._saw_s = None
        return Command(self._ride.passed.steer_rad, 0.0)

    def _begin_anew(self) -> None:
        """Somebody allowed driving: number the commands anew, and begin with a stop."""
        self._opening = self._ride.openings
        self._base = self._ride.new_source()
        self._first = True
        self._earliest_s = math.inf

    def _born_s(self, seen: Observation, now_s: float) -> float:
        """When what is answered was true: what took longer than the quickest is so much older."""
        late_s = now_s - seen.time_us / 1e6
        self._earliest_s = min(self._earliest_s, late_s)
        return now_s - (late_s - self._earliest_s) - AHEAD_S

    def _as_told(self, ride: Ride) -> Command:
        """What the car was told last, as the league's command."""
        passed, car = ride.passed, ride.car
        if car is None:
            return Command(0.0, 0.0)
        speed_mps = min(max(speed_for(passed.drive, car), 0.0), self._top_mps)
        return Command(passed.steer_rad, speed_mps, note=f"car {passed.state} {passed.drive:+.2f}")


def _drive(speed_mps: float, ride: Ride) -> float:
    """A speed as a drive; what is no number stays what it is, for the gate to refuse."""
    assert ride.car is not None
    return drive_for(speed_mps, ride.car) if type(speed_mps) in (int, float) else speed_mps
