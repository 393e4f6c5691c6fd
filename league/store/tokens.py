"""The record book's page of tokens: who may do what.

A token is 256 random bits, so a plain SHA-256 of it cannot be searched back; the book keeps nothing else.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError
from league.store import tables
from league.store.events import event_number, find_entry
from league.store.records import Role, TokenRecord
from league.store.transactions import AnyRow, Transactions, unbroken

_tokens = tables.tokens

USE_NOTED_EVERY = timedelta(minutes=1)
"""A use is written down this often at most, so that asking costs no write."""


class TokenPages:
    """Tokens, by their digests."""

    _data: Transactions

    @unbroken
    async def issue_token(
        self,
        role: Role,
        *,
        name: str = "",
        event_id: str | None = None,
        entry_id: str | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Makes a token that is nobody's in particular and gives it, once: the book cannot give it again.

        Args:
            role: What its bearer is; a "timing" device tells of crossings; an "entry" token lets one entry
                race, or, without `entry_id`, lets its bearer enter the event.
            name: What to call it in lists.
            event_id: The only event it is good for; needed for an entry's and a timekeeper's token.
            entry_id: The entry it speaks for.
            expires_at: From then on it is not good any more; None is never.

        Raises:
            InputError: If role and scope do not fit.
            UnknownNameError: If there is no such event or entry.
        """
        if role not in get_args(Role):
            raise InputError(f"token role {role!r}: expected one of {', '.join(get_args(Role))}")
        if event_id is None and (role in ("entry", "timekeeper") or entry_id is not None):
            raise InputError(f"token for {name or role!r}: one of this role needs the event")
        async with self._data.writing() as db:
            event = None if event_id is None else await event_number(db, event_id)
            entry = None
            if event is not None and event_id is not None and entry_id is not None:
                entry = (await find_entry(db, event, event_id, entry_id)).number
            return await add_token(
                db, role=role, name=name, event=event, entry=entry,
                created_at=self._data.now(), expires_at=expires_at,
            )  # fmt: skip

    @unbroken
    async def open_session(self, of: TokenRecord, *, until: datetime) -> str:
        """Makes a token for a browser in which somebody signed in with another, and gives it, once.

        It allows what that one allows, and is good as long as that one is, at most until `until`.
        """
        async with self._data.writing() as db:
            row = (await db.execute(select(_tokens).where(_tokens.c.number == of.number))).one()
            return await add_token(
                db, role=row.role, name=row.name, event=row.event, entry=row.entry, person=row.person,
                session_of=row.number, created_at=self._data.now(), expires_at=until,
            )  # fmt: skip

    @unbroken
    async def token(self, text: str) -> TokenRecord | None:
        """What a token allows; None if nobody issued it, it was revoked or its time is over."""
        digest = digest_of(text)
        now = self._data.now()
        async with self._data.reading() as db:
            row = (await db.execute(_listing().where(_tokens.c.sha256 == digest))).one_or_none()
        if row is None or not _good(row, now):
            return None
        if row.last_used_at is None or abs(now - row.last_used_at) >= USE_NOTED_EVERY:
            async with self._data.writing() as db:
                used = _tokens.update().where(_tokens.c.number == row.number).values(last_used_at=now)
                await db.execute(used)
        return _token_record(row)

    @unbroken
    async def tokens(self, event_id: str | None = None) -> list[TokenRecord]:
        """Every token that was issued, revoked ones included, oldest first; of one event if it is named."""
        async with self._data.reading() as db:
            asked = _listing().order_by(_tokens.c.number)
            if event_id is not None:
                asked = asked.where(_tokens.c.event == await event_number(db, event_id))
            return [_token_record(row) for row in await db.execute(asked)]

    @unbroken
    async def revoke(self, number: int) -> bool:
        """Takes a token back, named by its `TokenRecord.number`; False if it was not good any more."""
        async with self._data.writing() as db:
            revoking = (
                _tokens.update()
                .where(_tokens.c.number == number, _tokens.c.revoked_at.is_(None))
                .values(revoked_at=self._data.now())
                .returning(_tokens.c.number)
            )
            return await db.scalar(revoking) is not None


async def add_token(
    db: AsyncConnection,
    *,
    role: str,
    name: str,
    created_at: datetime,
    expires_at: datetime | None = None,
    event: int | None = None,
    entry: int | None = None,
    person: int | None = None,
    session_of: int | None = None,
) -> str:
    """Writes a new token down, by its digest, and gives its text."""
    text = new_secret(32)
    adding = _tokens.insert().values(
        sha256=digest_of(text), role=role, name=name, event=event, entry=entry, person=person,
        session_of=session_of, created_at=created_at, expires_at=expires_at,
    )  # fmt: skip
    await db.execute(adding)
    return text


def new_secret(size: int) -> str:
    """So many random bytes, in hex, which never begins with a dash that a command line would misread."""
    return secrets.token_hex(size)


def digest_of(token: str) -> str:
    """What the book keeps of a token."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


_people, _parents = tables.people, _tokens.alias("parents")


def _listing() -> Select[Any]:
    events, entries = tables.events, tables.entries
    return (
        select(
            _tokens,
            events.c.id.label("event_id"),
            entries.c.id.label("entry_id"),
            _people.c.name.label("person_name"),
            _people.c.role.label("person_role"),
            _people.c.removed_at,
            _parents.c.revoked_at.label("parent_revoked_at"),
            _parents.c.expires_at.label("parent_expires_at"),
        )
        .outerjoin(events, events.c.number == _tokens.c.event)
        .outerjoin(entries, entries.c.number == _tokens.c.entry)
        .outerjoin(_people, _people.c.number == _tokens.c.person)
        .outerjoin(_parents, _parents.c.number == _tokens.c.session_of)
    )


def _good(row: AnyRow, now: datetime) -> bool:
    """Whether neither the token, nor what it hangs on, was taken back or is over."""
    ends = (row.revoked_at, row.parent_revoked_at, row.removed_at)
    return not any(ends) and all(end is None or now < end for end in (row.expires_at, row.parent_expires_at))


def _token_record(row: AnyRow) -> TokenRecord:
    return TokenRecord(
        number=row.number,
        role=row.person_role or row.role,
        name=row.name,
        event_id=row.event_id,
        entry_id=row.entry_id,
        created_at=row.created_at,
        last_used_at=row.last_used_at,
        revoked_at=row.revoked_at,
        expires_at=row.expires_at,
        person=row.person,
        person_name=row.person_name or "",
        session_of=row.session_of,
    )
