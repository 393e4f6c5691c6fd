"""Borders from a centre line and widths, without the folds that a plain offset makes inside a hairpin.

Pure: numpy only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from league.track.exact import length

FloatArray = NDArray[np.float64]

# A fold lies inside one corner, so the road that belongs to it is no longer than half a circle of that width.
_FOLD_REACH = np.pi
_MOST_ROWS = 400


def normals(centre: FloatArray) -> FloatArray:
    """Unit vectors to the left of a closed line, half-way between the segments at each row; shape (N, 2)."""
    step = np.roll(centre, -1, axis=0) - centre
    tangent = step / length(step)[:, None]
    both = tangent + np.roll(tangent, 1, axis=0)
    size = length(both)[:, None]
    # Where the line turns straight back the two directions cancel; the outgoing one is as good as any.
    both = np.where(size > 1e-9, both / np.maximum(size, 1e-9), tangent)
    return np.stack((-both[:, 1], both[:, 0]), axis=-1)


def offset_borders(
    centre: FloatArray, normal: FloatArray, left_m: FloatArray, right_m: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Left and right border of a closed centre line, row by row.

    Inside a corner tighter than the road is wide, an offset line runs backwards and crosses itself. The
    rows of such a fold are all moved to the point where it crosses: the road is narrower there, as it
    is in the world, and the borders stay simple.

    Args:
        centre: Shape (N, 2), without a repeated closing row.
        normal: Unit vectors to the left, shape (N, 2).
        left_m: Distance to the left border at each row, shape (N,).
        right_m: Distance to the right border at each row, shape (N,).
    """
    left = _unfolded(centre, centre + left_m[:, None] * normal, left_m)
    right = _unfolded(centre, centre - right_m[:, None] * normal, right_m)
    return left, right


def _unfolded(centre: FloatArray, border: FloatArray, width_m: FloatArray) -> FloatArray:
    """The border with every fold gathered in the point where it crosses itself."""
    step = np.roll(centre, -1, axis=0) - centre
    border_step = np.roll(border, -1, axis=0) - border
    backward = (step * border_step).sum(axis=1) < 0
    if not backward.any() or backward.all():
        return border
    segment_m = length(step)
    unfolded = border.copy()
    for first, last in _runs(backward):
        rows = np.arange(first, last + 2) % len(border)
        reach_m = _FOLD_REACH * float(width_m[rows].max())
        before = _rows_within(segment_m, first - 1, -1, reach_m)
        after = _rows_within(segment_m, last + 1, +1, reach_m)
        crossing = _first_crossing(border, before, after)
        if crossing is not None:
            start, end, point = crossing
            unfolded[np.arange(start + 1, end + 1) % len(border)] = point
    return unfolded


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of every run of True around a ring; the last may be beyond the ring's end."""
    size = len(flags)
    starts = np.flatnonzero(flags & ~np.roll(flags, 1))
    return [(int(start), int(start + _run_length(flags, int(start), size) - 1)) for start in starts]


def _run_length(flags: NDArray[np.bool_], start: int, size: int) -> int:
    ahead = np.roll(flags, -start)
    ends = np.flatnonzero(~ahead)
    return int(ends[0]) if ends.size else size


def _rows_within(segment_m: FloatArray, start: int, way: int, reach_m: float) -> list[int]:
    """Segments from `start` on, one way around the ring, until they add up to `reach_m`."""
    rows: list[int] = []
    gone_m = 0.0
    while gone_m < reach_m and len(rows) < min(len(segment_m) // 3, _MOST_ROWS):
        rows.append(start + way * len(rows))
        gone_m += float(segment_m[rows[-1] % len(segment_m)])
    return rows


def _first_crossing(
    ring: FloatArray, before: list[int], after: list[int]
) -> tuple[int, int, FloatArray] | None:
    """The crossing of a segment before a fold and one after it that spans the fewest rows."""
    if not before or not after:
        return None
    size = len(ring)
    i, j = np.array(before)[:, None], np.array(after)[None, :]
    a, b = ring[i % size], ring[(i + 1) % size]
    c, d = ring[j % size], ring[(j + 1) % size]
    along, across, between = b - a, d - c, c - a
    area = along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]
    safe = np.where(area == 0, 1.0, area)
    on_first = (between[..., 0] * across[..., 1] - between[..., 1] * across[..., 0]) / safe
    on_second = (between[..., 0] * along[..., 1] - between[..., 1] * along[..., 0]) / safe
    crosses = (area != 0) & (on_first >= 0) & (on_first <= 1) & (on_second >= 0) & (on_second <= 1)
    if not crosses.any():
        return None
    span = np.where(crosses, j - i, np.iinfo(np.int64).max)
    row, column = np.unravel_index(int(span.argmin()), span.shape)
    start, end = before[int(row)], after[int(column)]
    point = ring[start % size] + on_first[row, column] * (ring[(start + 1) % size] - ring[start % size])
    return start, end, point
