"""Where closed lines touch or cross themselves and each other.

Pure: numpy only.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]

# Segments are compared in groups whose boxes overlap; that keeps a long circuit from costing N².
_GROUP = 32


def self_crossings(ring: FloatArray, *, most: int = 1000) -> list[tuple[int, int]]:
    """Pairs (i, j), i < j, of segments of a closed line that touch although they are not neighbours.

    Neighbouring segments count if the line turns straight back at the row between them. Repeated rows
    are one row. Segment i runs from row i to the next different row.

    Args:
        ring: Shape (N, 2), without a repeated closing row.
        most: Stop after this many.
    """
    rows, points = _distinct(ring)
    if len(points) < 3:
        return [(0, 0)]
    found = [(int(rows[i - 1]), int(rows[i])) for i in _spikes(points)]
    count = len(points)
    for i, j in _touching(points, points, same=True):
        apart = np.minimum(np.mod(j - i, count), np.mod(i - j, count)) > 1
        found += [(int(rows[a]), int(rows[b])) for a, b in zip(i[apart], j[apart], strict=True)]
        if len(found) >= most:
            break
    return sorted((min(pair), max(pair)) for pair in found[:most])


def crossings(first: FloatArray, second: FloatArray) -> tuple[int, int] | None:
    """A pair of segments (of the first, of the second closed line) that touch, or None."""
    rows, points = _distinct(first)
    other_rows, other_points = _distinct(second)
    for i, j in _touching(points, other_points, same=False):
        if i.size:
            return int(rows[i[0]]), int(other_rows[j[0]])
    return None


def _distinct(ring: FloatArray) -> tuple[IntArray, FloatArray]:
    """The rows that differ from the one before, and their points."""
    rows = np.flatnonzero((ring != np.roll(ring, 1, axis=0)).any(axis=1))
    return rows, ring[rows]


def _spikes(points: FloatArray) -> IntArray:
    """Rows at which the line turns straight back."""
    incoming = points - np.roll(points, 1, axis=0)
    outgoing = np.roll(points, -1, axis=0) - points
    cross = incoming[:, 0] * outgoing[:, 1] - incoming[:, 1] * outgoing[:, 0]
    return np.flatnonzero((cross == 0) & ((incoming * outgoing).sum(axis=1) < 0))


def _touching(first: FloatArray, second: FloatArray, *, same: bool) -> Iterator[tuple[IntArray, IntArray]]:
    """Indices of touching segments, a batch per pair of groups; each pair once where both lines are one."""
    ends = np.roll(first, -1, axis=0), np.roll(second, -1, axis=0)
    low, high = _boxes(first, ends[0])
    other_low, other_high = _boxes(second, ends[1])
    for group in range(len(low)):
        near = (low[group] <= other_high).all(axis=1) & (other_low <= high[group]).all(axis=1)
        if same:
            near[:group] = False
        i = np.arange(group * _GROUP, min((group + 1) * _GROUP, len(first)))
        for other in np.flatnonzero(near).tolist():
            j = np.arange(other * _GROUP, min((other + 1) * _GROUP, len(second)))
            left, right = (side.ravel() for side in np.meshgrid(i, j, indexing="ij"))
            if same:
                left, right = left[left < right], right[left < right]
            hit = _meet(first[left], ends[0][left], second[right], ends[1][right])
            if hit.any():
                yield left[hit], right[hit]


def _boxes(start: FloatArray, end: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lower and upper corners of the boxes around each group of segments."""
    begins = np.arange(0, len(start), _GROUP)
    low = np.minimum.reduceat(np.minimum(start, end), begins, axis=0)
    high = np.maximum.reduceat(np.maximum(start, end), begins, axis=0)
    return low, high


def _meet(a: FloatArray, b: FloatArray, c: FloatArray, d: FloatArray) -> NDArray[np.bool_]:
    """Whether segments a-b and c-d have a point in common, ends included."""
    apart = (np.minimum(a, b) > np.maximum(c, d)).any(axis=1) | (np.minimum(c, d) > np.maximum(a, b)).any(
        axis=1
    )
    sides_of_first = _side(a, b, c) * _side(a, b, d) <= 0
    sides_of_second = _side(c, d, a) * _side(c, d, b) <= 0
    return np.asarray(~apart & sides_of_first & sides_of_second, dtype=np.bool_)


def _side(a: FloatArray, b: FloatArray, point: FloatArray) -> FloatArray:
    along, away = b - a, point - a
    return np.asarray(np.sign(along[:, 0] * away[:, 1] - along[:, 1] * away[:, 0]), dtype=np.float64)
