"""Lane lines: half-way between the centre line and a border, as kernels follow them.

Pure, compiled. A place on a lane is a distance along the centre line and a number: 1 on the left lane line,
-1 on the right one, 0 on the centre line, and between them too.
"""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import lean
from league.track.circuit import Circuit
from league.track.exact import length

FloatArray = NDArray[np.float64]

# Columns of a row: how far along it is, the points of centre line and borders, and how far it has been to
# here on the centre line and on either lane line.
ALONG, CENTRE_X, CENTRE_Y, LEFT_X, LEFT_Y, RIGHT_X, RIGHT_Y, GONE, GONE_LEFT, GONE_RIGHT = range(10)
LINE_ROW = 10


@lru_cache(maxsize=64)
def line_rows(circuit: Circuit) -> FloatArray:
    """The rows of a circuit's lane lines, shape (N + 1, 10), the first repeated at the end; read-only."""
    ends = np.r_[0 : len(circuit.centre), 0]
    rows = np.empty((len(ends), LINE_ROW))
    rows[:, ALONG] = circuit.along_m
    for column, points in ((CENTRE_X, circuit.centre), (LEFT_X, circuit.left), (RIGHT_X, circuit.right)):
        rows[:, column : column + 2] = points[ends]
    lanes = (circuit.centre, (circuit.centre + circuit.left) / 2, (circuit.centre + circuit.right) / 2)
    for column, lane in enumerate(lanes, GONE):
        rows[:, column] = np.concatenate(([0.0], np.cumsum(length(np.diff(lane[ends], axis=0)))))
    rows.setflags(write=False)
    return rows


@lean
def point(lines: FloatArray, along: float, lane: float) -> tuple[float, float]:
    """The point of a lane beside a place of the centre line; any distance along."""
    row, part = _find(lines, along)
    border = LEFT_X if lane > 0.0 else RIGHT_X
    share = abs(lane) / 2.0
    x = lines[row, CENTRE_X] + share * (lines[row, border] - lines[row, CENTRE_X])
    y = lines[row, CENTRE_Y] + share * (lines[row, border + 1] - lines[row, CENTRE_Y])
    row += 1
    next_x = lines[row, CENTRE_X] + share * (lines[row, border] - lines[row, CENTRE_X])
    next_y = lines[row, CENTRE_Y] + share * (lines[row, border + 1] - lines[row, CENTRE_Y])
    return x + part * (next_x - x), y + part * (next_y - y)


@lean
def offset(lines: FloatArray, along: float, lane: float) -> float:
    """How far that point is to the left of the centre line."""
    cx, cy = point(lines, along, 0.0)
    x, y = point(lines, along, lane)
    away = sqrt((x - cx) * (x - cx) + (y - cy) * (y - cy))
    return away if lane > 0.0 else -away


@lean
def ahead(lines: FloatArray, here: float, there: float, lane: float) -> float:
    """How far ahead one place is of another on the way along a lane; negative if it is nearer behind.

    Args:
        lines: The rows.
        here: Distance of the one along the centre line.
        there: That of the other.
        lane: As of `point`.
    """
    column = GONE_LEFT if lane > 0.0 else GONE_RIGHT
    share, last = abs(lane), len(lines) - 1
    whole = lines[last, GONE] + share * (lines[last, column] - lines[last, GONE])
    away = _gone(lines, there, column, share) - _gone(lines, here, column, share)
    return float((away + whole / 2.0) % whole - whole / 2.0)


@lean
def _gone(lines: FloatArray, along: float, column: int, share: float) -> float:
    row, part = _find(lines, along)
    centre = lines[row, GONE] + part * (lines[row + 1, GONE] - lines[row, GONE])
    beside = lines[row, column] + part * (lines[row + 1, column] - lines[row, column])
    return float(centre + share * (beside - centre))


@lean
def _find(lines: FloatArray, along: float) -> tuple[int, float]:
    """The row before a place, and the place's share of the way to the next one."""
    low, high = 0, len(lines) - 1
    along = along % lines[high, ALONG]
    while high - low > 1:
        middle = (low + high) // 2
        if lines[middle, ALONG] <= along:
            low = middle
        else:
            high = middle
    return low, (along - lines[low, ALONG]) / (lines[low + 1, ALONG] - lines[low, ALONG])
