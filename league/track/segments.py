"""Roads laid out of straights and arcs: closing the loop, and sampling it into a centre line and borders.

Pure: numpy only. No files.

Closing
    Written figures are rounded, so the end of the last segment misses the start by a little. Every
    radius is kept as written; the lengths of the straights and arcs are changed so that the loop closes
    in place and heading, with the smallest sum of squared relative changes. The gap that may be closed
    in this way is bounded by `GAP_M` and `GAP_RAD`.

Sampling
    Rows lie on the exact curve. On an arc they are so close that the polyline strays from it by at most
    `SAGITTA_M`, which makes the polyline shorter than the arc by less than one part in 10 000 for radii
    of 0.4 m or more (measured: 0.6 mm on 16.6 m). The start line is row 0, at (0, 0), heading along +x.

Widths
    Where two segments differ in width, it changes along a smooth step over `BLEND_M`, half of it on
    either side of the joint, or over half the shorter segment on each side if that is less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import atan2, ceil, cos, degrees, hypot, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError
from league.track.borders import offset_borders

FloatArray = NDArray[np.float64]

GAP_M = 0.05
GAP_RAD = pi / 180
SAGITTA_M = 1e-4
BLEND_M = 1.5
MAX_ROWS = 20_000
ROAD_DIGITS = 6
"""Decimals of a road's coordinates in metres: to the micrometre."""
_STRAIGHT_STEP_M = 0.2
_BLEND_STEP_M = 0.06
_SNAP_M = 1e-6


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of road with one curvature, positive to the left and 0 for a straight."""

    length_m: float
    curvature_per_m: float
    left_m: float
    """Width from the centre line to the left border."""
    right_m: float

    @property
    def turn_rad(self) -> float:
        """How far the road turns along the segment, positive to the left."""
        return self.length_m * self.curvature_per_m


@dataclass(frozen=True, slots=True)
class Road:
    """A closed road as rows, the start line first; arrays of shape (N, 2)."""

    centre: FloatArray
    left: FloatArray
    right: FloatArray


def straight(length_m: float, *, left_m: float, right_m: float) -> Segment:
    """A straight."""
    return Segment(length_m, 0.0, left_m, right_m)


def arc(radius_m: float, turn_rad: float, *, left_m: float, right_m: float) -> Segment:
    """An arc; `turn_rad` is positive to the left, the radius is the centre line's."""
    return Segment(abs(turn_rad) * radius_m, (1.0 if turn_rad > 0 else -1.0) / radius_m, left_m, right_m)


def close(segments: Sequence[Segment], *, source: str) -> list[Segment]:
    """The same segments with lengths changed so that the loop closes exactly.

    Raises:
        CircuitError: The loose end is further away than `GAP_M` or `GAP_RAD`, or no small change of the
            lengths closes the loop.
    """
    written = np.array([segment.length_m for segment in segments])
    curvature = np.array([segment.curvature_per_m for segment in segments])
    total = float((written * curvature).sum())
    turns_rad = 2 * pi * round(total / (2 * pi))
    ends = _ends(written, curvature)
    gap_m, gap_rad = hypot(ends[-1, 0], ends[-1, 1]), total - turns_rad
    if gap_m > GAP_M or abs(gap_rad) > GAP_RAD:
        raise CircuitError(
            source,
            f"the loop does not close: the last segment ends {gap_m:.3f} m from the start "
            f"({ends[-1, 0]:+.3f} m along the first heading, {ends[-1, 1]:+.3f} m to its left) and "
            f"{degrees(gap_rad):+.2f}° off its heading; "
            f"expected at most {GAP_M} m and {degrees(GAP_RAD):.0f}°",
        )
    change = np.zeros(len(written))
    for _ in range(30):
        lengths = written * (1 + change)
        ends = _ends(lengths, curvature)
        gap = np.array([ends[-1, 0], ends[-1, 1], float((lengths * curvature).sum()) - turns_rad])
        if np.abs(gap).max() < 1e-12:
            break
        slope = _slope(ends, curvature) * written
        change = np.linalg.lstsq(slope, slope @ change - gap, rcond=1e-10)[0]
    if np.abs(gap).max() > 1e-9 or np.abs(change).max() > 0.5:
        raise CircuitError(
            source,
            f"the loop misses its start by {gap_m:.3f} m and {degrees(gap_rad):+.2f}°, "
            "and no small change of the segments' lengths closes it",
        )
    return [replace(segment, length_m=float(new)) for segment, new in zip(segments, lengths, strict=True)]


def lay(segments: Sequence[Segment], *, start_m: float = 0.0, source: str) -> Road:
    """Close a loop of segments and sample it, beginning at the start line.

    Args:
        segments: In the order of travel.
        start_m: Distance of the start line from the beginning of the first segment.
        source: What an error names.

    Raises:
        CircuitError: The loop does not close, or would take more than `MAX_ROWS` rows.
    """
    closed = close(segments, source=source)
    length_m = sum(segment.length_m for segment in closed)
    start_m = start_m % length_m
    along = _rows(closed, start_m, source=source)
    left_m, right_m = _widths(closed, along)
    x, y, heading = _poses(closed, along)
    normal = np.stack((-np.sin(heading), np.cos(heading)), axis=-1)
    centre = np.stack((x, y), axis=-1)
    centre, normal = _from_start(centre, normal)
    rows = (centre, *offset_borders(centre, normal, left_m, right_m))
    # Sines and solved equations differ in their last bits from machine to machine; roads must not.
    return Road(*(np.round(row, ROAD_DIGITS) + 0.0 for row in rows))


# -- inside ------------------------------------------------------------------------------------


def _ends(lengths: FloatArray, curvature: FloatArray) -> FloatArray:
    """Where each segment ends (x, y, heading), from (0, 0) along +x; shape (n, 3)."""
    ends = np.empty((len(lengths), 3))
    x = y = heading = 0.0
    for row, (length, bend) in enumerate(zip(lengths, curvature, strict=True)):
        x, y, heading = _advance(x, y, heading, float(length), float(bend))
        ends[row] = x, y, heading
    return ends


def _advance(x: float, y: float, heading: float, length: float, bend: float) -> tuple[float, float, float]:
    if bend == 0.0:
        return x + length * cos(heading), y + length * sin(heading), heading
    after = heading + bend * length
    return x + (sin(after) - sin(heading)) / bend, y - (cos(after) - cos(heading)) / bend, after


def _slope(ends: FloatArray, curvature: FloatArray) -> FloatArray:
    """How the last end (x, y, heading) moves per metre added to each segment; shape (3, n).

    A longer segment pushes the rest along its end heading and, if it bends, swings it about its end.
    """
    arm = ends[-1, :2] - ends[:, :2]
    return np.stack(
        (
            np.cos(ends[:, 2]) - curvature * arm[:, 1],
            np.sin(ends[:, 2]) + curvature * arm[:, 0],
            curvature,
        )
    )


def _rows(segments: Sequence[Segment], start_m: float, *, source: str) -> FloatArray:
    """Distances from the beginning of the first segment at which to place rows, the start line first."""
    along: list[FloatArray] = []
    begin = 0.0
    count = 0
    for index, segment in enumerate(segments):
        step = _step_m(segments, index)
        end = begin + segment.length_m
        inside = begin + _SNAP_M < start_m < end - _SNAP_M
        for low, high in ((begin, start_m), (start_m, end)) if inside else ((begin, end),):
            pieces = max(1, ceil((high - low) / step - 1e-9))
            count += pieces
            if count > MAX_ROWS:
                raise CircuitError(source, f"the road is too long to sample in {MAX_ROWS} rows")
            along.append(low + (high - low) * np.arange(pieces) / pieces)
        begin = end
    rows = np.concatenate(along)
    first = int(np.abs(rows - start_m).argmin())
    return np.roll(rows, -first)


def _step_m(segments: Sequence[Segment], index: int) -> float:
    segment = segments[index]
    step = _STRAIGHT_STEP_M
    if segment.curvature_per_m:
        step = min(step, sqrt(8 * SAGITTA_M / abs(segment.curvature_per_m)))
    around = (segments[index - 1], segments[(index + 1) % len(segments)])
    if any((other.left_m, other.right_m) != (segment.left_m, segment.right_m) for other in around):
        step = min(step, _BLEND_STEP_M)
    return step


def _poses(segments: Sequence[Segment], along: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position and heading at distances along the segments, exact."""
    lengths = np.array([segment.length_m for segment in segments])
    curvature = np.array([segment.curvature_per_m for segment in segments])
    begins = np.vstack((np.zeros((1, 3)), _ends(lengths, curvature)[:-1]))
    index, inside = _segment_of(lengths, along)
    x, y, heading = begins[index].T
    bend = curvature[index]
    after = heading + bend * inside
    curved = bend != 0
    safe = np.where(curved, bend, 1.0)
    dx = np.where(curved, (np.sin(after) - np.sin(heading)) / safe, inside * np.cos(heading))
    dy = np.where(curved, -(np.cos(after) - np.cos(heading)) / safe, inside * np.sin(heading))
    return x + dx, y + dy, after


def _segment_of(lengths: FloatArray, along: FloatArray) -> tuple[NDArray[np.intp], FloatArray]:
    begin = np.concatenate(([0.0], np.cumsum(lengths)))
    index = np.clip(np.searchsorted(begin, along, side="right") - 1, 0, len(lengths) - 1)
    return index, along - begin[index]


def _widths(segments: Sequence[Segment], along: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Widths to the left and right at distances along the segments, blended at the joints."""
    lengths = np.array([segment.length_m for segment in segments])
    width = np.array([(segment.left_m, segment.right_m) for segment in segments])
    index, inside = _segment_of(lengths, along)
    before, after = index - 1, (index + 1) % len(segments)
    half_in = np.minimum(BLEND_M, np.minimum(lengths[before], lengths[index])) / 2
    half_out = np.minimum(BLEND_M, np.minimum(lengths[index], lengths[after])) / 2
    to_end = lengths[index] - inside
    coming = _smooth((inside / half_in + 1) / 2)[:, None]
    going = _smooth((1 - to_end / half_out) / 2)[:, None]
    own = width[index]
    blended = own + (width[before] - own) * (1 - coming) + (width[after] - own) * going
    return blended[:, 0], blended[:, 1]


def _smooth(part: FloatArray) -> FloatArray:
    part = np.clip(part, 0.0, 1.0)
    return np.asarray(part * part * (3 - 2 * part), dtype=np.float64)


def _from_start(centre: FloatArray, normal: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Move and turn a road so that row 0 lies at (0, 0) with its normal along +y."""
    turn = -atan2(-normal[0, 0], normal[0, 1])
    spin = np.array([[cos(turn), sin(turn)], [-sin(turn), cos(turn)]])
    return (centre - centre[0]) @ spin, normal @ spin
