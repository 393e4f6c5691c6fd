"""Filling shapes with exact coverage: every pixel gets the share of it that a shape covers.

Pure. A shape is drawn by its edges alone. Each edge leaves in every column that it crosses how much more
of a pixel is covered than of the one above; summed up from the top, that is the picture. So a line thinner
than a pixel is as faint as it is thin, never there or not there, and drawing costs as much as the edges
are long, however large the areas are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import compiled

FloatArray = NDArray[np.float64]
Pixels = NDArray[np.float32]

# Columns of an edge: from (x, y) to (x, y) in pixels, x to the right, y down; and what it weighs.
FROM_X, FROM_Y, TO_X, TO_Y, WEIGHT = range(5)
EDGE_COLUMNS = 5

_SPARE_ROWS = 2
_THIN = 1e-12


def blank(height: int, width: int) -> Pixels:
    """An empty sheet to draw edges on; it has spare rows at the bottom."""
    return np.zeros((height + _SPARE_ROWS, width), dtype=np.float32)


@compiled
def draw(sheet: Pixels, edges: FloatArray, count: int) -> None:
    """Draw edges on a sheet: below one that goes left its weight is added, below one going right taken off.

    What lies left or right of the sheet or below it is left out; what lies above counts as its top.
    """
    height, width = sheet.shape[0] - _SPARE_ROWS, sheet.shape[1]
    for e in range(count):
        x0, y0, x1, y1 = edges[e, FROM_X], edges[e, FROM_Y], edges[e, TO_X], edges[e, TO_Y]
        weight = edges[e, WEIGHT]
        if x0 > x1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        else:
            weight = -weight
        x0, y0, x1, y1 = _trim(x0, y0, x1, y1, float(width), float(height))
        if y0 < 0.0 or y1 < 0.0:
            # Only blocks that stand out over the top: rare enough to hand the sheet on.
            x0, y0, x1, y1 = _draw_above(sheet, x0, y0, x1, y1, weight)
        if x1 - x0 < _THIN:
            continue
        slope = (y1 - y0) / (x1 - x0)
        column = int(x0)
        while True:
            end_x = min(column + 1.0, x1)
            end_y = y0 + slope * (end_x - x0)
            share = weight * (end_x - x0)
            low, high = max(min(y0, end_y), 0.0), min(max(y0, end_y), float(height))
            row, last = int(low), int(high)
            if row == last:
                below = share * (0.5 * (low + high) - row)
                sheet[row, column] += share - below
                sheet[row + 1, column] += below
            else:
                per_row = share / (high - low)
                part = (row + 1.0 - low) * per_row
                below = part * 0.5 * (low + 1.0 - row)
                sheet[row, column] += part - below
                sheet[row + 1, column] += below
                for between in range(row + 1, last):
                    sheet[between, column] += 0.5 * per_row
                    sheet[between + 1, column] += 0.5 * per_row
                part = (high - last) * per_row
                below = part * 0.5 * (high - last)
                sheet[last, column] += part - below
                sheet[last + 1, column] += below
            if end_x >= x1:
                break
            x0, y0 = end_x, end_y
            column += 1


@compiled
def _trim(
    x0: float, y0: float, x1: float, y1: float, width: float, height: float
) -> tuple[float, float, float, float]:
    """Cut an edge that goes right at the sheet's sides and at its bottom; no width if nothing is left."""
    if x1 - x0 < _THIN or x1 <= 0.0 or x0 >= width or (y0 >= height and y1 >= height):
        return x0, height, x0, height
    slope = (y1 - y0) / (x1 - x0)
    if x0 < 0.0:
        x0, y0 = 0.0, y0 - slope * x0
    if x1 > width:
        x1, y1 = width, y1 - slope * (x1 - width)
    if y0 > height and y1 > height:
        return x0, height, x0, height
    if y0 > height:
        x0, y0 = min(x0 + (height - y0) / slope, x1), height
    elif y1 > height:
        x1, y1 = max(x0 + (height - y0) / slope, x0), height
    return x0, y0, x1, y1


@compiled
def _draw_above(
    sheet: Pixels, x0: float, y0: float, x1: float, y1: float, weight: float
) -> tuple[float, float, float, float]:
    """Draw the part of an edge that is above the sheet, flat along its top; gives what is left."""
    turn = x1
    if y0 >= 0.0 or y1 >= 0.0:
        turn = min(max(x0 - y0 * (x1 - x0) / (y1 - y0), x0), x1)
    start, end = (x0, turn) if y0 < 0.0 else (turn, x1)
    column = int(start)
    while column < end:
        sheet[0, column] += weight * (min(column + 1.0, end) - max(float(column), start))
        column += 1
    return (turn, 0.0, x1, max(y1, 0.0)) if y0 < 0.0 else (x0, y0, turn, 0.0)
