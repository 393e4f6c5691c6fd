"""Who goes away in the middle of a handshake: nobody is answered, and nothing is logged as a failure."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web
from databases import new_book

from league.hooks.catalogue import League
from league.racing.plan import EventPlan
from league.server.app import create_app, serving
from league.server.race.inlet import Inlet
from league.server.race.settings import Settings
from league.wire.messages import AGENT_PATH

PATIENCE_S = 30.0
HEALTH = "/api/v1/health"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: league.v1.json\r\n"
)
PATHS = (
    "/ws/watch?event=cup",
    "/ws/agent",
    "/ws/timing",
    "/ws/control",
    "/api/v1/events/cup/stream",
)


class Gate:
    """Holds requests at one place of the handshake until their connection is gone."""

    def __init__(self) -> None:
        self.reached, self.over = asyncio.Event(), asyncio.Event()

    async def hold(self, request: web.BaseRequest) -> None:
        self.reached.set()
        while request.transport is not None:  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)

    @asynccontextmanager
    async def before(self, app: web.Application) -> AsyncIterator[None]:
        """At the door, before any handler looks at the request."""

        @web.middleware
        async def wait(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            try:
                if request.path != HEALTH:
                    await self.hold(request)
                return await handler(request)
            finally:
                self.over.set()

        app.middlewares.append(wait)
        yield

    @asynccontextmanager
    async def within(self, app: web.Application) -> AsyncIterator[None]:
        """When the answer to the handshake is about to be written."""

        async def wait(request: web.Request, answer: web.StreamResponse) -> None:
            if request.path != HEALTH:
                await self.hold(request)
                self.over.set()

        app.on_response_prepare.append(wait)
        yield


@pytest.mark.parametrize("place", ["before", "within"])
async def test_who_leaves_in_mid_handshake_leaves_no_traceback(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for path in PATHS:
        async with new_book() as book:
            await book.add_event(EventPlan(id="cup", name="Cup", circuit="clover", format="time-trial"))
            app = create_app(League(), book, Settings(port=0))
            gate = Gate()
            async with getattr(gate, place)(app), serving(app, host="127.0.0.1", port=0) as url:
                where = urlsplit(url)
                _, writer = await asyncio.open_connection(where.hostname, where.port)
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {where.netloc}\r\n{UPGRADE}\r\n".encode())
                await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
                writer.transport.abort()
                await asyncio.wait_for(gate.over.wait(), PATIENCE_S)
                with suppress(ConnectionError):
                    await writer.wait_closed()
                async with aiohttp.ClientSession() as http, http.get(url + HEALTH) as answer:
                    assert answer.status == 200
        failures = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
        assert failures == [], path


async def test_a_program_that_ends_in_mid_handshake_leaves_no_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    gate = Gate()

    async def serve(request: web.BaseRequest, address: str) -> web.StreamResponse:
        try:
            await gate.hold(request)
            socket = web.WebSocketResponse(protocols=("league.v1.json",))
            await socket.prepare(request)
            return socket
        finally:
            gate.over.set()

    inlet = Inlet(serve)
    theirs = await inlet.connect()
    theirs.sendall(f"GET {AGENT_PATH} HTTP/1.1\r\nHost: here\r\n{UPGRADE}\r\n".encode())
    await asyncio.wait_for(gate.reached.wait(), PATIENCE_S)
    theirs.close()
    await asyncio.wait_for(gate.over.wait(), PATIENCE_S)
    await inlet.close()
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
