"""One agent's socket: frames go out at once and in order, and sending never waits.

A race must not wait for a driver that does not read. So frames are written straight to the transport,
which keeps what cannot be sent yet; a driver that lets too much pile up is cut off.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any, Final

from aiohttp import WSMsgType, web

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire.codec import Frame
from league.wire.messages import ERROR_CODES, HEARTBEAT, Said
from league.wire.serverside import AgentSession

BACKLOG_BYTES: Final = 4 * 1024 * 1024
"""Unsent bytes beyond which a driver counts as not reading: four of the largest messages."""
CLOSE_S: Final = 2.0
"""Time that a driver has to answer our close before the connection is cut."""

_PING = b"\x89\x00"
_PONG_MOST: Final = 125

Hear = Callable[[Said], None]


class Line:
    """The connection to one agent, from its upgrade to its close.

    Args:
        socket: Prepared, with `autoping=False`, without compression.
        transport: The one beneath it.
        session: What may be said when.
        address: Where it comes from, for people and for the brake on guessing.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport,
        session: AgentSession,
        *,
        address: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.session = session
        self.address = address
        self.heard_s = clock()
        """When the last frame of any kind came."""
        self.lost = ""
        """Why it ended, in words; empty while it is open."""
        self._socket, self._transport, self._clock = socket, transport, clock
        self._ended: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    @property
    def open(self) -> bool:
        """Whether something said now has a chance to arrive."""
        return not self._ended.done() and not self._transport.is_closing()

    # -- out -----------------------------------------------------------------------------------

    def say(self, frame: Frame) -> None:
        """Send a frame, or keep what cannot be sent yet; returns at once."""
        if not self.open:
            return
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES:
            self.lost = "it did not read what it was sent"
            self._transport.abort()
            return
        self._transport.write(websocket_frame(frame))

    def ping(self) -> None:
        """Ask for a sign of life."""
        if self.open:
            self._transport.write(_PING)

    def end(self, code: int, reason: str) -> None:
        """Close the connection soon, for a reason that the driver is told; the first reason stands."""
        if not self._ended.done():
            self.lost = self.lost or reason
            self._ended.set_result((code, reason))

    def fail(self, code: str, message: str, *, retry_s: float | None = None) -> None:
        """Say a fatal error and close with the code that goes with it."""
        try:
            self.say(self.session.error(code, message, fatal=True, retry_s=retry_s))
        except LocalProtocolError:
            return  # it has said goodbye already
        self.end(ERROR_CODES[code].close or 1000, message)

    # -- in ------------------------------------------------------------------------------------

    async def listen(self, hear: Hear) -> None:
        """Read until either side ends it; what was said goes to `hear`, in order."""
        await self._until_ended(self._read(hear))
        self.lost = self.lost or "its connection ended"

    async def first(self, patience_s: float) -> Said | None:
        """The first thing said, or None if the connection ended or nothing came in time."""
        said: list[Said] = []

        async def read() -> None:
            while not said and await self._read_one(said.append):
                pass

        try:
            async with asyncio.timeout(patience_s):
                await self._until_ended(read())
        except TimeoutError:
            self.fail("order", f"nothing was said within {patience_s:g} s, expected 'hello'")
        return said[0] if said else None

    async def _until_ended(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some reading, unless or until our side ends the connection."""
        reading = asyncio.create_task(work, name=f"reading from {self.address}")
        try:
            await asyncio.wait((reading, self._ended), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            await asyncio.wait((reading,))
        if not reading.cancelled():
            reading.result()

    async def close(self) -> None:
        """Close for the reason given to `end`, waiting a little for the driver's answer."""
        if not self._ended.done():
            self._ended.set_result((1000, ""))
        code, reason = self._ended.result()
        try:
            # A close frame carries at most 123 bytes of reason (RFC 6455, section 5.5).
            message = reason.encode()[:120].decode(errors="ignore").encode()
            async with asyncio.timeout(CLOSE_S):
                await self._socket.close(code=code, message=message)
        except (TimeoutError, ConnectionError):
            self._transport.abort()

    async def _read(self, hear: Hear) -> None:
        while await self._read_one(hear):
            pass

    async def _read_one(self, hear: Hear) -> bool:
        """Read one frame; False at the end."""
        message = await self._socket.receive()
        kind = message.type
        self.heard_s = self._clock()
        if kind is WSMsgType.BINARY or kind is WSMsgType.TEXT:
            try:
                said = self.session.receive(message.data, self.heard_s)
            except RemoteProtocolError as error:
                return self._object(error)
            for item in said:
                hear(item)
        elif kind is WSMsgType.PING:
            pong = bytes(message.data[:_PONG_MOST])
            if self.open:
                self._transport.write(bytes((0x8A, len(pong))) + pong)
        elif kind is not WSMsgType.PONG:
            self.lost = self.lost or _farewell(self._socket)
            return False
        return True

    def _object(self, error: RemoteProtocolError) -> bool:
        """Answer what cannot be accepted; False if that was the end."""
        try:
            self.say(self.session.refuse(error))
        except LocalProtocolError:
            return False
        if error.close is None:
            return True
        self.end(error.close, f"{error.code}: {error}")
        return False


def check_pulse(line: Line, now_s: float, dead_s: float) -> None:
    """Ping a line that is quiet, and end one that has been quiet for too long."""
    if now_s - line.heard_s >= dead_s:
        line.end(HEARTBEAT, f"no sign of life for {dead_s:g} s")
    else:
        line.ping()


def websocket_frame(frame: Frame) -> bytes:
    """A message as one unmasked, uncompressed WebSocket frame (RFC 6455, section 5.2)."""
    if isinstance(frame, str):
        opcode, body = 0x81, frame.encode()
    else:
        opcode, body = 0x82, frame
    size = len(body)
    if size < 126:
        return bytes((opcode, size)) + body
    if size < 65536:
        return bytes((opcode, 126, size >> 8, size & 0xFF)) + body
    return bytes((opcode, 127)) + size.to_bytes(8, "big") + body


def _farewell(socket: web.WebSocketResponse) -> str:
    """Why a socket ended, in words."""
    code = socket.close_code
    if code is None or code == 1006:
        return "its connection broke off"
    if code in (1000, 1001):
        return "it closed its connection"
    if code == 1009:
        return "it sent a message far too large"
    return f"it closed its connection with code {code}"
