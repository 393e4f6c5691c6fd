"""What is painted on the ground of a circuit, as the edges where one shade meets another.

Pure. The road is dark, a white line runs inside each border, yellow dashes along its middle; all else is
field. Each edge says what changes across it, which is all that `league.sim.picture` needs to draw it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from league.track.borders import normals, offset_borders
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
Array = TypeVar("Array", bound=NDArray[Any])

LINE_M = 0.05
"""Width of the white lines; the border is their outer edge."""
DASH_M, GAP_M, DASH_WIDTH_M = 0.20, 0.20, 0.03
"""Length of a dash, least gap between two, and a dash's width, as near as pictures of the tracks tell."""
RUN = 8
"""Edges that are looked at or passed over together."""
THIN_M = 0.0003
"""Points are left out of a line that would move by no more than this."""

# What lies to the left and to the right of an edge.
FIELD_TO_LINE, LINE_TO_ROAD, ROAD_TO_DASH = range(3)


class Paint(NamedTuple):
    """Edges, in runs of joined points; the second-named shade lies to the left of the direction of a run."""

    points: FloatArray
    """x, y, shape (n, 2)."""
    runs: IntArray
    """First point, point past the last, and which shades meet, shape (runs, 3)."""
    around: FloatArray
    """Middle and radius of a circle around each run, shape (runs, 3)."""


@lru_cache(maxsize=64)
def paint_of(circuit: Circuit) -> Paint:
    """The paint of a circuit, made once."""
    left, right = _distinct(circuit.left), _distinct(circuit.right)
    nothing, line = np.zeros(len(left)), np.full(len(left), LINE_M)
    left_inside = offset_borders(left, normals(left), nothing, line)[1]
    nothing, line = np.zeros(len(right)), np.full(len(right), LINE_M)
    right_inside = offset_borders(right, normals(right), line, nothing)[0]
    # The road lies to the left of its right border, and of its left border driven backwards.
    rings = [
        (right, FIELD_TO_LINE),
        (left[::-1], FIELD_TO_LINE),
        (right_inside, LINE_TO_ROAD),
        (left_inside[::-1], LINE_TO_ROAD),
    ]
    rings += [(dash, ROAD_TO_DASH) for dash in _dashes(circuit)]
    return _in_runs(rings)


def _distinct(ring: FloatArray) -> FloatArray:
    """A closed line without rows that repeat the one before."""
    step = ring - np.roll(ring, 1, axis=0)
    return ring[np.hypot(step[:, 0], step[:, 1]) > 1e-9]


def _dashes(circuit: Circuit) -> list[FloatArray]:
    """Rectangles along the centre line, anticlockwise; bent where it bends within one."""
    count = max(int(circuit.length_m / (DASH_M + GAP_M)), 1)
    starts = np.arange(count) * circuit.length_m / count
    dashes = []
    for start in starts:
        along = start + np.linspace(0.0, min(DASH_M, circuit.length_m / 4), 4)
        middle, heading = circuit.at(along), circuit.heading_at(along)
        aside = np.stack((-np.sin(heading), np.cos(heading)), axis=1) * DASH_WIDTH_M / 2
        dashes.append(np.concatenate((middle - aside, (middle + aside)[::-1])))
    return dashes


def _thinned(line: FloatArray) -> FloatArray:
    """A line without the points that lie next to the straight between those kept."""
    keep, start = [0], 0
    for end in range(2, len(line)):
        way = line[end] - line[start]
        between = line[start + 1 : end] - line[start]
        aside = np.abs(way[0] * between[:, 1] - way[1] * between[:, 0])
        # A long chord is cut for the sake of the check's cost, and so that runs stay small.
        if end - start > 24 or aside.max() > THIN_M * np.hypot(*way):
            start = end - 1
            keep.append(start)
    return line[[*keep, len(line) - 1]]


def _in_runs(rings: list[tuple[FloatArray, int]]) -> Paint:
    points: list[FloatArray] = []
    runs, around = [], []
    placed = 0
    for ring, shades in rings:
        closed = _thinned(np.concatenate((ring, ring[:1])))
        for start in range(0, len(closed) - 1, RUN):
            run = closed[start : start + RUN + 1]
            middle = (run.min(axis=0) + run.max(axis=0)) / 2
            radius = float(np.hypot(*(run - middle).T).max())
            points.append(run)
            runs.append((placed, placed + len(run), shades))
            around.append((*middle.tolist(), radius))
            placed += len(run)
    return Paint(_frozen(np.concatenate(points)), _frozen(np.array(runs)), _frozen(np.array(around)))


def _frozen(array: Array) -> Array:
    array.setflags(write=False)
    return array
