"""The record book's pages of judging: the stewards' ledger, incidents and opinions about them.

Lines are only ever added; the database itself refuses anything else. What the results are after every
decision is never kept: it is worked out from what was raced and from the ledger, in one look at both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import RaceError, UnknownNameError
from league.racing.incident import Incident, Opinion, settled_by
from league.racing.ledger import Decision, Judged, check, judge
from league.racing.plan import EventPlan
from league.racing.result import HeatResult
from league.racing.rules import Rules
from league.store import tables
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
            check(made, ledger, await _results_of(db, event, heats=(made.heat,)))
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
    async def judged(
        self, event_id: str, *, heats: Collection[str] | None = None, entry: str | None = None
    ) -> Judged:
        """The results of an event's finished heats after every decision.

        Args:
            event_id: The event.
            heats: Only these; None is all.
            entry: Only those that this one was in; None is all.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            raced = await _results_of(db, event, heats=heats, entry=entry)
            return judge(raced, await ledger_of(db, event), await rules_of(db, event))

    async def results(
        self, event_id: str, *, heats: Collection[str] | None = None, entry: str | None = None
    ) -> tuple[HeatResult, ...]:
        """The same without the ledger, in the order in which they began.

        Raises:
            UnknownNameError: There is no such event.
        """
        return (await self.judged(event_id, heats=heats, entry=entry)).results

    @unbroken
    async def raced(self, event_id: str) -> tuple[HeatResult, ...]:
        """The results as they were raced, before any decision; to keep or to send elsewhere with the ledger.

        Raises:
            UnknownNameError: There is no such event.
        """
        async with self._data.reading() as db:
            return tuple(await _results_of(db, await event_number(db, event_id)))

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


async def rules_of(db: AsyncConnection, event: int) -> Rules:
    """The rules of an event."""
    plan = await db.scalar(select(_events.c.plan_json).where(_events.c.number == event))
    return EventPlan.model_validate_json(str(plan)).rules


async def _results_of(
    db: AsyncConnection, event: int, *, heats: Collection[str] | None = None, entry: str | None = None
) -> list[HeatResult]:
    """What was raced in an event: everything, in some heats of it, or where one entry was in."""
    asked = select(_heats.c.number, _results.c.result_json).join(_results).where(_heats.c.event == event)
    if heats is not None:
        asked = asked.where(_heats.c.id.in_(sorted(heats)))
    if entry is not None:
        placed, entries = tables.result_entries, tables.entries
        mine = select(placed.c.heat).join(entries).where(entries.c.event == event, entries.c.id == entry)
        asked = asked.where(_heats.c.number.in_(mine))
    # Asked for a few of them in order, SQLite would look through all heats of the event.
    rows = sorted((await db.execute(asked)).all(), key=lambda row: row.number)
    return [HeatResult.model_validate_json(row.result_json) for row in rows]


async def _find_incident(db: AsyncConnection, event: int, event_id: str, number: int) -> None:
    asked = select(_incidents.c.number).where(_incidents.c.event == event)
    if await db.scalar(asked.where(_incidents.c.number == number)) is None:
        known = await db.scalars(asked.order_by(_incidents.c.number.desc()).limit(20))
        raise UnknownNameError(f"incident of event {event_id!r}", str(number), map(str, known))


def _decision(row: AnyRow) -> Decision:
    return Decision.model_validate_json(row.decision_json)
