"""The record book's page of boards over many events: every entry's best run of an event, by what was driven.

An event may hold a million laps. Its results are looked through once, a slice at a time, and only what a
board shows of them is kept; whoever has that from before is told of the heats that were finished since, and
of the entries that were decided about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pydantic_core import from_json
from sqlalchemy import ColumnElement, Select, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.racing.ledger import Decision, judge
from league.racing.result import EntryResult, HeatResult
from league.racing.rules import Rules
from league.racing.standing import rank_order
from league.store import tables
from league.store.bursts import burst
from league.store.decisions import ledger_of, rules_of
from league.store.events import event_number
from league.store.tally import MOST_TOUCHED, decided_anew, in_heats
from league.store.transactions import AnyRow, Transactions, unbroken

_heats, _results = tables.heats, tables.results
_placed, _entries = tables.result_entries, tables.entries

SLICE: Final = 2000
"""Heats that are looked at in one go."""


class Terms(NamedTuple):
    """What results must share to stand on one board."""

    circuit: str
    sha256: str
    """The circuit's geometry; a changed circuit is another one."""
    car: str
    laps: int
    behavior: int
    """Times of another version of the simulation do not compare."""
    clock: str


class Racer(NamedTuple):
    """Who raced, on which terms."""

    terms: Terms
    entry: str
    name: str


Order = tuple[int, float, float, float]


@dataclass(frozen=True, slots=True)
class Best:
    """What one entry did in one event on the same terms, after every decision.

    Args:
        result: Its best run: the least time for the whole distance, however the event ranked.
        order: What boards sort it by.
        heat: The number of the heat in which it drove that.
        fastest_s: Its fastest lap in any run; None without one.
        fastest_off_tracks: How often it was off the track in that lap.
        fastest_heat: The number of the heat in which it drove that.
        runs: How many runs that is the best of.
    """

    result: EntryResult
    order: Order
    heat: int
    fastest_s: float | None
    fastest_off_tracks: int
    fastest_heat: int
    runs: int = 1


@dataclass(frozen=True, slots=True)
class Runs:
    """What an event came to, for boards over many.

    Args:
        best: By who raced on which terms.
        ledger: The stewards' decisions that it is after.
        end: Heats from this number on have not been looked at.
        awaited: Those before that were not finished.
    """

    best: Mapping[Racer, Best] = field(default_factory=dict)
    ledger: tuple[Decision, ...] = ()
    end: int = 0
    awaited: frozenset[int] = frozenset()


class RunPages:
    """What events came to, for boards over many."""

    _data: Transactions

    @unbroken
    async def runs(self, event_id: str, since: Runs | None = None) -> Runs:
        """Every entry's best run of an event, by what was driven; void and disqualified runs are left out.

        Args:
            event_id: The event.
            since: What it came to before; then only what changed since is read.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            ledger, rules = await ledger_of(db, event), await rules_of(db, event)
            known, again = since or Runs(), set[str]()
            if since is not None:
                again = await _decided_about(db, event, decided_anew(since.ledger, ledger))
                if len(again) > MOST_TOUCHED:
                    known, again = Runs(), set()
            best = {racer: mine for racer, mine in known.best.items() if racer.entry not in again}
            look = _Look(best, ledger, rules)
            await look.through(db, _raced(event).where(_unread(known)), lambda entry: entry not in again)
            if again:
                theirs = select(_placed.c.heat).join(_entries).where(_entries.c.event == event)
                theirs = theirs.where(_entries.c.id.in_(sorted(again)))
                await look.through(db, _raced(event).where(_heats.c.number.in_(theirs)), again.__contains__)
            begun = select(_heats.c.number).where(_heats.c.event + 0 == event, _unread(known))
            end = await db.scalar(begun.order_by(_heats.c.number.desc()).limit(1))
            awaited = frozenset(await db.scalars(begun.where(_heats.c.status != "finished")))
            return Runs(best, ledger, known.end if end is None else max(known.end, end + 1), awaited)


class _Look:
    """One look through heats.

    Args:
        best: What is known of them, to go on with.
        ledger: The stewards' decisions.
        rules: The event's.
    """

    def __init__(self, best: dict[Racer, Best], ledger: tuple[Decision, ...], rules: Rules) -> None:
        self._best, self._ledger, self._rules = best, ledger, rules
        self._decided = {line.heat for line in ledger if line.heat}

    async def through(self, db: AsyncConnection, heats: Select[Any], wanted: Callable[[str], bool]) -> None:
        """Take in what these entries did in these heats."""
        aside: list[AnyRow] = []
        rows = await db.stream(heats)
        async for part in rows.partitions(SLICE):
            aside += [row for row in part if row.id in self._decided]
            await asyncio.to_thread(self._take, part, wanted)
        await asyncio.to_thread(self._judge, aside, wanted)

    def _take(self, rows: Sequence[AnyRow], wanted: Callable[[str], bool]) -> None:
        """Heats that nobody decided about: checking every figure again would take ten times as long."""
        with burst():
            for row in rows:
                if row.id not in self._decided:
                    self._fold(row.number, from_json(row.result_json), wanted)

    def _judge(self, rows: Sequence[AnyRow], wanted: Callable[[str], bool]) -> None:
        raced = [HeatResult.model_validate_json(row.result_json) for row in rows]
        judged = judge(raced, self._ledger, self._rules).results
        for row, heat in zip(rows, judged, strict=True):
            self._fold(row.number, heat.model_dump(), wanted)

    def _fold(self, number: int, heat: Mapping[str, Any], wanted: Callable[[str], bool]) -> None:
        circuit = heat["circuit"]
        terms = Terms(
            circuit["id"], circuit["sha256"], heat["car"], heat["laps"], heat["behavior"], heat["clock"]
        )
        for row in heat["entries"]:
            if row["status"] in ("VOID", "DSQ") or not wanted(row["entry_id"]):
                continue
            racer = Racer(terms, row["entry_id"], row["name"])
            self._best[racer] = _with(self._best.get(racer), number, row)


def _with(before: Best | None, number: int, row: Mapping[str, Any]) -> Best:
    """One more run taken in; of equal ones, the one that was raced first counts."""
    total_s, fastest_s = row.get("total_s"), row.get("fastest_lap_s")
    order = rank_order(row["status"], total_s, row.get("progress_pct", 0.0), fastest_s)
    fastest = (fastest_s, row.get("fastest_lap_off_tracks", 0), number)
    if before is None:
        return Best(EntryResult.model_validate(row), order, number, *fastest)
    if before.fastest_s is not None and (
        fastest_s is None or (before.fastest_s, before.fastest_heat) < (fastest_s, number)
    ):
        fastest = (before.fastest_s, before.fastest_off_tracks, before.fastest_heat)
    if (before.order, before.heat) < (order, number):
        return Best(before.result, before.order, before.heat, *fastest, before.runs + 1)
    return Best(EntryResult.model_validate(row), order, number, *fastest, before.runs + 1)


def _raced(event: int) -> Select[Any]:
    """What was raced in an event, in the order in which it began."""
    asked = select(_heats.c.number, _heats.c.id, _results.c.result_json).join(_results)
    # The sum keeps databases from walking all heats of the event where a few at the end are asked for.
    return asked.where(_heats.c.event + 0 == event).order_by(_heats.c.number)


def _unread(known: Runs) -> ColumnElement[bool]:
    """Whether a heat was begun since, or was not finished then."""
    return or_(_heats.c.number >= known.end, _heats.c.number.in_(sorted(known.awaited)))


async def _decided_about(db: AsyncConnection, event: int, heats: set[str]) -> set[str]:
    """The entries that were in some heats."""
    named = select(_heats.c.number).where(_heats.c.event == event, _heats.c.id.in_(sorted(heats)))
    return set((await in_heats(db, set(await db.scalars(named)))).values())
