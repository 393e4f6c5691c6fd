"""A connection that was made for us: programs that may open no sockets inherit one."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from aiohttp.client_proto import ResponseHandler


class Inherited(aiohttp.BaseConnector):
    """Leads every request over one socket, and only once.

    Args:
        line: Connected to the server.
    """

    def __init__(self, line: socket.socket) -> None:
        super().__init__(limit=1)
        self._line: socket.socket | None = line

    async def _create_connection(self, *_request: Any) -> ResponseHandler:
        line, self._line = self._line, None
        if line is None:
            raise aiohttp.ClientConnectionError("the only connection has been used")
        line.setblocking(False)
        _, protocol = await asyncio.get_running_loop().create_connection(self._factory, sock=line)
        return protocol
