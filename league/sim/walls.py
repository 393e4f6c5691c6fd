"""The borders of a circuit as walls, in stretches, and the beams that meet them.

Pure, and exact: beams are cut with the segments themselves. Beams are not followed to the walls; the walls
are drawn into the scan, as into a picture: the points of a border are turned into the directions in which
they are seen, and a segment shortens the few beams between those of its ends. A stretch of border that lies
behind what its beams have met already is left out.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import compiled, inlined
from league.track.circuit import Circuit
from league.track.exact import length

FloatArray = NDArray[np.float64]

STRETCH = 24
"""Segments of a stretch."""
RINGS_M = (0.75, 1.5, 3.0, 6.0, 12.0, 24.0, np.inf)
"""Stretches are looked at from near to far, in rings that end here."""
_ROUGH_RAD = 1e-3
"""Twice what a direction may be off by."""
_A3, _A5, _A7 = -0.327622764, 0.15931422, -0.0464964749
"""Factors of a polynomial for arctangents of up to 1, off by 0.0004 rad at most."""
_WIDE = 0.45
"""What is seen under more than this part of a turn is cut with every beam: directions do not say on which
side of it the beams are."""
_ROUNDING = 1e-9
"""A segment is so much longer, as a part of itself: no beam slips through between two."""
_RINGS = np.array(RINGS_M)


class Walls(NamedTuple):
    """Lines, point after point, cut into stretches. Lengths are in m."""

    x_m: FloatArray
    """Of every point; a closed line ends with its first one."""
    y_m: FloatArray
    stretches: NDArray[np.int64]
    """First and last point of each stretch, shape (n, 2); the last one is the next one's first."""
    rounds: FloatArray
    """A circle around each stretch: middle (x, y) and radius, shape (n, 3)."""


@lru_cache(maxsize=64)
def walls_of(circuit: Circuit) -> Walls:
    """The borders of a circuit, made once."""
    return build_walls([circuit.left, circuit.right])


def build_walls(rings: list[FloatArray]) -> Walls:
    """Cut closed lines into stretches; each is an array of shape (N, 2) without a repeated closing row."""
    points = np.concatenate([np.concatenate((ring, ring[:1])) for ring in rings])
    ends = np.cumsum([len(ring) + 1 for ring in rings]).tolist()
    stretches = [
        (start, min(start + STRETCH, end - 1))
        for begin, end in zip([0, *ends], ends, strict=False)
        for start in range(begin, end - 1, STRETCH)
    ]
    rounds = np.empty((len(stretches), 3))
    for row, (start, stop) in zip(rounds, stretches, strict=True):
        part = points[start : stop + 1]
        row[:2] = (part.min(axis=0) + part.max(axis=0)) / 2
        row[2] = length(part - row[:2]).max() * (1 + _ROUNDING) + _ROUNDING
    made = Walls(
        np.ascontiguousarray(points[:, 0]), np.ascontiguousarray(points[:, 1]), np.array(stretches), rounds
    )
    for array in made:
        array.setflags(write=False)
    return made


@compiled
def shorten(
    reach: FloatArray,
    walls: Walls,
    x_m: float,
    y_m: float,
    c: float,
    q: float,
    first_rad: float,
    step_rad: float,
    directions: FloatArray,
) -> None:
    """Shorten beams, given by their distances so far, to the walls that they meet.

    All in one loop over single numbers: handing arrays on, or parts of them, would cost more than the
    rest together.

    Args:
        reach: A distance in m for every beam.
        walls: The borders.
        x_m: Where the beams start; y_m likewise.
        y_m: Where the beams start.
        c: Cosine of the direction in which beam angles are 0; q is its sine.
        q: Sine of it.
        first_rad: Angle of the first beam.
        step_rad: From each beam's angle to the next one's, more than 0.
        directions: Cosine and sine of every beam's angle, shape (beams, 2).
    """
    beams = len(reach)
    along, aside, number = np.empty(STRETCH + 1), np.empty(STRETCH + 1), np.empty(STRETCH + 1)
    near_m = np.empty(len(walls.stretches))
    for k in range(len(near_m)):
        dx, dy = walls.rounds[k, 0] - x_m, walls.rounds[k, 1] - y_m
        near_m[k] = sqrt(dx * dx + dy * dy) - walls.rounds[k, 2]
    # Directions are counted in beams, from the middle of the gap between the last one and the first.
    per_rad = 1.0 / step_rad
    turn, rough = 2.0 * pi * per_rad, _ROUGH_RAD * per_rad
    gap = (turn - (beams - 1)) / 2.0
    begin_rad = first_rad - gap * step_rad
    done_m = -np.inf
    for ring in range(len(_RINGS)):
        for k in range(len(near_m)):
            if not done_m <= near_m[k] < _RINGS[ring]:
                continue
            if near_m[k] > 0.0:
                dx, dy = walls.rounds[k, 0] - x_m, walls.rounds[k, 1] - y_m
                middle = _counted(dy * c - dx * q, dx * c + dy * q, begin_rad, per_rad) - gap
                radius = walls.rounds[k, 2]
                half = radius / sqrt(dx * dx + dy * dy - radius * radius) * per_rad + rough
                if _is_hidden(reach, near_m[k], middle - half, middle + half, gap):
                    continue
            start = walls.stretches[k, 0]
            points = walls.stretches[k, 1] - start + 1
            for i in range(points):
                dx, dy = walls.x_m[start + i] - x_m, walls.y_m[start + i] - y_m
                along[i], aside[i] = dx * c + dy * q, dy * c - dx * q
                number[i] = _counted(aside[i], along[i], begin_rad, per_rad) - gap
            for i in range(1, points):
                low, high = min(number[i - 1], number[i]), max(number[i - 1], number[i])
                from_beam, to_beam = _first(low - rough), _last(high + rough, beams)
                if high - low > _WIDE * turn:
                    # Across where the turn begins; if both its ends are in the gap, no beam is between.
                    across = high - low > (1.0 - _WIDE) * turn
                    unseen = across and low + rough < 0.0 and high - rough > beams - 1
                    from_beam, to_beam = (beams if unseen else 0), beams - 1
                if from_beam <= to_beam:
                    _cut(reach, along, aside, i, from_beam, to_beam, directions)
        done_m = _RINGS[ring]


@inlined
def _is_hidden(reach: FloatArray, near_m: float, low: float, high: float, gap: float) -> bool:
    """Whether all beams between two numbers have met something nearer."""
    beams = len(reach)
    if low < -gap or high > beams - 1 + gap:  # it lies where the turn begins
        return False
    seen = False
    for beam in range(_first(low), _last(high, beams) + 1):
        seen |= reach[beam] > near_m
    return not seen


@inlined
def _cut(
    reach: FloatArray, along: FloatArray, aside: FloatArray, i: int, from_beam: int, to_beam: int,
    directions: FloatArray,
) -> None:  # fmt: skip
    """Shorten some beams to the segment that ends at a point, where they meet it."""
    ax, ay = along[i - 1], aside[i - 1]
    ex, ey = along[i] - ax, aside[i] - ay
    far = ax * ey - ay * ex
    for beam in range(from_beam, to_beam + 1):
        ux, uy = directions[beam, 0], directions[beam, 1]
        per = 1.0 / (ux * ey - uy * ex)
        distance, part = far * per, (ax * uy - ay * ux) * per
        if -_ROUNDING <= part <= 1.0 + _ROUNDING and 0.0 <= distance < reach[beam]:
            reach[beam] = distance


@inlined
def _first(number: float) -> int:
    """The first beam at or after a number."""
    return int(number) + 1 if number >= 0.0 else 0


@inlined
def _last(number: float, beams: int) -> int:
    """The last beam at or before a number; -1 if there is none."""
    return min(int(number), beams - 1) if number >= 0.0 else -1


@inlined
def _counted(y: float, x: float, begin_rad: float, per_rad: float) -> float:
    """The direction of (x, y) from one where counting begins, in beams, from 0 to those of a whole turn.

    Roughly: within 0.0005 rad, by a polynomial for arctangents up to 45° that is quick and has no branches.
    """
    up, ahead = abs(y), abs(x)
    large, small = max(up, ahead), min(up, ahead)
    share = small / large if large > 0.0 else 0.0
    z = share * share
    angle = ((_A7 * z + _A5) * z + _A3) * z * share + share
    angle = pi / 2 - angle if up > ahead else angle
    angle = pi - angle if x < 0.0 else angle
    angle = -angle if y < 0.0 else angle
    angle -= begin_rad
    angle += 2.0 * pi if angle < 0.0 else 0.0
    angle -= 2.0 * pi if angle >= 2.0 * pi else 0.0
    return angle * per_rad
