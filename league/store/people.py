"""The record book's pages of people: accounts, invitations, and whose entry it is."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError, UnknownNameError
from league.store import tables
from league.store.events import event_number, find_entry, touch
from league.store.records import InvitationRecord, PersonRecord, PersonRole
from league.store.tokens import add_token, digest_of, new_secret
from league.store.transactions import AnyRow, Transactions, unbroken

_people, _tokens, _invitations = tables.people, tables.tokens, tables.invitations

LONGEST_NAME = 64


class PeoplePages:
    """People, and what was given to them."""

    _data: Transactions

    @unbroken
    async def add_person(self, name: str, role: PersonRole) -> PersonRecord:
        """Gives somebody an account.

        Raises:
            InputError: If the name is taken or no name, or the role none of a person's.
        """
        async with self._data.writing() as db:
            number = await self._add(db, name, role)
            return await self._one(db, number)

    @unbroken
    async def people(self) -> list[PersonRecord]:
        """Everybody who has or had an account, oldest first."""
        async with self._data.reading() as db:
            return [_person(row) for row in await db.execute(_listing().order_by(_people.c.number))]

    @unbroken
    async def person(self, person: str) -> PersonRecord:
        """Somebody who has an account, by name or number.

        Raises:
            UnknownNameError: If nobody is called this.
        """
        async with self._data.reading() as db:
            return await self._one(db, await _find(db, person))

    @unbroken
    async def set_role(self, person: str, role: PersonRole) -> PersonRecord:
        """Makes somebody, by name or number, something else; their tokens follow at once.

        Raises:
            InputError: If the role is none of a person's.
            UnknownNameError: If nobody is called this.
        """
        _check_role(role)
        async with self._data.writing() as db:
            number = await _find(db, person)
            await db.execute(_people.update().where(_people.c.number == number).values(role=role))
            return await self._one(db, number)

    @unbroken
    async def remove_person(self, person: str) -> PersonRecord:
        """Takes an account away, by name or number, and with it every token; the name is free again.

        Raises:
            UnknownNameError: If nobody is called this.
        """
        async with self._data.writing() as db:
            number, now = await _find(db, person), self._data.now()
            gone = _people.update().where(_people.c.number == number)
            await db.execute(gone.values(removed_at=now, spoken=None))
            given = _tokens.update().where(_tokens.c.person == number, _tokens.c.revoked_at.is_(None))
            await db.execute(given.values(revoked_at=now))
            owners, entries, events = tables.entry_owners, tables.entries, tables.events
            raced = select(entries.c.event).join(owners).where(owners.c.person == number)
            shown = events.update().where(events.c.number.in_(raced))  # their boards name them no more
            await db.execute(shown.values(revision=events.c.revision + 1))
            return await self._one(db, number)

    @unbroken
    async def issue_own_token(
        self, person: int, *, name: str = "", expires_at: datetime | None = None
    ) -> str:
        """Makes a token for somebody with an account and gives it, once."""
        async with self._data.writing() as db:
            return await self._issue(db, person, name=name, expires_at=expires_at)

    # -- invitations ---------------------------------------------------------------------------------

    @unbroken
    async def invite(
        self,
        role: PersonRole,
        *,
        name: str = "",
        invited_by: str = "",
        good_for: timedelta = timedelta(days=7),
    ) -> tuple[str, InvitationRecord]:
        """Makes an invitation; gives its code, once.

        Raises:
            InputError: If the role is none of a person's.
        """
        _check_role(role)
        code, now = new_secret(16), self._data.now()
        async with self._data.writing() as db:
            adding = _invitations.insert().values(
                sha256=digest_of(code), role=role, name=name, invited_by=invited_by,
                created_at=now, expires_at=now + good_for,
            )  # fmt: skip
            number = (await db.execute(adding.returning(_invitations.c.number))).scalar_one()
            row = (await db.execute(_invited().where(_invitations.c.number == number))).one()
            return code, _invitation(row)

    @unbroken
    async def invitations(self) -> list[InvitationRecord]:
        """Every invitation, oldest first."""
        async with self._data.reading() as db:
            return [_invitation(row) for row in await db.execute(_invited().order_by(_invitations.c.number))]

    @unbroken
    async def take_up(self, code: str, name: str) -> tuple[PersonRecord, str]:
        """Makes whoever brings an invitation's code a person of this league; gives their first token, once.

        Raises:
            InputError: If the name is taken or no name.
            UnknownNameError: If the code is not good, or not any more.
        """
        now = self._data.now()
        async with self._data.writing() as db:
            taking = (
                _invitations.update()
                .where(
                    _invitations.c.sha256 == digest_of(code),
                    _invitations.c.taken_at.is_(None),
                    _invitations.c.revoked_at.is_(None),
                    _invitations.c.expires_at > now,
                )
                .values(taken_at=now)
                .returning(_invitations.c.number, _invitations.c.role)
            )
            row = (await db.execute(taking)).one_or_none()
            if row is None:
                raise UnknownNameError("invitation", "of this code", ())
            person = await self._add(db, name, row.role)
            taken = _invitations.update().where(_invitations.c.number == row.number)
            await db.execute(taken.values(taken_by=person))
            token = await self._issue(db, person, name="joined")
            return await self._one(db, person), token

    @unbroken
    async def revoke_invitation(self, number: int) -> bool:
        """Takes an invitation back; False if it was not good any more."""
        async with self._data.writing() as db:
            revoking = (
                _invitations.update()
                .where(
                    _invitations.c.number == number,
                    _invitations.c.taken_at.is_(None),
                    _invitations.c.revoked_at.is_(None),
                )
                .values(revoked_at=self._data.now())
                .returning(_invitations.c.number)
            )
            return await db.scalar(revoking) is not None

    # -- whose entry it is ---------------------------------------------------------------------------

    @unbroken
    async def give_entry(self, event_id: str, entry_id: str, person: int) -> None:
        """Writes down whose an entry is."""
        async with self._data.writing() as db:
            entry = await find_entry(db, await touch(db, event_id), event_id, entry_id)
            await db.execute(tables.entry_owners.insert().values(entry=entry.number, person=person))

    @unbroken
    async def owner_of(self, event_id: str, entry_id: str) -> int | None:
        """The number of the person whose entry it is; None if it is nobody's in particular."""
        owners = tables.entry_owners
        async with self._data.reading() as db:
            entry = await find_entry(db, await event_number(db, event_id), event_id, entry_id)
            owner = await db.scalar(select(owners.c.person).where(owners.c.entry == entry.number))
            return None if owner is None else int(owner)

    @unbroken
    async def entries_of(self, person: int) -> list[tuple[str, str]]:
        """Event and entry of everything that somebody entered, newest first."""
        owners, entries, events = tables.entry_owners, tables.entries, tables.events
        asked = (
            select(events.c.id.label("event_id"), entries.c.id.label("entry_id"))
            .select_from(owners)
            .join(entries, entries.c.number == owners.c.entry)
            .join(events, events.c.number == entries.c.event)
            .where(owners.c.person == person, or_(entries.c.listed, entries.c.withdrawn_at.is_(None)))
            .order_by(entries.c.number.desc())
        )
        async with self._data.reading() as db:
            return [(row.event_id, row.entry_id) for row in await db.execute(asked)]

    # -- inside --------------------------------------------------------------------------------------

    async def _add(self, db: AsyncConnection, name: str, role: PersonRole) -> int:
        _check_role(role)
        name = " ".join(name.split())
        name = "".join(sign for sign in name if unicodedata.category(sign) != "Cc")  # as terminals obey them
        if not 1 <= len(name) <= LONGEST_NAME:
            raise InputError(f"name {name[:80]!r} has {len(name)} characters, expected 1 to {LONGEST_NAME}")
        spoken = _spoken(name)
        if not spoken or spoken.isdigit():
            raise InputError(f"name {name!r}: expected more than digits and signs")
        if await db.scalar(select(_people.c.number).where(_people.c.spoken == spoken)) is not None:
            raise InputError(f"name {name!r} is taken; expected another")
        adding = _people.insert().values(name=name, spoken=spoken, role=role, created_at=self._data.now())
        return int((await db.execute(adding.returning(_people.c.number))).scalar_one())

    async def _issue(
        self, db: AsyncConnection, person: int, *, name: str, expires_at: datetime | None = None
    ) -> str:
        whose = await self._one(db, person)
        return await add_token(
            db, role=whose.role, name=name, person=person,
            created_at=self._data.now(), expires_at=expires_at,
        )  # fmt: skip

    async def _one(self, db: AsyncConnection, number: int) -> PersonRecord:
        return _person((await db.execute(_listing().where(_people.c.number == number))).one())


def _spoken(name: str) -> str:
    """A name as it is compared: without case, signs that cannot be seen, and other spellings of a letter."""
    plain = unicodedata.normalize("NFKC", name).casefold()
    return "".join(letter for letter in plain if unicodedata.category(letter)[0] not in "CZ")


def _check_role(role: str) -> None:
    if role not in get_args(PersonRole):
        raise InputError(f"role {role[:40]!r}: expected one of {', '.join(get_args(PersonRole))}")


async def _find(db: AsyncConnection, person: str) -> int:
    """The number of somebody who has an account, by name or number."""
    named = _people.c.spoken == _spoken(person)
    if person.isascii() and person.isdigit() and len(person) < 10:
        named = _people.c.number == int(person)
    number = await db.scalar(select(_people.c.number).where(named, _people.c.removed_at.is_(None)))
    if number is None:
        asked = select(_people.c.name).where(_people.c.removed_at.is_(None)).order_by(_people.c.number)
        raise UnknownNameError("person", person, [row.name for row in await db.execute(asked)])
    return int(number)


def _listing() -> Select[Any]:
    used = select(func.max(_tokens.c.last_used_at)).where(_tokens.c.person == _people.c.number)
    return select(_people, used.scalar_subquery().label("last_used_at"))


def _invited() -> Select[Any]:
    return select(_invitations, _people.c.name.label("taker")).outerjoin(
        _people, _people.c.number == _invitations.c.taken_by
    )


def _person(row: AnyRow) -> PersonRecord:
    return PersonRecord(
        number=row.number,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        removed_at=row.removed_at,
        last_used_at=row.last_used_at,
    )


def _invitation(row: AnyRow) -> InvitationRecord:
    return InvitationRecord(
        number=row.number,
        role=row.role,
        name=row.name,
        invited_by=row.invited_by,
        created_at=row.created_at,
        expires_at=row.expires_at,
        taken_at=row.taken_at,
        taken_by=row.taker or "",
        revoked_at=row.revoked_at,
    )
