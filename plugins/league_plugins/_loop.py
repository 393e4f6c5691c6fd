"""Tracing a loop in an image: from free pixels to a centre line and the road's width along it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_fill_holes, distance_transform_edt, gaussian_filter1d, map_coordinates
from skimage.measure import find_contours, label

from league import CircuitError

FloatArray = NDArray[np.float64]
Mask = NDArray[np.bool_]

MAX_ROWS = 20_000
# Holes in the road smaller than this share of the infield are specks or posts, not a second way round.
_SPECK = 0.1
_INFIELD_PX = 9
# How many regions are looked at, largest first.
_REGIONS = 12
# The traced line zigzags by a fraction of a pixel; this much smoothing takes it out.
_SMOOTH_PX = 3.0
_SAMPLE_PX = 0.5
_STEP_PX = 2.0


def trace(free: Mask, *, source: str) -> tuple[FloatArray, FloatArray]:
    """The centre line of the loop of free pixels, anticlockwise on the image, and half the road's width.

    Args:
        free: Which pixels are free; row 0 is the top of the image.
        source: What an error names.

    Returns:
        Points (row, column) between pixel centres, shape (N, 2), evenly spaced; and half widths, shape
        (N,). Both in pixels.

    Raises:
        CircuitError: Not exactly one loop of free space.
    """
    road, corner = _loop(free, source)
    line, half = _centre_line(road, source)
    # Rows count downwards, so a positive area in (row, column) is anticlockwise to the eye.
    return (line + corner, half) if _area(line) > 0 else (line[::-1] + corner, half[::-1])


def _loop(free: Mask, source: str) -> tuple[Mask, FloatArray]:
    """The road cut out with a rim, holes of specks filled; and where its corner (row, column) was."""
    for region, corner in _largest(free, connectivity=1):
        shape = np.pad(region, 1)
        holes = list(_largest(binary_fill_holes(shape) & ~shape, connectivity=2))
        if not holes or holes[0][0].sum() < _INFIELD_PX:
            continue
        big = [hole for hole, _ in holes if hole.sum() > _SPECK * holes[0][0].sum()]
        if len(big) > 1:
            raise CircuitError(source, f"the free space goes around {len(big)} islands, expected one loop")
        hole, at = holes[0]
        infield = np.zeros_like(shape)
        infield[at[0] : at[0] + hole.shape[0], at[1] : at[1] + hole.shape[1]] = hole
        return binary_fill_holes(shape) & ~infield, np.array(corner) - 1.0
    raise CircuitError(source, "shows no loop of free space enclosed by walls")


def _largest(mask: Mask, *, connectivity: int) -> Iterator[tuple[Mask, tuple[int, int]]]:
    """The largest connected regions that do not reach the edge, cut out; and each one's corner."""
    numbered = label(mask, connectivity=connectivity)  # type: ignore[no-untyped-call]
    sizes = np.bincount(numbered.ravel())
    for edge in (numbered[0], numbered[-1], numbered[:, 0], numbered[:, -1]):
        sizes[edge] = 0
    sizes[0] = 0
    for number in np.argsort(-sizes, kind="stable")[:_REGIONS]:
        if sizes[number] == 0:
            return
        region = numbered == number
        rows, columns = (np.flatnonzero(region.any(axis=axis)) for axis in (1, 0))
        top, left = int(rows[0]), int(columns[0])
        yield region[top : rows[-1] + 1, left : columns[-1] + 1], (top, left)


def _centre_line(road: Mask, source: str) -> tuple[FloatArray, FloatArray]:
    """The closed line half-way between infield and outside, and half the road's width along it.

    In pixels, (row, column) of pixel centres, evenly spaced.
    """
    infield = binary_fill_holes(road) & ~road
    # From pixel centre to pixel centre, so half a pixel more than to the wall itself.
    to_infield = distance_transform_edt(~infield)
    to_outside = distance_transform_edt(road | infield)
    lines: list[FloatArray] = find_contours(to_outside - to_infield, 0.0)  # type: ignore[no-untyped-call]
    traced = [line for line in lines if np.array_equal(line[0], line[-1])]
    if not traced:
        raise CircuitError(source, "shows no loop of free space enclosed by walls")
    line = max(traced, key=lambda line: abs(_area(line[:-1])))
    line = _evenly(line[:-1], _SAMPLE_PX)
    line = np.stack(
        [gaussian_filter1d(line[:, axis], _SMOOTH_PX / _SAMPLE_PX, mode="wrap") for axis in (0, 1)], -1
    )
    line = _evenly(line, _STEP_PX)
    if not 8 <= len(line) <= MAX_ROWS:
        raise CircuitError(
            source, f"shows a loop of {len(line) * _STEP_PX:.0f} pixels, too small or too long to drive"
        )
    half = np.minimum(
        map_coordinates(to_infield, line.T, order=1), map_coordinates(to_outside, line.T, order=1)
    )
    half = gaussian_filter1d(half - 0.5, _SMOOTH_PX / _STEP_PX, mode="wrap")
    return line, np.maximum(half, 0.25)


def _evenly(ring: FloatArray, step: float) -> FloatArray:
    """Points along a closed line, about `step` apart."""
    closed = np.vstack((ring, ring[:1]))
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    count = max(3, round(along[-1] / step))
    wanted = np.arange(count) * along[-1] / count
    return np.stack([np.interp(wanted, along, closed[:, axis]) for axis in (0, 1)], axis=-1)


def _area(ring: FloatArray) -> float:
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum() / 2)
