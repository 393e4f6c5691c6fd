"""How events stand, worked out once and kept until something in the event changes."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from league.errors import UnknownNameError
from league.hooks.catalogue import League
from league.racing.plan import HeatPlan
from league.racing.result import HeatResult, Standing
from league.server.pages.board import Row, event_rows
from league.store.book import RecordBook
from league.store.records import EventRecord, HeatRecord

log = logging.getLogger(__name__)

KEPT: Final = 64
"""Events kept ready."""


@dataclass(frozen=True, slots=True)
class Score:
    """An event and how it stands."""

    record: EventRecord
    heats: tuple[HeatRecord, ...]
    results: tuple[HeatResult, ...]
    standings: tuple[Standing, ...]
    waiting: tuple[HeatPlan, ...]
    """Heats that the format asks for and that have not begun."""
    rows: tuple[Row, ...]


class Scores:
    """Scores events.

    Args:
        league: For the events' formats.
        book: What was raced.
    """

    def __init__(self, league: League, book: RecordBook) -> None:
        self._league, self._book = league, book
        self._kept: OrderedDict[str, tuple[int, Score]] = OrderedDict()
        self._scoring = asyncio.Lock()

    async def of(self, event_id: str) -> Score:
        """How an event stands.

        Raises:
            UnknownNameError: There is no such event.
        """
        revision = await self._book.revision(event_id)
        kept = self._kept.get(event_id)
        if kept is None or kept[0] < revision:
            async with self._scoring:  # whoever asks meanwhile is given what is being made
                kept = self._kept.get(event_id)
                if kept is None or kept[0] < revision:
                    kept = await self._make(event_id)
        self._kept[event_id] = kept
        self._kept.move_to_end(event_id)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return kept[1]

    async def _make(self, event_id: str) -> tuple[int, Score]:
        record = await self._book.event(event_id)
        heats = await self._book.heats(event_id)
        results = await self._book.results(event_id)
        return record.revision, await asyncio.to_thread(self._score, record, tuple(heats), results)

    def _score(
        self, record: EventRecord, heats: tuple[HeatRecord, ...], results: tuple[HeatResult, ...]
    ) -> Score:
        plan = record.plan
        standings: tuple[Standing, ...] = ()
        before: tuple[Standing, ...] = ()
        waiting: tuple[HeatPlan, ...] = ()
        try:
            style = self._league.format(plan.format)
            standings, before = style.standings(plan, results), style.standings(plan, results[:-1])
            waiting = style.next_heats(plan, results)
        except UnknownNameError:  # the plugin that brought the format is gone; the heats are still there
            log.warning("event %s: no format is called %r", plan.id, plan.format)
        begun = {heat.plan.id for heat in heats}
        return Score(
            record=record,
            heats=heats,
            results=results,
            standings=standings,
            waiting=tuple(heat for heat in waiting if heat.id not in begun),
            rows=event_rows(plan, standings, before, link=lambda entry: entry_page(plan.id, entry)),
        )


def entry_page(event_id: str, entry_id: str) -> str:
    """The address of an entry's page."""
    return f"/events/{quote(event_id, safe='')}/entries/{quote(entry_id, safe='')}"
