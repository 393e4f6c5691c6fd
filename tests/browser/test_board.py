"""The leaderboard and heat pages in a real browser: they follow the race without a reload."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, expect
from show import Show, an_event
from stadium import follow
from viewing import OpenPage

from league.racing.plan import EventPlan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NAMES = ("Kestrel", "<b>Blue</b> Shift", "\u202eMistral")
TABLE = """[...document.querySelectorAll("#standings tr")].map(
    (row) => [...row.cells].map((cell) => cell.textContent.trim())
)"""


@asynccontextmanager
async def shown(event: EventPlan) -> AsyncIterator[tuple[Show, str]]:
    async with Show.open(event, [follow] * len(event.entries)) as show, show.serving() as address:
        show.pace = None
        yield show, address


async def rows(page: Page) -> Any:
    return await page.evaluate(TABLE)


async def test_the_board_changes_when_a_heat_is_finished(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with shown(event) as (show, address):
        await show.status("running")
        async with open_page(f"{address}/events/spring-cup") as page:
            await expect(page.locator("#standings tr")).to_have_count(3)
            await expect(page.locator("#standings .total").first).to_have_text("–")
            await page.evaluate("window.kept = true")
            for number, entry in enumerate(event.entries):
                await show.race(show.heat(f"qualifying-{entry.id}", [entry]))
                finished = page.locator('#heats li[data-status="finished"]')
                await expect(finished).to_have_count(number + 1)
            await expect(page.locator("#standings .total").first).not_to_have_text("–")
            followed = await rows(page)
            assert await page.evaluate("window.kept"), "the page was not loaded again"
            await page.reload()
            assert await rows(page) == followed, "what was followed is what the server would have sent"


async def test_a_newcomer_appears_on_the_board(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with shown(event) as (show, address), open_page(f"{address}/events/spring-cup") as page:
        await expect(page.locator("#standings tr")).to_have_count(3)
        newcomer = event.entries[0].model_copy(update={"id": "new", "name": "Late Joiner", "kind": "remote"})
        await show.book.add_entry(event.id, newcomer, source="their own", hosted=False)
        show.event = (await show.book.event(event.id)).plan
        await show.board()
        row = page.locator("#standings tr", has_text="Late Joiner")
        await expect(row).to_have_count(1)
        await expect(row.locator(".kind")).to_have_text("remote")


async def test_the_status_follows_the_event(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop")
    async with shown(event) as (show, address), open_page(f"{address}/events/spring-cup") as page:
        await expect(page.locator("#status")).to_have_text("open")
        await show.status("running")
        await expect(page.locator("#status")).to_have_text("running")
        await show.status("finished")
        await expect(page.locator("#status")).to_have_text("finished")
        await expect(page.locator(".watch")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
async def test_every_page_fits_and_complains_of_nothing(open_page: OpenPage, width: int) -> None:
    event = an_event(("<img src=x onerror=alert(1)>", "A" * 64), circuit="clubhouse-loop", laps=1)
    async with shown(event) as (show, address):
        await show.race(show.heat("final-1"))
        for path in ("/", "/events/spring-cup", "/events/spring-cup/heats/final-1"):
            async with open_page(address + path, viewport={"width": width, "height": 800}) as page:
                assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
                assert await page.locator("main h1").count() == 1
