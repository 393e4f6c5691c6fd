"""The record book's pages of attempts: who asked when, and entries that race in another event."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError
from league.racing.plan import EntryPlan, EventPlan
from league.store import tables
from league.store.events import EventPages, event_number, find_entry, touch
from league.store.names import check_id
from league.store.records import EventOptions
from league.store.texts import to_json
from league.store.transactions import insert_new, unbroken

_attempts, _entries, _versions = tables.attempts, tables.entries, tables.entry_versions


class AttemptPages(EventPages):
    """Attempts of racers, and entries that race in more than one event."""

    def now(self) -> datetime:
        """The time by the clock on the wall, by which events close."""
        return self._data.now()

    @unbroken
    async def attempts(
        self, event_id: str, *, entry_id: str = "", person: int | None = None
    ) -> list[datetime]:
        """When a racer submitted something in an event, or asked for a run there, oldest first.

        Args:
            event_id: The event.
            entry_id: The entry, if there is one yet.
            person: Whose it is or is to be; all that this person's entries did counts.

        Raises:
            UnknownNameError: If there is no such event or entry.
        """
        async with self._data.reading() as db:
            event, owners = await event_number(db, event_id), tables.entry_owners
            asked = select(_attempts.c.asked_at).join(_entries).where(_entries.c.event == event)
            own = None
            if entry_id:
                own = (await find_entry(db, event, event_id, entry_id)).number
                person = await db.scalar(select(owners.c.person).where(owners.c.entry == own))
            if person is not None:
                mine = select(owners.c.entry).where(owners.c.person == person)
                asked = asked.where(_entries.c.number.in_(mine))
            else:
                asked = asked.where(_entries.c.number == own)
            return list(await db.scalars(asked.order_by(_attempts.c.number)))

    @unbroken
    async def ask_run(self, event_id: str, entry_id: str) -> None:
        """Notes that an entry asks for one more run.

        Raises:
            UnknownNameError: If there is no such event or entry.
        """
        async with self._data.writing() as db:
            entry = await find_entry(db, await touch(db, event_id), event_id, entry_id)
            adding = _attempts.insert().values(entry=entry.number, asked_at=self._data.now(), run=True)
            await db.execute(adding)

    @unbroken
    async def set_closing(self, event_id: str, closes_at: datetime | None) -> None:
        """Says when an event takes no more entries and submissions.

        Raises:
            UnknownNameError: If there is no such event.
        """
        async with self._data.writing() as db:
            await touch(db, event_id, closes_at=closes_at)

    @unbroken
    async def add_event_of(
        self, plan: EventPlan, options: EventOptions, *, of: str, entries: Sequence[str]
    ) -> None:
        """Adds an event in which entries of another one race, each in the version that races there.

        Raises:
            InputError: If there is an event with this id.
            UnknownNameError: If there is no such other event, or one of the entries is not in it.
        """
        check_id("event", plan.id)
        async with self._data.writing() as db:
            event = await self._add_row(db, plan, options)
            for entry_id in entries:
                await self._copy(db, event, of, entry_id)

    @unbroken
    async def bring_entry(self, event_id: str, plan: EntryPlan, *, of: str, entry_id: str) -> None:
        """Enters an entry of another event, in the version that races there.

        Args:
            event_id: Where it is to race.
            plan: What it is called there.
            of: The event that it is in.
            entry_id: Which one it is there.

        Raises:
            InputError: If the event has an entry with this id, one that withdrew included.
            UnknownNameError: If there is no such event or entry.
        """
        check_id("entry", plan.id)
        async with self._data.writing() as db:
            await self._copy(db, await touch(db, event_id), of, entry_id, plan)

    async def _copy(
        self, db: AsyncConnection, event: int, of: str, entry_id: str, plan: EntryPlan | None = None
    ) -> None:
        found = await find_entry(db, await event_number(db, of), of, entry_id)
        asked = select(_versions).where(
            _versions.c.entry == found.number, _versions.c.version == found.version
        )
        version = (await db.execute(asked)).one()
        was = EntryPlan.model_validate_json(version.plan_json)
        told = was if plan is None else was.model_copy(update={"id": plan.id, "name": plan.name})
        adding = insert_new(db, _entries).values(event=event, id=told.id, listed=True, version=1)
        entry = await db.scalar(adding.returning(_entries.c.number))
        if entry is None:
            raise InputError(f"entry {told.id!r}: the event has or had an entry with this id")
        now = self._data.now()
        kept = {name: getattr(version, name) for name in ("source", "hosted", "model", "report_json")}
        adding_version = _versions.insert().values(
            entry=entry, version=1, plan_json=to_json(told), entered_at=now, accepted=True, **kept
        )
        await db.execute(adding_version)
        await db.execute(_attempts.insert().values(entry=entry, asked_at=now, run=True))
        owner = await db.scalar(
            select(tables.entry_owners.c.person).where(tables.entry_owners.c.entry == found.number)
        )
        if owner is not None:
            await db.execute(tables.entry_owners.insert().values(entry=entry, person=owner))
