"""The line from a timing device to the server: nothing that was seen is lost on the way.

Crossings are numbered, kept until the server has them in its book, and sent again after a reconnect. Times
are on the server's clock, which is asked for at the start and every few seconds after.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from league.errors import RemoteProtocolError, UnknownNameError, why_unreachable
from league.wire.codec import decode, encode
from league.wire.messages import SUBPROTOCOL

log = logging.getLogger(__name__)

SYNC_S: Final = 5.0
WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 5.0
MOST_KEPT: Final = 10_000
_LIMIT: Final = 64 * 1024
_FATAL: Final = (4001, 4010)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said of a crossing."""

    seq: int
    number: int
    """Its line in the list; 0 if it does not count."""
    reason: str = ""


class ServerClock:
    """The server's time, from ours and from what the server said, the quickest answer counting most."""

    def __init__(self) -> None:
        self._ahead_ns = time.time_ns() - time.monotonic_ns()
        self._trip_ns: int | None = None

    def now_ns(self) -> int:
        """The time on the server, as well as it is known."""
        return time.monotonic_ns() + self._ahead_ns

    def at(self, monotonic_ns: int) -> int:
        """What time it was there when it was this on our monotonic clock."""
        return monotonic_ns + self._ahead_ns

    def learn(self, sent_ns: int, t1_ns: int, t2_ns: int, heard_ns: int) -> None:
        """Take an answer of the server to when it is; a quick one counts for more.

        Args:
            sent_ns: When we asked, on our monotonic clock.
            t1_ns: When the server heard it, on its own.
            t2_ns: When it answered, on its own.
            heard_ns: When we heard that, on our monotonic clock.
        """
        trip_ns = (heard_ns - sent_ns) - (t2_ns - t1_ns)
        # An old quick answer is worth less and less: clocks drift apart.
        if self._trip_ns is None or trip_ns <= self._trip_ns:
            self._ahead_ns = (t1_ns + t2_ns - sent_ns - heard_ns) // 2
            self._trip_ns = trip_ns
        else:
            self._trip_ns += max(1, self._trip_ns // 8)


class TimingLine:
    """A device's line to the server; use `open`.

    Args:
        server: "http://HOST:PORT".
        token: Of a timing device.
        event: Needed if the token is good for more than one.
        device: What to call this device.
        cars: What it calls the entries that it sees; each must be one when the line is first up.
        on_answer: Told what the server says of crossings.
        tell: Told what happens to the line, in words.
    """

    def __init__(
        self,
        server: str,
        token: str,
        *,
        event: str = "",
        device: str = "",
        cars: Iterable[str] = (),
        on_answer: Callable[[Answer], None] = lambda answer: None,
        tell: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._url, self._token, self._event, self._device = socket_url(server), token, event, device
        self._on_answer, self._tell = on_answer, tell
        self._cars = tuple(filter(None, cars))
        self.clock = ServerClock()
        self._kept: dict[int, dict[str, Any]] = {}
        self._seq = time.time_ns() // 1000  # grows from one start of a device to the next
        self._sockets: list[aiohttp.ClientWebSocketResponse] = []
        self._stirred = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.ready = asyncio.Event()
        """Set once the server has let us in and the time is known."""

    @classmethod
    @asynccontextmanager
    async def open(cls, server: str, token: str, **options: Any) -> AsyncIterator[TimingLine]:
        """A line that keeps itself up until the block ends.

        Raises:
            UnknownNameError: The event has no entry of a name in `cars`.
            RemoteProtocolError: The server refuses for good: a wrong token, or no such event; also in the
                middle of the block, when the line comes back and is refused.
        """
        line = cls(server, token, **options)
        try:
            async with asyncio.TaskGroup() as group:
                # When it is refused, now or after a reconnect, it ends the block.
                keeping = group.create_task(line._keep(), name="keeping the timing line")
                await line.ready.wait()
                yield line
                keeping.cancel()
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None

    @property
    def waiting(self) -> int:
        """Crossings that the server does not have yet."""
        return len(self._kept)

    def cross(
        self, ts_ns: int | None = None, *, car: str = "", point: str = "line", confidence: float = 1.0
    ) -> int:
        """Something crossed, at a time on the server's clock, now by default; gives its number."""
        self._seq += 1
        self._kept[self._seq] = {
            "type": "crossing",
            "seq": self._seq,
            "ts_ns": self.clock.now_ns() if ts_ns is None else ts_ns,
            "point": point,
            "car": car,
            "confidence": confidence,
        }
        while len(self._kept) > MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._empty.clear()
        self._stirred.set()
        return self._seq

    async def see(
        self, ts_ns: int, car: str, x_m: float, y_m: float, yaw_rad: float, speed_mps: float = 0.0
    ) -> None:
        """Tell where a car is; lost if there is no line just now."""
        pose = {"x_m": x_m, "y_m": y_m, "yaw_rad": yaw_rad, "speed_mps": speed_mps}
        for socket in self._sockets:
            await _send(socket, {"type": "pose", "ts_ns": ts_ns, "car": car, **pose})

    async def delivered(self) -> None:
        """Wait until the server has every crossing."""
        await self._empty.wait()

    # -- keeping the line up -------------------------------------------------------------------------

    async def _keep(self) -> None:
        wait_s = WAIT_S
        async with aiohttp.ClientSession() as http:
            while True:
                try:
                    async with http.ws_connect(
                        self._url, protocols=(SUBPROTOCOL,), compress=0, heartbeat=5.0, max_msg_size=_LIMIT
                    ) as socket:
                        await self._talk(socket)
                        wait_s = WAIT_S
                except (aiohttp.ClientError, OSError, TimeoutError) as error:
                    self._tell(f"no line to {self._url}: {why_unreachable(error)}")
                await asyncio.sleep(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    async def _talk(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        hello = {"type": "hello", "token": self._token, "event": self._event, "device": self._device}
        await _send(socket, hello)
        tasks = [asyncio.create_task(work) for work in (self._sync(socket), self._send_kept(socket))]
        try:
            async for frame in socket:
                if frame.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                    self._hear(decode(frame.data, limit=_LIMIT), socket)
        finally:
            self._sockets.clear()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        if socket.close_code in _FATAL:
            raise RemoteProtocolError("refused", f"{self._url}: closed with code {socket.close_code}")
        self._tell("the line broke off; crossings are kept")

    def _hear(self, said: dict[str, Any], socket: aiohttp.ClientWebSocketResponse) -> None:
        kind = said.get("type")
        if kind == "welcome":
            self._tell(f"connected to {said.get('server')}, event {said.get('event')}")
            self._check_cars(said.get("cars"))
            self._sockets.append(socket)
            self._stirred.set()
        elif kind == "sync":
            heard_ns = time.monotonic_ns()
            self.clock.learn(int(said["t0_ns"]), int(said["t1_ns"]), int(said["t2_ns"]), heard_ns)
            self.ready.set()
        elif kind == "ack":
            answer = Answer(int(said["seq"]), int(said["number"]), str(said.get("reason", "")))
            if self._kept.pop(answer.seq, None) is not None:
                self._on_answer(answer)
            if not self._kept:
                self._empty.set()
        elif kind == "error":
            problem = str(said.get("message"))
            if said.get("fatal"):
                raise RemoteProtocolError(str(said.get("code")), problem)
            self._tell(f"the server objects: {problem}")

    def _check_cars(self, entries: Any) -> None:
        """Once, in the beginning: a name with a slip in it would leave every crossing to the timekeeper."""
        if isinstance(entries, list) and not self.ready.is_set():
            known = {str(name): {str(entry), str(name).casefold()} for entry, name in entries}
            for car in self._cars:
                if not any(car.casefold() in names for names in known.values()):
                    raise UnknownNameError("entry of this event", car, known)

    async def _sync(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        quick = 4  # a few at once in the beginning: the quickest counts
        while True:
            await _send(socket, {"type": "sync", "t0_ns": time.monotonic_ns()})
            await asyncio.sleep(0.05 if quick else SYNC_S)
            quick = max(0, quick - 1)

    async def _send_kept(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        sent: set[int] = set()
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            for seq, crossing in [*self._kept.items()]:
                if seq not in sent and self._sockets:
                    sent.add(seq)
                    await _send(socket, crossing)


async def _send(socket: aiohttp.ClientWebSocketResponse, message: dict[str, Any]) -> None:
    frame = encode(message, "msgpack")
    assert isinstance(frame, bytes)
    with suppress(ConnectionError, RuntimeError):  # it is gone; what matters is sent again
        await socket.send_bytes(frame)


def socket_url(server: str) -> str:
    """A server's address as that of its timing socket."""
    parts = urlsplit(server)
    scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
    return urlunsplit((scheme, parts.netloc, parts.path.rstrip("/") + "/ws/timing", "", ""))
