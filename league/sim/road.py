"""The circuit as the kernels see it: one row of numbers per centre-line segment, and questions about it.

Pure. The answers are those of `Circuit.project`, `Circuit.heading_at` and `Circuit.on_road`, found the
quick way: by following a car along the road instead of searching all of it.
"""

from __future__ import annotations

from functools import lru_cache
from math import pi, sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import lean
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Columns of a road row. Row i describes the segment from centre row i to i + 1 and the border rows i.
# Eight fill a line of a processor's cache: what following reads comes first, what looking ahead reads next.
(
    CENTRE_X,
    CENTRE_Y,
    TANGENT_X,
    TANGENT_Y,
    LENGTH,
    ALONG,
    SURE_LEFT,
    SURE_RIGHT,
    CURVATURE,
    LEFT,
    RIGHT,
    HEADING,
    HEADING_NEXT,
    CLEAR,
    LOST,
    EVENLY,
    OUTER_X,
    OUTER_Y,
    INNER_X,
    INNER_Y,
    AROUND,
    EVENLY_PER_M,
    SLAB_LOW,
    SLABS_PER_M,
) = range(24)

LOOK_M = 0.5
"""How far along the road a nearer segment is looked for beyond the nearest one found so far."""
LOST_M = 1.0
"""A car is lost when it is this much farther from the centre line than the road is wide; then all of the
road is searched. A car that strays onto a neighbouring part of the road still belongs to its own part."""


@lru_cache(maxsize=64)
def road_rows(circuit: Circuit) -> FloatArray:
    """The rows that the kernels read, shape (segments, 24), read-only.

    CLEAR is the least distance from the segment to either border, or 0 where the segment is not wholly
    on the road: a disc around a point that stays within it needs no exact test. AROUND is the sense of
    the loop, +1 for anticlockwise. LOST is the distance from the centre line at which a car counts as
    lost. SURE_LEFT and SURE_RIGHT are squared distances from the segment up to which a point that is
    nearer to it than to its neighbours is nearer to it than to anything within `LOOK_M`. EVENLY is the
    segment at that row's share of the circuit's length, EVENLY_PER_M how many shares there are in a
    metre. SLAB_LOW and SLABS_PER_M say where `road_slabs` begin and how thick they are.
    """
    outer, inner = (circuit.left, circuit.right) if circuit.clockwise else (circuit.right, circuit.left)
    rows = np.empty((len(circuit.centre), 24))
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
    shares = np.arange(len(rows)) * (circuit.length_m / len(rows)) - 1e-9
    rows[:, EVENLY] = np.maximum(np.searchsorted(circuit.along_m[:-1], shares, side="right") - 1, 0)
    rows[:, EVENLY_PER_M] = len(rows) / circuit.length_m
    low, high = outer[:, 1].min(), outer[:, 1].max()
    # A hair thicker, so that the highest point lies inside the last slab.
    rows[:, SLAB_LOW], rows[:, SLABS_PER_M] = low, len(rows) / ((high - low) * (1.0 + 1e-9))
    rows[:, CLEAR] = rows[:, SURE_LEFT] = rows[:, SURE_RIGHT] = 0.0
    clear, sure = np.zeros(len(rows)), np.zeros((len(rows), 2))
    # Read-only for the measuring too: for the compiler a writable array would be another type.
    plain = _frozen(rows.copy())
    _measure_clear(plain, _slabs(plain), clear)
    _measure_sure(plain, sure)
    # A hair less, so that rounding here can never let a wheel on a border pass.
    rows[:, CLEAR] = np.maximum(clear - 1e-9, 0.0)
    rows[:, SURE_LEFT : SURE_RIGHT + 1] = sure
    return _frozen(rows)


@lru_cache(maxsize=64)
def road_slabs(circuit: Circuit) -> IntArray:
    """Which border edges reach into each of as many level slabs as there are rows, read-only.

    The first entries, one per slab and one more, say where each slab's edges are listed in this same
    array. An edge is the number of the row it starts at, for the inner border plus the number of rows.
    """
    return _slabs(road_rows(circuit))


def _slabs(rows: FloatArray) -> IntArray:
    count = len(rows)
    y = np.stack((rows[:, OUTER_Y], rows[:, INNER_Y]))
    # The very arithmetic of `on_road`: what it finds for a point between two others lies between theirs.
    level = np.floor((y - rows[0, SLAB_LOW]) * rows[0, SLABS_PER_M])
    low = np.minimum(level, np.roll(level, -1, axis=1)).clip(0, count - 1).astype(np.int64).ravel()
    high = np.maximum(level, np.roll(level, -1, axis=1)).clip(-1, count - 1).astype(np.int64).ravel()
    slab = np.concatenate([np.arange(a, b + 1) for a, b in zip(low, high, strict=True)])
    edge = np.repeat(np.arange(2 * count), np.maximum(high - low + 1, 0))
    order = np.argsort(slab, kind="stable")
    starts = np.searchsorted(slab[order], np.arange(count + 1)) + count + 1
    slabs = np.concatenate((starts, edge[order])).astype(np.int64)
    slabs.setflags(write=False)
    return slabs


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array


@lean
def follow(road: FloatArray, x: float, y: float, start: int) -> tuple[int, float]:
    """Find the nearest segment to a point by walking from `start`, and how far along it the foot is.

    Walks on as long as something nearer comes within `LOOK_M`, both ways; looks at all of the road when
    the result is farther away than the segment's LOST.
    """
    last = len(road) - 1
    best, least = start, gap_m2(road, start, x, y)
    for way in (1, -1):
        while True:
            index = best + way
            if index > last:
                index = 0
            elif index < 0:
                index = last
            gap = gap_m2(road, index, x, y)
            if gap >= least:
                break
            best, least = index, gap
        if best != start:
            break  # the way back is the way we came
    left = (
        road[best, TANGENT_X] * (y - road[best, CENTRE_Y])
        - road[best, TANGENT_Y] * (x - road[best, CENTRE_X])
        >= 0.0
    )
    if least >= road[best, SURE_LEFT if left else SURE_RIGHT]:
        best = _look_on(road, x, y, best, least)
    return best, foot_m(road, best, x, y)


@lean
def _look_on(road: FloatArray, x: float, y: float, start: int, least: float) -> int:
    """Look for something nearer than the segment `start`, at a squared distance of `least`."""
    count = len(road)
    best = start
    for way in (1, -1):
        index, walked = start, 0.0
        for _ in range(count):
            index = (index + way) % count
            gap = gap_m2(road, index, x, y)
            if gap < least:
                best, least, walked = index, gap, 0.0
            else:
                walked += road[index, LENGTH]
                if walked >= LOOK_M:
                    break
    if least > road[best, LOST] * road[best, LOST]:
        for index in range(count):
            gap = gap_m2(road, index, x, y)
            if gap < least:
                best, least = index, gap
    return best


@lean
def find(road: FloatArray, along: float) -> int:
    """The segment at a distance from the start line, given in [0, length)."""
    last = len(road) - 1
    segment = int(road[min(int(along * road[0, EVENLY_PER_M]), last), EVENLY])
    # The first step without a branch: on an evenly sampled road nobody can foretell whether it is taken.
    segment += int(along >= road[min(segment + 1, last), ALONG]) * int(segment < last)
    while segment < last and along >= road[segment + 1, ALONG]:
        segment += 1
    return segment


@lean
def foot_m(road: FloatArray, i: int, x: float, y: float) -> float:
    """How far along segment `i` the point nearest to another one lies; reads the first five columns only."""
    along = (x - road[i, CENTRE_X]) * road[i, TANGENT_X] + (y - road[i, CENTRE_Y]) * road[i, TANGENT_Y]
    return float(min(max(along, 0.0), road[i, LENGTH]))


@lean
def gap_m2(road: FloatArray, i: int, x: float, y: float) -> float:
    """The squared distance from a point to segment `i`; reads the first five columns only."""
    reach = foot_m(road, i, x, y)
    dx = x - road[i, CENTRE_X] - reach * road[i, TANGENT_X]
    dy = y - road[i, CENTRE_Y] - reach * road[i, TANGENT_Y]
    return float(dx * dx + dy * dy)


@lean
def along_at(road: FloatArray, i: int, reach: float) -> float:
    """Distance from the start line, in [0, length), of a point `reach` along segment `i`."""
    along = float(road[i, ALONG] + reach)
    last = len(road) - 1
    if along >= road[last, ALONG] + road[last, LENGTH]:
        return 0.0
    return along


@lean
def offset_at(road: FloatArray, i: int, reach: float, x: float, y: float) -> float:
    """Signed distance of a point from its foot on segment `i`, positive to the left."""
    dx = x - road[i, CENTRE_X] - reach * road[i, TANGENT_X]
    dy = y - road[i, CENTRE_Y] - reach * road[i, TANGENT_Y]
    away = sqrt(dx * dx + dy * dy)
    return away if road[i, TANGENT_X] * dy - road[i, TANGENT_Y] * dx >= 0.0 else -away


@lean
def length_of(road: FloatArray) -> float:
    """Length of the circuit."""
    last = len(road) - 1
    return float(road[last, ALONG] + road[last, LENGTH])


@lean
def between(road: FloatArray, column: int, i: int, reach: float) -> float:
    """A column's value at a point `reach` along segment `i`, between its two rows."""
    part = reach / road[i, LENGTH]
    following = i + 1 if i + 1 < len(road) else 0
    return float(road[i, column] * (1.0 - part) + road[following, column] * part)


@lean
def heading_at(road: FloatArray, i: int, reach: float) -> float:
    """Smoothed direction of the road (not wrapped) at a point `reach` along segment `i`."""
    part = reach / road[i, LENGTH]
    return float(road[i, HEADING] * (1.0 - part) + road[i, HEADING_NEXT] * part)


@lean
def wrapped(angle: float) -> float:
    """An angle brought into (-pi, pi]."""
    if -pi < angle <= pi:
        return angle
    return pi - (pi - angle) % (2.0 * pi)


@lean
def clear(road: FloatArray, i: int, x: float, y: float) -> bool:
    """Whether a point is so near to segment `i` that it is surely on the road."""
    return bool(gap_m2(road, i, x, y) < road[i, CLEAR] * road[i, CLEAR])


@lean
def on_road(road: FloatArray, slabs: IntArray, x: float, y: float) -> bool:
    """Whether a point lies strictly inside the outer and outside the inner border, by winding number.

    Only edges that reach the point's height count for that, so only those of its slab are looked at.
    """
    count = len(road)
    level = (y - road[0, SLAB_LOW]) * road[0, SLABS_PER_M]
    if not 0.0 <= level < count:
        return False
    slab = int(level)
    outer, inner = 0, 0
    for k in range(slabs[slab], slabs[slab + 1]):
        i = slabs[k]
        column = OUTER_X
        if i >= count:
            i, column = i - count, INNER_X
        n = i + 1 if i + 1 < count else 0
        ay, by = road[i, column + 1], road[n, column + 1]
        if (ay <= y) == (by <= y) and ay != y:
            continue
        ax, bx = road[i, column], road[n, column]
        side = (bx - ax) * (y - ay) - (x - ax) * (by - ay)
        crossing = 0
        if side == 0.0:
            if min(ax, bx) <= x <= max(ax, bx) and min(ay, by) <= y <= max(ay, by):
                return False
        elif ay <= y and by > y:
            crossing = 1 if side > 0.0 else 0
        elif ay > y and by <= y:
            crossing = -1 if side < 0.0 else 0
        if column == OUTER_X:
            outer += crossing
        else:
            inner += crossing
    return bool(outer * road[0, AROUND] > 0.0 and inner * road[0, AROUND] <= 0.0)


@lean
def _measure_clear(rows: FloatArray, slabs: IntArray, clear: FloatArray) -> None:
    """Find the distance of every segment to the nearest border edge; 0 stays where it is off the road."""
    count = len(rows)
    for i in range(count):
        if on_road(rows, slabs, rows[i, CENTRE_X], rows[i, CENTRE_Y]):
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


@lean
def _measure_sure(rows: FloatArray, sure: FloatArray) -> None:
    """Find, for either side of every segment, how far a point may be that is surely nearest to it.

    A point at distance d in direction n from its foot c has nothing nearer than d within a stretch of
    road if no point q of it lies in the circle through c around a point that far off along n, that is,
    if d ≤ |q - c|² / 2 n·(q - c). The foot lies on the segment, and then n is its normal, or at one of
    its ends, and then n lies between its normal and its neighbour's.
    """
    count = len(rows)
    for i in range(count):
        before, after = (i - 1) % count, (i + 1) % count
        least_cos = min(
            rows[i, TANGENT_X] * rows[before, TANGENT_X] + rows[i, TANGENT_Y] * rows[before, TANGENT_Y],
            rows[i, TANGENT_X] * rows[after, TANGENT_X] + rows[i, TANGENT_Y] * rows[after, TANGENT_Y],
        )
        sure[i, :] = 0.0
        if least_cos < 0.81:
            continue  # a corner too sharp for the factor below
        limit = sure[i]
        limit[:] = rows[i, LOST]
        for way in (1, -1):
            j, walked, steps = i + way, rows[(i + way) % count, LENGTH], 1
            while walked < LOOK_M and steps < count - 2:
                j, steps = j + way, steps + 1
                pieces = 8 if steps <= 4 else 1
                for piece in range(pieces):
                    _limit_sure(rows, i, j % count, piece, pieces, limit)
                walked += rows[j % count, LENGTH]
        # Two normals half as steep apart as the sharpest corner make one at most 1/0.95 as long.
        limit[0], limit[1] = (0.95 * limit[0]) ** 2, (0.95 * limit[1]) ** 2


@lean
def _limit_sure(rows: FloatArray, i: int, j: int, piece: int, pieces: int, limit: FloatArray) -> None:
    """Lower the limits on both sides of segment i to what a piece of segment j allows."""
    count = len(rows)
    n = (i + 1) % count
    start, end = rows[j, LENGTH] * piece / pieces, rows[j, LENGTH] * (piece + 1) / pieces
    ax, ay = rows[j, CENTRE_X] + start * rows[j, TANGENT_X], rows[j, CENTRE_Y] + start * rows[j, TANGENT_Y]
    bx, by = rows[j, CENTRE_X] + end * rows[j, TANGENT_X], rows[j, CENTRE_Y] + end * rows[j, TANGENT_Y]
    x, y, nx, ny = rows[i, CENTRE_X], rows[i, CENTRE_Y], rows[n, CENTRE_X], rows[n, CENTRE_Y]
    for which in (-1, 0, 1):
        k = (i + which) % count
        if which < 0:
            gap, cx, cy = _to_segment(x, y, ax, ay, bx, by), x, y
        elif which > 0:
            gap, cx, cy = _to_segment(nx, ny, ax, ay, bx, by), nx, ny
        else:
            gap, cx, cy = _between(x, y, nx, ny, ax, ay, bx, by), x, y
        a = rows[k, TANGENT_X] * (ay - cy) - rows[k, TANGENT_Y] * (ax - cx)
        b = rows[k, TANGENT_X] * (by - cy) - rows[k, TANGENT_Y] * (bx - cx)
        if max(a, b) > 0.0:
            limit[0] = min(limit[0], gap * gap / (2.0 * max(a, b)))
        if min(a, b) < 0.0:
            limit[1] = min(limit[1], gap * gap / (-2.0 * min(a, b)))


@lean
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


@lean
def _to_segment(x: float, y: float, ax: float, ay: float, bx: float, by: float) -> float:
    dx, dy = bx - ax, by - ay
    long2 = dx * dx + dy * dy
    part = 0.0
    if long2 > 0.0:
        part = min(max(((x - ax) * dx + (y - ay) * dy) / long2, 0.0), 1.0)
    return sqrt((x - ax - part * dx) ** 2 + (y - ay - part * dy) ** 2)
