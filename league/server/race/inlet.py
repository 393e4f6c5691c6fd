"""The inlet: how programs that this server started reach it, without a network of their own."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from itertools import count

from aiohttp import web

from league.server.door.answers import is_gone, problem
from league.wire.messages import AGENT_PATH

Serve = Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]


class Inlet:
    """Makes connections whose far end a program inherits.

    What comes through them may go to the agents' endpoint and nowhere else: neither pages nor the REST
    interface are behind this door.

    Args:
        serve: Answers an agent, told the request and what to call where it comes from.
    """

    def __init__(self, serve: Serve) -> None:
        self._serve = serve
        self._server = web.Server(self._answer, access_log=None)
        self._numbers = count(1)

    async def connect(self) -> socket.socket:
        """The far end of a new connection; to be closed once a program has inherited it."""
        ours, theirs = socket.socketpair()
        try:
            ours.setblocking(False)
            await asyncio.get_running_loop().connect_accepted_socket(self._server, ours)
        except BaseException:
            ours.close()
            theirs.close()
            raise
        return theirs

    async def close(self) -> None:
        """Cut every connection."""
        await self._server.shutdown()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path != AGENT_PATH:
            raise problem(404, "not_found", f"only {AGENT_PATH} is found here")
        # Each counts as an address of its own: one that guesses tokens must not shut the others out.
        try:
            return await self._serve(request, f"hosted {next(self._numbers)}")
        except ConnectionError:
            if not is_gone(request):
                raise
            return web.Response()
