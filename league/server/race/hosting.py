"""Hosting: which events this server runs, where several share one record book.

On PostgreSQL, servers share events by leases. One that dies is noticed when its lease has not been renewed
for `lease_s` on the clock of whoever waits, and another goes on with its events. A SQLite file belongs to
one server: it is locked while that server lives, and so all that runs in it is its own.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from league.alone import alone
from league.errors import LeaseLostError, RecordBookError, UnknownNameError
from league.server.door.answers import problem
from league.server.door.origin import SAFE
from league.store.book import RecordBook
from league.store.records import Lease

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_KNOWN_S: Final = 1.0
"""So long it is remembered where an event is run."""


class Hosting:
    """Takes and keeps the leases of the events that are run here.

    Args:
        book: Where leases are kept.
        lease_s: A host that did not renew its lease for so long is dead.
        url: Where others find this server; empty until it is known, and then see `open_at`.
    """

    def __init__(self, book: RecordBook, *, lease_s: float, url: str = "") -> None:
        self._book, self._lease_s = book, lease_s
        self._owner = f"{socket.gethostname()} (process {os.getpid()})"
        self._url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._held: dict[str, Lease] = {}
        self._elsewhere: dict[str, tuple[float, str]] = {}
        if url:
            self._url.set_result(url.rstrip("/"))

    @property
    def shared(self) -> bool:
        """Whether other servers may have this book open."""
        return self._book.on_postgres

    def open_at(self, url: str) -> None:
        """Say where this server is found, unless its settings say that already."""
        if not self._url.done():
            self._url.set_result(url)

    async def run(
        self,
        event_id: str,
        work: Callable[[Lease], Coroutine[Any, Any, None]],
        *,
        instead_of: Lease | None = None,
    ) -> None:
        """Do something with an event as soon as it is ours, and keep it ours meanwhile.

        Args:
            event_id: The event.
            work: What to do; it is given the lease.
            instead_of: A lease that need not be waited for, whoever holds it: its holder is to lose it.

        Raises:
            LeaseLostError: This host was away for too long, and another took over; the work was cancelled.
        """
        lease = self._held[event_id] = await self._take(event_id, instead_of)
        working = asyncio.create_task(work(lease), name=f"event {event_id}")
        renewing = asyncio.create_task(self._renew(lease), name=f"lease of {event_id}")
        try:
            await asyncio.wait((working, renewing), return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                await _cancel(working)
                raise LeaseLostError(f"event {event_id!r}: this host lost its lease")
            working.result()
        finally:
            await _cancel(working)
            await _cancel(renewing)
            del self._held[event_id]
            with suppress(RecordBookError):  # then others have to wait until it is stale
                await self._book.return_lease(lease)

    async def elsewhere(self, event_id: str) -> str:
        """Where an event is run, if not here; empty if here or nowhere."""
        if not self.shared or event_id in self._held:
            return ""
        known_s, url = self._elsewhere.get(event_id, (-_KNOWN_S, ""))
        if time.monotonic() - known_s >= _KNOWN_S:
            try:
                lease = await self._book.lease(event_id)
            except UnknownNameError:
                return ""
            url = lease.url if lease is not None else ""
            self._elsewhere[event_id] = (time.monotonic(), url)
        return "" if event_id in self._held else url

    async def _take(self, event_id: str, instead_of: Lease | None) -> Lease:
        """Wait until nobody else runs an event, and take it."""
        url = await self._url
        seen, since_s = None, time.monotonic()
        while True:
            lease = await self._book.lease(event_id)
            if lease != seen:
                seen, since_s = lease, time.monotonic()
            free = lease is None or (instead_of is not None and lease.token == instead_of.token)
            if free or not self.shared or time.monotonic() - since_s >= self._lease_s:
                taken = await self._book.take_lease(event_id, owner=self._owner, url=url, instead_of=lease)
                if taken is not None:
                    if lease is not None and self.shared:
                        log.warning("event %s: goes on here, and no more by %s", event_id, lease.owner)
                    return taken
            await asyncio.sleep(self._lease_s / 5)

    async def _renew(self, lease: Lease) -> None:
        """Keep a lease; returns when it is lost, or must be taken for lost."""
        if not self.shared:
            await asyncio.Event().wait()
        good_s = time.monotonic()
        while True:
            await asyncio.sleep(self._lease_s / 5)
            asked_s = time.monotonic()
            with suppress(RecordBookError):
                if not await self._book.renew_lease(lease):
                    return
                good_s = asked_s
            # Before others may think so, too.
            if time.monotonic() - good_s >= self._lease_s * 4 / 5:
                return


async def _cancel(task: asyncio.Task[None]) -> None:
    """End a task and wait until it has; what it raised was asked for, or is raised elsewhere."""
    task.cancel()
    await asyncio.wait((task,))


HOSTING: Final = web.AppKey("hosting", Hosting)


@web.middleware
async def send_elsewhere(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send viewers and drivers of an event to the host that runs it."""
    event_id = request.match_info.get("event") or request.query.get("event", "")
    url = await request.app[HOSTING].elsewhere(event_id) if event_id else ""
    if not url:
        return await handler(request)
    if request.method in SAFE:
        raise web.HTTPTemporaryRedirect(f"{url}{request.rel_url}")
    raise problem(409, "elsewhere", f"event {event_id!r} is run by {url}; ask there")


@contextmanager
def only_server(file: Path | None) -> Iterator[None]:
    """Keep other servers off a SQLite file while the block lasts; the lock goes with the process.

    Raises:
        RecordBookError: Another server has it.
    """
    if file is None:
        yield
        return
    # Not the file itself: closing it again would take SQLite's own locks away (see its "How To Corrupt").
    beside = file.with_name(f"{file.name}-server")

    def taken(holder: str) -> RecordBookError:
        return RecordBookError(
            f"record book {file}: another server has it (process {holder}); servers can share a book that is "
            "kept on PostgreSQL"
        )

    with ExitStack() as held:
        try:
            held.enter_context(alone(beside, taken))
        except OSError as error:
            raise RecordBookError(
                f"record book {file}: cannot be locked ({error.strerror}: {beside})"
            ) from error
        yield
