"""Drivers and viewers of a server that is measured, as a program: so that they burden another core.

`python -m league.testing.crowd drive|answer|view URL COUNT` takes part until it is stopped: with drivers
that cost next to nothing, with sockets that answer whatever they are sent, or with viewers that read and do
not look.
"""

from __future__ import annotations

import asyncio
import sys
from urllib.parse import urlsplit

import aiohttp

from league.client.driving import drive
from league.racing.agent import Agent, Command, Observation

ACTION_BYTES = 40
"""About what an action takes on the wire."""


class Steady(Agent):
    """Keeps near the middle of the road, at next to no cost."""

    def act(self, seen: Observation) -> Command:
        """Answer one tick."""
        return Command(-seen.offset_m - 1.5 * seen.heading_error_rad, 1.2)


async def _drive(url: str, number: int) -> None:
    await drive(Steady, server=url, event="bench", name=f"Car {number}")


async def _answer(url: str, number: int) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url, compress=0) as socket:
        async for _ in socket:
            await socket.send_bytes(bytes(ACTION_BYTES))


async def _view(url: str, number: int) -> None:
    """Ask to watch, and read whatever comes without looking at it."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    writer.write(
        f"GET {parts.path}?{parts.query} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        "Sec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    while await reader.read(65536):
        pass


async def _take_part(part: str, url: str, count: int) -> None:
    work = {"drive": _drive, "answer": _answer, "view": _view}[part]
    await asyncio.gather(*(work(url, number) for number in range(count)), return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(_take_part(sys.argv[1], sys.argv[2], int(sys.argv[3])))
