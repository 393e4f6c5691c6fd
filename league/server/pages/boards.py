"""The pages of boards over many events, and what every board understands of its address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import jinja2
from aiohttp import web

from league.errors import LeagueError, UnknownNameError
from league.server.keys import BOOK, LEAGUE, STANDINGS
from league.server.pages import words
from league.server.pages.board import Row, read_view, show
from league.server.pages.display import OPTIONS
from league.server.pages.rankings import BoardKey, ClassBoard, Rankings

KEPT: Final = ("car", "laps", *OPTIONS)
"""What a board's links carry along besides what they are about."""
MOST_TABS: Final = 60
MOST_WARM: Final = 12
"""Events whose boards are made at the start."""
OVERALL: Final = ("owner", "points")
CIRCUIT: Final = ("owner", "agent", "total", "trend", "status")


class Render(Protocol):
    """Makes a page from a template and what it shows."""

    def __call__(
        self, request: web.Request, template: str | jinja2.Template, /, **shown: Any
    ) -> web.Response:
        """Make it."""


class Boards:
    """Answers requests for boards over many events.

    Args:
        render: Makes a page from a template and what it shows.
        sketch: Draws a circuit by its reference; None for one that is not found.
    """

    def __init__(self, render: Render, sketch: Callable[[web.Request, str], Awaitable[Any]]) -> None:
        self._render, self._sketch = render, sketch
        self._rankings: Rankings

    def routes(self) -> list[web.RouteDef]:
        """List where the pages are found."""
        return [web.get("/boards", self.overall), web.get("/boards/{circuit}", self.circuit)]

    async def open(self, app: web.Application) -> AsyncIterator[None]:
        """Keep the boards ready as long as the application runs, from its start on."""
        self._rankings = rankings = Rankings(app[BOOK])
        warming = asyncio.create_task(_warm(app, rankings), name="making boards before somebody asks")
        yield
        warming.cancel()
        await asyncio.wait((warming,))
        await rankings.close()

    async def overall(self, request: web.Request) -> web.Response:
        """`GET /boards`: everybody who raced, by points over all boards."""
        rows, boards = await self._rankings.overall(), await self._rankings.boards()
        about = "The first ten of every circuit's board earn 25, 18, 15, 12, 10, 8, 6, 4, 2 and 1 points."
        return await self._page(
            request, rows=rows, boards=boards, heading="Overall", about=about, columns=OVERALL,
        )  # fmt: skip

    async def circuit(self, request: web.Request) -> web.Response:
        """`GET /boards/{circuit}?car=…&laps=…`: everybody's best run there, with a car, over a distance.

        Without car and laps it is the board with the most runs.
        """
        circuit = request.match_info["circuit"]
        boards = await self._rankings.boards()
        here = [board for board in boards if board.key.circuit == circuit]
        if not here:
            raise UnknownNameError("board", circuit, sorted({board.key.circuit for board in boards}))
        car, laps = request.query.get("car"), request.query.get("laps")
        fitting = [
            board for board in here if car in (None, board.key.car) and laps in (None, str(board.key.laps))
        ]
        newest = max(board.key.behavior for board in fitting or here)
        board = next(board for board in fitting or here if board.key.behavior == newest)
        key = board.key
        distance, events = _counted(key.laps, "lap"), _counted(board.events, "event")
        about = (
            f"{self._car(request, key.car)}, {distance}; everybody's best of {board.runs} runs in {events}."
        )
        return await self._page(
            request, rows=board.rows, boards=boards, heading=await self._name(request, circuit), about=about,
            columns=CIRCUIT, chosen=key, drawn=await self._sketch(request, circuit),
        )  # fmt: skip

    # -- inside ------------------------------------------------------------------------------------

    async def _page(
        self,
        request: web.Request,
        *,
        rows: Sequence[Row],
        boards: Sequence[ClassBoard],
        columns: tuple[str, ...],
        heading: str,
        about: str,
        chosen: BoardKey | None = None,
        drawn: Any = None,
    ) -> web.Response:
        view = read_view(request.rel_url.raw_path, request.query, KEPT)
        shown = show(rows, view)
        if not any(row.owner for row in shown.rows):
            columns = tuple(column for column in columns if column != "owner")
        return self._render(
            request,
            "board.html",
            heading=heading,
            about=about,
            columns=columns,
            view=view,
            shown=shown,
            chosen=chosen,
            drawn=drawn,
            boards=[(board, await self._name(request, board.key.circuit)) for board in boards[:MOST_TABS]],
        )

    async def _name(self, request: web.Request, circuit: str) -> str:
        """What people call a circuit; one that is gone by its id."""
        drawn = await self._sketch(request, circuit)
        return str(drawn.name) if drawn is not None else words.title(circuit)

    @staticmethod
    def _car(request: web.Request, name: str) -> str:
        car = request.app[LEAGUE].cars.get(name)
        return car.name if car else name


async def _warm(app: web.Application, rankings: Rankings) -> None:
    """Make the boards that are asked for first, the newest events' and those over all of them.

    Of an event of a million laps that takes seconds, which nobody who opens its page should wait.
    """
    with suppress(LeagueError):  # whoever asks is told
        for event in [*await app[BOOK].revisions()][-MOST_WARM:]:
            with suppress(UnknownNameError):
                await app[STANDINGS].of(event)
        await rankings.boards()


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
