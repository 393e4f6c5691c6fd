"""Pictures of training and of evaluations: curves over time, the line by speed, where the road was left."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from league.cli.plot import draw, save
from league.racing.heat import FRAME_FIELDS, STANDS

if TYPE_CHECKING:
    from league.learn.results.evaluation import Evaluation
    from league.learn.training.pit import Moment

_INK, _BEST, _OFF = "#1f5fa8", "#2b8a3e", "#d0312d"
_X, _Y, _SPEED, _FLAGS = (FRAME_FIELDS.index(name) for name in ("x_m", "y_m", "speed_mps", "flags"))
MOST_LINES = 12
"""Lines drawn for as many trials at most; leaving the road is shown for all."""
CELL_M = 0.25
"""Edge of a heat map's cells."""


def plot_training(moments: Sequence[Moment], path: Path, *, title: str, limit_s: float | None = None) -> None:
    """Draw a run's curves over its training time: reward, completion, lap times, speed of training.

    Raises:
        InputError: The file cannot be written.
    """
    figure = Figure(figsize=(11, 7.5), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    grid = figure.subplots(2, 2)
    time_s = np.array([moment.time_s for moment in moments])
    shown: list[tuple[Axes, str, str]] = [
        (grid[0, 0], "reward of an episode", "reward"),
        (grid[0, 1], "progress of an episode, %", "progress_pct"),
        (grid[1, 0], "fastest lap of a test drive, s", "lap_s"),
        (grid[1, 1], "steps a second", "steps_per_s"),
    ]
    for axes, label, name in shown:
        values = np.array([_number(getattr(moment, name)) for moment in moments])
        axes.plot(time_s, values, color=_INK, linewidth=1.2)
        axes.set_ylabel(label)
        axes.set_xlabel("training time, s")
        axes.grid(alpha=0.3)
    if limit_s is not None:
        grid[1, 0].axhline(limit_s, color=_BEST, linestyle="--", label=f"limit {limit_s:.2f} s")
        grid[1, 0].legend()
    save(figure, path)


def plot_evaluation(done: Evaluation, path: Path) -> None:
    """Draw the circuit with the line driven, coloured by speed, and where the road was left as a heat map.

    Raises:
        InputError: The file cannot be written.
    """
    figure = draw(done.circuit)
    (axes,) = figure.axes
    lines = []
    off: list[NDArray[np.float64]] = []
    for trial in done.trials:
        frames = trial.recording.frames[:, 0]
        standing = (frames[:, _FLAGS].astype(np.int64) & STANDS) != 0
        left = np.array(
            [fact.tick + 1 for fact in trial.recording.facts if fact.kind == "off_track"], dtype=np.int64
        )
        off.append(frames[left, _X : _Y + 1])
        lines.append(np.where(standing[:, None], np.nan, frames[:, [_X, _Y, _SPEED]]))
    gone = np.concatenate(off)
    if len(gone):
        _draw_heat(axes, gone)
    for line in lines[:MOST_LINES]:
        _draw_line(axes, line)
    speeds = np.concatenate(lines)[:, 2]
    least, most = float(np.nanmin(speeds)), float(np.nanmax(speeds))
    for drawn in axes.collections:
        if isinstance(drawn, LineCollection):
            drawn.set_clim(least, most)
    coloured = [drawn for drawn in axes.collections if isinstance(drawn, LineCollection)]
    figure.colorbar(coloured[-1], ax=axes, label="m/s", shrink=0.6)
    spread = done.spread()
    axes.set_title(
        f"{axes.get_title()}\n{done.driver}: {spread['clean']} of {spread['trials']} trials clean, "
        f"{spread['off_tracks']} off the track",
        fontsize=11,
    )
    save(figure, path)


def _draw_line(axes: Axes, line: NDArray[np.float64]) -> None:
    pieces = np.stack((line[:-1, :2], line[1:, :2]), axis=1)
    # A car that is put back jumps; that is no line that it drove.
    jumped = np.hypot(*(line[1:, :2] - line[:-1, :2]).T) > 1.0
    whole = ~(np.isnan(pieces).any(axis=(1, 2)) | jumped)
    drawn = LineCollection(list(pieces[whole]), cmap="viridis", linewidths=1.8, zorder=3)
    drawn.set_array(line[1:, 2][whole])
    axes.add_collection(drawn)


def _draw_heat(axes: Axes, points: NDArray[np.float64]) -> None:
    """How often the road was left where: bigger where it was left more often."""
    cells, counts = np.unique(np.floor(points / CELL_M).astype(np.int64), axis=0, return_counts=True)
    middles = (cells + 0.5) * CELL_M
    sizes = 60.0 + 240.0 * counts / counts.max()
    axes.scatter(middles[:, 0], middles[:, 1], s=sizes, color=_OFF, alpha=0.45, linewidths=0, zorder=4)
    for (x, y), count in zip(middles, counts, strict=True):
        axes.annotate(str(count), (x, y), ha="center", va="center", fontsize=7, zorder=5)


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)
