"""Writing circuits to files: our TOML, DeepRacer's routes and centre lines with widths.

A route (`.npy`) holds the borders as they are. The other two hold widths measured square to the road, so
borders that are not square to it move by a little; `.toml` comes out as points.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError
from league.track.borders import normals
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]


def write_circuit(circuit: Circuit, path: Path) -> None:
    """Write a circuit in the format that the file's ending names.

    Raises:
        CircuitError: No writer for that ending, or the file cannot be written.
    """
    writer = WRITERS.get(path.suffix.lower())
    if writer is None:
        raise CircuitError(
            path, f"cannot write files ending in {path.suffix!r} (known: {', '.join(sorted(WRITERS))})"
        )
    try:
        writer(circuit, path)
    except OSError as error:
        raise CircuitError(path, f"cannot be written: {error.strerror or error}") from error


def write_toml(circuit: Circuit, path: Path) -> None:
    """Write our own format, as points."""
    words = {"name": circuit.name, "about": circuit.about}
    words |= {key: str(circuit.facts[key]) for key in ("author", "licence") if key in circuit.facts}
    lines = [f"{key} = {_quoted(value)}" for key, value in words.items() if value]
    rows = np.column_stack((circuit.centre, *square_widths(circuit)))
    lines += ["points = [  # x, y, width to the left, width to the right, in metres"]
    lines += [f"    [{', '.join(_figure(value) for value in row)}]," for row in rows]
    path.write_text("\n".join([*lines, "]"]) + "\n", encoding="utf-8")


def write_csv(circuit: Circuit, path: Path) -> None:
    """Write a centre line with widths, open by one step."""
    left_m, right_m = square_widths(circuit)
    lines = ["# x_m,y_m,w_tr_right_m,w_tr_left_m"]
    lines += [
        ",".join(_figure(value) for value in row)
        for row in np.column_stack((circuit.centre, right_m, left_m))
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_route(circuit: Circuit, path: Path) -> None:
    """Write a DeepRacer route: centre line, inside border, outside border, the first row repeated."""
    inner, outer = (circuit.right, circuit.left) if circuit.clockwise else (circuit.left, circuit.right)
    rows = np.hstack((circuit.centre, inner, outer))
    with path.open("wb") as file:
        np.save(file, np.vstack((rows, rows[:1])), allow_pickle=False)


WRITERS: Mapping[str, Callable[[Circuit, Path], None]] = {
    ".csv": write_csv,
    ".npy": write_route,
    ".toml": write_toml,
}


def square_widths(circuit: Circuit) -> tuple[FloatArray, FloatArray]:
    """Width to the left and to the right border at each row, measured square to the road."""
    square = normals(circuit.centre)
    left = _reach(circuit.centre, square, circuit.left, circuit.width_left_m)
    right = _reach(circuit.centre, -square, circuit.right, circuit.width_right_m)
    return left, right


def _reach(points: FloatArray, way: FloatArray, ring: FloatArray, otherwise: FloatArray) -> FloatArray:
    """How far each ray runs to a closed line; `otherwise` where none is hit within twice that."""
    step = np.roll(ring, -1, axis=0) - ring
    reach = np.empty(len(points))
    block = max(1, 1_000_000 // len(ring))
    for start in range(0, len(points), block):
        rows = slice(start, start + block)
        to_x = ring[None, :, 0] - points[rows, None, 0]
        to_y = ring[None, :, 1] - points[rows, None, 1]
        way_x, way_y = way[rows, None, 0], way[rows, None, 1]
        area = way_x * step[:, 1] - way_y * step[:, 0]
        safe = np.where(area == 0, 1.0, area)
        away = (to_x * step[:, 1] - to_y * step[:, 0]) / safe
        part = (to_x * way_y - to_y * way_x) / safe
        hit = (area != 0) & (away > 0) & (part >= 0) & (part <= 1)
        reach[rows] = np.where(hit, away, np.inf).min(axis=1)
    return np.where(reach <= 2 * otherwise, reach, otherwise)


def _figure(value: float) -> str:
    """A number of metres to the micrometre, never in the exponent form."""
    text = f"{value:.6f}".rstrip("0")
    text = f"{text}0" if text.endswith(".") else text
    return "0.0" if text == "-0.0" else text


def _quoted(text: str) -> str:
    """A TOML basic string on one line."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
