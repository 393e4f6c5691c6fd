"""How the racing-line driver gets past others: where to, and how fast to be behind them until then."""

from __future__ import annotations

from math import cos, inf, sin, sqrt

from league import CarSpec, Observation
from league_agents._drive import Line
from league_agents._equations import N
from league_agents._road import Road

SEEN_AHEAD_M = 5.0
BESIDE_M = 0.12
"""Room between two cars that pass each other."""
EDGE_M = 0.06
"""How far the middle of the car stays from the border while it passes."""
CLEAR_AHEAD_M, CLEAR_STEPS = 5.0, 15
"""The shifted line must stay on the road for this far."""
SHIFT_M = 1.0
"""Distance in which most of a small shift is done."""
SHIFT_SLOPE, SHIFT_BEND_PER_M = 0.14, 0.25
"""The steepest way to the side, and how fast it gets steep."""
STRAIGHT_M = 1.2
"""Up to here, what is ahead of the body is in the way."""
MEET_S = 1.0
"""How far ahead in time another car's way to the side is carried on."""
KEPT_M, KEPT_S, REACTION_S, CAREFUL_MPS2 = 0.15, 0.08, 0.35, 2.0
"""Gap to keep to a car ahead, and the delay and braking that the speed behind it allows for."""


class Traffic:
    """The cars around: how far to the side of the line to pass them, and how fast to be behind them.

    A collision is charged to the car behind, so nothing is gained by daring.
    """

    def __init__(self, road: Road, car: CarSpec, tick_s: float) -> None:
        self.road, self.tick_s, self.length_m = road, tick_s, car.length_m
        self.apart_m = car.width_m + BESIDE_M
        self.forget()

    def forget(self) -> None:
        """Nobody is in the way."""
        self.shift_m, self.slope, self.most_mps = 0.0, 0.0, inf

    def look(
        self, seen: Observation, pose: tuple[float, float, float], line: Line, near: float | None
    ) -> None:
        """Look at the cars around; `pose` is this car's, `line` what it would drive."""
        x_m, y_m, yaw_rad = pose
        goal_m, self.most_mps = 0.0, inf
        me = self.road.locate(x_m, y_m, yaw_rad, near)
        low_m, high_m = self.room(me.place, line)
        off_m = me.offset_m - float(line.at(me.place, len(self.road.xy))[N]) - self.shift_m
        for other in reversed(seen.opponents):  # the nearest one last: it decides
            if other.box:
                continue  # the lap goes round it
            spot = self.road.locate(
                x_m + other.x_m * cos(yaw_rad) - other.y_m * sin(yaw_rad),
                y_m + other.x_m * sin(yaw_rad) + other.y_m * cos(yaw_rad),
                yaw_rad + other.yaw_rad,
            )
            ahead_m = self.road.ahead_m(me.place, spot.place)
            if not -0.6 < ahead_m < SEEN_AHEAD_M or not line.covers(spot.place, len(self.road.xy)):
                continue
            meet_s = min(max(ahead_m, 0.0) / max(seen.speed_mps - other.speed_mps, 0.5), MEET_S)
            meet = self.road.after(spot.place, other.speed_mps * meet_s)
            line_m = float(line.at(meet, len(self.road.xy))[N])
            theirs_m = spot.offset_m + other.speed_mps * meet_s * sin(spot.error_rad)
            if abs(line_m - theirs_m) < self.apart_m:
                sides = (theirs_m + self.apart_m - line_m, theirs_m - self.apart_m - line_m)
                open_m = [side for side in sides if low_m <= side <= high_m]
                goal_m = min(open_m, key=lambda side: abs(side - self.shift_m), default=goal_m)
            mine_m = line_m + self.shift_m + max(1 - ahead_m / 1.5, 0.0) * off_m
            swept = sorted((spot.offset_m, theirs_m))
            beside_m = max(swept[0] - mine_m, mine_m - swept[1])
            if 0 < other.x_m < STRAIGHT_M:  # whatever the road does, it is straight ahead
                beside_m = min(beside_m, abs(other.y_m), abs(me.offset_m - spot.offset_m))
            if ahead_m > 0.1 and beside_m < self.apart_m - 0.05:
                self.most_mps = min(self.most_mps, self.behind(other.speed_mps, ahead_m))
        goal_m = max(low_m, min(high_m, goal_m))
        step_m = max(seen.speed_mps, 0.5) * self.tick_s
        slope = max(-SHIFT_SLOPE, min(SHIFT_SLOPE, (goal_m - self.shift_m) / SHIFT_M))
        bend = SHIFT_BEND_PER_M * step_m
        self.slope += max(-bend, min(bend, slope - self.slope))
        self.shift_m += self.slope * step_m

    def behind(self, speed_mps: float, ahead_m: float) -> float:
        """The highest speed from which the car can still fall in behind one that is so far ahead."""
        gap_m = ahead_m - self.length_m - KEPT_M - KEPT_S * speed_mps
        if gap_m <= 0:
            return max(0.7 * speed_mps, 0.2)
        reach_s = REACTION_S * CAREFUL_MPS2
        return speed_mps + sqrt(reach_s**2 + 2 * CAREFUL_MPS2 * gap_m) - reach_s

    def room(self, place: float, line: Line) -> tuple[float, float]:
        """How far the line can be shifted from here on: to the right, as a negative number, and left."""
        low_m, high_m = -inf, inf
        for step in range(CLEAR_STEPS):
            at = self.road.after(place, step * CLEAR_AHEAD_M / CLEAR_STEPS)
            left_m, right_m = self.road.room_m(at)
            line_m = float(line.at(at, len(self.road.xy))[N])
            low_m, high_m = max(low_m, EDGE_M - right_m - line_m), min(high_m, left_m - EDGE_M - line_m)
        return min(low_m, 0.0), max(high_m, 0.0)
