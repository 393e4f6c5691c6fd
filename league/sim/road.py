"""The circuit as the kernels see it: one row of numbers per centre-line segment, and questions about it.

Pure. The answers are those of `Circuit.project`, `Circuit.heading_at` and `Circuit.on_road`, found the
quick way: by following a car along the road instead of searching all of it.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import compiled
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

# Columns of a road row. Row i describes the segment from centre row i to i + 1 and the border rows i.
(
    CENTRE_X,
    CENTRE_Y,
    TANGENT_X,
    TANGENT_Y,
    LENGTH,
    ALONG,
    HEADING,
    HEADING_NEXT,
    CURVATURE,
    LEFT,
    RIGHT,
    OUTER_X,
    OUTER_Y,
    INNER_X,
    INNER_Y,
    CLEAR,
    LOST,
    AROUND,
) = range(18)

LOOK_M = 0.5
"""How far along the road a nearer segment is looked for beyond the nearest one found so far."""
LOST_M = 1.0
"""A car is lost when it is this much farther from the centre line than the road is wide; then all of the
road is searched. A car that strays onto a neighbouring part of the road still belongs to its own part."""


@lru_cache(maxsize=64)
def road_rows(circuit: Circuit) -> FloatArray:
    """The rows that the kernels read, shape (segments, 18), read-only.

    CLEAR is the least distance from the segment to either border, or 0 where the segment is not wholly
    on the road: a disc around a point that stays within it needs no exact test. AROUND is the sense of
    the loop, +1 for anticlockwise. LOST is the distance from the centre line at which a car counts as
    lost.
    """
    outer, inner = (circuit.left, circuit.right) if circuit.clockwise else (circuit.right, circuit.left)
    rows = np.empty((len(circuit.centre), 18))
    rows[:, CENTRE_X : CENTRE_Y + 1] = circuit.centre
    rows[:, TANGENT_X : TANGENT_Y + 1] = circuit.tangent
    rows[:, LENGTH], rows[:, ALONG] = circuit.segment_m, circuit.along_m[:-1]
    rows[:, HEADING], rows[:, HEADING_NEXT] = circuit.heading_rad[:-1], circuit.heading_rad[1:]
    rows[:, CURVATURE] = circuit.curvature_per_m
    rows[:, LEFT], rows[:, RIGHT] = circuit.width_left_m, circuit.width_right_m
    rows[:, OUTER_X : OUTER_Y + 1], rows[:, INNER_X : INNER_Y + 1] = outer, inner
    rows[:, AROUND] = -1.0 if circuit.clockwise else 1.0
    widest = np.maximum(circuit.width_left_m, circuit.width_right_m)
    rows[:, LOST] = np.maximum(widest, np.roll(widest, -1)) + LOST_M
    rows[:, CLEAR] = 0.0
    clear = np.zeros(len(rows))
    # Read-only for the measuring too: for the compiler a writable array would be another type.
    _measure_clear(_frozen(rows.copy()), clear)
    # A hair less, so that rounding here can never let a wheel on a border pass.
    rows[:, CLEAR] = np.maximum(clear - 1e-9, 0.0)
    return _frozen(rows)


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array


@compiled
def follow(road: FloatArray, x: float, y: float, start: int) -> tuple[int, float]:
    """Find the nearest segment to a point by walking from `start`, and how far along it the foot is.

    Walks on as long as something nearer comes within `LOOK_M`, both ways; looks at all of the road when
    the result is farther away than the segment's LOST.
    """
    count = len(road)
    best, least = start, _gap(road, start, x, y)
    for way in (1, -1):
        index, walked = start, 0.0
        for _ in range(count):
            index = (index + way) % count
            gap = _gap(road, index, x, y)
            if gap < least:
                best, least, walked = index, gap, 0.0
            else:
                walked += road[index, LENGTH]
                if walked >= LOOK_M:
                    break
    if least > road[best, LOST] * road[best, LOST]:
        for index in range(count):
            gap = _gap(road, index, x, y)
            if gap < least:
                best, least = index, gap
    return best, _reach(road, best, x, y)


@compiled
def _reach(road: FloatArray, i: int, x: float, y: float) -> float:
    along = (x - road[i, CENTRE_X]) * road[i, TANGENT_X] + (y - road[i, CENTRE_Y]) * road[i, TANGENT_Y]
    return float(min(max(along, 0.0), road[i, LENGTH]))


@compiled
def _gap(road: FloatArray, i: int, x: float, y: float) -> float:
    reach = _reach(road, i, x, y)
    dx = x - road[i, CENTRE_X] - reach * road[i, TANGENT_X]
    dy = y - road[i, CENTRE_Y] - reach * road[i, TANGENT_Y]
    return float(dx * dx + dy * dy)


@compiled
def along_at(road: FloatArray, i: int, reach: float) -> float:
    """Distance from the start line, in [0, length), of a point `reach` along segment `i`."""
    along = float(road[i, ALONG] + reach)
    last = len(road) - 1
    if along >= road[last, ALONG] + road[last, LENGTH]:
        return 0.0
    return along


@compiled
def offset_at(road: FloatArray, i: int, reach: float, x: float, y: float) -> float:
    """Signed distance of a point from its foot on segment `i`, positive to the left."""
    dx = x - road[i, CENTRE_X] - reach * road[i, TANGENT_X]
    dy = y - road[i, CENTRE_Y] - reach * road[i, TANGENT_Y]
    away = sqrt(dx * dx + dy * dy)
    return away if road[i, TANGENT_X] * dy - road[i, TANGENT_Y] * dx >= 0.0 else -away


@compiled
def heading_at(road: FloatArray, i: int, reach: float) -> float:
    """Smoothed direction of the road (not wrapped) at a point `reach` along segment `i`."""
    part = reach / road[i, LENGTH]
    return float(road[i, HEADING] * (1.0 - part) + road[i, HEADING_NEXT] * part)


@compiled
def wrapped(angle: float) -> float:
    """An angle brought into (-pi, pi]."""
    return pi - (pi - angle) % (2.0 * pi)


@compiled
def on_road(road: FloatArray, x: float, y: float) -> bool:
    """Whether a point lies strictly inside the outer and outside the inner border, by winding number."""
    outer, touches = _winding(road, OUTER_X, x, y)
    if touches or outer * road[0, AROUND] <= 0.0:
        return False
    inner, touches = _winding(road, INNER_X, x, y)
    return not touches and inner * road[0, AROUND] <= 0.0


@compiled
def _winding(road: FloatArray, column: int, x: float, y: float) -> tuple[int, bool]:
    number = 0
    last = len(road) - 1
    ax, ay = road[last, column], road[last, column + 1]
    for i in range(last + 1):
        bx, by = road[i, column], road[i, column + 1]
        if (ay <= y) != (by <= y) or ay == y:
            side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
            if side == 0.0:
                if min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                    return number, True
            elif ay <= y and by > y:
                number += side > 0.0
            elif ay > y and by <= y:
                number -= side < 0.0
        ax, ay = bx, by
    return number, False


@compiled
def _measure_clear(rows: FloatArray, clear: FloatArray) -> None:
    """Find the distance of every segment to the nearest border edge; 0 stays where it is off the road."""
    count = len(rows)
    for i in range(count):
        if on_road(rows, rows[i, CENTRE_X], rows[i, CENTRE_Y]):
            clear[i] = min(rows[i, LEFT], rows[i, RIGHT])
    for column in (OUTER_X, INNER_X):
        for k in range(count):
            m = (k + 1) % count
            cx, cy, dx, dy = rows[k, column], rows[k, column + 1], rows[m, column], rows[m, column + 1]
            edge = sqrt((dx - cx) ** 2 + (dy - cy) ** 2)
            for i in range(count):
                n = (i + 1) % count
                ax, ay, bx, by = rows[i, CENTRE_X], rows[i, CENTRE_Y], rows[n, CENTRE_X], rows[n, CENTRE_Y]
                # Twice the distance of the middles against both lengths and twice the least so far.
                reach = edge + rows[i, LENGTH] + 2.0 * clear[i]
                if (ax + bx - cx - dx) ** 2 + (ay + by - cy - dy) ** 2 < reach * reach:
                    clear[i] = min(clear[i], _between(ax, ay, bx, by, cx, cy, dx, dy))


@compiled
def _between(ax: float, ay: float, bx: float, by: float, cx: float, cy: float, dx: float, dy: float) -> float:
    """Distance between the segments ab and cd; 0 if they cross."""
    c_side = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
    d_side = (bx - ax) * (dy - ay) - (by - ay) * (dx - ax)
    a_side = (dx - cx) * (ay - cy) - (dy - cy) * (ax - cx)
    b_side = (dx - cx) * (by - cy) - (dy - cy) * (bx - cx)
    if c_side * d_side <= 0.0 and a_side * b_side <= 0.0 and (c_side != 0.0 or d_side != 0.0):
        return 0.0
    return min(
        min(_to_segment(ax, ay, cx, cy, dx, dy), _to_segment(bx, by, cx, cy, dx, dy)),
        min(_to_segment(cx, cy, ax, ay, bx, by), _to_segment(dx, dy, ax, ay, bx, by)),
    )


@compiled
def _to_segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    long2 = dx * dx + dy * dy
    part = 0.0
    if long2 > 0.0:
        part = min(max(((x - ax) * dx + (y - ay) * dy) / long2, 0.0), 1.0)
    return sqrt((x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2)
