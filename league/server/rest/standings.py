"""How events stand, for pages and programs: worked out when something changed, and kept until then.

There is one way: what was raced and the ledger give the standings, and every board is made from these. Of an
event that ranks by best runs only those entries are looked up again that raced or were decided about since.
A board of a thousand entries and more is given out as it was while the next is made.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydantic import TypeAdapter

from league.errors import UnknownNameError
from league.hooks.catalogue import League
from league.quick import RaceOutcome
from league.racing.ledger import Judged
from league.racing.plan import EventPlan, Format
from league.racing.result import HeatResult, Standing
from league.racing.standing import rank_best, sort_key
from league.server.rest.leaderboard import about_board
from league.server.rest.ready import Ready
from league.store.book import RecordBook
from league.store.bursts import burst
from league.store.records import EventRecord
from league.store.tally import Tally

log = logging.getLogger(__name__)

LARGE: Final = 1000
"""Entries from which a board may be given out as it was while it is made anew."""

_ROWS: Final = TypeAdapter(list[Standing])


@dataclass(frozen=True, slots=True)
class Score:
    """An event and how it stands after every decision."""

    record: EventRecord
    standings: tuple[Standing, ...]
    before: Mapping[str, int]
    """Places before the heat that began last, of entries that had one."""
    heats: int
    """How many are finished."""
    first: HeatResult | None
    """The first that began."""
    state_hash: str
    revision: int
    """How many lines the ledger has."""
    final: bool
    """Whether its last line says that no more is to come."""
    tally: Tally | None = None
    """What the next is worked out from, where only best runs count."""


class Standings:
    """Keeps boards ready.

    Args:
        league: For the events' formats.
        book: What was raced and decided.
    """

    def __init__(self, league: League, book: RecordBook) -> None:
        self._league, self._book = league, book
        self._scores = Ready(self._score)
        self._boards = Ready(self._board, may_lag=lambda board: board[1] >= LARGE)

    async def of(self, event_id: str) -> Score:
        """How an event stands.

        Raises:
            UnknownNameError: There is no such event.
        """
        return await self._scores.of(event_id, await self._book.revision(event_id))

    async def board(self, event_id: str, *, exact: bool = False) -> bytes:
        """An event's board as result JSON; made once for everybody who asks until something changes.

        Raises:
            UnknownNameError: There is no such event, or its format is gone.
        """
        revision = await self._book.revision(event_id)
        return (await self._boards.of(event_id, revision, exact=exact))[0]

    async def close(self) -> None:
        """Wait for what is being made."""
        for ready in (self._boards, self._scores):
            await ready.close()

    # -- inside ------------------------------------------------------------------------------------

    async def _score(self, event_id: str) -> tuple[int, Score]:
        record = await self._book.event(event_id)
        style = style_of(self._league, record.plan)
        if getattr(style, "ranks_best_runs", False):
            last = self._scores.last(event_id)
            tally = await self._book.tally(event_id, last.tally if last is not None else None)
            return record.revision, await asyncio.to_thread(_of_best_runs, record, tally)
        judged = await self._book.judged(event_id)
        return record.revision, await asyncio.to_thread(_of_all, record, style, judged)

    async def _board(self, event_id: str) -> tuple[int, tuple[bytes, int]]:
        """A board, and how many rows it has."""
        score = await self.of(event_id)
        plan = score.record.plan
        self._league.format(plan.format)
        # A board that has results must not need the circuit's file, which may be gone by then.
        road = await asyncio.to_thread(self._league.circuit, plan.circuit) if score.first is None else None
        about = about_board(
            score.record, score, heats=score.heats, first=score.first, circuit=road,
            state_hash=score.state_hash,
        )  # fmt: skip

        def written() -> bytes:
            with burst():
                rows = _ROWS.dump_json(list(score.standings))
            return b"".join((json.dumps(about).encode()[:-1], b', "entries": ', rows, b"}"))

        return score.record.revision, (await asyncio.to_thread(written), len(score.standings))


def style_of(league: League, plan: EventPlan) -> Format | None:
    """An event's format; None if the plugin that brought it is gone, and its heats are still there."""
    try:
        return league.format(plan.format)
    except UnknownNameError:
        log.warning("event %s: no format is called %r", plan.id, plan.format)
        return None


def _of_best_runs(record: EventRecord, tally: Tally) -> Score:
    with burst():
        entries = record.plan.entries
        earlier, known = tally.earlier, {entry.id for entry in entries}
        order = sorted((sort_key(run) for run, _ in earlier.values() if run.entry_id in known))
        return Score(
            record=record,
            standings=_owned(rank_best(entries, tally.best), record.owners),
            before={key[-1]: place for place, key in enumerate(order, 1)},
            heats=tally.heats,
            first=tally.first,
            state_hash=tally.state_hash,
            revision=tally.revision,
            final=tally.final,
            tally=tally,
        )


def _of_all(record: EventRecord, style: Format | None, judged: Judged) -> Score:
    plan, raced = record.plan, judged.results
    standings = style.standings(plan, raced) if style is not None else ()
    before = style.standings(plan, raced[:-1]) if style is not None else ()
    return Score(
        record=record,
        standings=_owned(standings, record.owners),
        before={row.entry_id: row.place for row in before if row.heats},
        heats=len(raced),
        first=raced[0] if raced else None,
        state_hash=RaceOutcome(plan, raced, standings, ()).state_hash if raced else "",
        revision=judged.revision,
        final=judged.final,
    )


def _owned(standings: Sequence[Standing], owners: Mapping[str, str]) -> tuple[Standing, ...]:
    """Standings that say whose each entry is."""
    return tuple(
        row.model_copy(update={"owner": owners[row.entry_id]}) if row.entry_id in owners else row
        for row in standings
    )
