"""The borders of a circuit as walls, sorted into a grid so that a beam finds the one it meets at once.

Pure, and exact: a cell of the grid knows the border segments that touch it; an empty one how large a
square beginning with it is empty in each of the four diagonal directions, so that a beam jumps over open
road and is then cut with the segments themselves.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil, floor, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import compiled
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

CELL_M = 0.05
"""Size of a cell: a fraction of a road's width, near the length of a border's segments."""
MOST_CELLS = 4_000_000
"""Larger circuits get larger cells."""
MANY, BUNDLE, LEAST_WAY = 256, 12, 1.0
"""So many beams are close enough to go the first part of their way in bundles of so many, for as long as a
step of theirs is so many cells at least."""
_MARGIN = 1e-5
# In cells. A segment also belongs to cells that it misses by no more than this, so that it does not
# matter on which side of a cell's edge rounding puts a beam.
_ROUNDING = 1e-9


class Walls(NamedTuple):
    """The grid. Lengths are in cells, from the grid's corner."""

    corner_x_m: float
    corner_y_m: float
    cell_m: float
    empty: NDArray[np.uint8]
    """Side of the empty square that a cell is a corner of, 0 for a cell with a wall; shape (4, rows,
    columns), for squares to the north-east, north-west, south-east and south-west."""
    around: NDArray[np.uint8]
    """The least of the four: so many cells less one are empty around a cell to all sides; shape (rows,
    columns)."""
    first: NDArray[np.int32]
    """Where a cell's segments start in `segments`, cell by cell, and where the last one's end."""
    segments: FloatArray
    """Start (x, y) and extent (x, y) of segments, cell by cell, shape (n, 4)."""


@lru_cache(maxsize=64)
def walls_of(circuit: Circuit) -> Walls:
    """The borders of a circuit, made once."""
    return build_walls([circuit.left, circuit.right])


def build_walls(rings: list[FloatArray]) -> Walls:
    """Sort closed lines into a grid; each is an array of shape (N, 2) without a repeated closing row."""
    starts = np.concatenate(rings)
    ends = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    # A cell of room all around, for what belongs to a cell by the margin only.
    low, high = starts.min(axis=0), starts.max(axis=0)
    cell_m = max(CELL_M, sqrt(float(np.prod(high - low + 2 * CELL_M)) / MOST_CELLS))
    corner = low - cell_m
    columns, rows = (ceil(extent) + 1 for extent in ((high - corner) / cell_m + 1.0).tolist())
    lines = np.ascontiguousarray(np.hstack(((starts - corner) / cell_m, (ends - starts) / cell_m)))
    first = np.zeros(rows * columns + 1, dtype=np.int32)
    _count(lines, columns, first)
    segments = np.empty((int(first[-1]), 4))
    _sort(lines, columns, first.copy(), segments)
    empty = np.zeros((4, rows, columns), dtype=np.uint8)
    _spread(np.diff(first).reshape(rows, columns) > 0, empty)
    around = empty.min(axis=0)
    for array in (empty, around, first, segments):
        array.setflags(write=False)
    return Walls(float(corner[0]), float(corner[1]), cell_m, empty, around, first, segments)


@compiled
def _touches(line: FloatArray, column: int, row: int) -> bool:
    """Whether a segment touches a cell, given that their bounding boxes do."""
    x, y = column + 0.5 - line[0], row + 0.5 - line[1]
    room = (0.5 + _MARGIN) * (abs(line[2]) + abs(line[3]))
    return bool(abs(line[2] * y - line[3] * x) <= room)


@compiled
def _box(line: FloatArray) -> tuple[int, int, int, int]:
    x, y = line[0] + line[2], line[1] + line[3]
    return (
        floor(min(line[0], x) - _MARGIN),
        floor(max(line[0], x) + _MARGIN),
        floor(min(line[1], y) - _MARGIN),
        floor(max(line[1], y) + _MARGIN),
    )


@compiled
def _count(lines: FloatArray, columns: int, first: NDArray[np.int32]) -> None:
    for k in range(len(lines)):
        west, east, south, north = _box(lines[k])
        for row in range(south, north + 1):
            for column in range(west, east + 1):
                if _touches(lines[k], column, row):
                    first[row * columns + column + 1] += 1
    for cell in range(1, len(first)):
        first[cell] += first[cell - 1]


@compiled
def _sort(lines: FloatArray, columns: int, free: NDArray[np.int32], segments: FloatArray) -> None:
    for k in range(len(lines)):
        west, east, south, north = _box(lines[k])
        for row in range(south, north + 1):
            for column in range(west, east + 1):
                if _touches(lines[k], column, row):
                    segments[free[row * columns + column]] = lines[k]
                    free[row * columns + column] += 1


@compiled
def _spread(wall: NDArray[np.bool_], empty: NDArray[np.uint8]) -> None:
    """Find the empty squares: one larger than the least of those that begin at the three cells beyond."""
    rows, columns = wall.shape
    for quadrant in range(4):
        east, north = 1 - 2 * (quadrant & 1), 1 - (quadrant & 2)
        squares = empty[quadrant]
        for down in range(rows):
            row = rows - 1 - down if north > 0 else down
            for back in range(columns):
                column = columns - 1 - back if east > 0 else back
                if wall[row, column]:
                    squares[row, column] = 0
                elif back == 0 or down == 0:
                    squares[row, column] = 1
                else:
                    beyond = min(squares[row + north, column], squares[row, column + east])
                    squares[row, column] = min(min(beyond, squares[row + north, column + east]), 254) + 1


@compiled
def shorten(
    reach: FloatArray, walls: Walls, x_m: float, y_m: float, c: float, q: float, directions: FloatArray
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
        directions: Cosine and sine of every beam's angle, shape (beams, 2); of many beams the angles grow
            evenly.
    """
    empty, around, first, segments = walls.empty, walls.around, walls.first, walls.segments
    _, rows, columns = empty.shape
    x, y = (x_m - walls.corner_x_m) / walls.cell_m, (y_m - walls.corner_y_m) / walls.cell_m
    inside = 0.0 <= x < columns and 0.0 <= y < rows
    together = inside and len(reach) >= MANY
    step = directions[0, 0] * directions[1, 1] - directions[0, 1] * directions[1, 0] if together else 0.0
    common = 0.0
    for beam in range(len(reach)):
        if together and beam % BUNDLE == 0:
            # How far a bundle goes before any of its beams can meet anything: around a point on the middle
            # one a square is empty, in which they stay for as long as they have not spread too far.
            middle = min(beam + BUNDLE // 2, len(reach) - 1)
            ux = directions[middle, 0] * c - directions[middle, 1] * q
            uy = directions[middle, 0] * q + directions[middle, 1] * c
            spread, common = 1.001 * abs(step) * (BUNDLE // 2), 0.0
            while True:
                room = around[int(y + common * uy), int(x + common * ux)] - 1.0
                further = (room - spread * common) / (1.0 + spread) - _ROUNDING
                if further < LEAST_WAY:
                    break
                common += further
        ux = directions[beam, 0] * c - directions[beam, 1] * q
        uy = directions[beam, 0] * q + directions[beam, 1] * c
        best = reach[beam] / walls.cell_m
        gone = common if inside else _enter(x, y, ux, uy, columns, rows)
        if not gone < best:
            continue
        column = min(max(int(x + gone * ux), 0), columns - 1)
        row = min(max(int(y + gone * uy), 0), rows - 1)
        east, north = ux >= 0.0, uy >= 0.0
        quadrant = (0 if east else 1) + (0 if north else 2)
        # A way of 0 never leaves through that side: the quotients below are infinite then.
        over_x, over_y = 1.0 / abs(ux), 1.0 / abs(uy)
        while True:
            side = int(empty[quadrant, row, column])
            if side == 0:
                cell = row * columns + column
                for k in range(first[cell], first[cell + 1]):
                    ax, ay, ex, ey = segments[k, 0] - x, segments[k, 1] - y, segments[k, 2], segments[k, 3]
                    best = min(best, _meet(ax, ay, ex, ey, ux, uy))
                side = 1
            # The beam leaves the square of empty cells, or the cell, through the nearer of its far edges.
            beyond_x = column + side if east else column - side
            beyond_y = row + side if north else row - side
            leaves_x = (beyond_x - x if east else x - beyond_x - 1.0) * over_x
            leaves_y = (beyond_y - y if north else y - beyond_y - 1.0) * over_y
            gone = min(leaves_x, leaves_y)
            # Also when both are infinite, or not numbers because a beam of no way starts on an edge.
            if not gone < best:
                break
            if leaves_x < leaves_y:
                across = int(y + gone * uy)
                row = min(max(across, row), beyond_y - 1) if north else max(min(across, row), beyond_y + 1)
                column = beyond_x
            else:
                across = int(x + gone * ux)
                column = (
                    min(max(across, column), beyond_x - 1) if east else max(min(across, column), beyond_x + 1)
                )
                row = beyond_y
            if not (0 <= column < columns and 0 <= row < rows):
                break
        reach[beam] = best * walls.cell_m


@compiled
def _enter(x: float, y: float, ux: float, uy: float, columns: int, rows: int) -> float:
    """How far a beam that starts outside the grid goes before it enters; infinite if it never does."""
    near_x, far_x = _between(x, ux, columns)
    near_y, far_y = _between(y, uy, rows)
    near, far = max(near_x, near_y, 0.0), min(far_x, far_y)
    return near if near <= far else np.inf


@compiled
def _between(start: float, way: float, end: float) -> tuple[float, float]:
    """Between which distances a beam is between 0 and `end`, along one axis."""
    if way == 0.0:
        return (0.0, np.inf) if 0.0 <= start < end else (np.inf, 0.0)
    one, other = -start / way, (end - start) / way
    return min(one, other), max(one, other)


@compiled
def _meet(ax: float, ay: float, ex: float, ey: float, ux: float, uy: float) -> float:
    """Distance from (0, 0) in the direction u to the segment from a of extent e; infinite if not met."""
    cross = ux * ey - uy * ex
    along = ax * uy - ay * ux
    if cross == 0.0:
        # Along the segment's own line: standing on it is meeting it; else its neighbours' ends count.
        start = ax * ux + ay * uy
        return 0.0 if along == 0.0 and start * (start + ex * ux + ey * uy) <= 0.0 else np.inf
    # As the quotients along / cross and distance / cross, but divided only if the beam meets it.
    sign = 1.0 if cross > 0.0 else -1.0
    cross, along, distance = cross * sign, along * sign, (ax * ey - ay * ex) * sign
    if along < -_ROUNDING * cross or along > (1.0 + _ROUNDING) * cross or distance < -_ROUNDING * cross:
        return np.inf
    return float(max(distance / cross, 0.0))
