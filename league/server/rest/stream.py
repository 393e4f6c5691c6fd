"""`GET /api/v1/events/{event}/stream`: an event's news as server-sent events.

The same messages that go to `/ws/watch`, from the same fan-out: encoded once, and a slow reader gets the
latest state instead of a queue. Any HTTP client can follow it, and browsers with `EventSource`
(HTML standard, section 9.2).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Final

from aiohttp import HttpVersion11, web

from league.errors import UnknownNameError
from league.server.door.answers import problem
from league.server.race.watch import GRANDSTAND, MOST_VIEWERS, chunk, keep_backlog_here
from league.server.rest.api import ROOT
from league.server.rest.contract import operation

HEARTBEAT_S: Final = 15.0
"""A comment is sent so often, for what stands between may close what is silent."""
RETRY_MS: Final = 3000
HEADERS: Final = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Accel-Buffering": "no",  # nginx would collect events until its buffer is full
}
_FRAMES: Final = {
    "type": "string", "enum": ["0", "1"], "default": "0",
    "description": "1 to be told where the cars are, up to 30 times a second.",
}  # fmt: skip


def routes() -> list[web.RouteDef]:
    """Where the stream is found."""
    return [web.get(f"{ROOT}/events/{{event}}/stream", stream, allow_head=False)]


@operation(media="text/event-stream", query={"frames": _FRAMES}, tag="events")
async def stream(request: web.Request) -> web.StreamResponse:
    """An event's news as server-sent events: what stands, then whatever changes.

    They are called `hello`, `board`, `heat` and `event`, with `frames=1` also `snap` and `frame`; the data of
    each is JSON. Whoever reads too slowly misses some, and is told what stands instead.
    """
    event_id = request.match_info["event"]
    broadcast = await request.app[GRANDSTAND].broadcast(event_id)
    if broadcast is None:
        raise UnknownNameError("event", event_id, ())
    if len(broadcast.viewers) >= MOST_VIEWERS:
        raise problem(503, "full", f"{MOST_VIEWERS} viewers watch this event already; try later")
    if request.version < HttpVersion11:
        raise web.HTTPVersionNotSupported
    answer = web.StreamResponse(headers=HEADERS)
    answer.enable_chunked_encoding()
    await answer.prepare(request)
    transport = request.transport
    if transport is None:
        return answer
    await answer.write(f"retry: {RETRY_MS}\n\n".encode())
    keep_backlog_here(transport)
    viewer = broadcast.join(transport, "events", frames=request.query.get("frames") == "1")
    try:
        while not (broadcast.closed.is_set() or transport.is_closing()):
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARTBEAT_S):
                    await broadcast.closed.wait()
            if not (transport.is_closing() or transport.get_write_buffer_size()):
                transport.write(chunk(b": still here\n\n"))
    finally:
        broadcast.leave(viewer)
    return answer
