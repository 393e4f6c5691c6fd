"""The record book's page of best runs: how an event stands whose entries count with their best run.

Such an event may hold a million laps. What it came to is therefore never worked out from all of them: the
database finds every entry's best, and whoever has a tally from before is told of the entries that raced or
were decided about since.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.racing.ledger import Decision, in_force, judge
from league.racing.result import EntryResult, HeatResult
from league.racing.standing import VOID_KEY, sort_key
from league.store import tables
from league.store.bursts import burst
from league.store.decisions import ledger_of, rules_of
from league.store.events import event_number
from league.store.progress import Progress, read_on
from league.store.transactions import AnyRow, Transactions, unbroken

_heats, _results, _entries = tables.heats, tables.results, tables.entries
_placed = tables.result_entries

MOST_TOUCHED: Final = 500
"""Entries up to which a tally is brought up to date one by one; with more, all are looked up again."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What an event that ranks by best runs came to, after every decision.

    Args:
        best: Every entry's best run, and how many runs it is the best of.
        before: The same without the heat that began last, for the entries that are in it.
        last: The entries of the heat that began last.
        heats: How many are finished.
        first: The result of the first that began, as it was raced; None without one.
        state_hash: The heat's own; of several, a hash over theirs, in order.
        ledger: The stewards' decisions.
        progress: What to go on from.
    """

    best: dict[str, tuple[EntryResult, int]]
    before: dict[str, tuple[EntryResult, int]]
    last: frozenset[str]
    heats: int
    first: HeatResult | None
    state_hash: str
    ledger: tuple[Decision, ...]
    progress: Progress

    @property
    def earlier(self) -> dict[str, tuple[EntryResult, int]]:
        """Every entry's best run without the heat that began last."""
        return {entry: run for entry, run in self.best.items() if entry not in self.last} | self.before

    @property
    def revision(self) -> int:
        """How many lines the ledger has."""
        return len(self.ledger)

    @property
    def final(self) -> bool:
        """Whether its last line says that no more is to come."""
        return bool(self.ledger) and self.ledger[-1].kind == "final"


class TallyPages:
    """What events came to."""

    _data: Transactions

    @unbroken
    async def tally(self, event_id: str, since: Tally | None = None) -> Tally:
        """What an event came to that ranks by best runs, without reading all the others.

        Args:
            event_id: The event.
            since: What it came to before; then only what changed since is read.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            rules, ledger = await rules_of(db, event), await ledger_of(db, event)
            step = await read_on(db, event, since.progress if since is not None else None)
            touched = None
            if since is not None:
                touched = await _touched(db, event, step.new, decided_anew(since.ledger, ledger))
            decided = {line.heat for line in ledger if line.heat}
            aside = await _raced(db, event, decided)
            newest = await _newest(db, event)
            racers = await in_heats(db, [newest]) if newest is not None else {}
            found = (await db.execute(_best_rows(event, decided, touched))).all()
            earlier = (await db.execute(_best_rows(event, decided, racers, but=newest))).all()
            if since is not None and since.progress.below:
                first = since.first
            else:
                first = await _first(db, event)

        lone = first.state_hash if first is not None else ""

        def gathered() -> Tally:
            with burst():
                heats = [HeatResult.model_validate_json(row.result_json) for row in aside]
                judged = judge(heats, ledger, rules)
                numbered = [(row.number, heat) for row, heat in zip(aside, judged.results, strict=True)]
                names = None if touched is None else frozenset(touched.values())
                best = gather(found, numbered, names)
                if since is not None and names is not None:
                    best = {key: run for key, run in since.best.items() if key not in names} | best
                last = frozenset(racers.values())
                return Tally(
                    best=best,
                    before=gather(earlier, [pair for pair in numbered if pair[0] != newest], last),
                    last=last,
                    heats=step.progress.heats,
                    first=first,
                    state_hash=step.state_hash if step.progress.heats > 1 else lone,
                    ledger=ledger,
                    progress=step.progress,
                )

        return await asyncio.to_thread(gathered)


def gather(
    rows: Sequence[AnyRow], judged: Sequence[tuple[int, HeatResult]], only: Collection[str] | None = None
) -> dict[str, tuple[EntryResult, int]]:
    """Every entry's best, of those that the database found and of those that somebody decided about."""
    found: dict[str, tuple[tuple[Any, int], EntryResult]] = {}
    runs: dict[str, int] = {}
    read: dict[int, HeatResult] = {}

    def consider(heat: int, result: EntryResult) -> None:
        key = (sort_key(result), heat)  # of equal ones, the one that was raced first
        if result.entry_id not in found or key < found[result.entry_id][0]:
            found[result.entry_id] = key, result

    for row in rows:
        if row.heat not in read:
            read[row.heat] = HeatResult.model_validate_json(row.result_json)
        result = read[row.heat].of(row.id)
        if result is not None:
            runs[row.id] = row.runs
            consider(row.heat, result)
    for number, heat in judged:
        for result in heat.entries:
            if result.status != "VOID" and (only is None or result.entry_id in only):
                runs[result.entry_id] = runs.get(result.entry_id, 0) + 1
                consider(number, result)
    return {entry: (result, runs[entry]) for entry, (_, result) in found.items()}


def decided_anew(before: Sequence[Decision], now: Sequence[Decision]) -> set[str]:
    """Heats about which something else is in force than before."""
    if len(before) == len(now):
        return set()
    there, here = ({line.number: line for line in in_force(lines)} for lines in (before, now))
    return {
        line.heat
        for number in there.keys() ^ here.keys()
        for line in (there.get(number) or here[number],)
        if line.heat
    }


async def _touched(
    db: AsyncConnection, event: int, new: Collection[int], decided: Iterable[str]
) -> dict[int, str] | None:
    """The entries of heats that were finished or decided about, ids by number; None if they are too many."""
    if len(new) > MOST_TOUCHED:
        return None
    named = select(_heats.c.number).where(_heats.c.event == event, _heats.c.id.in_(sorted(decided)))
    found = await in_heats(db, {*new, *await db.scalars(named)})
    return found if len(found) <= MOST_TOUCHED else None


async def in_heats(db: AsyncConnection, heats: Collection[int]) -> dict[int, str]:
    """The entries of heats, ids by number."""
    asked = select(_entries.c.number, _entries.c.id).join(_placed).where(_placed.c.heat.in_(sorted(heats)))
    return {row.number: row.id for row in await db.execute(asked)}


async def _raced(db: AsyncConnection, event: int, heats: Collection[str]) -> Sequence[AnyRow]:
    """What was raced in some heats, by number, before any decision."""
    asked = select(_heats.c.number, _results.c.result_json).join(_results)
    asked = asked.where(_heats.c.event == event, _heats.c.id.in_(sorted(heats)))
    # Asked for them in order, SQLite would look through all heats of the event.
    return sorted((await db.execute(asked)).all(), key=lambda row: row.number)


async def _newest(db: AsyncConnection, event: int) -> int | None:
    """The finished heat that began last."""
    asked = select(_heats.c.number).where(_heats.c.event == event, _heats.c.status == "finished")
    found = await db.scalar(asked.order_by(_heats.c.number.desc()).limit(1))
    return None if found is None else int(found)


async def _first(db: AsyncConnection, event: int) -> HeatResult | None:
    asked = select(_results.c.result_json).join(_heats).where(_heats.c.event == event)
    text = await db.scalar(asked.order_by(_heats.c.number).limit(1))
    return None if text is None else HeatResult.model_validate_json(text)


def _best_rows(
    event: int, decided: Collection[str], only: Collection[int] | None = None, *, but: int | None = None
) -> Select[Any]:
    """Every entry's results with its lowest rank key, but for heats that somebody decided about.

    Args:
        event: The event.
        decided: Those heats' ids.
        only: The entries that are looked up; None is all.
        but: Another heat to leave out.
    """
    aside = select(_heats.c.number).where(_heats.c.event == event, _heats.c.id.in_(sorted(decided)))
    mine = (_entries.c.event == event) & (_placed.c.rank_key < VOID_KEY)
    if only is not None:
        mine &= _entries.c.number.in_(sorted(only))
    if decided:
        mine &= _placed.c.heat.not_in(aside)
    if but is not None:
        mine &= _placed.c.heat != but
    best = (
        select(_placed.c.entry, func.min(_placed.c.rank_key).label("key"), func.count().label("runs"))
        .join(_entries, _entries.c.number == _placed.c.entry)
        .where(mine)
        .group_by(_placed.c.entry)
        .subquery()
    )
    chosen = (
        select(_entries.c.id, best.c.runs, _placed.c.heat, _results.c.result_json)
        .select_from(best)
        .join(_placed, (_placed.c.entry == best.c.entry) & (_placed.c.rank_key == best.c.key))
        .join(_entries, _entries.c.number == best.c.entry)
        .join(_results, _results.c.heat == _placed.c.heat)
        .order_by(_placed.c.heat)
    )
    if decided:
        chosen = chosen.where(_placed.c.heat.not_in(aside))
    return chosen if but is None else chosen.where(_placed.c.heat != but)
