"""Webhooks: telling other people's programs what is in the record book, until they have taken it.

What happened is read from the book, never only from memory: a message that a stopped server did not get to
is written down by the next one, and none is written down twice. They are signed as Standard Webhooks asks
(standardwebhooks.com): HMAC-SHA256 over the id, the time and the body.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from league import __version__
from league.errors import LeagueError
from league.server.rest.standings import Standings
from league.store.book import RecordBook
from league.store.records import EventRecord
from league.store.webhooks import Due, HowFar, WebhookRecord

log = logging.getLogger(__name__)

RETRY_S: Final = (5, 30, 120, 600, 3600, 6 * 3600, 24 * 3600)
"""Waits between attempts; after the last there is none."""
ANSWER_S: Final = 10.0
LOOK_S: Final = 20.0
"""The book is looked at so often even if nothing was heard: another server may have written in it."""
_HOLD: Final = timedelta(seconds=60)
_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")
_LONGEST: Final = 200


Happening = tuple[str, str, HowFar | None, datetime, dict[str, Any]]
"""Its kind, what makes it one of its own, in which step of the event, when, and the content."""


class ForbiddenTargetError(OSError):
    """An address that webhooks may not go to."""


class Postman:
    """Brings messages to webhooks; use `run` as a task.

    Args:
        league: For standings.
        book: What happened, and what was told of it.
        private: Whether messages may go to this machine and to private networks.
        retry_s: Waits between attempts.
    """

    def __init__(
        self,
        standings: Standings,
        book: RecordBook,
        *,
        private: bool = False,
        retry_s: tuple[float, ...] = RETRY_S,
    ) -> None:
        self._standings, self._book, self._private, self._retry_s = standings, book, private, retry_s
        self._stirred = asyncio.Event()
        self._seen: dict[int, dict[str, int]] = {}
        """The revision of every event that each webhook has been told of."""

    def hear(self, hook: str, what: Mapping[str, Any]) -> None:
        """Something happened: look at the book soon."""
        if hook in ("on_heat_finished", "on_standings_changed"):
            self._stirred.set()

    def stir(self) -> None:
        """Look at the book soon."""
        self._stirred.set()

    async def run(self) -> None:
        """Write down and deliver what is to be told, until cancelled."""
        connector = aiohttp.TCPConnector(socket_factory=self._socket, limit=20)
        timeout = aiohttp.ClientTimeout(total=ANSWER_S)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            while True:
                self._stirred.clear()
                try:
                    await self._write_down()
                    await self._deliver(http)
                    wait_s = await self._wait_s()
                except LeagueError:
                    log.exception("webhooks: the record book does not answer")
                    wait_s = LOOK_S
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait_s):
                        await self._stirred.wait()

    # -- what is to be told ----------------------------------------------------------------------------

    async def _write_down(self) -> None:
        webhooks = await self._book.webhooks()
        if not webhooks:
            return
        await self._book.forget_deliveries()
        for record in await self._book.events():
            wanting = [
                hook
                for hook in webhooks
                if hook.event_id in (None, record.plan.id)
                and self._seen.setdefault(hook.number, {}).get(record.plan.id) != record.revision
            ]
            if wanting:
                happened = [item async for item in self._happened(record)]
                for hook in wanting:
                    await self._queue(hook, happened)
                    self._seen[hook.number][record.plan.id] = record.revision

    async def _happened(self, record: EventRecord) -> AsyncIterator[Happening]:
        """What there is to tell of an event."""
        event_id = record.plan.id
        results = {result.heat: result for result in await self._book.results(event_id)}
        last_at, last_in = record.created_at, 0
        for heat in await self._book.heats(event_id):
            if heat.finished_at is not None and heat.plan.id in results:
                last_at, last_in = max(last_at, heat.finished_at), max(last_in, heat.finished_in or 0)
                step = None if heat.finished_in is None else HowFar(revision=heat.finished_in)
                told = {"result": results[heat.plan.id].model_dump(mode="json")}
                yield "heat.finished", f"{event_id} {heat.plan.id}", step, heat.finished_at, told
        for filed in await self._book.incidents(event_id):
            told = {"incident": filed.incident.model_dump(mode="json")}
            step = HowFar(incidents=filed.incident.number)
            yield "incident", f"{event_id} {filed.incident.number}", step, filed.filed_at, told
        if results:
            board = json.loads(await self._standings.board(event_id, exact=True))
            said = {key: board[key] for key in ("entries", "revision", "final")}
            rows = json.dumps(said, sort_keys=True)
            step = HowFar(revision=last_in, decisions=board["revision"]) if last_in else None
            yield "standings.changed", f"{event_id} {rows}", step, last_at, {"standings": said}

    async def _queue(self, hook: WebhookRecord, happened: list[Happening]) -> None:
        for kind, key, step, at, content in happened:
            event_id = key.split(" ", 1)[0]
            if kind in hook.kinds and hook.is_news(event_id, step, at):
                await self._book.queue_delivery(
                    hook.number,
                    message_id(kind, key),
                    kind,
                    body_of(kind, at, {"event": event_id, **content}),
                )

    # -- telling it ------------------------------------------------------------------------------------

    async def _deliver(self, http: aiohttp.ClientSession) -> None:
        while due := await self._book.take_due(hold=_HOLD, retry_s=self._retry_s):
            await asyncio.gather(*(self._try(http, one) for one in due))

    async def _try(self, http: aiohttp.ClientSession, due: Due) -> None:
        problem = await self._send(http, due)
        attempts = due.delivery.attempts
        next_at = None
        if problem and attempts < len(self._retry_s):
            next_at = self._book.now() + timedelta(seconds=self._retry_s[attempts])
        await self._book.note_delivery(due.delivery.number, problem[:_LONGEST], next_at)
        if problem:
            log.info("webhook %d, message %s: %s", due.webhook, due.delivery.message, problem)

    async def _send(self, http: aiohttp.ClientSession, due: Due) -> str:
        """One attempt; gives what went wrong, empty if nothing did."""
        body = due.delivery.body.encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"racing-league/{__version__}",
            **signature(due.secret, due.delivery.message, int(time.time()), body),
        }
        try:
            if not self._private and not _named_well(due.url):
                raise ForbiddenTargetError("it is an address in a private network")
            async with http.post(due.url, data=body, headers=headers, allow_redirects=False) as answer:
                return "" if 200 <= answer.status < 300 else f"it answered {answer.status}"
        except TimeoutError:
            return f"no answer within {ANSWER_S:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return str(error) or type(error).__name__

    async def _wait_s(self) -> float:
        next_at = await self._book.next_due()
        if next_at is None:
            return LOOK_S
        return min(LOOK_S, max(0.05, (next_at - self._book.now()).total_seconds()))

    def _socket(self, address: Any) -> socket.socket:
        """A socket for an address that a name led to: names may lead anywhere, and change in between."""
        family, kind, protocol, _, where = address
        if not self._private and not is_public(str(where[0])):
            raise ForbiddenTargetError(f"{where[0]} is in a private network")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made


def is_public(address: str) -> bool:
    """Whether an IP address is one that everybody can reach, however it is wrapped."""
    found = ipaddress.ip_address(address.split("%", 1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _named_well(url: str) -> bool:
    """Whether an address written in numbers is public; names are looked at when they are resolved."""
    host = urlsplit(url).hostname or ""
    try:
        return is_public(host)
    except ValueError:
        return True


def signature(secret: str, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The headers that prove who sent a message, and when."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = hmac.new(key, f"{message}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return {
        "webhook-id": message,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": "v1," + base64.b64encode(signed).decode(),
    }


def message_id(kind: str, key: str) -> str:
    """The same for the same thing, whoever writes it down."""
    return "msg_" + hashlib.sha256(f"{kind} {key}".encode()).hexdigest()[:32]


def body_of(kind: str, at: datetime, content: Mapping[str, Any]) -> str:
    """A message's JSON text."""
    return json.dumps({"type": kind, "timestamp": at.isoformat(), "data": content}, ensure_ascii=False)
