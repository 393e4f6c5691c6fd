"""A heat with physical cars: laps come from crossings, and rivals in the simulation drive beside them.

It stands where a `Heat` does. The seats of physical cars are timed by what devices and people write down;
the others are one simulated heat, driven tick by tick in real time. The two never touch each other.

Pure: told what time it is and what was written down.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from math import cos, pi, sin
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from league.errors import RaceError
from league.racing import BEHAVIOR
from league.racing.agent import Briefing, Command, FloatVector, Observation
from league.racing.crossings import Note, Sheet, Tally, fold
from league.racing.driving import Driving
from league.racing.fact import Fact
from league.racing.heat import FINISHED, OUT, Heat
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.referee import Car
from league.racing.result import CircuitFacts, EntryResult, HeatResult, Status
from league.racing.standing import classify, fastest, score_s
from league.sim.car import CarSpec
from league.sim.sensing import PoseSensor, StateSensor
from league.sim.sensor import Sensor
from league.sim.world import World
from league.track.circuit import Circuit

POSE_FOR_US: Final = 300_000
"""A pose that is older is not known any more."""


def is_physical(entry: EntryPlan) -> bool:
    """Whether an entry races with a car that can be touched."""
    return entry.kind == "physical"


@dataclass(frozen=True, slots=True)
class Sighting:
    """Where something outside the car saw it."""

    at_us: int
    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float = 0.0


@dataclass(slots=True)
class Marshal:
    """The cars of such a heat by seat, in the form in which a referee knows them."""

    cars: list[Car]


class PhysicalHeat:
    """A heat of which at least one car is physical.

    Args:
        plan: Grid and rules; the clock is the one on the wall.
        circuit: The circuit that was built.
        car: The car of simulated rivals, and what a physical car is taken for.
        sensors: What the event offers.
        clock: Microseconds since the green light; 0 before it.
    """

    def __init__(
        self,
        plan: HeatPlan,
        circuit: Circuit,
        car: CarSpec,
        sensors: Sequence[Sensor],
        *,
        clock: Callable[[], int],
    ) -> None:
        plan = plan.model_copy(update={"rules": plan.rules.model_copy(update={"clock": "realtime"})})
        self.plan, self.circuit, self.car, self.sensors = plan, circuit, car, tuple(sensors)
        self.n = len(plan.grid)
        self.physical = tuple(seat for seat, entry in enumerate(plan.grid) if is_physical(entry))
        if not self.physical:
            raise RaceError(f"heat {plan.id!r} has no physical car")
        self._rivals = tuple(seat for seat in range(self.n) if seat not in self.physical)
        self.timed = tuple(plan.grid[seat] for seat in self.physical)
        """Entries whose laps come from crossings."""
        self.ghosts = self._ghost_heat()
        self.drivers = [Driving(car, plan.rules.control_hz) for _ in range(self.n)]
        for own, seat in enumerate(self._rivals):
            assert self.ghosts is not None
            self.drivers[seat] = self.ghosts.drivers[own]
        self.tick = 0
        self.overruns = 0
        self.confirmed = False
        """Whether nobody will write anything more: only then is the heat finished."""
        self.notes: tuple[Note, ...] = ()
        self._clock = clock
        self._retired: dict[int, tuple[Status, str, int]] = {}
        """Why a seat was taken out from outside, and when in µs."""
        self._told: dict[str, tuple[int, bool]] = {entry.id: (0, False) for entry in self.timed}
        self._seen: dict[int, Sighting] = {}
        self._places = {seat: World(circuit, [car]) for seat in self.physical}
        self._pending: list[Fact] = [Fact(0, 0, "start", -1)]

    def _ghost_heat(self) -> Heat | None:
        if not self._rivals:
            return None
        grid = tuple(self.plan.grid[seat] for seat in self._rivals)
        return Heat(self.plan.model_copy(update={"grid": grid}), self.circuit, self.car, self.sensors)

    # -- what stands -------------------------------------------------------------------------------

    @property
    def time_us(self) -> int:
        """Time since the green light."""
        return self._clock()

    @property
    def sheet(self) -> Sheet:
        """The crossings and laps as they stand."""
        return fold(self.notes, self.timed, self.plan.rules, self.time_us)

    @property
    def driven(self) -> bool:
        """Whether every run is over, as far as is known."""
        return not any(self.live)

    @property
    def finished(self) -> bool:
        """Whether every run is over and nobody will write anything more."""
        return self.confirmed and self.driven

    @property
    def live(self) -> list[bool]:
        """Per seat: still racing."""
        live = [False] * self.n
        tallies = self.sheet.tallies
        for seat in self.physical:
            live[seat] = seat not in self._retired and not tallies[self.plan.grid[seat].id].ended
        if self.ghosts is not None:
            for own, seat in enumerate(self._rivals):
                live[seat] = self.ghosts.live[own]
        return live

    @property
    def facts(self) -> list[Fact]:
        """What happened; of physical cars what stands now, corrected or not."""
        mine = [Fact(0, 0, "start", -1)]
        for seat in self.physical:
            mine += self._facts_of(seat)
        if self.ghosts is not None:
            mine += [self._moved(fact) for fact in self.ghosts.facts if fact.kind != "start"]
        return sorted(mine, key=lambda fact: (fact.time_us, fact.seat))

    def see(self, seat: int, sighting: Sighting) -> None:
        """Take note of where a physical car was seen."""
        self._seen[seat] = sighting

    # -- as a heat -----------------------------------------------------------------------------------

    def briefing(self, seat: int) -> Briefing:
        """What the driver in a seat is told before the start."""
        others = tuple((n, entry.name) for n, entry in enumerate(self.plan.grid) if n != seat)
        if self.ghosts is not None and seat in self._rivals:
            own = self.ghosts.briefing(self._rivals.index(seat))
            return replace(own, seat=seat, opponents=others)
        return Briefing(
            heat=self.plan.id,
            seat=seat,
            circuit=self.circuit,
            car=self.car,
            rules=self.plan.rules,
            seed=self.plan.seed,
            sensors=tuple(sensor.name for sensor in self.sensors),
            opponents=others,
        )

    def observe(self) -> list[Observation | None]:
        """What every driver is shown: rivals their world, a physical car where it was seen, if it was."""
        shown: list[Observation | None] = [None] * self.n
        live = self.live
        if self.ghosts is not None and not self.ghosts.finished:
            for own, seen in enumerate(self.ghosts.observe()):
                if seen is not None:
                    seen.tick, seen.time_us = self.tick, self.time_us
                shown[self._rivals[own]] = seen
        tallies = self.sheet.tallies
        for seat in self.physical:
            if live[seat]:
                shown[seat] = self._shown(seat, len(tallies[self.plan.grid[seat].id].laps))
        return shown

    def advance(self, answers: Sequence[Command | None], *, away: Collection[int] = ()) -> list[Fact]:
        """Let a tick pass: rivals drive, and whatever was written down meanwhile becomes facts.

        Raises:
            RaceError: There are not as many answers as seats.
        """
        if len(answers) != self.n:
            raise RaceError(f"heat {self.plan.id!r} has {self.n} seats, got {len(answers)} answers")
        facts, self._pending = self._pending, []
        if self.ghosts is not None and not self.ghosts.finished:
            driven = self.ghosts.advance(
                [answers[seat] for seat in self._rivals],
                away=[own for own, seat in enumerate(self._rivals) if seat in away],
            )
            facts += [self._moved(fact) for fact in driven if fact.kind != "start"]
        facts += self._news()
        self.tick += 1
        return facts

    def retire(self, seat: int, status: Status, reason: str) -> None:
        """Take a car out for a reason outside anybody's view."""
        if seat in self._rivals:
            assert self.ghosts is not None
            self.ghosts.retire(self._rivals.index(seat), status, reason)
        else:
            self._retired.setdefault(seat, (status, reason, self.time_us))

    def frame(self) -> NDArray[np.float64]:
        """Where every car is now, as `Heat.frame`; a car that nobody sees stands on the start line."""
        rows = np.zeros((self.n, 7))
        if self.ghosts is not None:
            rows[list(self._rivals)] = self.ghosts.frame()
        live = self.live
        for seat, car in zip(self.physical, self._physical_cars(), strict=True):
            world = self._placed(seat)
            rows[seat, :3], rows[seat, 3] = world.pose[0], world.speed_mps[0]
            rows[seat, 4], rows[seat, 5] = world.along_m[0], len(car.laps)
            rows[seat, 6] = 0 if live[seat] else FINISHED if car.status == "FIN" else OUT
        return rows

    def bot_frame(self) -> NDArray[np.float64]:
        """Where every bot of the rivals is."""
        return np.zeros((0, 4)) if self.ghosts is None else self.ghosts.bot_frame()

    @property
    def boxes(self) -> tuple[Any, ...]:
        """What stands in the way of the rivals."""
        return () if self.ghosts is None else self.ghosts.boxes

    @property
    def bots(self) -> tuple[Any, ...]:
        """What drives in the way of the rivals."""
        return () if self.ghosts is None else self.ghosts.bots

    @property
    def referee(self) -> Marshal:
        """The cars by seat, to be read."""
        cars = dict(zip(self.physical, self._physical_cars(), strict=True))
        if self.ghosts is not None:
            for seat, car in zip(self._rivals, self.ghosts.referee.cars, strict=True):
                cars[seat] = replace(car, seat=seat)
        return Marshal([cars[seat] for seat in range(self.n)])

    # -- afterwards --------------------------------------------------------------------------------

    def result(self) -> HeatResult:
        """The classification as it stands."""
        plan, rules = self.plan, self.plan.rules
        tallies = self.sheet.tallies
        rows = [self._result_of(seat, tallies[plan.grid[seat].id]) for seat in self.physical]
        if self.ghosts is not None:
            rows += self.ghosts.result().entries
        return HeatResult(
            heat=plan.id,
            phase=plan.phase,
            circuit=CircuitFacts(
                id=self.circuit.id, length_m=round(self.circuit.length_m, 6), sha256=self.circuit.sha256
            ),
            car=self.car.id,
            laps=rules.laps,
            rank=rules.rank,
            seed=plan.seed,
            behavior=BEHAVIOR,
            clock=rules.clock,
            entries=classify(rows),
            state_hash=hashlib.sha256(self.record()).hexdigest(),
            overruns=self.overruns,
        )

    def record(self) -> bytes:
        """Everything that the result follows from, as JSON: plan, list, end of the clock, rivals' hash."""
        kept = {
            "kind": "league-physical-heat 1",
            "behavior": BEHAVIOR,
            "plan": self.plan.model_dump(mode="json"),
            "circuit": self.circuit.sha256,
            "notes": [note.model_dump(mode="json") for note in self.notes],
            "closed_us": self._closed_us(),
            "retired": {
                str(seat): [status, reason] for seat, (status, reason, _) in sorted(self._retired.items())
            },
            "rivals": "" if self.ghosts is None else self.ghosts.result().state_hash,
        }
        return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()

    def _closed_us(self) -> int:
        ends = [tally.ended_us or 0 for tally in self.sheet.tallies.values()]
        return max(ends, default=0)

    # -- physical seats ------------------------------------------------------------------------------

    def _shown(self, seat: int, lap: int) -> Observation:
        sighting = self._seen.get(seat)
        time_us = self.time_us
        state: FloatVector = np.zeros(StateSensor.size, np.float32)
        sensors: dict[str, FloatVector] = {}
        if sighting is not None and time_us - sighting.at_us <= POSE_FOR_US:
            world = self._placed(seat)
            state = StateSensor().sense(world)[0]
            sensors["pose"] = PoseSensor().sense(world)[0]
        return Observation(tick=self.tick, time_us=time_us, state=state, sensors=sensors, lap=lap)

    def _placed(self, seat: int) -> World:
        """A world of one car, which stands where the seat's car was seen last."""
        world, seen = self._places[seat], self._seen.get(seat)
        if seen is None:
            world.place(0, 0.0)
            return world
        nose_m = self.car.nose_m
        nose = self.circuit.project(
            [seen.x_m + nose_m * cos(seen.yaw_rad), seen.y_m + nose_m * sin(seen.yaw_rad)]
        )
        along_m = float(nose.along_m)
        error = (seen.yaw_rad - float(self.circuit.heading_at(along_m)) + pi) % (2 * pi) - pi
        world.place(0, along_m, float(nose.offset_m), error, max(seen.speed_mps, 0.0))
        return world

    def _physical_cars(self) -> list[Car]:
        tallies = self.sheet.tallies
        cars = []
        for seat in self.physical:
            tally = tallies[self.plan.grid[seat].id]
            status, reason = self._end_of(seat, tally)
            driven_m = len(tally.laps) * self.circuit.length_m
            if seat in self._seen and tally.started_us is not None:
                driven_m += float(self._placed(seat).along_m[0])
            cars.append(
                Car(
                    seat, driven_m, driven_m, laps=list(tally.laps), resets=tally.resets,
                    status=status, reason=reason, total_us=tally.total_us,
                )
            )  # fmt: skip
        return cars

    def _news(self) -> list[Fact]:
        """Laps and ends that nobody was told yet."""
        news = []
        for seat, entry in zip(self.physical, self.timed, strict=True):
            laps, ended = self._told[entry.id]
            facts = self._facts_of(seat)
            driven = [fact for fact in facts if fact.kind == "lap"]
            ends = [fact for fact in facts if fact.kind != "lap"]
            news += driven[laps:]
            if ends and not ended:
                news += ends
            elif ended and not ends:
                news.append(Fact(self.tick, self.time_us, "flag", seat, {"flag": "green"}))
            self._told[entry.id] = len(driven), bool(ends)
        return news

    def _facts_of(self, seat: int) -> list[Fact]:
        tally = self.sheet.tallies[self.plan.grid[seat].id]
        when_us = tally.started_us or 0
        facts = []
        for number, lap in enumerate(tally.laps, start=1):
            lap_us = round(lap.time_s * 1e6)
            when_us += lap_us
            said = {"lap": number, "time_us": lap_us, "off_tracks": 0, "resets": lap.resets}
            said |= {"collisions": 0, "valid": lap.valid}
            facts.append(Fact(self._tick_at(when_us), when_us, "lap", seat, said))
        status, reason = self._end_of(seat, tally)
        ends_us = [tally.ended_us, self._retired[seat][2] if seat in self._retired else None]
        ended_us = min((end_us for end_us in ends_us if end_us is not None), default=0)
        ended = self._tick_at(ended_us), ended_us
        if tally.total_us is not None:
            facts.append(Fact(*ended, "finish", seat, {"total_us": tally.total_us}))
        elif status == "FIN":
            facts.append(Fact(*ended, "parked", seat, {"reason": reason}))
        elif status is not None:
            facts.append(Fact(*ended, "dnf", seat, {"status": status, "reason": reason}))
        return facts

    def _end_of(self, seat: int, tally: Tally) -> tuple[Status | None, str]:
        """How a seat's run ended, and why; nothing if it has not."""
        return self._retired[seat][:2] if seat in self._retired else (tally.status, tally.reason)

    def _tick_at(self, time_us: int) -> int:
        """The tick during which something happened, whenever somebody asks."""
        return time_us * self.plan.rules.control_hz // 1_000_000

    def _result_of(self, seat: int, tally: Tally) -> EntryResult:
        entry, rules = self.plan.grid[seat], self.plan.rules
        status, reason = self._end_of(seat, tally)
        total_s = None if tally.total_us is None else tally.total_us / 1e6
        best = fastest(tally.laps)
        return EntryResult(
            place=1,
            name=entry.name,
            agent=entry.agent,
            status=status or "DNF-timeout",
            entry_id=entry.id,
            reason=reason,
            total_s=total_s,
            score_s=score_s(rules, tally.laps, total_s),
            laps=tuple(tally.laps),
            fastest_lap_s=best.time_s if best else None,
            resets=tally.resets,
            progress_pct=100.0 if total_s is not None else round(100 * len(tally.laps) / rules.laps, 3),
        )

    def _moved(self, fact: Fact) -> Fact:
        """A fact of the rivals' heat with the seat that they have here."""
        seat = self._rivals[fact.seat] if fact.seat >= 0 else fact.seat
        data = dict(fact.data)
        other = data.get("with")
        if isinstance(other, int) and other >= 0:
            data["with"] = self._rivals[other]
        return Fact(fact.tick, fact.time_us, fact.kind, seat, data)
