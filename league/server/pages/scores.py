"""What pages show of an event: its board's rows, the heats that began, and those that come next."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from aiohttp import web

from league.hooks.catalogue import League
from league.racing.plan import HeatPlan
from league.racing.result import Standing
from league.server.pages.board import Row, event_rows
from league.server.pages.rulings import Ruling, marks_of, rulings_of
from league.server.rest.ready import Ready
from league.server.rest.standings import LARGE, Score, Standings, style_of
from league.store.book import RecordBook
from league.store.bursts import burst
from league.store.records import EventRecord, HeatRecord

LISTED: Final = 10_000
"""Heats up to which all are listed, with those to come; of more, the newest."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """An event and how it stands."""

    record: EventRecord
    standings: tuple[Standing, ...]
    rows: tuple[Row, ...]
    heats: tuple[HeatRecord, ...]
    """Those that began."""
    waiting: tuple[HeatPlan, ...]
    """Heats that the format asks for and that have not begun."""
    older: int
    """Finished heats that are not listed."""
    rulings: tuple[Ruling, ...]
    """What stewards decided and nobody has undone, the newest first."""
    revision: int
    """How many lines the stewards' ledger has."""


Scored = Callable[[web.Request, str], Awaitable[Sheet]]
"""Says how an event stands, by its id."""


class Scores:
    """Keeps events ready to be shown.

    Args:
        league: For the events' formats.
        book: What was raced.
        standings: How events stand.
    """

    def __init__(self, league: League, book: RecordBook, standings: Standings) -> None:
        self._league, self._book, self._standings = league, book, standings
        self._sheets = Ready(self._made, may_lag=lambda sheet: len(sheet.rows) >= LARGE)

    async def of(self, event_id: str, *, exact: bool = False) -> Sheet:
        """How an event stands.

        Args:
            event_id: The event.
            exact: Whether even a large event's must not be older than the record book.

        Raises:
            UnknownNameError: There is no such event.
        """
        return await self._sheets.of(event_id, await self._book.revision(event_id), exact=exact)

    async def close(self) -> None:
        """Wait for what is being made."""
        await self._sheets.close()

    async def _made(self, event_id: str) -> tuple[int, Sheet]:
        score = await self._standings.of(event_id)
        heats = await self._book.heats(event_id, newest=LISTED)
        waiting = await self._waiting(score)
        lines = await self._book.decisions(event_id)
        rows = await asyncio.to_thread(_rows, score, marks_of(lines))
        names = {entry.id: entry.name for entry in score.record.plan.entries}
        rulings = [
            ruling for ruling in rulings_of(lines, names) if ruling.stands and ruling.line.kind != "undo"
        ]
        begun = {heat.plan.id for heat in heats}
        return score.record.revision, Sheet(
            record=score.record,
            standings=score.standings,
            rows=rows,
            heats=tuple(heats),
            waiting=tuple(heat for heat in waiting if heat.id not in begun),
            older=max(0, score.heats - len(heats)),
            rulings=tuple(rulings[::-1]),
            revision=score.revision,
        )

    async def _waiting(self, score: Score) -> tuple[HeatPlan, ...]:
        """What the format asks for; nothing where it would have to read too much."""
        plan, style = score.record.plan, style_of(self._league, score.record.plan)
        if style is None or score.record.status == "finished" or score.heats > LISTED:
            return ()
        raced = await self._book.results(plan.id)
        return await asyncio.to_thread(style.next_heats, plan, raced)


def entry_page(event_id: str, entry_id: str) -> str:
    """The address of an entry's page."""
    return f"/events/{quote(event_id, safe='')}/entries/{quote(entry_id, safe='')}"


def _rows(score: Score, marks: Mapping[str, tuple[str, str]]) -> tuple[Row, ...]:
    plan = score.record.plan
    with burst():
        return event_rows(
            plan, score.standings, score.before, link=lambda entry: entry_page(plan.id, entry), marks=marks
        )
