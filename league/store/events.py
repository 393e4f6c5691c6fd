"""The record book's pages of events and entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import get_args

from sqlalchemy import exists, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError, UnknownNameError
from league.racing.plan import EntryPlan, EventPlan
from league.store import tables
from league.store.fences import check_lease
from league.store.models import keep_model
from league.store.names import check_id
from league.store.records import (
    EntrySource,
    EventOptions,
    EventRecord,
    EventStatus,
    Lease,
    ModelFiles,
    VersionRecord,
)
from league.store.texts import to_json
from league.store.transactions import AnyRow, Transactions, insert_new, unbroken

HOSTED = ("onnx", "scripted")
"""Kinds of entry that the server can drive itself."""

_events, _entries, _versions = tables.events, tables.entries, tables.entry_versions


class EventPages:
    """Events and who is in them."""

    _data: Transactions

    @unbroken
    async def add_event(self, plan: EventPlan, options: EventOptions | None = None) -> None:
        """Adds an event, with the entries of its plan; the server hosts those that are programs.

        Raises:
            InputError: If there is an event with this id, or an id is none.
        """
        check_id("event", plan.id)
        for entry in plan.entries:
            check_id("entry", entry.id)
        if len({entry.id for entry in plan.entries}) != len(plan.entries):
            raise InputError(f"event {plan.id!r}: two entries have the same id")
        async with self._data.writing() as db:
            event = await self._add_row(db, plan, options or EventOptions())
            for entry in plan.entries:
                await self._enter(
                    db, event, entry, source=entry.agent, model=None, hosted=entry.kind in HOSTED
                )

    async def _add_row(self, db: AsyncConnection, plan: EventPlan, options: EventOptions) -> int:
        """Adds an event without its entries; gives the number of its row."""
        adding = insert_new(db, _events).values(
            id=plan.id,
            plan_json=to_json(plan, leave_out={"entries", "asked"}),
            status="open",
            revision=1,
            created_at=self._data.now(),
            **asdict(options),
        )
        event = await db.scalar(adding.returning(_events.c.number))
        if event is None:
            raise InputError(f"event {plan.id!r}: there is an event with this id")
        return int(event)

    @unbroken
    async def event(self, event_id: str) -> EventRecord:
        """One event.

        Raises:
            UnknownNameError: If there is none with this id.
        """
        async with self._data.reading() as db:
            found = (await db.execute(select(_events).where(_events.c.id == event_id))).one_or_none()
            if found is None:
                raise await unknown_event(db, event_id)
            asked = await _asked(db, found.number) if found.stays_open else ()
            return _event_record(found, await _entry_rows(db, found.number), asked)

    @unbroken
    async def events(self) -> list[EventRecord]:
        """Every event, oldest first."""
        async with self._data.reading() as db:
            found = (await db.execute(select(_events).order_by(_events.c.number))).all()
            entries: dict[int, list[AnyRow]] = {}
            for row in await _entry_rows(db):
                entries.setdefault(row.event, []).append(row)
            asked = {event.number: await _asked(db, event.number) for event in found if event.stays_open}
            return [
                _event_record(event, entries.get(event.number, []), asked.get(event.number, ()))
                for event in found
            ]

    @unbroken
    async def revision(self, event_id: str) -> int:
        """The revision of one event.

        Raises:
            UnknownNameError: If there is none with this id.
        """
        async with self._data.reading() as db:
            found = await db.scalar(select(_events.c.revision).where(_events.c.id == event_id))
            if found is None:
                raise await unknown_event(db, event_id)
            return int(found)

    @unbroken
    async def revisions(self) -> dict[str, int]:
        """The revision of every event by id, oldest event first; cheap, however much was raced.

        What was read of an event holds as long as its revision stays.
        """
        asked = select(_events.c.id, _events.c.revision).order_by(_events.c.number)
        async with self._data.reading() as db:
            return {row.id: row.revision for row in await db.execute(asked)}

    @unbroken
    async def set_status(self, event_id: str, status: EventStatus, *, lease: Lease | None = None) -> None:
        """Says where an event stands.

        Raises:
            LeaseLostError: If the host that says so, as `lease` says, runs the event no more.
            InputError: If events do not stand there.
            UnknownNameError: If there is no such event.
        """
        if status not in get_args(EventStatus):
            raise InputError(f"event status {status!r}: expected one of {', '.join(get_args(EventStatus))}")
        async with self._data.writing() as db:
            await check_lease(db, await touch(db, event_id, status=status), lease)

    @unbroken
    async def add_entry(
        self,
        event_id: str,
        plan: EntryPlan,
        *,
        source: str,
        model: ModelFiles | None = None,
        hosted: bool,
        report: str | None = None,
    ) -> None:
        """Enters somebody into an event, behind those who are in it.

        Args:
            event_id: The event.
            plan: Who enters.
            source: What drives.
            model: The model's files, if it is one.
            hosted: Whether the server starts the driver itself.
            report: What the scrutineers found, as JSON.

        Raises:
            InputError: If the event has an entry with this id, one that withdrew included.
            UnknownNameError: If there is no such event.
        """
        check_id("entry", plan.id)
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            await self._enter(db, event, plan, source=source, model=model, hosted=hosted, report=report)

    @unbroken
    async def renew_entry(
        self,
        event_id: str,
        plan: EntryPlan,
        *,
        source: str,
        model: ModelFiles | None = None,
        hosted: bool,
        report: str | None = None,
        accepted: bool = True,
        run: bool = False,
    ) -> int:
        """Adds a version to an entry; the earlier ones stay in the book. Gives its number.

        An accepted one races from now on, and with `run` it asks for a run of its own. Of one that is not,
        the book keeps the report and not the model.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            entry = await find_entry(db, event, event_id, plan.id)
            newest = select(func.max(_versions.c.version)).where(_versions.c.entry == entry.number)
            version = int(await db.scalar(newest) or 0) + 1
            await self._add_version(
                db, entry.number, version, plan,
                source=source, model=model if accepted else None, hosted=hosted,
                report=report, accepted=accepted, run=run and accepted,
            )  # fmt: skip
            if accepted:
                await _set_active(db, entry.number, version)
            return version

    @unbroken
    async def choose_version(self, event_id: str, entry_id: str, version: int) -> None:
        """Lets another version of an entry race.

        Raises:
            InputError: If it was not accepted.
            UnknownNameError: If there is no such event, entry or version.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            entry = await find_entry(db, event, event_id, entry_id)
            asked = select(_versions.c.version, _versions.c.accepted).where(_versions.c.entry == entry.number)
            known = {row.version: row.accepted for row in await db.execute(asked)}
            if version not in known:
                raise UnknownNameError(f"version of entry {entry_id!r}", str(version), map(str, known))
            if not known[version]:
                raise InputError(f"version {version} of entry {entry_id!r} did not pass the scrutineers")
            await _set_active(db, entry.number, version)

    @unbroken
    async def versions(self, event_id: str, entry_id: str) -> list[VersionRecord]:
        """Every version of an entry, oldest first.

        Raises:
            UnknownNameError: If there is no such event or entry.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            entry = await find_entry(db, event, event_id, entry_id)
            asked = select(_versions).where(_versions.c.entry == entry.number).order_by(_versions.c.version)
            return [
                VersionRecord(
                    number=row.version,
                    plan=EntryPlan.model_validate_json(row.plan_json),
                    source=row.source,
                    hosted=row.hosted,
                    sha256=row.model,
                    entered_at=row.entered_at,
                    accepted=row.accepted,
                    active=row.version == entry.version,
                    report=row.report_json,
                )
                for row in await db.execute(asked)
            ]

    @unbroken
    async def withdraw(self, event_id: str, entry_id: str) -> None:
        """Takes an entry out of an event, and its tokens with it.

        Before the first heat it leaves the plan. After that the plan must stay what the heats were made
        from: the entry keeps its row there and is listed in `EventRecord.withdrawn`.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            entry = await find_entry(db, event, event_id, entry_id)
            has_raced = await db.scalar(select(exists().where(tables.heats.c.event == event)))
            now = self._data.now()
            await db.execute(
                _entries.update()
                .where(_entries.c.number == entry.number, _entries.c.withdrawn_at.is_(None))
                .values(withdrawn_at=now, listed=bool(has_raced))
            )
            await db.execute(
                tables.tokens.update()
                .where(tables.tokens.c.entry == entry.number, tables.tokens.c.revoked_at.is_(None))
                .values(revoked_at=now)
            )

    @unbroken
    async def entry_source(self, event_id: str, entry_id: str) -> EntrySource:
        """What drives an entry, in the version that races.

        Raises:
            UnknownNameError: If there is no such event or entry.
        """
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            entry = await find_entry(db, event, event_id, entry_id)
            asked = (
                select(_versions, tables.models.c.onnx, tables.models.c.metadata_json)
                .outerjoin(tables.models)
                .where(_versions.c.entry == entry.number, _versions.c.version == entry.version)
            )
            row = (await db.execute(asked)).one()
            return EntrySource(
                plan=EntryPlan.model_validate_json(row.plan_json),
                source=row.source,
                model=None if row.model is None else ModelFiles(bytes(row.onnx), row.metadata_json),
                hosted=row.hosted,
                version=row.version,
                entered_at=row.entered_at,
                withdrawn=entry.withdrawn_at is not None,
            )

    async def _enter(
        self,
        db: AsyncConnection,
        event: int,
        plan: EntryPlan,
        *,
        source: str,
        model: ModelFiles | None,
        hosted: bool,
        report: str | None = None,
    ) -> None:
        adding = insert_new(db, _entries).values(event=event, id=plan.id, listed=True, version=1)
        entry = await db.scalar(adding.returning(_entries.c.number))
        if entry is None:
            raise InputError(f"entry {plan.id!r}: the event has or had an entry with this id")
        await self._add_version(
            db, entry, 1, plan,
            source=source, model=model, hosted=hosted, report=report, accepted=True, run=True,
        )  # fmt: skip

    async def _add_version(
        self,
        db: AsyncConnection,
        entry: int,
        version: int,
        plan: EntryPlan,
        *,
        source: str,
        model: ModelFiles | None,
        hosted: bool,
        report: str | None,
        accepted: bool,
        run: bool,
    ) -> None:
        now = self._data.now()
        await db.execute(tables.attempts.insert().values(entry=entry, asked_at=now, run=run))
        adding = _versions.insert().values(
            entry=entry,
            version=version,
            plan_json=to_json(plan),
            source=source,
            hosted=hosted,
            model=None if model is None else await keep_model(db, model, now=now),
            entered_at=now,
            accepted=accepted,
            report_json=report,
        )
        await db.execute(adding)


async def _set_active(db: AsyncConnection, entry: int, version: int) -> None:
    await db.execute(_entries.update().where(_entries.c.number == entry).values(version=version))


async def touch(db: AsyncConnection, event_id: str, **changes: object) -> int:
    """Changes an event's row, which also keeps other writers off this event until the transaction ends.

    Raises:
        UnknownNameError: If there is none with this id.
    """
    changing = (
        _events.update()
        .where(_events.c.id == event_id)
        .values(revision=_events.c.revision + 1, **changes)
        .returning(_events.c.number)
    )
    number = await db.scalar(changing)
    if number is None:
        raise await unknown_event(db, event_id)
    return int(number)


async def event_number(db: AsyncConnection, event_id: str) -> int:
    """The number of an event's row.

    Raises:
        UnknownNameError: If there is none with this id.
    """
    number = await db.scalar(select(_events.c.number).where(_events.c.id == event_id))
    if number is None:
        raise await unknown_event(db, event_id)
    return int(number)


async def unknown_event(db: AsyncConnection, event_id: str) -> UnknownNameError:
    """The error that names the newest events."""
    newest = select(_events.c.id).order_by(_events.c.number.desc()).limit(20)
    return UnknownNameError("event", event_id, await db.scalars(newest))


async def find_entry(db: AsyncConnection, event: int, event_id: str, entry_id: str) -> AnyRow:
    """An entry's row.

    Raises:
        UnknownNameError: If the event has none with this id.
    """
    asked = select(_entries).where(_entries.c.event == event, _entries.c.id == entry_id)
    found = (await db.execute(asked)).one_or_none()
    if found is None:
        known = await db.scalars(select(_entries.c.id).where(_entries.c.event == event).limit(20))
        raise UnknownNameError(f"entry of event {event_id!r}", entry_id, known)
    return found


async def _entry_rows(db: AsyncConnection, event: int | None = None) -> Sequence[AnyRow]:
    owners, people = tables.entry_owners, tables.people
    named = (people.c.number == owners.c.person) & people.c.removed_at.is_(None)
    asked = (
        select(
            _entries.c.event, _entries.c.id, _entries.c.withdrawn_at, _versions.c.plan_json,
            people.c.name.label("owner"),
        )
        .join(
            _versions, (_versions.c.entry == _entries.c.number) & (_versions.c.version == _entries.c.version)
        )
        .outerjoin(owners, owners.c.entry == _entries.c.number)
        .outerjoin(people, named)
        .where(_entries.c.listed)
        .order_by(_entries.c.number)
    )  # fmt: skip
    if event is not None:
        asked = asked.where(_entries.c.event == event)
    return (await db.execute(asked)).all()


async def _asked(db: AsyncConnection, event: int) -> tuple[str, ...]:
    """Whose runs were asked for, in that order."""
    attempts = tables.attempts
    asked = select(_entries.c.id).join(attempts).where(_entries.c.event == event, attempts.c.run)
    return tuple(await db.scalars(asked.order_by(attempts.c.number)))


def _event_record(row: AnyRow, entries: Sequence[AnyRow], asked: tuple[str, ...]) -> EventRecord:
    plan = EventPlan.model_validate_json(row.plan_json)
    entered = tuple(EntryPlan.model_validate_json(entry.plan_json) for entry in entries)
    return EventRecord(
        plan=plan.model_copy(update={"entries": entered, "asked": asked}),
        options=EventOptions(**{option.name: getattr(row, option.name) for option in fields(EventOptions)}),
        status=row.status,
        created_at=row.created_at,
        withdrawn=frozenset(entry.id for entry in entries if entry.withdrawn_at is not None),
        revision=row.revision,
        owners={entry.id: entry.owner for entry in entries if entry.owner},
    )
