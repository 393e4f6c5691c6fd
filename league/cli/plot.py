"""Drawing a circuit as an image: road, borders, centre line, start line, direction, scale and length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from numpy.typing import NDArray

from league.errors import InputError
from league.track.circuit import Circuit

ENDINGS = (".png", ".svg")
_ROAD, _INK, _LINE, _START = "#c9ccd1", "#22262b", "#7d848c", "#d0312d"
_LONG_SIDE_IN = 9.0
_DPI = 120


def plot_circuit(circuit: Circuit, path: Path) -> None:
    """Draw a circuit to a .png or .svg file; the same circuit gives the same picture.

    Raises:
        InputError: Another ending, or the file cannot be written.
    """
    check_ending(path)
    save(draw(circuit), path)


def check_ending(path: Path) -> None:
    """Refuse a file that nothing could be drawn to, before the work.

    Raises:
        InputError: Its ending is neither .png nor .svg.
    """
    if path.suffix.lower() not in ENDINGS:
        raise InputError(f"{path}: cannot draw to {path.suffix!r}, expected {' or '.join(ENDINGS)}")


def save(figure: Figure, path: Path) -> None:
    """Write a figure to a .png or .svg file.

    Raises:
        InputError: Another ending, or the file cannot be written.
    """
    check_ending(path)
    try:
        # Without a date and random names in it, an SVG of the same figure is the same file.
        metadata = {"Date": None} if path.suffix.lower() == ".svg" else None
        with rc_context({"svg.hashsalt": "league"}):
            figure.savefig(path, dpi=_DPI, metadata=metadata)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error


def draw(circuit: Circuit) -> Figure:
    """A figure of a circuit, in metres, north up."""
    low = np.minimum(circuit.left.min(axis=0), circuit.right.min(axis=0))
    high = np.maximum(circuit.left.max(axis=0), circuit.right.max(axis=0))
    wide, tall = np.maximum(high - low, 1e-6)
    scale = _LONG_SIDE_IN / max(wide, tall)
    figure = Figure(
        figsize=(max(3.5, wide * scale) + 0.8, max(2.0, tall * scale) + 1.4), layout="constrained"
    )
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.set_title(f"{circuit.name}\n{circuit.length_m:.2f} m, {circuit.direction}", color=_INK, fontsize=13)
    margin = 0.03 * max(wide, tall)
    axes.set_xlim(low[0] - margin, high[0] + margin)
    axes.set_ylim(low[1] - 4 * margin, high[1] + margin)
    _draw_road(axes, circuit)
    _draw_start(axes, circuit)
    _draw_scale(axes, (float(low[0]), float(low[1] - 2 * margin)), max(wide, tall), margin)
    return figure


def _draw_road(axes: Axes, circuit: Circuit) -> None:
    outer, inner = (circuit.left, circuit.right) if circuit.clockwise else (circuit.right, circuit.left)
    # The hole must run the other way round than the outline that it is cut out of.
    road = Outline.make_compound_path(Outline(_closed(outer)), Outline(_closed(inner)[::-1]))
    axes.add_patch(PathPatch(road, facecolor=_ROAD, edgecolor="none"))
    for border in (circuit.left, circuit.right):
        axes.plot(*_closed(border).T, color=_INK, linewidth=1.6, solid_joinstyle="round")
    axes.plot(*_closed(circuit.centre).T, color=_LINE, linewidth=0.9, linestyle=(0, (6, 5)))


def _draw_start(axes: Axes, circuit: Circuit) -> None:
    """The start line, and an arrow from it in the direction of travel that follows the road."""
    axes.plot(*np.stack((circuit.left[0], circuit.right[0])).T, color=_START, linewidth=4)
    reach_m = min(1.2 * float(circuit.width_left_m[0] + circuit.width_right_m[0]), circuit.length_m / 8)
    path = circuit.at(np.linspace(0.0, reach_m, 12))
    axes.plot(*path.T, color=_START, linewidth=2.2)
    axes.annotate(
        "", path[-1], path[-2], arrowprops={"arrowstyle": "-|>", "color": _START, "mutation_scale": 20}
    )


def _draw_scale(axes: Axes, corner: tuple[float, float], size_m: float, tick_m: float) -> None:
    """A bar of a round number of metres."""
    choices = [factor * 10.0**power for power in range(-3, 6) for factor in (1, 2, 5)]
    bar_m = max(choice for choice in choices if choice <= max(size_m / 4, choices[0]))
    x, y = corner
    axes.plot([x, x, x + bar_m, x + bar_m], [y + tick_m / 3, y, y, y + tick_m / 3], color=_INK, linewidth=1.4)
    axes.text(x + bar_m / 2, y - tick_m / 3, f"{bar_m:g} m", ha="center", va="top", color=_INK, fontsize=10)


def _closed(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack((ring, ring[:1]))
