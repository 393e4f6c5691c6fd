"""The pages of seasons and of ratings."""

from __future__ import annotations

import asyncio

from aiohttp import web

from league.racing.rating import forms
from league.server.keys import BOOK, LEAGUE
from league.server.pages.boards import Render
from league.server.rest.seasons import standings_of


class SeasonPages:
    """Answers requests for seasons and ratings.

    Args:
        render: Makes a page from a template and what it shows.
    """

    def __init__(self, render: Render) -> None:
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """List where the pages are found."""
        return [
            web.get("/seasons", self.seasons),
            web.get("/seasons/{season}", self.season),
            web.get("/ratings", self.ratings),
        ]

    async def seasons(self, request: web.Request) -> web.Response:
        """`GET /seasons`: every season, the newest first."""
        records = (await request.app[BOOK].seasons())[::-1]
        return self._render(request, "seasons.html", seasons=[record.plan for record in records])

    async def season(self, request: web.Request) -> web.Response:
        """`GET /seasons/{season}`: everybody's points, by division and by class."""
        told = await standings_of(request)
        tables = [
            ("Everybody", told["overall"]),
            *((table["name"], table) for table in told["divisions"]),
            *((f"Class {table['name']}", table) for table in told["classes"]),
        ]
        events = {record.plan.id: record.plan.name for record in await request.app[BOOK].events()}
        scoring = request.app[LEAGUE].scoring(told["season"]["scoring"])
        return self._render(
            request, "season.html",
            season=told["season"], final=told["final"], tables=tables, events=events, scored=scoring.about,
        )  # fmt: skip

    async def ratings(self, request: web.Request) -> web.Response:
        """`GET /ratings`: how strong drivers are where their heats compare, and how sure that is."""
        heats = await request.app[BOOK].rated_heats()
        groups = await asyncio.to_thread(forms, [result for _, result in heats])
        return self._render(request, "ratings.html", groups=groups)
