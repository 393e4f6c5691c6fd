"""A server with one real car entered, and a run of it under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from house import LEAGUE, House

from league.racing.plan import EntryPlan
from league.server.app import create_app, serving
from league.server.race.settings import Settings
from league.store.book import RecordBook

CAR = EntryPlan(id="car", name="Real car", kind="physical")
CIRCUIT = LEAGUE.circuit("clubhouse-loop")


@asynccontextmanager
async def club(where: Path, port: int = 0) -> AsyncIterator[House]:
    """A server on a port of choice with a run under way or to come."""
    settings = Settings(port=0, countdown_s=0.0)
    async with await RecordBook.open(where) as book:
        app = create_app(LEAGUE, book, settings)
        async with serving(app, host="127.0.0.1", port=port) as url:
            home = House(url, app, book)
            if not await book.events():
                rules = {"laps": 3, "lap_clock": "line", "min_lap_s": 0.0}
                await home.create(style="physical-time-trial", rules=rules)
                await book.add_entry("cup", CAR, source="", hosted=False)
                await (await home.lobby.paddock("cup")).refresh()
            yield home


async def green(home: House) -> None:
    """Let the run begin, by hand."""
    desk = (await home.lobby.paddock("cup")).timing
    await home.lobby.start("cup")
    await until(lambda: desk.heat is not None)
    desk.wish("green")
    await until(lambda: desk.green)


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - nobody tells when another program is so far
            await asyncio.sleep(0.01)


async def written(home: House) -> list[int]:
    """Times of the crossings in the book, in ms since the first."""
    records = await home.book.notes("cup", "run-1-car")
    at_us = [record.note.at_us for record in records if record.note.kind == "crossing"]
    return [round((at - at_us[0]) / 1000) for at in at_us]
