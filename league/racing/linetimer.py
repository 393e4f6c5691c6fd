"""Timing by position: from where a car was seen, again and again, to when its nose crossed the line.

Pure: positions and times in, crossings out. It does not matter who saw the car: a camera above, or the car's
own odometry.
"""

from __future__ import annotations

from math import cos, hypot, sin
from typing import Final, NamedTuple

import numpy as np

from league.track.circuit import Circuit

SURE_GAP_S: Final = 0.25
"""A crossing between two sightings further apart than this is told, but not as certain."""
LOST_S: Final = 2.0
"""After so long out of sight nothing is concluded from where a car was before."""
UNSURE: Final = 0.4
MARGIN_M: Final = 0.3
"""A car that passes the line this far beside the road still passed it."""


class Seen(NamedTuple):
    """Where a car's origin was at a time."""

    ts_ns: int
    x_m: float
    y_m: float
    yaw_rad: float


class Crossed(NamedTuple):
    """The nose crossed the start line in the direction of the race."""

    ts_ns: int
    speed_mps: float
    confidence: float


class LineTimer:
    """Watches one car and says when it crosses the start line.

    The moment is interpolated linearly between the sightings before and behind the line. At 3 m/s and 30
    sightings a second an error of 5 mm in each of them moves it by 2 ms.

    Args:
        circuit: Whose start line it is.
        nose_m: From the car's origin to its nose.
    """

    def __init__(self, circuit: Circuit, *, nose_m: float = 0.0) -> None:
        self._middle = np.asarray(circuit.centre[0])
        left, right = np.asarray(circuit.left[0]), np.asarray(circuit.right[0])
        across = (left - right) / np.linalg.norm(left - right)
        ahead = np.array((across[1], -across[0]))
        heading_rad = float(circuit.heading_at(0.0))
        if ahead @ (cos(heading_rad), sin(heading_rad)) < 0:
            ahead = -ahead
        self._ahead, self._across = ahead, across
        self._left_m = float((left - self._middle) @ across) + MARGIN_M
        self._right_m = float((self._middle - right) @ across) + MARGIN_M
        self._nose_m = nose_m
        self._before: tuple[Seen, float, float] | None = None

    def see(self, seen: Seen) -> Crossed | None:
        """Take a sighting, none older than the one before; gives the crossing in between, if there is one."""
        nose = np.array(
            (seen.x_m + self._nose_m * cos(seen.yaw_rad), seen.y_m + self._nose_m * sin(seen.yaw_rad))
        )
        ahead_m = float((nose - self._middle) @ self._ahead)
        aside_m = float((nose - self._middle) @ self._across)
        before, self._before = self._before, (seen, ahead_m, aside_m)
        if before is None:
            return None
        old, old_ahead_m, old_aside_m = before
        gap_s = (seen.ts_ns - old.ts_ns) / 1e9
        if gap_s <= 0:
            self._before = before
            return None
        if not old_ahead_m < 0 <= ahead_m or gap_s > LOST_S:
            return None
        part = -old_ahead_m / (ahead_m - old_ahead_m)
        at_m = old_aside_m + part * (aside_m - old_aside_m)
        if not -self._right_m <= at_m <= self._left_m:
            return None  # another part of the road lies in the prolonged line
        speed_mps = hypot(seen.x_m - old.x_m, seen.y_m - old.y_m) / gap_s
        confidence = 1.0 if gap_s <= SURE_GAP_S else UNSURE
        return Crossed(old.ts_ns + round(part * (seen.ts_ns - old.ts_ns)), speed_mps, confidence)
