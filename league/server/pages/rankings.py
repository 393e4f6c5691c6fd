"""Boards over many events: one for every circuit, car and distance, and one over all of these.

What an event came to is read once and kept until its revision changes, so a board of ten thousand rows is
put together when something was raced and not whenever somebody looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple
from urllib.parse import quote

from league.racing.result import EntryResult, HeatResult
from league.racing.season import PointsTable
from league.racing.standing import sort_key
from league.server.pages.board import Row
from league.server.rest.ready import Ready
from league.server.rest.standings import LARGE
from league.store.book import RecordBook
from league.store.records import EventRecord

POINTS: Final = PointsTable().by_place
FIELD: Final = 2
"""Racers that a board needs before its places are worth points."""


class BoardKey(NamedTuple):
    """What results must share to stand on one board."""

    circuit: str
    sha256: str
    """The circuit's geometry; a changed circuit is another one."""
    car: str
    laps: int
    behavior: int
    """Times of another version of the simulation do not compare."""
    clock: str

    @property
    def address(self) -> str:
        """The path and query of the board's page."""
        return f"/boards/{quote(self.circuit, safe='')}?car={quote(self.car, safe='')}&laps={self.laps}"


@dataclass(frozen=True, slots=True)
class Run:
    """One entry's result in one heat."""

    event: str
    kind: str
    owner: str
    result: EntryResult


@dataclass(frozen=True, slots=True)
class ClassBoard:
    """The board of one circuit, car and distance."""

    key: BoardKey
    rows: tuple[Row, ...]
    runs: int
    events: int


Racer = tuple[str, str]
"""Owner and name, by which an entry is known again in another event."""
Runs = Mapping[BoardKey, Sequence[Run]]
Ranked = tuple[tuple[ClassBoard, ...], tuple[Row, ...]]
"""Every board, and the one over all of them."""


class Rankings:
    """Keeps the boards of a record book ready.

    Args:
        book: What was raced.
    """

    def __init__(self, book: RecordBook) -> None:
        self._book = book
        self._events: dict[str, tuple[int, Runs]] = {}
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
            if self._events.get(event_id, (None,))[0] == revision:
                continue
            record = await self._book.event(event_id)
            raced = await self._book.results(event_id)
            self._events[event_id] = revision, await asyncio.to_thread(runs_of, record, raced)
        events = [self._events[event_id][1] for event_id in now]
        return _together_at(now), await asyncio.to_thread(_rank, events)


def runs_of(record: EventRecord, raced: Iterable[HeatResult]) -> Runs:
    """An event's results by the board that they belong on, in the order in which they were raced."""
    kinds = {entry.id: entry.kind for entry in record.plan.entries}
    runs: dict[BoardKey, list[Run]] = {}
    for heat in raced:
        key = BoardKey(heat.circuit.id, heat.circuit.sha256, heat.car, heat.laps, heat.behavior, heat.clock)
        mine = runs.setdefault(key, [])
        for row in heat.entries:
            if row.status not in ("VOID", "DSQ"):
                owner = record.owners.get(row.entry_id, "")
                mine.append(Run(record.plan.id, kinds.get(row.entry_id, ""), owner, row))
    return runs


def ranked(runs: Sequence[Run]) -> tuple[Row, ...]:
    """Every racer's best run over the whole distance, fastest first; who never finished comes last."""
    by_racer: dict[Racer, list[Run]] = {}
    for run in runs:
        by_racer.setdefault((run.owner, run.result.name), []).append(run)
    best = {racer: min(mine, key=_order) for racer, mine in by_racer.items()}
    order = sorted(best, key=lambda racer: (_order(best[racer]), racer))
    first_s = best[order[0]].result.total_s if order else None
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


def _rank(events: Sequence[Runs]) -> Ranked:
    gathered: dict[BoardKey, list[Run]] = {}
    for runs in events:
        for key, mine in runs.items():
            gathered.setdefault(key, []).extend(mine)
    boards = [
        ClassBoard(key, ranked(runs), len(runs), len({run.event for run in runs}))
        for key, runs in gathered.items()
    ]
    boards.sort(key=lambda board: (-board.runs, board.key))
    newest = max((board.key.behavior for board in boards), default=0)
    return tuple(boards), overall([board for board in boards if board.key.behavior == newest])


def _order(run: Run) -> tuple[int, float, float, float]:
    """What a circuit's board sorts by: the time for the whole distance, whatever its event ranked by."""
    whole = run.result.model_copy(update={"score_s": run.result.total_s})
    return sort_key(whole)[:4]


def _places_before(runs: Sequence[Run]) -> dict[Racer, int]:
    """Everybody's place before the event that came last."""
    last = runs[-1].event if runs else ""
    best: dict[Racer, float] = {}
    for run in runs:
        if run.event != last and run.result.status == "FIN" and run.result.total_s is not None:
            racer = run.owner, run.result.name
            best[racer] = min(run.result.total_s, best.get(racer, run.result.total_s))
    order = sorted(best, key=lambda racer: (best[racer], racer))
    return {racer: place for place, racer in enumerate(order, 1)}


def _row(racer: Racer, runs: Sequence[Run], best: Run, first_s: float | None) -> Row:
    """A racer's row: the best run, and the fastest lap of all runs."""
    owner, name = racer
    result = best.result
    total_s = result.total_s if result.status == "FIN" else None
    laps = [run.result for run in runs if run.result.fastest_lap_s is not None]
    fastest = min(laps, key=lambda result: result.fastest_lap_s or 0.0, default=None)
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
        fastest_s=fastest.fastest_lap_s if fastest else None,
        fastest_off_tracks=fastest.fastest_lap_off_tracks if fastest else 0,
        laps=len(result.laps),
        off_tracks=result.off_tracks,
        resets=result.resets,
        attempts=len(runs),
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
