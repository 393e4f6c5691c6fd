"""A finished heat in forms that other programs open, below `GET /api/v1/events/{event}/heats/{heat}`.

Made when somebody asks, in a thread, and never more than two at once, so that no race waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web

from league.errors import InputError, UnknownNameError
from league.export import mcap, sheets
from league.racing.recording import MAGIC, Recording
from league.server.keys import BOOK
from league.server.rest.api import ROOT, find_heat
from league.server.rest.contract import BINARY, operation
from league.server.rest.sheets import CSV

AT_ONCE: Final = 2
_TURNS: web.AppKey[asyncio.Semaphore] = web.AppKey("turns of downloads", asyncio.Semaphore)
_SEAT: Final = {
    "type": "integer", "minimum": 0, "default": 0, "description": "Whose race: a place on the grid, from 0.",
}  # fmt: skip


def add_downloads(app: web.Application) -> None:
    """Give an application the forms of a heat."""
    app[_TURNS] = asyncio.Semaphore(AT_ONCE)
    one = f"{ROOT}/events/{{event}}/heats/{{heat}}"
    app.add_routes(
        [
            web.get(f"{one}/positions.csv", positions),
            web.get(f"{one}/simtrace.csv", simtrace),
            web.get(f"{one}/recording.mcap", as_mcap),
        ]
    )


@operation(media=CSV, tag="heats")
async def positions(request: web.Request) -> web.Response:
    """Where every car was at every tick, as CSV."""
    return await _made(request, "positions.csv", CSV, lambda heat: sheets.positions(heat).encode())


@operation(media=CSV, query={"seat": _SEAT}, tag="heats")
async def simtrace(request: web.Request) -> web.Response:
    """One car's race as DeepRacer logs it, as CSV."""
    asked = request.query.get("seat", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 4):
        raise InputError(f"seat is {asked[:40]!r}, expected a number from 0")
    name = f"simtrace-{int(asked)}.csv"
    return await _made(request, name, CSV, lambda heat: sheets.simtrace(heat, int(asked)).encode())


@operation(media=BINARY, tag="heats")
async def as_mcap(request: web.Request) -> web.Response:
    """The heat as MCAP, for Foxglove and robotics tools."""
    return await _made(request, "recording.mcap", BINARY, mcap.mcap)


async def _made(
    request: web.Request, name: str, media: str, make: Callable[[Recording], bytes]
) -> web.Response:
    record = await find_heat(request)
    event_id = request.match_info["event"]
    content = await request.app[BOOK].recording(event_id, record.plan.id)
    if content is None or not content.startswith(MAGIC):  # a physical run has no simulated cars
        raise UnknownNameError("recording", record.plan.id, ())
    async with request.app[_TURNS]:
        body = await asyncio.to_thread(lambda: make(Recording.from_bytes(content, source=record.plan.id)))
    return web.Response(
        body=body,
        content_type=media,
        charset="utf-8" if media == CSV else None,
        headers={
            "Content-Disposition": f'attachment; filename="{event_id}-{record.plan.id}-{name}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
