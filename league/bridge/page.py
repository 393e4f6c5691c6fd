"""The operator's page: how the car is, and one large button that stops it.

Stopping needs nothing. Everything that could let the car move needs the token, and so does clearing a stop;
the page itself is of no use to anybody who cannot read the screen beside the car.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.resources import files
from typing import Any

from aiohttp import web

from league.bridge.operator import Operator
from league.errors import ConfigError, RaceError

OFF = "off"


class Page:
    """The page of one operator; use `open`."""

    def __init__(self, operator: Operator) -> None:
        self._operator = operator
        self.app = web.Application(client_max_size=1024)
        self.app.router.add_get("/", self._show)
        self.app.router.add_get("/state", self._state)
        self.app.router.add_post("/stop", self._stop)
        for name in ("arm", "signs", "clear", "disarm", "yes", "no"):
            self.app.router.add_post(f"/{name}", self._obey)

    @classmethod
    @asynccontextmanager
    async def open(cls, operator: Operator, where: str) -> AsyncIterator[str]:
        """Serve the page at HOST:PORT, port 0 for any; gives its address, empty for "off".

        Raises:
            ConfigError: It is no such place.
            RaceError: The place is taken.
        """
        if where == OFF:
            yield ""
            return
        host, _, port = where.rpartition(":")
        if not host or not port.isdigit() or int(port) > 65535:
            raise ConfigError(f"--page: found {where!r}, expected HOST:PORT or {OFF!r}")
        runner = web.AppRunner(cls(operator).app, access_log=None, shutdown_timeout=0.5)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, host.strip("[]"), int(port)).start()
            except OSError as error:
                raise RaceError(f"--page {where}: {error.strerror or error}") from None
            yield f"http://{host}:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()

    async def _show(self, request: web.Request) -> web.Response:
        page = files("league.bridge").joinpath("page.html").read_text(encoding="utf-8")
        return web.Response(text=page, content_type="text/html", headers={"Cache-Control": "no-store"})

    async def _state(self, request: web.Request) -> web.Response:
        return web.json_response(self._operator.state(), headers={"Cache-Control": "no-store"})

    async def _stop(self, request: web.Request) -> web.Response:
        self._operator.stop("somebody pressed stop on the page")
        return self._said("")

    async def _obey(self, request: web.Request) -> web.Response:
        operator, word = self._operator, request.path[1:]
        token = (await request.post()).get("token", "")
        given = token if isinstance(token, str) else ""
        if word == "arm":
            return self._said(await operator.arm(given))
        if word == "signs":
            return self._said(await operator.test_signs(given))
        if word == "clear":
            return self._said(operator.clear(given))
        if word == "disarm":
            operator.ride.disarm("the operator disarmed it")
            return self._said("")
        return self._said(operator.answer(word == "yes", given))

    def _said(self, objection: str) -> web.Response:
        told: dict[str, Any] = {"said": objection, **self._operator.state()}
        return web.json_response(told, headers={"Cache-Control": "no-store"})
