"""A whole event on the real server, watched in a browser from before the start to the results."""

from __future__ import annotations

import pytest
from playwright.async_api import expect
from viewing import OpenPage, until

from league.hooks.catalogue import League
from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

DRIVERS = ("pure-pursuit", "tutorial")


async def test_a_visitor_watches_an_event_from_the_grid_to_the_results(open_page: OpenPage) -> None:
    entries = tuple(EntryPlan(id=name, name=name.title(), agent=name) for name in DRIVERS)
    plan = EventPlan(
        id="evening-cup",
        name="Evening Cup",
        circuit="clubhouse-loop",
        format="qualifying-final",
        rules=Rules(laps=1),
        entries=entries,
    )
    async with await RecordBook.open(":memory:") as book:
        app = create_app(League(), book, Settings(countdown_s=1.0))
        async with serving(app, host="127.0.0.1", port=0) as address:
            lobby = app[LOBBY]
            await lobby.create(plan, EventOptions(pace=2.0))
            async with (
                open_page(f"{address}/live/{plan.id}") as live,
                open_page(f"{address}/events/{plan.id}") as board,
            ):
                await expect(live.locator("#card-title")).to_have_text("Waiting for the first heat")
                await lobby.start(plan.id)
                await until(live, "league.race.state === 'running'", within_s=40)
                before = await live.evaluate("league.frames()")
                await until(live, f"league.frames() > {before + 20}")
                await expect(live.locator("#tower tr")).to_have_count(1)
                await until(live, "league.race.phase === 'final'", within_s=60)
                await expect(live.locator("#tower tr")).to_have_count(2)
                await expect(live.locator("#card-title")).to_have_text("The event is over", timeout=60_000)
                await expect(board.locator("#status")).to_have_text("finished")
                times = board.locator("#standings .total")
                await expect(times.first).not_to_have_text("–")
                await expect(board.locator('#heats li[data-status="finished"]')).to_have_count(3)
                await board.locator("#heats a").last.click()
                await expect(board.locator("h1")).to_contain_text("Final")
                await expect(board.locator(".timeline")).to_contain_text("takes the flag")
