"""A server that follows a script instead of racing.

Everything that the scripts do is legal: unknown keys and types, delays, notices of lateness, a connection
that drops in the middle of a heat. What the client answers is judged by the same state machine that the
real server uses.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from aiohttp import WSMsgType, web

from league.errors import RemoteProtocolError
from league.racing import BEHAVIOR
from league.testing.finding import Unmet, expect
from league.wire.codec import Frame, encode
from league.wire.messages import (
    AGENT_PATH,
    SUBPROTOCOLS,
    Act,
    Bye,
    Hello,
    LateAct,
    Limits,
    Loading,
    Ready,
    Said,
    Sync,
)
from league.wire.serverside import AgentSession

EVENT = "conformance"
TICKS = 12
PATIENCE_S = 10.0
"""How long the script waits for anything that the client has to do."""
_S = TypeVar("_S", Hello, Sync, Loading, Ready, Act, LateAct, Bye)


class ScriptedServer:
    """An agent endpoint on this machine whose connections are handed to a script.

    Use as an asynchronous context manager; `url` is known inside, `talk` waits for the next connection.

    Args:
        host: Where to listen.
        port: 0 for any.
    """

    def __init__(self, host: str = "127.0.0.1", port: int = 0) -> None:
        self._where = host, port
        self.url = ""
        self.connections = 0
        self._talks: asyncio.Queue[Talk] = asyncio.Queue()
        self._open: set[Talk] = set()
        app = web.Application()
        app.router.add_get(AGENT_PATH, self._upgrade)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, *self._where)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"ws://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for talk in list(self._open):
            talk.drop()
        await self._runner.cleanup()

    async def talk(self, *, within_s: float = PATIENCE_S) -> Talk:
        """The next connection that a client makes.

        Raises:
            Unmet: None came in time.
        """
        try:
            async with asyncio.timeout(within_s):
                return await self._talks.get()
        except TimeoutError:
            raise Unmet(f"a connection within {within_s:g} s", "none") from None

    async def joined(self, *, within_s: float = PATIENCE_S, resumed: bool = False) -> Talk:
        """The next connection, after welcome, hello and accepted."""
        talk = await self.talk(within_s=within_s)
        await talk.say(talk.session.welcome())
        hello = await talk.hear(Hello)
        expect(hello.event == EVENT, f"hello.event {EVENT!r}", repr(hello.event))
        await talk.say(talk.session.accept("session-1", "secret-1", "entry-1", resumed=resumed))
        return talk

    def reset(self) -> None:
        """Cut every connection with a TCP reset."""
        for talk in list(self._open):
            talk.drop(reset=True)

    async def _upgrade(self, request: web.Request) -> web.WebSocketResponse:
        made = web.WebSocketResponse(
            protocols=tuple(SUBPROTOCOLS), compress=False, max_msg_size=Limits().socket_bytes, heartbeat=10.0
        )
        await made.prepare(request)
        self.connections += 1
        talk = Talk(request, made)
        self._open.add(talk)
        await self._talks.put(talk)
        try:
            await talk.listen()
        finally:
            self._open.discard(talk)
        return made


class Talk:
    """One connection of the client under test."""

    patience_s: ClassVar[float] = PATIENCE_S
    """How long it waits for anything that the client has to do."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.session = AgentSession(
            server="scripted",
            behavior=BEHAVIOR,
            nonce="0",
            auth=("open", "resume"),
            codec=SUBPROTOCOLS.get(socket.ws_protocol or "", "msgpack"),
        )
        self.protocol = socket.ws_protocol
        self.syncs = 0
        self.closed = asyncio.Event()
        self._request, self._socket = request, socket
        self._said: asyncio.Queue[Said | RemoteProtocolError | None] = asyncio.Queue()

    async def listen(self) -> None:
        """Read until the connection ends; what was said waits for `hear`."""
        try:
            async for message in self._socket:
                if message.type not in (WSMsgType.BINARY, WSMsgType.TEXT):
                    continue
                try:
                    for said in self.session.receive(message.data, time.monotonic()):
                        await self._take(said)
                except RemoteProtocolError as error:
                    await self._said.put(error)
        finally:
            self.closed.set()
            await self._said.put(None)

    async def say(self, frame: Frame) -> None:
        """Send a frame; a client that is gone is found out by `hear`."""
        with suppress(ConnectionError):
            if isinstance(frame, bytes):
                await self._socket.send_bytes(frame)
            else:
                await self._socket.send_str(frame)

    async def say_raw(self, message: Mapping[str, Any]) -> None:
        """Send a message past the state machine."""
        await self.say(encode(message, self.session.codec))

    async def hear(self, kind: type[_S], *, within_s: float | None = None) -> _S:
        """The next thing said that is no `sync` or `loading`.

        Raises:
            Unmet: Something else was said, or nothing in time.
        """
        within_s = self.patience_s if within_s is None else within_s
        expected = f"{kind.__name__.lower()!r} within {within_s:g} s"
        try:
            async with asyncio.timeout(within_s):
                said = await self._said.get()
                while isinstance(said, Loading):
                    said = await self._said.get()
        except TimeoutError:
            raise Unmet(expected, "nothing") from None
        if isinstance(said, kind):
            return said
        if said is None:
            raise Unmet(expected, "the end of the connection")
        raise Unmet(
            expected, f"{said}" if isinstance(said, RemoteProtocolError) else type(said).__name__.lower()
        )

    async def silence(self, for_s: float) -> None:
        """Nothing but `sync` is said for a while."""
        try:
            async with asyncio.timeout(for_s):
                said = await self._said.get()
        except TimeoutError:
            return
        raise Unmet(
            f"nothing said for {for_s:g} s", "the end" if said is None else type(said).__name__.lower()
        )

    async def end(self, code: int, reason: str = "") -> None:
        """Close the connection."""
        await self._socket.close(code=code, message=reason.encode())

    def drop(self, *, reset: bool = False) -> None:
        """Cut the connection without a word, as a broken network does; or with a reset."""
        if self._request.transport is not None:
            if reset:
                # To linger for 0 s is to answer everything from now on with a reset.
                link = self._request.transport.get_extra_info("socket")
                link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._request.transport.abort()

    async def _take(self, said: Said) -> None:
        if isinstance(said, Sync):
            self.syncs += 1
            await self.say(self.session.sync_reply(said, time.monotonic()))
        else:
            await self._said.put(said)
