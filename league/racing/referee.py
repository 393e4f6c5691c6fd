"""The referee: watches cars on the road over time, says what happened and what follows.

Pure: it is shown the world after every tick and never looks at a clock. It is the only one who places,
holds and removes cars during a race.

Lap times start at the green light and are interpolated between physics steps. The clock runs while a
car stands: a penalty is inside its time and is never added again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from league.racing.distance import distance
from league.racing.fact import WITH_BOT, WITH_BOX, Fact
from league.racing.result import LapResult, Status
from league.racing.rules import Rules
from league.sim.measures import (
    BACK_LIMIT_M,
    BACK_STEP_M,
    BOX_AHEAD_M,
    RELEASE_LIMIT_S,
    RELEASE_S,
    STILL_M,
)
from league.sim.world import Contact, World
from league.track.circuit import Circuit


@dataclass(slots=True)
class Car:
    """What the referee knows of one car."""

    seat: int
    progress_m: float
    """Distance driven since the start line was first ahead: 0 on it, one length more every lap."""
    before_m: float
    """Progress one tick ago."""
    offset_before_m: float = 0.0
    marks: int = 0
    """Sector ends passed."""
    lap_started_us: int = 0
    sector_started_us: int = 0
    laps: list[LapResult] = field(default_factory=list)
    sectors_s: list[float] = field(default_factory=list)
    off_tracks: int = 0
    resets: int = 0
    collisions: int = 0
    lap_off_tracks: int = 0
    lap_resets: int = 0
    lap_collisions: int = 0
    still_ticks: int = 0
    backward_ticks: int = 0
    stands_ticks: int = 0
    """Ticks of penalty still to stand."""
    waits_ticks: int = 0
    """Ticks that it has waited, penalty served, for a gap."""
    standing: bool = False
    why: str = ""
    parked: bool = False
    """Taken off the road because its driver is silent."""
    status: Status | None = None
    """How it ended, or None while it races."""
    reason: str = ""
    total_us: int | None = None

    @property
    def racing(self) -> bool:
        """Whether it is still in the race."""
        return self.status is None


class Referee:
    """Applies the rules to a world of cars.

    Args:
        world: The cars, not yet placed; the referee puts them on the grid.
        rules: The rules in force.
    """

    def __init__(self, world: World, rules: Rules) -> None:
        self.world, self.rules = world, rules
        self.circuit: Circuit = world.circuit
        self.tick_us = 1e6 / rules.control_hz
        self._still_limit = max(1, round(rules.immobilised_s * rules.control_hz))
        self._backward_limit = max(1, round(rules.reversed_s * rules.control_hz))
        self._mark_m = self.circuit.length_m / rules.sectors
        self._narrowest_m = float(min(self.circuit.width_left_m.min(), self.circuit.width_right_m.min()))
        self._boxes = [
            (float(seen.along_m), float(seen.offset_m))
            for seen in (self.circuit.project((box.x_m, box.y_m)) for box in world.boxes)
        ]
        self._facts: list[Fact] = []
        self.time_up = False
        self.cars = [Car(seat, *self._to_grid(seat)) for seat in range(world.n)]

    @property
    def finished(self) -> bool:
        """Whether no car is racing any more."""
        return not any(car.racing for car in self.cars)

    def time_us(self, tick: int) -> int:
        """The heat's clock at the start of a tick."""
        return round(tick * self.tick_us)

    def judge(self, tick: int) -> list[Fact]:
        """Look at the world after a tick and rule.

        Args:
            tick: The number of the tick just driven, from 0.

        Returns:
            What happened, in order of seats; contacts come first.
        """
        self._facts = []
        for car in self.cars:
            if car.racing and not car.standing:
                self._advance(car, tick)
        stood = [car.standing for car in self.cars]
        for contact in self.world.contacts:
            self._contact(contact, tick)
        for car in self.cars:
            if not car.racing:
                continue
            if stood[car.seat]:
                self._wait(car, tick)
            elif not car.standing:  # whoever was sent back just now serves all of it from the next tick on
                self._watch(car, tick)
        self._look_at_clock(tick)
        return self._facts

    def end(self, seat: int, status: Status, reason: str, tick: int) -> list[Fact]:
        """Take a car out of the race."""
        self._facts = []
        if self.cars[seat].racing:
            self._end(self.cars[seat], status, reason, tick)
        return self._facts

    def park(self, seat: int, parked: bool, tick: int) -> list[Fact]:
        """Take a silent driver's car off the road, or let it return when the driver answers again."""
        self._facts = []
        car = self.cars[seat]
        if parked and not car.parked and car.racing:
            car.parked = True
            self._say(tick, "parked", car, reason="its driver does not answer")
            self._stand(car, car.stands_ticks)
        elif not parked:
            car.parked = False
        return self._facts

    # -- one car ---------------------------------------------------------------------------------

    def _to_grid(self, seat: int) -> tuple[float, float]:
        """Place a car: alone on the centre line, else outer lane first, alternating, a gap apart."""
        start_m = -seat * self.rules.grid_gap_m
        along_m = start_m % self.circuit.length_m
        offset_m = 0.0
        if self.world.n > 1:
            # The outer lane is on the right of an anticlockwise circuit.
            outer = "left" if self.circuit.clockwise else "right"
            inner = "right" if outer == "left" else "left"
            offset_m = self._lane_m(along_m, outer if seat % 2 == 0 else inner)
        self.world.place(seat, along_m, offset_m)
        return start_m, start_m

    def _advance(self, car: Car, tick: int) -> None:
        """Add the tick's driving to a car's progress and time the marks it crossed."""
        trace = self.world.trace_m[:, car.seat]
        length_m, steps = self.circuit.length_m, len(trace) - 1
        car.before_m = car.progress_m
        driven_m = _wrapped(float(trace[steps]) - float(trace[0]), length_m)
        next_mark_m = (car.marks + 1) * self._mark_m
        if car.progress_m + driven_m < next_mark_m - 1e-9:
            car.progress_m += driven_m
            return
        progress_m = car.progress_m
        for step in range(steps):
            moved_m = _wrapped(float(trace[step + 1]) - float(trace[step]), length_m)
            while car.racing and moved_m > 0 and progress_m + moved_m >= (car.marks + 1) * self._mark_m:
                part = ((car.marks + 1) * self._mark_m - progress_m) / moved_m
                when = (tick + (step + min(max(part, 0.0), 1.0)) / steps) * self.tick_us
                self._mark(car, tick, round(when))
            progress_m += moved_m
        car.progress_m = progress_m

    def _mark(self, car: Car, tick: int, time_us: int) -> None:
        sector = car.marks % self.rules.sectors
        spent_us = time_us - car.sector_started_us
        car.sectors_s.append(spent_us / 1e6)
        car.sector_started_us = time_us
        car.marks += 1
        self._say(tick, "sector", car, at_us=time_us, sector=sector, time_us=spent_us)
        if car.marks % self.rules.sectors == 0:
            self._lap(car, tick, time_us)

    def _lap(self, car: Car, tick: int, time_us: int) -> None:
        lap_us = time_us - car.lap_started_us
        most = self.rules.max_resets_per_lap
        valid = lap_us >= self.rules.min_lap_s * 1e6 and (most is None or car.lap_resets <= most)
        lap = LapResult(
            time_s=lap_us / 1e6,
            off_tracks=car.lap_off_tracks,
            resets=car.lap_resets,
            collisions=car.lap_collisions,
            valid=valid,
            sectors_s=tuple(car.sectors_s),
        )
        car.laps.append(lap)
        self._say(
            tick,
            "lap",
            car,
            at_us=time_us,
            lap=len(car.laps),
            time_us=lap_us,
            off_tracks=lap.off_tracks,
            resets=lap.resets,
            collisions=lap.collisions,
            valid=valid,
        )
        car.lap_started_us = time_us
        car.sectors_s = []
        car.lap_off_tracks = car.lap_resets = car.lap_collisions = 0
        if len(car.laps) == self.rules.laps:
            car.status, car.total_us = "FIN", time_us
            self.world.remove(car.seat)
            self._say(tick, "finish", car, at_us=time_us, total_us=time_us)
        elif self.time_up:
            self._out_of_time(car, tick)

    def _watch(self, car: Car, tick: int) -> None:
        """Look for what sends a car back: off the road, standing, driving the wrong way."""
        world, rules = self.world, self.rules
        offset_m = float(world.offset_m[car.seat])
        moved_m = car.progress_m - car.before_m
        speed_mps = float(world.speed_mps[car.seat])
        still = abs(moved_m) <= STILL_M and speed_mps * rules.tick_s <= STILL_M
        car.still_ticks = car.still_ticks + 1 if still else 0
        car.backward_ticks = car.backward_ticks + 1 if moved_m < 0 and not still else 0
        if self._off_track(car.seat):
            car.off_tracks += 1
            car.lap_off_tracks += 1
            self._say(tick, "off_track", car, along_m=round(float(world.along_m[car.seat]), 4))
            self._send_back(car, tick, "off_track", rules.off_track_penalty_s)
        elif car.still_ticks >= self._still_limit:
            self._say(tick, "immobilised", car)
            self._send_back(car, tick, "immobilised", rules.immobilised_penalty_s)
        elif car.backward_ticks >= self._backward_limit:
            self._say(tick, "reversed", car)
            penalty_s = rules.reversed_penalty_s
            self._send_back(
                car, tick, "reversed", rules.off_track_penalty_s if penalty_s is None else penalty_s
            )
        else:
            car.offset_before_m = offset_m

    def _off_track(self, seat: int) -> bool:
        """Whether all four wheel centres are outside the borders of the car's own part of the road.

        Another part may run close by: a car that crosses over to it still has left its own.
        """
        world, circuit = self.world, self.circuit
        if world.wheels_off[seat] == 4:
            return True
        outside_m = abs(float(world.origin_offset_m[seat])) - world.cars[seat].length_m
        if outside_m <= self._narrowest_m:
            return False
        along_m = float(world.origin_along_m[seat])
        left = world.origin_offset_m[seat] > 0
        width_m = circuit.width_left_at(along_m) if left else circuit.width_right_at(along_m)
        return outside_m > float(width_m)

    def _wait(self, car: Car, tick: int) -> None:
        """Count a penalty down; let the car go when it is served and nobody stands in its place."""
        car.before_m = car.progress_m
        if car.stands_ticks > 0:
            car.stands_ticks -= 1
        if car.stands_ticks or car.parked:
            return
        seat = car.seat
        car.waits_ticks += 1
        late = car.waits_ticks > RELEASE_LIMIT_S * self.rules.control_hz
        if not late and self._somebody_comes(car):
            return
        if not self.world.fits(seat, float(self.world.along_m[seat]), float(self.world.offset_m[seat])):
            return
        car.waits_ticks = 0
        car.standing, car.why = False, ""
        car.still_ticks = car.backward_ticks = 0
        car.offset_before_m = float(self.world.offset_m[seat])
        self.world.hold(seat, False)
        self._say(tick, "released", car)

    def _somebody_comes(self, car: Car) -> bool:
        """Whether another car would run into this one if it were let go now."""
        world = self.world
        coming = [
            (float(world.along_m[other.seat]), float(world.speed_mps[other.seat]))
            for other in self.cars
            if other is not car and other.racing and not other.standing
        ]
        coming += zip(world.bots.nose_along_m, world.bots.speed_mps.tolist(), strict=True)
        for along_m, speed_mps in coming:
            gap_m = _wrapped(float(world.along_m[car.seat]) - along_m, self.circuit.length_m)
            if 0 <= gap_m < world.cars[car.seat].length_m + RELEASE_S * speed_mps:
                return True
        return False

    # -- contact ---------------------------------------------------------------------------------

    def _contact(self, contact: Contact, tick: int) -> None:
        first = self.cars[contact.car]
        closing_mps = round(contact.closing_mps, 3)
        if contact.other < 0:
            self._contact_object(first, -1 - contact.other, closing_mps, tick)
            return
        second = self.cars[contact.other]
        ahead_m = _wrapped(
            float(self.world.along_m[second.seat]) - float(self.world.along_m[first.seat]),
            self.circuit.length_m,
        )
        behind, front = (first, second) if ahead_m >= 0 else (second, first)
        charged = behind.racing and not behind.standing and front.racing
        self._say(tick, "contact", behind, **{"with": front.seat}, closing_mps=closing_mps, charged=charged)
        if charged:
            self._collide(behind, tick)

    def _contact_object(self, car: Car, number: int, closing_mps: float, tick: int) -> None:
        """A box is always the car's fault; of a bot and a car, the one behind is to blame."""
        if not car.racing or car.standing:
            return
        bot = number - len(self.world.boxes)
        charged = True
        if bot >= 0:
            ahead_m = self.world.bots.nose_along_m[bot] - float(self.world.along_m[car.seat])
            charged = _wrapped(ahead_m, self.circuit.length_m) >= 0
        other = WITH_BOX if bot < 0 else WITH_BOT
        self._say(tick, "contact", car, **{"with": other}, closing_mps=closing_mps, charged=charged)
        if charged:
            self._collide(car, tick)

    def _collide(self, car: Car, tick: int) -> None:
        car.collisions += 1
        car.lap_collisions += 1
        self._send_back(car, tick, "collision", self.rules.collision_penalty_s)

    # -- sending back ----------------------------------------------------------------------------

    def _send_back(self, car: Car, tick: int, why: str, penalty_s: float) -> None:
        """Replace a car on the nearer lane line at the previous tick's progress, and let it stand."""
        car.resets += 1
        car.lap_resets += 1
        if self.rules.max_resets is not None and car.resets > self.rules.max_resets:
            self._end(car, "DNF-crash", f"used up its {self.rules.max_resets} resets", tick)
            return
        self.world.hold(car.seat, True)
        back_m, offset_m = self._free_place(car)
        car.progress_m = car.before_m = car.before_m - back_m
        along_m = car.progress_m % self.circuit.length_m
        self.world.place(car.seat, along_m, offset_m)
        car.offset_before_m = offset_m
        car.still_ticks = car.backward_ticks = 0
        self._say(tick, "reset", car, along_m=round(along_m, 4), offset_m=round(offset_m, 4), why=why)
        ticks = round(penalty_s * self.rules.control_hz)
        if ticks:
            car.why = why
            self._say(tick, "penalty", car, why=why, ticks=ticks)
        self._stand(car, ticks)

    def _stand(self, car: Car, ticks: int) -> None:
        car.standing, car.stands_ticks = True, ticks
        self.world.hold(car.seat, True)

    def _free_place(self, car: Car) -> tuple[float, float]:
        """How far back, and at which offset, a car can be put without touching anything.

        On a crowded road it waits, not collidable, where it would have been put; it is released when
        the place is free.
        """
        length_m = self.circuit.length_m
        along_m = car.before_m % length_m
        left_m, right_m = self._lane_m(along_m, "left"), self._lane_m(along_m, "right")
        nearer = "left" if abs(car.offset_before_m - left_m) < abs(car.offset_before_m - right_m) else "right"
        start_m = 0.0
        for box_along_m, box_offset_m in self._boxes:
            ahead_m = _wrapped(box_along_m - along_m, length_m)
            if abs(ahead_m) <= BOX_AHEAD_M:
                start_m = BOX_AHEAD_M - ahead_m
                nearer = "right" if box_offset_m > 0 else "left"
        other = "right" if nearer == "left" else "left"
        back_m = start_m
        while back_m <= start_m + BACK_LIMIT_M:
            place_m = (along_m - back_m) % length_m
            for lane in (nearer, other):
                offset_m = self._lane_m(place_m, lane)
                if self.world.fits(car.seat, place_m, offset_m):
                    return back_m, offset_m
            back_m += BACK_STEP_M
        return start_m, self._lane_m((along_m - start_m) % length_m, nearer)

    def _lane_m(self, along_m: float, side: str) -> float:
        """Offset of a lane line: half-way between the centre line and a border."""
        if side == "left":
            return float(self.circuit.width_left_at(along_m)) / 2
        return -float(self.circuit.width_right_at(along_m)) / 2

    # -- endings ---------------------------------------------------------------------------------

    def _look_at_clock(self, tick: int) -> None:
        if self.time_up or (tick + 1) * self.tick_us < self.rules.time_limit_s * 1e6:
            return
        self.time_up = True
        for car in self.cars:
            if car.racing and not self.rules.lap_may_finish:
                self._out_of_time(car, tick)

    def _out_of_time(self, car: Car, tick: int) -> None:
        if self.rules.rank != "total" and any(lap.valid for lap in car.laps):
            car.status, car.reason = "FIN", "time is up"
            self.world.remove(car.seat)
            self._say(tick, "parked", car, reason=car.reason)
            return
        limit = f"{self.rules.time_limit_s:g} s"
        self._end(car, "DNF-timeout", f"time is up after {limit} with {distance(len(car.laps))}", tick)

    def _end(self, car: Car, status: Status, reason: str, tick: int) -> None:
        car.status, car.reason = status, reason
        car.standing = False
        self.world.remove(car.seat)
        self._say(tick, "dnf", car, status=status, reason=reason)

    def _say(self, tick: int, kind: str, car: Car, *, at_us: int | None = None, **data: object) -> None:
        when = self.time_us(tick + 1) if at_us is None else at_us
        self._facts.append(Fact(tick, when, kind, car.seat, data))


def _wrapped(distance_m: float, length_m: float) -> float:
    """A difference of two distances along a closed road, in [-length/2, length/2)."""
    return (distance_m + length_m / 2) % length_m - length_m / 2
