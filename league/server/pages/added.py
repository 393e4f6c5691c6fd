"""Pages that plugins add: made in threads of their own, so that no race waits for a stranger's code."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

import jinja2
from aiohttp import web

from league.errors import LeagueError, PluginError, UnknownNameError
from league.hooks.catalogue import League
from league.hooks.page import EventSeen, Page
from league.racing.result import HeatResult, Standing
from league.server.keys import BOOK, LEAGUE, STANDINGS
from league.server.pages.assets import Assets
from league.server.pages.boards import Render

log = logging.getLogger(__name__)

AT_ONCE: Final = 2
LIMIT_S: Final = 10.0

Told = TypeVar("Told")


class Visiting:
    """What a page is told, by the event loop, while it is made in a thread.

    Args:
        request: Who looks at it.
    """

    def __init__(self, request: web.Request) -> None:
        self.query: Mapping[str, str] = dict(request.query)
        self.league: League = request.app[LEAGUE]
        self._book, self._scores = request.app[BOOK], request.app[STANDINGS]
        self._loop = asyncio.get_running_loop()

    def events(self) -> tuple[EventSeen, ...]:
        """Every event, oldest first."""
        return tuple(EventSeen(event.plan, event.status) for event in self._ask(self._book.events()))

    def results(self, event: str) -> tuple[HeatResult, ...]:
        """An event's finished heats."""
        self._ask(self._book.event(event))
        return tuple(self._ask(self._book.results(event)))

    def standings(self, event: str) -> tuple[Standing, ...]:
        """How an event stands."""
        return self._ask(self._scores.of(event)).standings

    def _ask(self, question: Coroutine[Any, Any, Told]) -> Told:
        return asyncio.run_coroutine_threadsafe(question, self._loop).result(LIMIT_S)


class Added:
    """Answers requests for pages that plugins registered.

    Args:
        pages: They, by name.
        jinja: What the league's own pages are made with; theirs may use its templates.
        render: Makes a page from a template and what it shows.
    """

    def __init__(self, pages: Mapping[str, Page], jinja: jinja2.Environment, render: Render) -> None:
        self._pages, self._render = pages, render
        self._turns: ThreadPoolExecutor
        self._assets = {
            name: Assets.read(page.folder, f"/pages/{name}/files") for name, page in pages.items()
        }
        self._jinja = {name: _with_templates(jinja, page) for name, page in pages.items()}

    def routes(self) -> list[web.RouteDef]:
        """List where the pages and their files are found."""
        return [
            web.get("/pages/{page}", self.show),
            web.get("/pages/{page}/files/{version}/{name}", self.file),
        ]

    async def open(self, app: web.Application) -> AsyncIterator[None]:
        """Have threads for them as long as the application runs."""
        self._turns = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="page")
        yield
        self._turns.shutdown(wait=False, cancel_futures=True)

    async def show(self, request: web.Request) -> web.Response:
        """`GET /pages/{page}`: a plugin's page."""
        name = request.match_info["page"]
        page = self._find(name)
        visit = Visiting(request)

        def make() -> web.Response:
            given = page.show(visit)
            template = self._jinja[name].get_template(page.template)
            return self._render(request, template, file=self._assets[name].address, **given)

        try:
            async with asyncio.timeout(LIMIT_S):
                return await asyncio.get_running_loop().run_in_executor(self._turns, make)
        except LeagueError:
            raise
        except TimeoutError:
            raise PluginError(f"page {name!r} took longer than {LIMIT_S:g} s") from None
        except Exception as error:  # a stranger's code may raise anything
            raise PluginError(f"page {name!r} failed: {type(error).__name__}: {error}") from error

    async def file(self, request: web.Request) -> web.Response:
        """`GET /pages/{page}/files/{version}/{name}`: a file that belongs to a plugin's page."""
        self._find(request.match_info["page"])
        return await self._assets[request.match_info["page"]].serve(request)

    def _find(self, name: str) -> Page:
        if name not in self._pages:
            raise UnknownNameError("page", name, self._pages)
        return self._pages[name]


def _with_templates(jinja: jinja2.Environment, page: Page) -> jinja2.Environment:
    """The league's own environment, which finds the templates in a page's folder first."""

    def read(name: str) -> str | None:
        place = page.folder / name
        return place.read_text(encoding="utf-8") if name == page.template and place.is_file() else None

    assert jinja.loader is not None
    return jinja.overlay(loader=jinja2.ChoiceLoader([jinja2.FunctionLoader(read), jinja.loader]))
