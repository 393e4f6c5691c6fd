"""Charts as lines to draw: lap times, positions, and sectors in their colours.

Pure: results and facts in, places on a drawing out. Every chart has its figures as a table beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

from league.racing.fact import Fact
from league.racing.result import EntryResult, HeatResult, LapResult
from league.server.pages import words

WIDE: Final = 720
HIGH: Final = 280
LEFT: Final = 56
RIGHT: Final = 16
TOP: Final = 12
BOTTOM: Final = 34
MOST_TICKS: Final = 12
STEPS_S: Final = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)


@dataclass(frozen=True, slots=True)
class Line:
    """One car's line."""

    seat: int
    name: str
    points: str
    """As an SVG polyline has them."""
    dots: tuple[tuple[float, float, str], ...]
    """x, y and what is there in words."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart on a drawing of `WIDE` by `HIGH`."""

    lines: tuple[Line, ...]
    across: tuple[tuple[float, str], ...]
    """Marks along the way: x and what it says."""
    up: tuple[tuple[float, str], ...]
    """Marks along the height: y and what it says."""


@dataclass(frozen=True, slots=True)
class Sector:
    """A sector's time and its colour."""

    time_s: float
    sort: str
    """ "all" for the fastest of all, "own" for the driver's own fastest, otherwise "none"."""


def lap_chart(rows: Sequence[tuple[int, str, Sequence[LapResult]]]) -> Chart | None:
    """Lap times of seats, names and laps; None where there are no laps."""
    times = [lap.time_s for _, _, laps in rows for lap in laps]
    most = max((len(laps) for _, _, laps in rows), default=0)
    if not times:
        return None
    step_s = next((step for step in STEPS_S if (max(times) - min(times)) / step <= 6), STEPS_S[-1])
    low_s, high_s = int(min(times) / step_s) * step_s, ceil(max(times) / step_s + 0.05) * step_s
    marks = round((high_s - low_s) / step_s)

    def spot(lap: int, time_s: float) -> tuple[float, float]:
        return _across(lap - 1, most - 1), _up((time_s - low_s) / (high_s - low_s))

    return Chart(
        lines=tuple(
            _line(seat, name, [(*spot(i, lap.time_s), f"{name}, lap {i}: {words.seconds(lap.time_s)}")
                               for i, lap in enumerate(laps, 1)])
            for seat, name, laps in rows
            if laps
        ),
        across=_marks([(_across(lap - 1, most - 1), str(lap)) for lap in range(1, most + 1)]),
        up=tuple(
            (_up(i / marks), f"{low_s + i * step_s:.{2 if step_s < 0.1 else 1}f}") for i in range(marks + 1)
        ),
    )  # fmt: skip


def positions(facts: Sequence[Fact], seats: int) -> list[list[int]]:
    """The order of seats at every sector's end, as far as anybody came; the grid is first.

    Who has not come that far stands behind those who have, in the order of before.
    """
    passed: dict[int, list[tuple[int, int]]] = {}
    counts = [0] * seats
    for fact in facts:
        if fact.kind == "sector" and 0 <= fact.seat < seats:
            counts[fact.seat] += 1
            passed.setdefault(counts[fact.seat], []).append((fact.time_us, fact.seat))
    orders = [list(range(seats))]
    for mark in sorted(passed):
        here = [seat for _, seat in sorted(passed[mark])]
        orders.append(here + [seat for seat in orders[-1] if seat not in here])
    return orders


def position_chart(orders: Sequence[Sequence[int]], names: Sequence[str], sectors: int) -> Chart | None:
    """Who was where at every sector's end; None for a single car or before the first sector."""
    if len(names) < 2 or len(orders) < 2:
        return None
    last = len(orders) - 1

    def spot(mark: int, place: int) -> tuple[float, float]:
        return _across(mark, last), _up(1 - place / (len(names) - 1))

    lines = []
    for seat, name in enumerate(names):
        places = [order.index(seat) for order in orders]
        dots = [
            (*spot(mark, place), f"{name}: place {place + 1} {_where(mark, sectors)}")
            for mark, place in enumerate(places)
        ]
        lines.append(_line(seat, name, dots))
    laps = [(_across(mark, last), "grid" if not mark else f"lap {mark // sectors}")
            for mark in range(0, last + 1, max(1, sectors))]  # fmt: skip
    return Chart(
        lines=tuple(lines),
        across=_marks(laps),
        up=tuple((_up(1 - place / (len(names) - 1)), str(place + 1)) for place in range(len(names))),
    )


def sectors_of(result: HeatResult) -> dict[str, list[list[Sector]]]:
    """Every entry's sectors lap by lap, each with its colour as the heat ended."""
    best: dict[int, float] = {}
    own: dict[tuple[str, int], float] = {}
    for entry, number, time_s in _every_sector(result.entries):
        best[number] = min(time_s, best.get(number, time_s))
        own[entry, number] = min(time_s, own.get((entry, number), time_s))

    def coloured(entry: str, number: int, time_s: float) -> Sector:
        sort = "all" if time_s == best[number] else "own" if time_s == own[entry, number] else "none"
        return Sector(time_s, sort)

    return {
        row.entry_id: [
            [coloured(row.entry_id, number, time_s) for number, time_s in enumerate(lap.sectors_s)]
            for lap in row.laps
        ]
        for row in result.entries
    }


def _every_sector(rows: Sequence[EntryResult]) -> list[tuple[str, int, float]]:
    return [
        (row.entry_id, number, time_s)
        for row in rows
        for lap in row.laps
        for number, time_s in enumerate(lap.sectors_s)
    ]


def _line(seat: int, name: str, dots: Sequence[tuple[float, float, str]]) -> Line:
    return Line(seat, name, " ".join(f"{x:g},{y:g}" for x, y, _ in dots), tuple(dots))


def _where(mark: int, sectors: int) -> str:
    if not mark:
        return "on the grid"
    lap, sector = divmod(mark, sectors)
    return f"after lap {lap}" if not sector else f"in lap {lap + 1}, after sector {sector}"


def _across(number: float, most: float) -> float:
    share = number / most if most else 0.5
    return round(LEFT + share * (WIDE - LEFT - RIGHT), 1)


def _up(share: float) -> float:
    return round(HIGH - BOTTOM - share * (HIGH - TOP - BOTTOM), 1)


def _marks(all_: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], ...]:
    """Not more marks than there is room for."""
    every = -(-len(all_) // MOST_TICKS) or 1
    return tuple(all_[::every])
