"""The record book's page of leases: which race host runs an event, where several share one book.

Whoever holds an event's lease writes its heats. Each time it changes hands it has another token, and a result
that comes with an old one is refused: every heat's result lands exactly once, whoever believes what. Nothing
here looks at a clock: a lease is as good as its last beat, and whoever waits counts on their own watch how
long there was none. So it does not matter whether the hosts' clocks agree, or jump.
"""

from __future__ import annotations

import secrets

from league.store import tables
from league.store.events import event_number, touch
from league.store.fences import lease_row
from league.store.records import Lease
from league.store.transactions import AnyRow, Transactions, unbroken

_leases = tables.leases


class LeasePages:
    """Leases of events."""

    _data: Transactions

    @unbroken
    async def lease(self, event_id: str) -> Lease | None:
        """Who runs an event; None if nobody does.

        Raises:
            UnknownNameError: If there is no such event.
        """
        async with self._data.reading() as db:
            row = await lease_row(db, await event_number(db, event_id))
            return None if row is None else _lease(event_id, row)

    @unbroken
    async def take_lease(
        self, event_id: str, *, owner: str, url: str, instead_of: Lease | None = None
    ) -> Lease | None:
        """Begins to run an event; None if somebody else was quicker.

        Args:
            event_id: The event.
            owner: What people call the host.
            url: Where the host is found, by drivers and viewers.
            instead_of: The lease that has ended, as it was last seen; None where there was none.

        Raises:
            UnknownNameError: If there is no such event.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            row = await lease_row(db, event)
            if (None if row is None else _lease(event_id, row)) != instead_of:
                await db.rollback()
                return None
            fresh = {"token": secrets.token_hex(16), "owner": owner, "url": url, "beat": 0}
            await db.execute(_leases.delete().where(_leases.c.event == event))
            await db.execute(_leases.insert().values(event=event, taken_at=self._data.now(), **fresh))
            return Lease(event_id, fresh["token"], owner, url, 0)  # type: ignore[arg-type]

    @unbroken
    async def renew_lease(self, lease: Lease) -> bool:
        """Says that the host is still there; False if the lease is somebody else's by now."""
        async with self._data.writing() as db:
            beating = (
                _leases.update()
                .where(_leases.c.token == lease.token)
                .values(beat=_leases.c.beat + 1)
                .returning(_leases.c.beat)
            )
            return await db.scalar(beating) is not None

    @unbroken
    async def return_lease(self, lease: Lease) -> None:
        """Lets others run the event from now on."""
        async with self._data.writing() as db:
            await db.execute(_leases.delete().where(_leases.c.token == lease.token))


def _lease(event_id: str, row: AnyRow) -> Lease:
    return Lease(event_id, row.token, row.owner, row.url, row.beat)
