"""The timing tower in a terminal: places, gaps, laps, last and best times, as a table that moves."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from league.cli import show
from league.racing.distance import distance
from league.racing.tower import Tone, Tower, TowerRow

REFRESH_HZ: Final = 10
"""A terminal is redrawn at most so often."""
_STYLES: Final[Mapping[Tone, str]] = {"best": "bold magenta", "own": "green", "": ""}
_COLUMNS: Final = ("", "entry", ">lap", ">gap", ">ahead", ">last", ">best", ">sector", "state")


def tower_table(title: str, rows: Sequence[TowerRow]) -> Table:
    """Rows as a table: purple is the best of all, green the best of its own."""
    return show.table(title, _COLUMNS, [_cells(row) for row in rows])


def _cells(row: TowerRow) -> tuple[object, ...]:
    gap = "" if row.gap_s is None else f"+{row.gap_s:.3f}"
    return (
        row.place,
        row.name,
        row.laps,
        show.seconds(row.total_s) if row.total_s is not None and row.place == 1 else gap,
        "" if row.interval_s is None or row.place == 1 else f"+{row.interval_s:.3f}",
        _time(row.last_s, row.last_tone),
        _time(row.best_s, row.best_tone),
        _time(row.sector_s, row.sector_tone, f"S{row.sector} " if row.sector is not None else ""),
        "" if row.state == "racing" else row.state,
    )


def _time(value_s: float | None, tone: Tone, label: str = "") -> Text:
    return Text("" if value_s is None else f"{label}{value_s:.3f}", style=_STYLES[tone])


class Screen:
    """A part of the terminal that is drawn anew while something goes on; nothing where that is none."""

    def __init__(self, live: Live | None) -> None:
        self._live = live
        self._next_s = 0.0

    @property
    def due(self) -> bool:
        """Whether the last drawing is old enough for another."""
        return self._live is not None and time.monotonic() >= self._next_s

    def draw(self, *shown: RenderableType) -> None:
        """Show this from now on."""
        if self._live is not None:
            self._next_s = time.monotonic() + 1 / REFRESH_HZ
            self._live.update(Group(*shown), refresh=True)


@contextmanager
def screen(console: Console) -> Iterator[Screen]:
    """A screen on a console; it is gone when the block ends."""
    if not console.is_terminal:
        yield Screen(None)
        return
    with Live(console=console, auto_refresh=False, transient=True) as live:
        yield Screen(live)


class HeatTower:
    """Follows heats that run in this process, one after the other."""

    def __init__(self, view: Screen) -> None:
        self._view = view
        self._heat = ""
        self._tower = Tower(())
        self._heard = 0

    def look(self, heat: Any) -> None:
        """Take a tick of a `league.racing.heat.Heat`, and draw it if it is time to."""
        plan = heat.plan
        if plan.id != self._heat:
            self._heat, self._heard = plan.id, 0
            self._tower = Tower([entry.name for entry in plan.grid])
        if not self._view.due:
            return
        facts = heat.facts
        for fact in facts[self._heard :]:
            self._tower.hear(fact)
        self._heard = len(facts)
        rows = self._tower.rows([car.progress_m for car in heat.referee.cars])
        title = f"{plan.id} · {distance(plan.rules.laps)} · {heat.time_us / 1e6:.1f} s raced"
        self._view.draw(tower_table(title, rows))
