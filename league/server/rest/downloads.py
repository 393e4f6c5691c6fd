"""A finished heat in forms that other programs open, below `GET /api/v1/events/{event}/heats/{heat}`.

Made when somebody asks, in a thread, and never more than two at once, so that no race waits for it.
"""

from __future__ import annotations

import asyncio
from typing import Final

from aiohttp import web

from league.errors import InputError, UnknownNameError
from league.racing.recording import MAGIC, Recording
from league.server.keys import BOOK, LEAGUE
from league.server.rest.api import ROOT, find_heat
from league.server.rest.contract import ANYTHING, BINARY, operation
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
            web.get(f"{one}/as/{{form}}", as_form),
        ]
    )


@operation(media=CSV, tag="heats")
async def positions(request: web.Request) -> web.Response:
    """Where every car was at every tick, as CSV."""
    return await _made(request, "positions", "positions")


@operation(media=CSV, query={"seat": _SEAT}, tag="heats")
async def simtrace(request: web.Request) -> web.Response:
    """One car's race as DeepRacer logs it, as CSV."""
    asked = request.query.get("seat", "0")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 4):
        raise InputError(f"seat is {asked[:40]!r}, expected a number from 0")
    return await _made(request, f"simtrace?seat={int(asked)}", f"simtrace-{int(asked)}")


@operation(media=BINARY, tag="heats")
async def as_mcap(request: web.Request) -> web.Response:
    """The heat as MCAP, for Foxglove and robotics tools."""
    return await _made(request, "mcap", "recording")


@operation(media=ANYTHING, tag="heats")
async def as_form(request: web.Request) -> web.Response:
    """The heat in any form that a plugin offers here, with its options as the query."""
    form = request.match_info["form"]
    query = request.rel_url.raw_query_string
    return await _made(request, f"{form}?{query}" if query else form, form)


async def _made(request: web.Request, asked: str, name: str) -> web.Response:
    league = request.app[LEAGUE]
    found = league.recorders.get(asked.partition("?")[0])
    if found is None or not found.served:
        served = [known for known, recorder in league.recorders.items() if recorder.served]
        raise UnknownNameError("recorder", asked.partition("?")[0], served)
    form = league.recorder(asked)
    record = await find_heat(request)
    event_id = request.match_info["event"]
    content = await request.app[BOOK].recording(event_id, record.plan.id)
    if content is None or not content.startswith(MAGIC):  # a physical run has no simulated cars
        raise UnknownNameError("recording", record.plan.id, ())
    async with request.app[_TURNS]:
        body = await asyncio.to_thread(
            lambda: form.content(Recording.from_bytes(content, source=record.plan.id))
        )
    return web.Response(
        body=body,
        content_type=found.media,
        charset="utf-8" if found.media.startswith("text/") else None,
        headers={
            "Content-Disposition": f'attachment; filename="{event_id}-{record.plan.id}-{name}{found.ending}"',
            "X-Content-Type-Options": "nosniff",
        },
    )
