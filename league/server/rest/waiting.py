"""The REST interface under /api/v1: the line in front of the scrutineers."""

from __future__ import annotations

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


def routes() -> list[web.RouteDef]:
    """Where the line is seen."""
    return [web.get(f"{ROOT}/scrutineering", scrutineering)]


@operation(Line, tag="entries")
async def scrutineering(request: web.Request) -> web.Response:
    """The models that the scrutineers look at, in turn, and how long each will take yet."""
    return web.json_response({"line": request.app[LOBBY].scrutineers.line()})
