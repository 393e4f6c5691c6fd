"""The application: routes, and what is started and stopped with them."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from errno import EADDRINUSE

from aiohttp import web

from league.errors import ConfigError
from league.hooks.catalogue import League
from league.server.door.admission import PORTS, add_admission
from league.server.door.answers import errors_as_json
from league.server.door.auth import Doorkeeper
from league.server.door.brake import add_brake
from league.server.door.headers import add_headers
from league.server.door.names import OWN, known_by_name
from league.server.door.origin import only_ours
from league.server.keys import BOOK, DOORKEEPER, LEAGUE, LOBBY, SETTINGS, STANDINGS
from league.server.pages.routes import add_pages
from league.server.race.hosting import HOSTING, Hosting, only_server, send_elsewhere
from league.server.race.inlet import Inlet
from league.server.race.listeners import Listeners
from league.server.race.lobby import Lobby
from league.server.race.settings import Settings
from league.server.race.watch import GRANDSTAND, watch_socket
from league.server.rest import (
    api,
    entries,
    membership,
    organising,
    ratings,
    seasons,
    sheets,
    stewarding,
    stream,
    waiting,
)
from league.server.rest.downloads import add_downloads
from league.server.rest.metrics import METRICS, add_metrics
from league.server.rest.openapi import add_openapi
from league.server.rest.standings import Standings
from league.server.rest.webhooks import add_webhooks
from league.server.sockets.agents import AgentDoor
from league.server.sockets.trackside import add_trackside
from league.store.book import RecordBook
from league.wire.messages import AGENT_PATH

_DOOR: web.AppKey[AgentDoor] = web.AppKey("door", AgentDoor)
_BODY_BYTES = 256 * 1024
_STOP_S = 3.0


def create_app(league: League, book: RecordBook, settings: Settings) -> web.Application:
    """The server as an application, not yet listening.

    The book stays open when the application stops.
    """
    app = web.Application(middlewares=[errors_as_json], client_max_size=_BODY_BYTES)
    app[LEAGUE], app[BOOK], app[SETTINGS] = league, book, settings
    app[OWN] = set[str]()
    app[DOORKEEPER] = Doorkeeper(book, proxies=settings.proxies)
    app[STANDINGS] = Standings(league, book)
    app.cleanup_ctx.extend((_standings, _events))
    app.on_shutdown.append(_say_goodbye)
    app.add_routes(
        [
            *api.routes(),
            *organising.routes(),
            *entries.routes(),
            *membership.routes(),
            *stewarding.routes(),
            *seasons.routes(),
            *ratings.routes(),
            *waiting.routes(),
            *sheets.routes(),
            *stream.routes(),
            web.get(AGENT_PATH, _agent),
            web.get("/ws/watch", watch_socket),
        ]
    )
    add_openapi(app)
    add_downloads(app)
    add_metrics(app)
    add_webhooks(app)
    add_trackside(app)
    add_pages(app)
    add_headers(app)
    add_brake(app)
    app.middlewares.extend((known_by_name, only_ours))
    add_admission(app)
    app.middlewares.append(send_elsewhere)
    return app


@asynccontextmanager
async def serving(
    app: web.Application, *, host: str, port: int, public_port: int | None = None
) -> AsyncIterator[str]:
    """Serve an application until the block ends; gives its address, "http://HOST:PORT".

    Args:
        app: What to serve.
        host: Where to listen.
        port: 0 takes any free one.
        public_port: Another port, on which one can only look; `app[PORTS].public` then says which it became.

    Raises:
        ConfigError: The address cannot be listened on.
    """
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_STOP_S, handle_signals=False)
    await runner.setup()
    ports = app[PORTS]
    try:
        if public_port is not None:
            ports.full = set()  # until its number is known, a port is one to look only
        bound = await _listen(runner, host, port)
        if ports.full is not None and public_port is not None:
            ports.full.add(bound)
            ports.public = await _listen(runner, host, public_port)
        anywhere = host in ("0.0.0.0", "::", "")  # noqa: S104 - only compared
        name = socket.getfqdn() if anywhere else host
        app[OWN].add(name)
        app[HOSTING].open_at(address(name, bound))
        yield address(host, bound)
    finally:
        await runner.cleanup()


async def _listen(runner: web.AppRunner, host: str, port: int) -> int:
    """Listen on one more port; gives its number."""
    before = len(runner.addresses)
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        hint = (
            "; is a server running already? Another --port may be free" if error.errno == EADDRINUSE else ""
        )
        raise ConfigError(f"cannot listen on {host}:{port}: {why}{hint}") from error
    return int(runner.addresses[before][1])


def address(host: str, port: int) -> str:
    """A server's address as a URL."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _agent(request: web.Request) -> web.StreamResponse:
    return await request.app[_DOOR].serve(request, request.app[DOORKEEPER].address_of(request))


async def _standings(app: web.Application) -> AsyncIterator[None]:
    """A board that is being made is made to its end: the record book may be closed after that."""
    yield
    await app[STANDINGS].close()


async def _events(app: web.Application) -> AsyncIterator[None]:
    """Everything that lives as long as the application."""
    settings = app[SETTINGS]
    hosting = app[HOSTING] = Hosting(app[BOOK], lease_s=settings.lease_s, url=settings.url)
    with only_server(app[BOOK].file):
        async with Listeners.open(app[LEAGUE]) as listeners:
            lobby = Lobby(
                app[LEAGUE], app[BOOK], settings,
                doorkeeper=app[DOORKEEPER], listeners=listeners, hosting=hosting,
            )  # fmt: skip
            app[LOBBY] = app[GRANDSTAND] = lobby
            app[METRICS].attend(lobby)
            async with AgentDoor.open(lobby, settings) as door:
                app[_DOOR] = door
                inlet = Inlet(door.serve)
                await lobby.open(inlet)
                yield
                await lobby.close()
                await inlet.close()


async def _say_goodbye(app: web.Application) -> None:
    """Before connections are cut: agents and viewers are told to come back later."""
    with suppress(asyncio.CancelledError):
        await app[LOBBY].close()
