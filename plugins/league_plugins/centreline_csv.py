"""Centre-line files (`.csv`): one row per point, x, y and the width to either side.

The format of the F1TENTH and TUM racetrack collections: columns x_m, y_m, w_tr_right_m, w_tr_left_m in
metres, separated by commas or semicolons, `#` begins a comment. A header, in a comment or not, may put
the columns in another order or name more. The line is open by one step: its last row joins the first; a
file that repeats its first row at the end is read as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Circuit, CircuitError, hookimpl

MAX_BYTES = 8_000_000
MAX_ROWS = 20_000
COLUMNS = ("x_m", "y_m", "w_tr_right_m", "w_tr_left_m")
_OPEN_TIMES = 4.0


def read_centreline(path: Path) -> Circuit:
    """Read a centre line with widths.

    Raises:
        CircuitError: Not such a table (names the line), or a line that does not close.
    """
    rows = _joined(_table(path), path)
    x_y, right_m, left_m = rows[:, 0:2], rows[:, 2], rows[:, 3]
    return Circuit.from_widths(path.stem, x_y, left_m, right_m, source=str(path))


@hookimpl
def register_track_readers() -> Mapping[str, Any]:
    """Offer the reader for `.csv`."""
    return {".csv": read_centreline}


def _table(path: Path) -> NDArray[np.float64]:
    """The four columns in the order of `COLUMNS`, shape (N, 4)."""
    order: list[int] = list(range(len(COLUMNS)))
    wide = len(COLUMNS)
    rows: list[list[float]] = []
    for number, line in enumerate(_lines(path), start=1):
        text = line.strip()
        names = _names(text.lstrip("# \t"))
        if names and not rows:
            order, wide = _order(names, path, number), len(names)
        elif text and not text.startswith("#"):
            rows.append(_row(text, order, wide, path, number))
        if len(rows) > MAX_ROWS:
            raise CircuitError(path, f"has more than {MAX_ROWS} rows")
    if len(rows) < 3:
        raise CircuitError(path, f"holds {len(rows)} rows of numbers, expected at least 3")
    return np.array(rows)


def _lines(path: Path) -> list[str]:
    size = path.stat().st_size
    if size > MAX_BYTES:
        raise CircuitError(path, f"is {size} bytes, expected at most {MAX_BYTES}")
    try:
        return path.read_bytes().decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise CircuitError(path, f"is not text (byte {error.start}), expected a table") from None


def _cells(text: str) -> list[str]:
    cells = [cell.strip() for cell in re.split("[;,]", text.partition("#")[0])]
    return cells[:-1] if len(cells) > 1 and not cells[-1] else cells


def _names(text: str) -> list[str]:
    """The column names in a header line; none if it is not a header."""
    names = [name.lower() for name in _cells(text)]
    return names if COLUMNS[0] in names else []


def _order(names: list[str], path: Path, number: int) -> list[int]:
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        raise CircuitError(
            path,
            f"has no column {missing[0]}, expected {', '.join(COLUMNS)}",
            place=f"line {number}",
        )
    return [names.index(name) for name in COLUMNS]


def _row(text: str, order: list[int], wide: int, path: Path, number: int) -> list[float]:
    cells = _cells(text)
    place = f"line {number}"
    if len(cells) != wide:
        raise CircuitError(path, f"found {len(cells)} columns, expected {wide}", place=place)
    row = []
    for name, column in zip(COLUMNS, order, strict=True):
        try:
            value = float(cells[column])
        except ValueError:
            raise CircuitError(
                path, f"{name} is {cells[column][:30]!r}, expected a number", place=place
            ) from None
        if not abs(value) < 1e6:
            raise CircuitError(path, f"{name} is {value}, expected a finite number of metres", place=place)
        row.append(value)
    if min(row[2:]) <= 0:
        raise CircuitError(path, f"a width is {min(row[2:]):g} m, expected more than 0", place=place)
    return row


def _joined(rows: NDArray[np.float64], path: Path) -> NDArray[np.float64]:
    """The rows without repeated points, the last of them next to the first."""
    step_m = np.hypot(*(np.roll(rows[:, :2], -1, axis=0) - rows[:, :2]).T)
    rows = rows[step_m > 1e-9]
    step_m = step_m[step_m > 1e-9]
    if len(rows) < 3:
        raise CircuitError(path, f"holds {len(rows)} different points, expected at least 3")
    if step_m[-1] > _OPEN_TIMES * step_m[:-1].max():
        raise CircuitError(
            path,
            f"is an open road: its ends are {step_m[-1]:.3g} m apart, "
            f"the other rows {step_m[:-1].max():.3g} m at most",
        )
    return rows
