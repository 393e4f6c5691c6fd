"""The record book's pages of judging: the stewards' ledger, incidents and opinions about them.

Lines are only ever added; the database itself refuses anything else. What the results are after every
decision is never kept: it is worked out from what was raced and from the ledger, in one look at both.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import RaceError, UnknownNameError
from league.racing.incident import Incident, Opinion, settled_by
from league.racing.ledger import Decision, Judged, check, judge
from league.racing.plan import EventPlan
from league.racing.result import EntryResult, HeatResult
from league.racing.standing import VOID_KEY, sort_key
from league.store import tables
from league.store.bursts import burst
from league.store.events import event_number, touch
from league.store.texts import to_json
from league.store.transactions import AnyRow, Transactions, insert_new, unbroken

_decisions, _incidents, _opinions = tables.decisions, tables.incidents, tables.opinions
_heats, _results, _events = tables.heats, tables.results, tables.events


@dataclass(frozen=True, slots=True)
class IncidentRecord:
    """An incident as the book has it.

    Args:
        incident: What was filed.
        filed_at: When.
        opinions: What advisers think.
        decisions: The decisions in force about it; none means that it is open.
    """

    incident: Incident
    filed_at: datetime
    opinions: tuple[Opinion, ...] = ()
    decisions: tuple[Decision, ...] = ()


@dataclass(frozen=True, slots=True)
class BestRuns:
    """What an event that ranks by best runs came to.

    Args:
        best: Every entry's best run, and how many runs it is the best of.
        revision: How many lines the ledger has.
        final: Whether its last line says that no more is to come.
    """

    best: Mapping[str, tuple[EntryResult, int]]
    revision: int
    final: bool


class DecisionPages:
    """What stewards decide, and about what."""

    _data: Transactions

    @unbroken
    async def decide(
        self, event_id: str, line: Decision, *, command: str = "", expected: int | None = None
    ) -> tuple[Decision, bool]:
        """Writes a line of an event's ledger; gives it with its number and time, and whether it is new.

        Args:
            event_id: The event.
            line: The decision; its number and time are ignored and set here.
            command: What the one who decides calls it; the same again is written once.
            expected: How many lines the ledger had when it was looked at; None does not mind.

        Raises:
            InputError: It is about a heat, entry, lap or line that there is not.
            RaceError: The ledger has other lines by now than `expected`.
            UnknownNameError: There is no such event, or no such incident.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            if command:
                asked = select(_decisions).where(_decisions.c.event == event, _decisions.c.command == command)
                known = (await db.execute(asked)).one_or_none()
                if known is not None:
                    await db.rollback()
                    return _decision(known), False
            ledger = await ledger_of(db, event)
            if expected is not None and expected != len(ledger):
                raise RaceError(
                    f"ledger of event {event_id!r}: found {len(ledger)} lines, expected {expected}"
                )
            now = self._data.now()
            made = line.model_copy(
                update={"number": len(ledger) + 1, "epoch_ns": int(now.timestamp() * 1_000_000) * 1000}
            )
            check(made, ledger, await _results_of(db, event, made.heat))
            if made.incident:
                await _find_incident(db, event, event_id, made.incident)
            await db.execute(
                _decisions.insert().values(
                    event=event,
                    number=made.number,
                    heat=made.heat,
                    command=command or None,
                    decision_json=to_json(made),
                    decided_at=now,
                )
            )
            return made, True

    @unbroken
    async def decisions(self, event_id: str) -> tuple[Decision, ...]:
        """An event's ledger, line by line.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            return await ledger_of(db, await event_number(db, event_id))

    @unbroken
    async def judged(self, event_id: str) -> Judged:
        """The results of an event's finished heats after every decision.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            plan = await db.scalar(select(_events.c.plan_json).where(_events.c.number == event))
            rules = EventPlan.model_validate_json(str(plan)).rules
            return judge(await _results_of(db, event), await ledger_of(db, event), rules)

    async def results(self, event_id: str) -> tuple[HeatResult, ...]:
        """The results of an event's finished heats after every decision, in the order in which they began.

        Raises:
            UnknownNameError: There is no such event.
        """
        return (await self.judged(event_id)).results

    @unbroken
    async def raced(self, event_id: str) -> tuple[HeatResult, ...]:
        """The results as they were raced, before any decision; to keep or to send elsewhere with the ledger.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            return tuple(await _results_of(db, await event_number(db, event_id)))

    @unbroken
    async def best_runs(self, event_id: str) -> BestRuns:
        """Every entry's best run in an event after every decision, without reading all the others.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            plan = await db.scalar(select(_events.c.plan_json).where(_events.c.number == event))
            ledger = await ledger_of(db, event)
            decided = {line.heat for line in ledger if line.heat}
            rows = (await db.execute(_best_rows(event, decided))).all()
            asked = select(_heats.c.number, _results.c.result_json).join(_results)
            asked = asked.where(_heats.c.event == event, _heats.c.id.in_(sorted(decided)))
            aside = (await db.execute(asked.order_by(_heats.c.number))).all()
        rules = EventPlan.model_validate_json(str(plan)).rules

        def gathered() -> BestRuns:
            with burst():
                raced = [HeatResult.model_validate_json(row.result_json) for row in aside]
                judged = judge(raced, ledger, rules)
                numbered = [(row.number, heat) for row, heat in zip(aside, judged.results, strict=True)]
                return BestRuns(_gather_best(rows, numbered), judged.revision, judged.final)

        return await asyncio.to_thread(gathered)

    @unbroken
    async def first_result(self, event_id: str) -> tuple[int, HeatResult | None]:
        """How many heats of an event are finished, and the result of the first that began, as it was raced.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            counting = select(func.count(), func.min(_heats.c.number)).where(
                _heats.c.event == event, _heats.c.status == "finished"
            )
            heats, first = (await db.execute(counting)).one()
            text = await db.scalar(select(_results.c.result_json).where(_results.c.heat == first))
            return int(heats), None if text is None else HeatResult.model_validate_json(text)

    @unbroken
    async def state_hash(self, event_id: str) -> str:
        """The hash of an event's finished heats: the heat's own; of several, a hash over theirs, in order.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            asked = select(_results.c.state_hash).join(_heats).where(_heats.c.event == event)
            hashes = (await db.scalars(asked.order_by(_heats.c.number))).all()
        if len(hashes) < 2:
            return hashes[0] if hashes else ""
        return hashlib.sha256("".join(hashes).encode()).hexdigest()

    @unbroken
    async def file_incident(self, event_id: str, incident: Incident) -> tuple[Incident, bool]:
        """Files an incident; gives it with its number, and whether it is new.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            asked = select(_incidents).where(_incidents.c.event == event, _incidents.c.key == incident.key)
            known = (await db.execute(asked)).one_or_none()
            if known is not None:
                await db.rollback()
                return Incident.model_validate_json(known.incident_json), False
            (made,) = await file_incidents(db, event, (incident,), now=self._data.now())
            return made, True

    @unbroken
    async def incidents(self, event_id: str) -> list[IncidentRecord]:
        """An event's incidents in the order in which they were filed.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            asked = select(_incidents).where(_incidents.c.event == event).order_by(_incidents.c.number)
            rows = (await db.execute(asked)).all()
            given: dict[int, list[Opinion]] = {}
            for row in await db.execute(
                select(_opinions).where(_opinions.c.event == event).order_by(_opinions.c.adviser)
            ):
                given.setdefault(row.incident, []).append(Opinion.model_validate_json(row.opinion_json))
            filed = [Incident.model_validate_json(row.incident_json) for row in rows]
            settled = settled_by(filed, await ledger_of(db, event))
        return [
            IncidentRecord(
                incident, row.filed_at, tuple(given.get(incident.number, ())), settled[incident.number]
            )
            for incident, row in zip(filed, rows, strict=True)
        ]

    @unbroken
    async def add_opinion(self, event_id: str, incident: int, opinion: Opinion) -> bool:
        """Adds what an adviser thinks; False if it gave an opinion on this incident before.

        Raises:
            UnknownNameError: There is no such event or incident.
        """
        async with self._data.writing() as db:
            event = await event_number(db, event_id)
            await _find_incident(db, event, event_id, incident)
            adding = insert_new(db, _opinions).values(
                event=event,
                incident=incident,
                adviser=opinion.adviser,
                opinion_json=to_json(opinion),
                given_at=self._data.now(),
            )
            return await db.scalar(adding.returning(_opinions.c.incident)) is not None


def _best_rows(event: int, decided: Collection[str]) -> Select[Any]:
    """Every entry's results with its lowest rank key, but for heats that somebody decided about."""
    placed, entries = tables.result_entries, tables.entries
    mine = (entries.c.event == event) & (placed.c.rank_key < VOID_KEY)
    if decided:
        aside = select(_heats.c.number).where(_heats.c.event == event, _heats.c.id.in_(sorted(decided)))
        mine &= placed.c.heat.not_in(aside)
    best = (
        select(placed.c.entry, func.min(placed.c.rank_key).label("key"), func.count().label("runs"))
        .join(entries, entries.c.number == placed.c.entry)
        .where(mine)
        .group_by(placed.c.entry)
        .subquery()
    )
    chosen = (
        select(entries.c.id, best.c.runs, placed.c.heat, _results.c.result_json)
        .select_from(best)
        .join(placed, (placed.c.entry == best.c.entry) & (placed.c.rank_key == best.c.key))
        .join(entries, entries.c.number == best.c.entry)
        .join(_results, _results.c.heat == placed.c.heat)
        .order_by(placed.c.heat)
    )
    if decided:
        chosen = chosen.where(placed.c.heat.not_in(aside))
    return chosen


def _gather_best(
    rows: Sequence[AnyRow], judged: Sequence[tuple[int, HeatResult]]
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
            if result.status != "VOID":
                runs[result.entry_id] = runs.get(result.entry_id, 0) + 1
                consider(number, result)
    return {entry: (result, runs[entry]) for entry, (_, result) in found.items()}


async def file_incidents(
    db: AsyncConnection, event: int, incidents: Iterable[Incident], *, now: datetime
) -> list[Incident]:
    """Adds incidents that the event, which is touched, does not have yet; gives them with their numbers."""
    newest = await db.scalar(select(func.max(_incidents.c.number)).where(_incidents.c.event == event))
    made = [
        incident.model_copy(update={"number": number})
        for number, incident in enumerate(incidents, int(newest or 0) + 1)
    ]
    if made:
        rows = [
            {
                "event": event,
                "number": incident.number,
                "heat": incident.heat,
                "key": incident.key,
                "incident_json": to_json(incident),
                "filed_at": now,
            }
            for incident in made
        ]
        await db.execute(_incidents.insert(), rows)
    return made


async def ledger_of(db: AsyncConnection, event: int) -> tuple[Decision, ...]:
    """An event's ledger, line by line."""
    asked = select(_decisions).where(_decisions.c.event == event).order_by(_decisions.c.number)
    return tuple(_decision(row) for row in await db.execute(asked))


async def _results_of(db: AsyncConnection, event: int, heat: str | None = None) -> list[HeatResult]:
    """What was raced in an event, or in one heat of it."""
    asked = (
        select(_results.c.result_json).join(_heats).where(_heats.c.event == event).order_by(_heats.c.number)
    )
    if heat is not None:
        asked = asked.where(_heats.c.id == heat)
    return [HeatResult.model_validate_json(text) for text in await db.scalars(asked)]


async def _find_incident(db: AsyncConnection, event: int, event_id: str, number: int) -> None:
    asked = select(_incidents.c.number).where(_incidents.c.event == event)
    if await db.scalar(asked.where(_incidents.c.number == number)) is None:
        known = await db.scalars(asked.order_by(_incidents.c.number.desc()).limit(20))
        raise UnknownNameError(f"incident of event {event_id!r}", str(number), map(str, known))


def _decision(row: AnyRow) -> Decision:
    return Decision.model_validate_json(row.decision_json)
