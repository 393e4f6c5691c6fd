"""Boards over many events: one for every circuit, car and distance, and one over all of these.

What an event came to is read once, and then only what changed of it, so a board of ten thousand rows is put
together when something was raced and not whenever somebody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

from league.racing.season import PointsTable
from league.server.pages.board import Row
from league.server.rest.ready import Ready
from league.server.rest.standings import LARGE
from league.store.book import RecordBook
from league.store.bursts import burst
from league.store.records import EventRecord
from league.store.runs import Best, Runs, Terms

POINTS: Final = PointsTable().by_place
FIELD: Final = 2
"""Racers that a board needs before its places are worth points."""


class BoardKey(Terms):
    """What results must share to stand on one board."""

    __slots__ = ()

    @property
    def address(self) -> str:
        """The path and query of the board's page."""
        return f"/boards/{quote(self.circuit, safe='')}?car={quote(self.car, safe='')}&laps={self.laps}"


@dataclass(frozen=True, slots=True)
class Run:
    """What one entry did in one event, on one board's terms."""

    event: str
    kind: str
    owner: str
    best: Best


@dataclass(frozen=True, slots=True)
class ClassBoard:
    """The board of one circuit, car and distance."""

    key: BoardKey
    rows: tuple[Row, ...]
    runs: int
    events: int


Racer = tuple[str, str]
"""Owner and name, by which an entry is known again in another event."""
Raced = Mapping[BoardKey, Sequence[Run]]
"""What entries did in one event, by the board that it belongs on."""
Ranked = tuple[tuple[ClassBoard, ...], tuple[Row, ...]]
"""Every board, and the one over all of them."""


class Rankings:
    """Keeps the boards of a record book ready.

    Args:
        book: What was raced.
    """

    def __init__(self, book: RecordBook) -> None:
        self._book = book
        self._events: dict[str, tuple[int, Runs, Raced]] = {}
        self._ready = Ready(self._rank, may_lag=lambda ranked: len(ranked[1]) >= LARGE)

    async def boards(self) -> tuple[ClassBoard, ...]:
        """Every board of a circuit, those with the most runs first."""
        return (await self._ranked())[0]

    async def overall(self) -> tuple[Row, ...]:
        """The board over all boards."""
        return (await self._ranked())[1]

    async def close(self) -> None:
        """Wait for what is being made."""
        await self._ready.close()

    async def _ranked(self) -> Ranked:
        return await self._ready.of("boards", _together_at(await self._book.revisions()))

    async def _rank(self, _: str) -> tuple[int, Ranked]:
        """Read the events that changed, and rank again."""
        now = await self._book.revisions()
        for event_id, revision in now.items():
            known = self._events.get(event_id)
            if known is not None and known[0] == revision:
                continue
            record = await self._book.event(event_id)
            runs = await self._book.runs(event_id, known[1] if known is not None else None)
            raced = await asyncio.to_thread(raced_in, record, runs)
            self._events[event_id] = revision, runs, raced
        events = [self._events[event_id][2] for event_id in now]
        return _together_at(now), await asyncio.to_thread(_rank, events)


def raced_in(record: EventRecord, runs: Runs) -> Raced:
    """What entries did in an event, by the board that it belongs on."""
    kinds = {entry.id: entry.kind for entry in record.plan.entries}
    raced: dict[BoardKey, list[Run]] = {}
    for (terms, entry, _), best in runs.best.items():
        run = Run(record.plan.id, kinds.get(entry, ""), record.owners.get(entry, ""), best)
        raced.setdefault(BoardKey(*terms), []).append(run)
    return raced


def ranked(runs: Sequence[Run]) -> tuple[Row, ...]:
    """Every racer's best run over the whole distance, fastest first; who never finished comes last."""
    by_racer: dict[Racer, list[Run]] = {}
    for run in runs:
        by_racer.setdefault((run.owner, run.best.result.name), []).append(run)
    best = {racer: min(mine, key=lambda run: run.best.order) for racer, mine in by_racer.items()}
    order = sorted(best, key=lambda racer: (best[racer].best.order, racer))
    first_s = best[order[0]].best.result.total_s if order else None
    before = _places_before(runs)
    rows = []
    for place, racer in enumerate(order, 1):
        row = _row(racer, by_racer[racer], best[racer], first_s)
        if row.total_s is not None:
            row = replace(row, rank=place, trend=before[racer] - place if racer in before else None)
        rows.append(row)
    return tuple(rows)


def overall(boards: Sequence[ClassBoard]) -> tuple[Row, ...]:
    """The board over all boards: the first ten of each are worth 25, 18, 15 … points, and the sum ranks.

    Boards with a single racer are worth nothing. Ties: more first places, then the name.
    """
    seen: dict[Racer, list[Row]] = {}
    points: dict[Racer, float] = {}
    for board in boards:
        field = sum(row.rank is not None for row in board.rows)
        for row in board.rows:
            racer = row.owner, row.name
            seen.setdefault(racer, []).append(row)
            worth = POINTS[row.rank - 1] if row.rank and row.rank <= len(POINTS) and field >= FIELD else 0
            points[racer] = points.get(racer, 0.0) + worth
    wins = {racer: sum(row.rank == 1 for row in rows) for racer, rows in seen.items()}
    order = sorted(seen, key=lambda racer: (-points[racer], -wins[racer], racer[1], racer[0]))
    return tuple(
        replace(
            _together(seen[racer]),
            rank=place, points=points[racer], wins=wins[racer], boards=len(seen[racer]),
        )
        for place, racer in enumerate(order, 1)
    )  # fmt: skip


def _together_at(revisions: Mapping[str, int]) -> int:
    """One revision of all events; no event ever goes, and none goes back."""
    return len(revisions) + sum(revisions.values())


def _rank(events: Sequence[Raced]) -> Ranked:
    gathered: dict[BoardKey, list[Run]] = {}
    for raced in events:
        for key, mine in raced.items():
            gathered.setdefault(key, []).extend(mine)
    with burst():
        boards = [
            ClassBoard(
                key, ranked(runs), sum(run.best.runs for run in runs), len({run.event for run in runs})
            )
            for key, runs in gathered.items()
        ]
        boards.sort(key=lambda board: (-board.runs, board.key))
        newest = max((board.key.behavior for board in boards), default=0)
        return tuple(boards), overall([board for board in boards if board.key.behavior == newest])


def _places_before(runs: Sequence[Run]) -> dict[Racer, int]:
    """Everybody's place before the event that came last."""
    last = runs[-1].event if runs else ""
    best: dict[Racer, float] = {}
    for run in runs:
        result = run.best.result
        if run.event != last and result.status == "FIN" and result.total_s is not None:
            racer = run.owner, result.name
            best[racer] = min(result.total_s, best.get(racer, result.total_s))
    order = sorted(best, key=lambda racer: (best[racer], racer))
    return {racer: place for place, racer in enumerate(order, 1)}


def _row(racer: Racer, runs: Sequence[Run], best: Run, first_s: float | None) -> Row:
    """A racer's row: the best run, and the fastest lap of all runs."""
    owner, name = racer
    result = best.best.result
    total_s = result.total_s if result.status == "FIN" else None
    laps = [run.best for run in runs if run.best.fastest_s is not None]
    fastest = min(laps, key=lambda best: best.fastest_s or 0.0, default=None)
    event, entry = (quote(part, safe="") for part in (best.event, result.entry_id))
    return Row(
        rank=None,
        name=name,
        key=f"{owner}/{name}",
        link=f"/events/{event}/entries/{entry}",
        owner=owner,
        agent=result.agent,
        kind=best.kind,
        total_s=total_s,
        gap_s=None if total_s is None or first_s is None else round(total_s - first_s, 6),
        fastest_s=fastest.fastest_s if fastest else None,
        fastest_off_tracks=fastest.fastest_off_tracks if fastest else 0,
        laps=len(result.laps),
        off_tracks=result.off_tracks,
        resets=result.resets,
        attempts=sum(run.best.runs for run in runs),
        status=result.status,
    )


def _together(rows: Sequence[Row]) -> Row:
    """One row of what a racer did on several boards; times of different circuits do not add up."""
    first = min(rows, key=lambda row: row.rank or len(POINTS) + 1)
    return replace(
        first,
        total_s=None,
        gap_s=None,
        fastest_s=None,
        fastest_off_tracks=0,
        laps=0,
        trend=None,
        status="",
        off_tracks=sum(row.off_tracks for row in rows),
        resets=sum(row.resets for row in rows),
        attempts=sum(row.attempts for row in rows),
    )
