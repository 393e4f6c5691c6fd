"""Bots: cars without a driver that go round on the lane lines at a constant speed.

Pure: where they go follows from their seed and from what stands in their way. DeepRacer's rules: a lane
line lies half-way between the centre line and a border; a bot may change to the other one every 3 to 5 s,
over 1 m of road; it waits for what is ahead of it. Nothing pushes it aside.

A bot is looked after once a tick, here, and moved in every physics step by `league.sim.contact`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import atan2, sqrt
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim import contact
from league.sim.angles import sine_cosine
from league.sim.objects import Bot
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

CHANGE_M = 1.0
"""Length of road that a change of lane takes (DeepRacer)."""
CHANGE_S = (3.0, 5.0)
"""Least and greatest time between two changes (DeepRacer)."""
PAUSE_S = 1.0
"""How long a bot stands that drove into a car."""
GAP_M = 0.15
"""A bot stands when something is so near ahead."""
BESIDE_M = 0.03
"""Room that it wants beside what it passes."""
BOX_SEEN_M, BOX_LIMIT_M = 2.2, 1.6
"""It changes lanes for a box this far ahead, and waits, if it cannot, before the second is reached."""
FREE_BEHIND_M, FREE_AHEAD_M = 0.55, CHANGE_M + BOX_LIMIT_M + 0.1
"""Stretch of the other lane that must be free of boxes for a change …"""
CLEAR_BEHIND_M, CLEAR_AHEAD_M = 1.0, 1.6
"""… and of cars and bots."""
_LOOK_M = 0.1


class Body(NamedTuple):
    """Something that bots heed: the place of its middle, and how far it reaches along and across."""

    along_m: float
    offset_m: float
    reach_m: float
    half_m: float


class Lanes:
    """The lane lines of a circuit.

    Args:
        circuit: The circuit.
    """

    def __init__(self, circuit: Circuit) -> None:
        self.length_m = circuit.length_m
        self._along = circuit.along_m.tolist()
        ends = np.r_[0 : len(circuit.centre), 0]
        rows = np.stack((circuit.centre, circuit.left, circuit.right), axis=1)[ends]
        self._rows = rows.tolist()
        lines = np.stack((rows[:, 0], (rows[:, 0] + rows[:, 1]) / 2, (rows[:, 0] + rows[:, 2]) / 2))
        steps = np.sqrt((np.diff(lines, axis=1) ** 2).sum(axis=2))
        self._gone = np.pad(np.cumsum(steps, axis=1), ((0, 0), (1, 0))).tolist()

    def at(self, along_m: float, lane: float) -> tuple[float, float]:
        """The point beside a place of the centre line.

        Args:
            along_m: Any distance from the start line.
            lane: 1 on the left lane line, -1 on the right one, 0 on the centre line; between them too.
        """
        row, part = self._find(along_m)
        (cx, cy), left, right = self._rows[row]
        (nx, ny), next_left, next_right = self._rows[row + 1]
        (bx, by), (mx, my) = (left, next_left) if lane > 0 else (right, next_right)
        share = abs(lane) / 2
        x, y = cx + share * (bx - cx), cy + share * (by - cy)
        return x + part * (nx + share * (mx - nx) - x), y + part * (ny + share * (my - ny) - y)

    def offset_m(self, along_m: float, lane: float) -> float:
        """How far that point is to the left of the centre line."""
        (cx, cy), (x, y) = self.at(along_m, 0.0), self.at(along_m, lane)
        away_m = sqrt((x - cx) ** 2 + (y - cy) ** 2)
        return away_m if lane > 0 else -away_m

    def ahead_m(self, from_m: float, to_m: float, lane: float) -> float:
        """How far ahead a place is, on the way along a lane; negative if it is nearer behind.

        Args:
            from_m: Distance along the centre line of the one place.
            to_m: That of the other.
            lane: As of `at`.
        """
        lines, share = (self._gone[0], self._gone[1 if lane > 0 else 2]), abs(lane)
        gone = [[line[row] + part * (line[row + 1] - line[row]) for line in lines]
                for row, part in (self._find(from_m), self._find(to_m))]  # fmt: skip
        away_m = [to - start for start, to in zip(*gone, strict=True)]
        length_m = lines[0][-1] + share * (lines[1][-1] - lines[0][-1])
        half_m = float(length_m) / 2
        return float(away_m[0] + share * (away_m[1] - away_m[0]) + half_m) % (2 * half_m) - half_m

    def _find(self, along_m: float) -> tuple[int, float]:
        along_m %= self.length_m
        row = min(bisect_right(self._along, along_m) - 1, len(self._rows) - 2)
        return row, (along_m - self._along[row]) / (self._along[row + 1] - self._along[row])


class _Driver:
    """One bot under way."""

    def __init__(self, bot: Bot, number: int) -> None:
        self.bot = bot
        self.along_m = bot.along_m
        self.lane = self.target = 1.0 if bot.left else -1.0
        self.origin = self.lane
        """The lane line that it comes from while it changes."""
        self.changed_m = CHANGE_M
        """How far the change of lane has come; `CHANGE_M` when there is none."""
        self.step_m = self.gone_m = 0.0
        """How far this tick is to take it on its way, and along the centre line."""
        self.waits_s = 0.0
        self._random = np.random.default_rng(np.random.SeedSequence(bot.seed, spawn_key=(number,)))
        self.change_s = self._draw() if bot.changes else 0.0
        """Time until it wants to change lanes."""

    def _draw(self) -> float:
        return float(self._random.uniform(*CHANGE_S))

    @property
    def changing(self) -> bool:
        return self.changed_m < CHANGE_M

    def lane_after(self, way_m: float) -> float:
        """Where across the road it is, a distance further on: a smooth step from lane to lane."""
        part = (self.changed_m + way_m) / CHANGE_M
        if part >= 1.0:
            return self.target
        part = max(part, 0.0)
        return self.origin + (self.target - self.origin) * part * part * (3.0 - 2.0 * part)

    def change(self) -> None:
        """Set out for the other lane."""
        self.origin, self.target, self.changed_m = self.lane, -self.lane, 0.0
        if self.bot.changes:
            self.change_s = self._draw()

    def go(self, part: float) -> None:
        """Take note of how much of its way it went."""
        way_m = self.step_m * part
        self.along_m += self.gone_m * part
        self.lane = self.lane_after(way_m)
        if self.changing:
            self.changed_m = min(self.changed_m + way_m, CHANGE_M)


class Bots:
    """The bots of a world. Rows of `contact` tell where they are; here is where they go.

    Args:
        circuit: Where they drive.
        bots: How each starts.
        boxes: The boxes that they go round, as middle (along, offset) and half length and width.
        tick_s: Length of a tick.
        substeps: Physics steps in it.
    """

    def __init__(
        self,
        circuit: Circuit,
        bots: Sequence[Bot],
        boxes: Sequence[Body],
        *,
        tick_s: float,
        substeps: int,
    ) -> None:
        self.lanes = Lanes(circuit)
        self._boxes = tuple(boxes)
        self._tick_s, self._substeps = tick_s, substeps
        self._drivers = [_Driver(bot, number) for number, bot in enumerate(bots)]
        self.rows = np.zeros((len(bots), contact.BODY_ROW))
        """Their rows, as of `league.sim.contact`; a world puts its own here, which then change with it."""

    def __len__(self) -> int:
        return len(self._drivers)

    def adopt(self, rows: FloatArray) -> None:
        """Take the world's rows and fill them with where the bots stand."""
        self.rows = rows
        for row, driver in zip(rows, self._drivers, strict=True):
            x, y = self.lanes.at(driver.along_m, driver.lane)
            c, q = self._direction(driver, 0.0, 0.0)
            contact.shape(row, x, y, 0.0, driver.bot.length_m / 2, driver.bot.width_m / 2)
            row[contact.COS], row[contact.SIN], row[contact.KIND] = c, q, contact.BOT

    @property
    def pose(self) -> FloatArray:
        """x, y and yaw of the middle of each, shape (bots, 3)."""
        found = self.rows[:, :3].copy()
        found[:, 2] = [atan2(q, c) for c, q in self.rows[:, 2:4].tolist()]
        return found

    @property
    def speed_mps(self) -> FloatArray:
        """How fast each is, shape (bots,)."""
        return self.rows[:, contact.PACE].copy()

    @property
    def nose_along_m(self) -> list[float]:
        """How far along the centre line the front of each is, in [0, length)."""
        length_m = self.lanes.length_m
        return [(one.along_m + one.bot.length_m / 2) % length_m for one in self._drivers]

    def state_bytes(self) -> bytes:
        """Exact bytes of everything about them that evolves."""
        states = [
            (one.along_m, one.lane, one.target, one.changed_m, one.change_s, one.waits_s)
            for one in self._drivers
        ]
        return np.array(states, dtype="<f8").tobytes() + self.rows[:, :4].astype("<f8").tobytes()

    # -- a tick ------------------------------------------------------------------------------------

    def set_off(self, cars: Sequence[Body]) -> None:
        """Say how far each goes in the tick to come.

        Args:
            cars: What drives there now and can be touched.
        """
        bots = [self._body(number) for number in range(len(self._drivers))]
        for number, (row, driver) in enumerate(zip(self.rows, self._drivers, strict=True)):
            others = [*cars, *bots[:number], *bots[number + 1 :]]
            driver.step_m, driver.gone_m = self._way(driver, others)
            self._aim(row, driver)

    def arrive(self) -> None:
        """Take note of how far each has come in the tick that is over."""
        for row, driver in zip(self.rows, self._drivers, strict=True):
            part = float(row[contact.MOVED]) / self._substeps
            # What stopped it has cleared its way; counting steps would miss the last one.
            halted = driver.gone_m > 0.0 and not row[contact.STEP_X : contact.STEP_Y + 1].any()
            driver.go(part)
            row[contact.PACE] = 0.0 if halted or driver.gone_m == 0.0 else driver.bot.speed_mps
            if halted:
                driver.waits_s = PAUSE_S
            row[contact.STEP_X : contact.MOVED + 1] = 0.0

    # -- inside --------------------------------------------------------------------------------------

    def _body(self, number: int) -> Body:
        driver = self._drivers[number]
        offset_m = self.lanes.offset_m(driver.along_m, driver.lane)
        bot = driver.bot
        return Body(driver.along_m, offset_m, bot.length_m / 2, bot.width_m / 2)

    def _way(self, driver: _Driver, others: Sequence[Body]) -> tuple[float, float]:
        """How far a bot may go in a tick, on its way and along the centre line.

        It changes lanes where it wants to and can.
        """
        driver.waits_s = max(driver.waits_s - self._tick_s, 0.0)
        if driver.bot.changes and not driver.changing:
            driver.change_s -= self._tick_s
        step_m = driver.bot.speed_mps * self._tick_s
        box_m = self._box_ahead(driver)
        wants = (driver.bot.changes and driver.change_s <= 0.0) or box_m <= BOX_SEEN_M + step_m
        if wants and not driver.changing and self._may_change(driver, others):
            driver.change()
        held_up = not driver.changing and box_m <= BOX_LIMIT_M + step_m
        if driver.waits_s > 0.0 or held_up:
            return 0.0, 0.0
        gone_m = self._reach(driver, step_m)
        return (0.0, 0.0) if self._blocked(driver, gone_m, step_m, others) else (step_m, gone_m)

    def _reach(self, driver: _Driver, step_m: float) -> float:
        """How far along the centre line a way of `step_m` on the bot's own line leads."""
        x, y = self.lanes.at(driver.along_m, driver.lane)
        gone_m = step_m
        for _ in range(3):
            tx, ty = self.lanes.at(driver.along_m + gone_m, driver.lane_after(step_m))
            away_m = sqrt((tx - x) ** 2 + (ty - y) ** 2)
            if away_m <= 0.0:
                break
            gone_m *= min(max(step_m / away_m, 0.2), 5.0)
        return gone_m

    def _direction(self, driver: _Driver, way_m: float, gone_m: float) -> tuple[float, float]:
        """Cosine and sine of the direction in which it looks, a distance on."""
        (ax, ay), (bx, by) = (
            self.lanes.at(driver.along_m + gone_m + look_m, driver.lane_after(way_m + look_m))
            for look_m in (-_LOOK_M, _LOOK_M)
        )
        dx, dy = bx - ax, by - ay
        size = sqrt(dx * dx + dy * dy)
        return dx / size, dy / size

    def _aim(self, row: FloatArray, driver: _Driver) -> None:
        """Write into a bot's row how it moves in each physics step."""
        row[contact.STEP_X : contact.MOVED + 1] = 0.0
        if driver.gone_m == 0.0:
            return
        x, y = self.lanes.at(driver.along_m + driver.gone_m, driver.lane_after(driver.step_m))
        c, q = self._direction(driver, driver.step_m, driver.gone_m)
        change = np.array((x, y, c, q)) - row[:4]
        row[contact.STEP_X : contact.STEP_SIN + 1] = change / self._substeps

    def _blocked(self, driver: _Driver, gone_m: float, step_m: float, others: Sequence[Body]) -> bool:
        """Whether something stands in the way of going `step_m`, that is `gone_m` along the centre line."""
        bot = driver.bot
        offsets_m = [
            self.lanes.offset_m(driver.along_m + place_m, driver.lane_after(way_m))
            for place_m, way_m in ((0.0, 0.0), (gone_m + GAP_M, step_m + GAP_M))
        ]
        low_m, high_m = min(offsets_m) - bot.width_m / 2, max(offsets_m) + bot.width_m / 2
        bodies = [(other, GAP_M, BESIDE_M) for other in others]
        # A box stays where it is: it may be passed as near as need be.
        bodies += [(other, 0.0, 0.0) for other in self._boxes]
        for other, more_m, beside_m in bodies:
            ahead_m = self.lanes.ahead_m(driver.along_m, other.along_m, driver.lane)
            near_m = bot.length_m / 2 + other.reach_m + step_m + more_m
            room_m = other.half_m + beside_m
            if 0.0 < ahead_m < near_m and low_m - room_m < other.offset_m < high_m + room_m:
                return True
        return False

    def _box_ahead(self, driver: _Driver) -> float:
        """How far ahead the next box on the bot's own lane is."""
        ahead = (
            self.lanes.ahead_m(driver.along_m, box.along_m, driver.target)
            for box in self._boxes
            if (box.offset_m > 0) == (driver.target > 0)
        )
        return min((gap_m for gap_m in ahead if gap_m > 0.0), default=float("inf"))

    def _may_change(self, driver: _Driver, others: Sequence[Body]) -> bool:
        """Whether the other lane is free beside the bot and for a while ahead."""
        lane = -driver.lane
        lane_m = self.lanes.offset_m(driver.along_m, lane)
        for box in self._boxes:
            ahead_m = self.lanes.ahead_m(driver.along_m, box.along_m, lane)
            if (box.offset_m > 0) == (lane > 0) and -FREE_BEHIND_M < ahead_m < FREE_AHEAD_M:
                return False
        for other in others:
            ahead_m = self.lanes.ahead_m(driver.along_m, other.along_m, lane)
            room_m = driver.bot.width_m / 2 + other.half_m + BESIDE_M
            if -CLEAR_BEHIND_M < ahead_m < CLEAR_AHEAD_M and abs(other.offset_m - lane_m) < room_m:
                return False
        return True


def bodies_of(poses: Any, sizes: Sequence[tuple[float, float]]) -> list[Body]:
    """What bots heed of cars.

    Args:
        poses: Distance along, offset and direction less the road's of each car's middle.
        sizes: Half length and half width of each.
    """
    found = []
    for (along_m, offset_m, turned_rad), (long_m, wide_m) in zip(poses, sizes, strict=True):
        q, c = sine_cosine(turned_rad)
        c, q = abs(c), abs(q)
        found.append(Body(along_m, offset_m, long_m * c + wide_m * q, wide_m * c + long_m * q))
    return found
