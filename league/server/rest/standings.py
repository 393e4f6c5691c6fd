"""How events stand, for programs: worked out when something changed, and given out as it is until then."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pydantic import TypeAdapter

from league.hooks.catalogue import League
from league.racing.plan import EventPlan
from league.racing.result import EntryResult, Standing
from league.racing.standing import rank_best
from league.server.rest.leaderboard import about_board, leaderboard
from league.store.book import RecordBook
from league.store.bursts import burst
from league.track.circuit import Circuit

KEPT: Final = 64
"""Boards kept ready."""
Track = Callable[[], Awaitable[Circuit]]

_ROWS: Final = TypeAdapter(list[Standing])


class Standings:
    """Keeps boards ready.

    Args:
        league: For the events' formats.
        book: What was raced and decided.
    """

    def __init__(self, league: League, book: RecordBook) -> None:
        self._league, self._book = league, book
        self._kept: OrderedDict[str, tuple[int, bytes]] = OrderedDict()
        self._turns: dict[str, asyncio.Lock] = {}

    async def of(self, event: EventPlan) -> tuple[Standing, ...]:
        """An event's standings after every decision.

        Raises:
            UnknownNameError: There is no such event, or its format is gone.
        """
        if self._by_best_runs(event):
            best = await self._book.best_runs(event.id)
            return await asyncio.to_thread(_ranked, event, best.best)
        results = await self._book.results(event.id)
        return await asyncio.to_thread(self._league.format(event.format).standings, event, results)

    async def board(self, event_id: str, circuit: Track) -> bytes:
        """An event's board as result JSON; made once for everybody who asks until something changes.

        Args:
            event_id: The event.
            circuit: Called without arguments, gives the event's circuit; asked while nothing was raced.

        Raises:
            UnknownNameError: There is no such event.
        """
        revision = await self._book.revision(event_id)
        kept = self._kept.get(event_id)
        if kept is not None and kept[0] == revision:
            self._kept.move_to_end(event_id)
            return kept[1]
        async with self._turns.setdefault(event_id, asyncio.Lock()):
            kept = self._kept.get(event_id)
            if kept is None or kept[0] < revision:
                kept = await self._make(event_id, circuit)
                self._kept[event_id] = kept
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        self._turns.pop(event_id, None)
        return kept[1]

    async def _make(self, event_id: str, circuit: Track) -> tuple[int, bytes]:
        """A board, and the revision of the event that it shows."""
        record = await self._book.event(event_id)
        if not self._by_best_runs(record.plan):
            judged = await self._book.judged(event_id)
            # A board that has results must not need the circuit's file, which may be gone by then.
            road = None if judged.results else await circuit()
            made = await asyncio.to_thread(leaderboard, self._league, record, judged, road)
            return record.revision, json.dumps(made).encode()
        best = await self._book.best_runs(event_id)
        heats, first = await self._book.first_result(event_id)
        road = None if heats else await circuit()
        about = about_board(
            record, best, heats=heats, first=first, circuit=road,
            state_hash=await self._book.state_hash(event_id),
        )  # fmt: skip

        def written() -> bytes:
            with burst():
                rows = _ROWS.dump_json(list(rank_best(record.plan.entries, best.best)))
            return b"".join((json.dumps(about).encode()[:-1], b', "entries": ', rows, b"}"))

        return record.revision, await asyncio.to_thread(written)

    def _by_best_runs(self, event: EventPlan) -> bool:
        return bool(getattr(self._league.format(event.format), "ranks_best_runs", False))


def _ranked(event: EventPlan, best: Mapping[str, tuple[EntryResult, int]]) -> tuple[Standing, ...]:
    with burst():
        return rank_best(event.entries, best)
