"""DeepRacer route files (`.npy`): centre line, inner border, outer border.

A route is an array of shape (N, 6 or more): x, y of the centre line, of the inner and of the outer
border, in metres, row 0 on the start line, rows in the direction of travel. A circuit's last row repeats
its first exactly. "Inner" is the inside of the loop, whichever way it is driven. Known oddities that are
read as meant: repeated rows (many files hold one), border rows that run ahead of or behind their centre
row (the older training circuits), and stretches where the two borders change columns.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Circuit, CircuitError, hookimpl

FloatArray = NDArray[np.float64]
Lines = tuple[FloatArray, FloatArray, FloatArray]

MAX_ROWS = 20_000
_SAME_M = 1e-9
# Border rows whose direction from the centre row is further than this from square belong to another row.
_ASKEW = np.sin(np.radians(25.0))
_STEP_M = 1e-3
_MERGE_M = 1e-4


def read_route(path: Path) -> Circuit:
    """Read a DeepRacer route.

    Rows stay as stored, less repeated ones. Only where border rows are askew are rows added, so that
    centre line, borders and length are those of the file and yet every row lies square to the road; the
    circuit's `facts["waypoints"]` then lists which rows are the file's own.

    Raises:
        CircuitError: Not such an array, an open road, or borders on the same side.
    """
    rows = _closed(_array(path), path)
    kept = np.hypot(*(np.roll(rows[:, :2], -1, axis=0) - rows[:, :2]).T) > _SAME_M
    rows = rows[kept]
    if len(rows) < 3:
        raise CircuitError(path, f"holds {len(rows)} different centre points, expected at least 3")
    centre, inner, outer = rows[:, 0:2], rows[:, 2:4], rows[:, 4:6]
    line = Circuit(path.stem, centre, centre, centre, source=str(path))
    left, right = (outer, inner) if line.clockwise else (inner, outer)
    left, right = _really_left(line, left, right)
    facts: dict[str, Any] = {}
    if max(_askew(line, left), _askew(line, right)) > _ASKEW:
        (centre, left, right), own = _paired(line, left, right)
        facts["waypoints"] = own
    return Circuit(path.stem, centre, left, right, source=str(path), facts=facts)


@hookimpl
def register_track_readers() -> Mapping[str, Any]:
    """Offer the reader for `.npy`."""
    return {".npy": read_route}


# -- the array ---------------------------------------------------------------------------------


def _array(path: Path) -> FloatArray:
    """The six columns as finite float64; the file is mapped, so a false size in its head costs no memory."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # heads written by Python 2 are read, with a remark
            stored = np.lib.format.open_memmap(path, mode="r")
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - a damaged head makes its parsers raise almost anything
        if "object" in str(error).lower():
            raise CircuitError(path, "holds Python objects, expected an array of numbers") from None
        raise CircuitError(path, "is not a whole NumPy .npy array: truncated, or another format") from None
    if stored.dtype.kind not in "fiu":
        raise CircuitError(path, f"holds {stored.dtype.name} values, expected numbers such as float64")
    if stored.ndim != 2 or stored.shape[1] < 6:
        raise CircuitError(
            path, f"has shape {stored.shape}, expected (rows, 6): centre, inner, outer x and y"
        )
    if not 4 <= len(stored) <= MAX_ROWS:
        raise CircuitError(path, f"has {len(stored)} rows, expected 4 to {MAX_ROWS}")
    with np.errstate(over="ignore"):
        rows = np.array(stored[:, :6], dtype=np.float64)
    bad = np.flatnonzero(~(np.abs(rows) < 1e6).all(axis=1))
    if bad.size:
        raise CircuitError(path, "is not a finite number of metres", place=f"row {bad[0]}")
    return rows


def _closed(rows: FloatArray, path: Path) -> FloatArray:
    """The rows less the closing one."""
    if not np.array_equal(rows[0], rows[-1]):
        gap_m = float(np.hypot(*(rows[-1, :2] - rows[0, :2])))
        raise CircuitError(
            path,
            f"is an open road: its ends are {gap_m:.3g} m apart; "
            "a circuit's last row repeats its first exactly",
        )
    return rows[:-1]


# -- the borders -------------------------------------------------------------------------------


def _really_left(line: Circuit, left: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The borders with the rows exchanged in which they had changed columns."""
    left_is_left = line.project(left).offset_m > 0
    right_is_left = line.project(right).offset_m > 0
    same = np.flatnonzero(left_is_left == right_is_left)
    if same.size:
        side = "left" if left_is_left[same[0]] else "right"
        raise CircuitError(
            line.source, f"both borders lie to the {side} of the centre line", place=f"row {same[0]}"
        )
    keep = left_is_left[:, None]
    return np.where(keep, left, right), np.where(keep, right, left)


def _askew(line: Circuit, border: FloatArray) -> float:
    """How far the worst border row is from square with its centre row: sine of the angle."""
    along = line.tangent + np.roll(line.tangent, 1, axis=0)
    across = border - line.centre
    size = np.hypot(*along.T) * np.hypot(*across.T)
    return float(np.max(np.abs((along * across).sum(axis=1)) / np.maximum(size, 1e-12)))


def _paired(line: Circuit, left: FloatArray, right: FloatArray) -> tuple[Lines, list[int]]:
    """The same three lines with a row wherever any of them had one, so that rows lie square to the road.

    Returns:
        The lines, and which of their rows are the centre line's own.
    """
    own = line.along_m[:-1]
    places = [_places(line, left), _places(line, right)]
    added = np.sort(np.concatenate(places) % line.length_m)
    added = added[np.diff(added, prepend=-1.0) > _MERGE_M]
    behind = np.searchsorted(line.along_m, added, side="right") - 1
    near_m = np.minimum(added - line.along_m[behind], line.along_m[behind + 1] - added)
    along = np.sort(np.concatenate((own, added[near_m > _MERGE_M])))
    lines = (
        line.at(along),
        _at_places(left, places[0], along, line.length_m),
        _at_places(right, places[1], along, line.length_m),
    )
    return lines, [int(row) for row in np.searchsorted(along, own)]


def _places(line: Circuit, border: FloatArray) -> FloatArray:
    """Distance along the centre line for each border row, strictly rising over one lap."""
    along = line.project(border).along_m
    step = np.diff(along, prepend=along[0])
    step -= line.length_m * np.round(step / line.length_m)
    lap = along[0] + np.cumsum(step)
    spread = _STEP_M * np.arange(len(lap))
    rising = _never_falling(lap - spread) + spread
    lap_later = rising[0] + line.length_m - _STEP_M * np.arange(len(lap), 0, -1)
    return np.asarray(np.minimum(rising, lap_later), dtype=np.float64)


def _never_falling(values: FloatArray) -> FloatArray:
    """The nearest sequence, by squares, that never falls: where it does, neighbours share their mean."""
    means: list[float] = []
    counts: list[int] = []
    for value in values.tolist():
        mean, count = value, 1
        while means and means[-1] > mean:
            last, many = means.pop(), counts.pop()
            mean, count = (last * many + mean * count) / (many + count), many + count
        means.append(mean)
        counts.append(count)
    return np.repeat(means, counts)


def _at_places(border: FloatArray, places: FloatArray, along: FloatArray, length_m: float) -> FloatArray:
    """The border at distances along the centre line."""
    lap = np.concatenate((places, [places[0] + length_m]))
    ring = np.vstack((border, border[:1]))
    wanted = places[0] + np.mod(along - places[0], length_m)
    return np.stack([np.interp(wanted, lap, ring[:, axis]) for axis in (0, 1)], axis=-1)
