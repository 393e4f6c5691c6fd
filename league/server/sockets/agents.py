"""`GET /ws/agent`: where drivers connect."""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

from league import __version__
from league.errors import RemoteProtocolError
from league.racing import BEHAVIOR
from league.server.door.answers import problem
from league.server.race.driver import Driver
from league.server.race.line import Line, check_pulse
from league.server.race.lobby import Lobby
from league.server.race.settings import Settings
from league.wire.messages import SHUTTING_DOWN, SUBPROTOCOLS, Hello
from league.wire.serverside import AgentSession

log = logging.getLogger(__name__)

AUTH: Final = ("token", "resume", "open")


class AgentDoor:
    """Every agent's socket, from its upgrade to its end, and their pulse; use `open`.

    Args:
        lobby: Says who may drive.
        settings: Limits.
    """

    def __init__(self, lobby: Lobby, settings: Settings) -> None:
        self._lobby, self._settings = lobby, settings
        self._limits = settings.limits
        self._lines: set[Line] = set()
        self._sockets = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, lobby: Lobby, settings: Settings) -> AsyncIterator[AgentDoor]:
        """A door, and the task that takes the pulse of all lines."""
        door = cls(lobby, settings)
        pulse = asyncio.create_task(door._take_pulse(), name="taking pulses")
        try:
            yield door
        finally:
            pulse.cancel()
            await asyncio.wait((pulse,))

    async def serve(self, request: web.BaseRequest, address: str | None = None) -> web.StreamResponse:
        """One agent's connection, from its upgrade to its end; `address` is what to call its other end."""
        check_protocol(request)
        if self._sockets >= self._settings.most_sockets:
            raise problem(503, "busy", "too many agents are connected; try again later")
        self._sockets += 1
        try:
            return await self._serve(request, request.remote or "" if address is None else address)
        finally:
            self._sockets -= 1

    async def _serve(self, request: web.BaseRequest, address: str) -> web.WebSocketResponse:
        # permessage-deflate costs about four times the processor time for small messages.
        socket = web.WebSocketResponse(
            protocols=tuple(SUBPROTOCOLS),
            compress=False,
            autoping=False,
            max_msg_size=self._limits.socket_bytes,
        )
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket  # it went away during the upgrade
        session = AgentSession(
            server=f"{self._settings.name} (racing-league {__version__})",
            behavior=BEHAVIOR,
            nonce=secrets.token_hex(16),
            limits=self._limits,
            auth=AUTH,
            codec=SUBPROTOCOLS[socket.ws_protocol or ""],
        )
        line = Line(
            socket, transport, session,
            address=address, clock=asyncio.get_running_loop().time,
        )  # fmt: skip
        self._lines.add(line)
        try:
            line.say(session.welcome())
            await self._attend(line)
        finally:
            self._lines.discard(line)
            await line.close()
        return socket

    async def _attend(self, line: Line) -> None:
        """Let a driver in and listen to it."""
        said = await line.first(self._limits.hello_s)
        if not isinstance(said, Hello):
            return
        try:
            driver, resumed = await self._lobby.entrance.admit(said, line.address)
        except RemoteProtocolError as error:
            line.fail(error.code, str(error), retry_s=5.0 if error.close == SHUTTING_DOWN else None)
            return
        except Exception:
            line.fail("internal", "the server failed; its log says why")
            raise
        if not line.open:
            return
        line.say(
            line.session.accept(driver.session_id, driver.resume_token, driver.entry.id, resumed=resumed)
        )
        await self._listen(line, driver, said)

    async def _listen(self, line: Line, driver: Driver, hello: Hello) -> None:
        driver.connect(line, hello)
        try:
            await line.listen(lambda said: driver.hear(line, said))
        finally:
            driver.disconnect(line, line.lost or "its connection broke off")

    async def _take_pulse(self) -> None:
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(self._limits.ping_s)
            for line in [*self._lines]:
                check_pulse(line, clock(), self._limits.dead_s)


def check_protocol(request: web.BaseRequest) -> None:
    """Refuse, over HTTP and in words, who speaks something else.

    Raises:
        HTTPBadRequest: It is no WebSocket upgrade, or offers no version that is spoken here.
    """
    expected = " or ".join(SUBPROTOCOLS)
    if request.headers.get("Upgrade", "").lower() != "websocket":
        raise problem(400, "upgrade", f"this is a WebSocket endpoint; expected an upgrade to {expected}")
    offered = [
        name.strip()
        for header in request.headers.getall("Sec-WebSocket-Protocol", [])
        for name in header.split(",")
    ]
    if not any(name in SUBPROTOCOLS for name in offered):
        found = ", ".join(json.dumps(name[:40]) for name in offered if name) or "none"
        raise problem(400, "version", f"found sub-protocol {found}, expected {expected}")
