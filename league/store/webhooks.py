"""The record book's page of webhooks: who wants to be told what, and what became of every delivery."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError, UnknownNameError
from league.store import tables
from league.store.events import event_number
from league.store.transactions import AnyRow, Transactions, insert_new, unbroken

_hooks, _deliveries, _events = tables.webhooks, tables.deliveries, tables.events

MOST_WEBHOOKS = 32
KEPT_FOR = timedelta(days=30)
"""A delivery that is over is forgotten after so long."""


class HowFar(NamedTuple):
    """How far an event is, whatever the clock says, or in which step of it something happened."""

    revision: int = 0
    incidents: int = 0
    decisions: int = 0


@dataclass(frozen=True, slots=True)
class WebhookRecord:
    """Somebody who wants to be told; the secret is not in it.

    Args:
        number: Names it where it is listed or removed.
        url: Where to.
        kinds: What about.
        event_id: The only event; None is every event.
        created_at: Nothing from before is told.
        since: How far each event was then; None if it was added before books noted that.
    """

    number: int
    url: str
    kinds: tuple[str, ...]
    event_id: str | None
    created_at: datetime
    since: Mapping[str, HowFar] | None = None

    def is_news(self, event_id: str, step: HowFar | None, at: datetime) -> bool:
        """Whether something happened after this webhook was added.

        Args:
            event_id: In which event.
            step: Its step; what has none, from before books noted it, goes by the time.
            at: When, by a clock that may have been put back meanwhile.
        """
        if step is None or self.since is None:
            return at >= self.created_at
        return any(mine > was for mine, was in zip(step, self.since.get(event_id, HowFar()), strict=True))


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A message on its way to one webhook.

    Args:
        number: Counts all deliveries.
        message: The message's id, the same in every attempt.
        kind: What it is about.
        body: The JSON text that is sent.
        attempts: How often it was tried.
        next_at: When it is tried next; None once it is over.
        delivered: Whether the other side took it.
        problem: Why the last attempt failed; empty if it did not.
        created_at: When it was written down.
    """

    number: int
    message: str
    kind: str
    body: str
    attempts: int
    next_at: datetime | None
    delivered: bool
    problem: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery whose time has come, with where it goes."""

    delivery: DeliveryRecord
    webhook: int
    url: str
    secret: str


class WebhookPages:
    """Webhooks, and messages to them."""

    _data: Transactions

    @unbroken
    async def add_webhook(
        self, url: str, kinds: Sequence[str], *, event_id: str | None = None
    ) -> tuple[WebhookRecord, str]:
        """Adds a webhook; gives it with its secret, which is not given again.

        Raises:
            InputError: If there are too many.
            UnknownNameError: If there is no such event.
        """
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        async with self._data.writing() as db:
            count = (await db.execute(select(func.count()).select_from(_hooks))).scalar_one()
            if count >= MOST_WEBHOOKS:
                raise InputError(f"there are {count} webhooks already, expected {MOST_WEBHOOKS} at most")
            event = None if event_id is None else await event_number(db, event_id)
            adding = _hooks.insert().values(
                url=url, kinds=" ".join(kinds), event=event, secret=secret, created_at=self._data.now(),
                since_json=json.dumps(await _how_far(db)),
            )  # fmt: skip
            number = (await db.execute(adding.returning(_hooks.c.number))).scalar_one()
            row = (await db.execute(_listing().where(_hooks.c.number == number))).one()
        return _webhook(row), secret

    @unbroken
    async def webhooks(self) -> list[WebhookRecord]:
        """Every webhook, oldest first."""
        async with self._data.reading() as db:
            return [_webhook(row) for row in await db.execute(_listing().order_by(_hooks.c.number))]

    @unbroken
    async def remove_webhook(self, number: int) -> None:
        """Forgets a webhook and its deliveries.

        Raises:
            UnknownNameError: If there is none of this number.
        """
        async with self._data.writing() as db:
            await db.execute(delete(_deliveries).where(_deliveries.c.webhook == number))
            gone = await db.execute(delete(_hooks).where(_hooks.c.number == number))
            if not gone.rowcount:
                raise UnknownNameError("webhook", str(number), ())

    @unbroken
    async def queue_delivery(self, webhook: int, message: str, kind: str, body: str) -> bool:
        """Writes a message down for a webhook; False if it was before, or the webhook is gone."""
        now = self._data.now()
        async with self._data.writing() as db:
            known = select(_hooks.c.number).where(_hooks.c.number == webhook)
            if (await db.execute(known)).one_or_none() is None:
                return False
            adding = insert_new(db, _deliveries).values(
                webhook=webhook, message=message, kind=kind, body=body, attempts=0, next_at=now,
                delivered=False, problem="", created_at=now,
            )  # fmt: skip
            made = await db.execute(adding.returning(_deliveries.c.number))
            return made.one_or_none() is not None

    @unbroken
    async def take_due(self, *, hold: timedelta, retry_s: Sequence[float] = (), most: int = 20) -> list[Due]:
        """Takes deliveries whose time has come; nobody else gets them for a while.

        One that would wait for longer than was ever meant is due as well: whoever wrote it down had a clock
        that was ahead.

        Args:
            hold: If `note_delivery` has not been called by then, they are due again.
            retry_s: Waits after the first attempt, the second, and so on.
            most: So many at once.
        """
        now = self._data.now()
        stranded = (
            and_(
                _deliveries.c.attempts == attempts,
                _deliveries.c.next_at > now + 2 * hold + timedelta(0, wait_s),
            )
            for attempts, wait_s in enumerate((0, *retry_s))
        )
        columns = (*_deliveries.c, _hooks.c.url, _hooks.c.secret)
        due = (
            select(*columns)
            .join(_hooks, _hooks.c.number == _deliveries.c.webhook)
            .where(or_(_deliveries.c.next_at <= now, *stranded))
            .order_by(_deliveries.c.next_at, _deliveries.c.number)
            .limit(most)
        )
        taken = []
        async with self._data.writing() as db:
            for row in (await db.execute(due)).all():
                ours = (
                    _deliveries.update()
                    .where(_deliveries.c.number == row.number, _deliveries.c.next_at == row.next_at)
                    .values(next_at=now + hold)
                )
                if (await db.execute(ours)).rowcount:
                    taken.append(Due(_delivery(row), row.webhook, row.url, row.secret))
        return taken

    @unbroken
    async def note_delivery(self, number: int, problem: str, next_at: datetime | None) -> None:
        """Writes down how an attempt ended: an empty problem is success."""
        async with self._data.writing() as db:
            await db.execute(
                _deliveries.update()
                .where(_deliveries.c.number == number)
                .values(
                    attempts=_deliveries.c.attempts + 1, delivered=not problem, problem=problem,
                    next_at=next_at if problem else None,
                )
            )  # fmt: skip

    @unbroken
    async def deliveries(self, webhook: int, *, most: int = 100) -> list[DeliveryRecord]:
        """What was, or is to be, sent to a webhook, newest first.

        Raises:
            UnknownNameError: If there is none of this number.
        """
        newest = select(_deliveries).where(_deliveries.c.webhook == webhook)
        async with self._data.reading() as db:
            known = select(_hooks.c.number).where(_hooks.c.number == webhook)
            if (await db.execute(known)).one_or_none() is None:
                raise UnknownNameError("webhook", str(webhook), ())
            rows = await db.execute(newest.order_by(_deliveries.c.number.desc()).limit(most))
            return [_delivery(row) for row in rows]

    @unbroken
    async def forget_deliveries(self) -> None:
        """Forgets what is over since long."""
        old = _deliveries.c.created_at < self._data.now() - KEPT_FOR
        async with self._data.writing() as db:
            await db.execute(delete(_deliveries).where(_deliveries.c.next_at.is_(None), old))

    @unbroken
    async def next_due(self) -> datetime | None:
        """When the next delivery is due; None if none waits."""
        async with self._data.reading() as db:
            found: datetime | None = (await db.execute(select(func.min(_deliveries.c.next_at)))).scalar_one()
            return found


async def _how_far(db: AsyncConnection) -> dict[str, HowFar]:
    """How far every event is, by its id, in one look at the book."""
    incidents, decisions = (
        select(func.count()).where(table.c.event == _events.c.number).scalar_subquery()
        for table in (tables.incidents, tables.decisions)
    )
    rows = await db.execute(select(_events.c.id, _events.c.revision, incidents, decisions))
    return {event_id: HowFar(*step) for event_id, *step in rows}


def _listing() -> Select[Any]:
    return select(*_hooks.c, _events.c.id.label("event_id")).outerjoin(
        _events, _events.c.number == _hooks.c.event
    )


def _webhook(row: AnyRow) -> WebhookRecord:
    since = None
    if row.since_json is not None:
        since = {event: HowFar(*step) for event, step in json.loads(row.since_json).items()}
    return WebhookRecord(row.number, row.url, tuple(row.kinds.split()), row.event_id, row.created_at, since)


def _delivery(row: AnyRow) -> DeliveryRecord:
    return DeliveryRecord(
        number=row.number,
        message=row.message,
        kind=row.kind,
        body=row.body,
        attempts=row.attempts,
        next_at=row.next_at,
        delivered=row.delivered,
        problem=row.problem,
        created_at=row.created_at,
    )
