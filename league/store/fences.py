"""Fences: what keeps the record book from writing for somebody who lost the right to.

They are looked at in the very transaction that writes, after the event's row was locked: between looking and
writing nothing can change hands.
"""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import LeaseLostError
from league.store import tables
from league.store.records import Lease
from league.store.transactions import AnyRow

_leases = tables.leases


async def lease_row(db: AsyncConnection, event: int) -> AnyRow | None:
    """The row of the lease by which an event is run, if somebody runs it."""
    return (await db.execute(select(_leases).where(_leases.c.event == event))).one_or_none()


async def check_lease(db: AsyncConnection, event: int, lease: Lease | None) -> None:
    """Refuses what comes from a host that runs the event no more; the event's row is locked already.

    Raises:
        LeaseLostError: If another host has it now, or nobody.
    """
    if lease is None:
        return
    row = await lease_row(db, event)
    if row is None or row.token != lease.token:
        now = f"it is run by {row.owner} now" if row is not None else "nobody runs it now"
        raise LeaseLostError(f"event {lease.event_id!r}: this host lost its lease ({now})")


def check_attempt(event_id: str, heat: AnyRow, attempt: int | None) -> None:
    """Refuses what comes from an attempt at a heat that is not the one under way.

    Raises:
        LeaseLostError: If another one was begun since, or this one was given up.
    """
    if attempt is not None and (heat.attempt, heat.status) != (attempt, "running"):
        now = f"attempt {heat.attempt} is {heat.status}"
        raise LeaseLostError(f"heat {heat.id!r} of event {event_id!r}: attempt {attempt} is over ({now})")
