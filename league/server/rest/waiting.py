"""The REST interface under /api/v1: the lines in front of the scrutineers and of a track."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from league.server.keys import LOBBY
from league.server.rest.api import ROOT
from league.server.rest.contract import operation
from league.server.rest.shapes import Shape


class PlaceInLine(Shape):
    """A model that is looked at, the first, or waits for it."""

    position: int
    event: str
    sha256: str
    """Digest of the model's files, by which its racer knows it."""
    waited_s: float
    expected_s: float
    """Until it is through, judged by the models before it."""


class Line(Shape):
    """Everybody in line, first to last."""

    line: list[PlaceInLine]


class Waiting(Shape):
    """Who waits in a queue."""

    id: str
    name: str


class Due(Shape):
    """A heat that is raced, the first, or is to be."""

    position: int
    heat: str
    phase: str
    running: bool
    entries: list[Waiting]
    expected_s: float | None
    """Until it is over, judged by the heats before it; none before there was one."""


class Queue(Shape):
    """The heats of an event that are known to come, first to last."""

    event: str
    queue: list[Due]


def routes() -> list[web.RouteDef]:
    """Where the lines are seen."""
    return [
        web.get(f"{ROOT}/scrutineering", scrutineering),
        web.get(f"{ROOT}/events/{{event}}/queue", queue),
    ]


@operation(Queue, tag="events")
async def queue(request: web.Request) -> web.Response:
    """The heats of an event that are known to come, in turn, and when each will be over."""
    return web.json_response(await queue_of(request, request.match_info["event"]))


async def queue_of(request: web.Request, event_id: str) -> dict[str, Any]:
    """The queue of an event, as programs read it.

    Raises:
        UnknownNameError: There is no such event.
    """
    paddock = await request.app[LOBBY].paddock(event_id)
    due = paddock.queue() if paddock.record.status in ("open", "running") else []
    return {"event": event_id, "queue": due}


@operation(Line, tag="entries")
async def scrutineering(request: web.Request) -> web.Response:
    """The models that the scrutineers look at, in turn, and how long each will take yet."""
    return web.json_response({"line": request.app[LOBBY].scrutineers.line()})
