"""The leaderboard and heat pages in a real browser: they follow the race without a reload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from playwright.async_api import Page, expect
from show import Show, an_event
from stadium import follow
from viewing import OpenPage, until

from league.racing.plan import EventPlan

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NAMES = ("Kestrel", "<b>Blue</b> Shift", "\u202eMistral")
TABLE = """[...document.querySelectorAll("#standings tr")].map(
    (row) => [...row.cells].map((cell) => cell.textContent.trim())
)"""

SHOW = """async () => {
    const page = document.querySelector('script[src*="event.js"]').src;
    const { showStandings } = await import(new URL("board.js", page));
    window.standings = document.getElementById("standings");
    window.before = [...standings.rows].map((row) => row.dataset.entry);
    const columns = [...standings.closest("table").tHead.rows[0].cells].map((cell) => cell.className);
    const row = { name: "n", agent: "a", heats: 1, status: "FIN", off_tracks: 0, resets: 0, attempts: 1 };
    window.show = (ids) => {
        showStandings(standings, ids.map((id, i) => ({ ...row, entry_id: id, place: i + 1 })), columns);
        const moving = (one) => one.effect.target.localName === "tr" && !(one instanceof CSSAnimation);
        return document.getAnimations().filter(moving).length;
    };
    show(before);
}"""


@asynccontextmanager
async def shown(event: EventPlan) -> AsyncIterator[tuple[Show, str]]:
    async with Show.open(event, [follow] * len(event.entries)) as show, show.serving() as address:
        show.pace = None
        yield show, address


async def rows(page: Page) -> Any:
    return await page.evaluate(TABLE)


@pytest.mark.quick
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
            verdict = await page.locator("#verdict").inner_text()
            assert " leads, " in verdict
            await page.reload()
            assert await rows(page) == followed, "what was followed is what the server would have sent"
            assert await page.locator("#verdict").inner_text() == verdict


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


async def test_a_visitor_watches_a_race_to_its_end_and_sees_the_board_change(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with shown(event) as (show, address):
        await show.status("running")
        await show.race(show.heat("qualifying-e1", event.entries[1:2]))
        show.pace = 0.5
        async with open_page(address) as page, open_page(f"{address}/events/spring-cup") as other:
            before = await rows(other)
            await page.get_by_role("link", name="Watch live").click()
            await until(page, "window.league?.line() === 'open'")
            racing = asyncio.create_task(show.race(show.heat("final-1")))
            await expect(page.locator("body")).to_have_attribute("data-state", "running")
            await expect(page.locator("#tower tr")).to_have_count(3)
            await expect(page.locator("#board-title")).to_have_text("Standings, as it runs")
            show.pace = None
            await racing
            await show.status("finished")
            await expect(page.locator("#card-title")).to_have_text("The event is over")
            await expect(page.locator("#podium li")).to_have_count(3)
            await page.get_by_role("link", name="All results").click()
            await expect(page.locator("#standings tr")).to_have_count(3)
            after = await rows(page)
            assert after != before
            await expect(other.locator("#standings .total").first).to_have_text(after[0][4])
            assert await rows(other) == after, "the board that stayed open followed"


async def test_a_part_of_a_board_is_fetched_again_when_the_order_changed(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with shown(event) as (show, address):
        await show.race(show.heat("qualifying-e0", event.entries[:1]))
        async with open_page(f"{address}/events/spring-cup?sort=entry&size=2") as page:
            await expect(page.locator("#standings tr")).to_have_count(2)
            await expect(page.locator("[aria-sort=ascending] a")).to_have_text("Entry")
            await page.evaluate("window.kept = true")
            await show.race(show.heat("qualifying-e1", event.entries[1:2]))
            row = page.locator("#standings tr", has_text="Blue")
            await expect(row.locator(".total")).not_to_have_text("–")
            assert await page.evaluate("window.kept"), "the page was not loaded again"
            await page.get_by_role("link", name="Next", exact=True).click()
            await expect(page.locator("#standings tr")).to_have_count(1)
            await page.fill("input[name=q]", "KESTREL")
            await page.get_by_role("button", name="Show", exact=True).click()
            await expect(page.locator("#standings .entry")).to_have_text(["Kestrel"])
            assert "q=KESTREL" in page.url


async def test_a_board_of_ten_thousand_rows_is_paged_without_stutter(open_page: OpenPage) -> None:
    names = [f"Entry {number}" for number in range(10_000)]
    event = an_event(names, circuit="clubhouse-loop", laps=1)
    async with shown(event) as (_show, address), open_page(f"{address}/events/spring-cup") as page:
        for number in range(2, 6):
            await page.get_by_role("link", name="Next", exact=True).click()
            await expect(page.locator(".leaf span")).to_have_text(f"Page {number} of 100")
            assert await page.locator("#standings tr").count() == 100
        usual_ms = await page.evaluate(
            """() => new Promise((done) => {
                const times = [];
                const look = (now) => {
                    times.push(now);
                    scrollBy(0, 60);
                    if (times.length < 60) requestAnimationFrame(look);
                    else done(times.slice(1).map((t, i) => t - times[i]).sort((a, b) => a - b)[30]);
                };
                requestAnimationFrame(look);
            })"""
        )
        assert usual_ms < 50, "half of the frames while scrolling come in time"


async def test_of_a_long_board_only_rows_on_the_screen_glide_and_all_get_their_places(
    open_page: OpenPage,
) -> None:
    event = an_event([f"Entry {number}" for number in range(120)], circuit="clubhouse-loop", laps=1)
    async with shown(event) as (_show, address):
        for motion, glides in (("no-preference", True), ("reduce", False)):
            async with open_page(f"{address}/events/spring-cup?size=500", reduced_motion=motion) as page:
                await page.evaluate(SHOW)
                before = await page.evaluate("[...standings.rows].map((row) => row.dataset.entry)")
                await page.evaluate("standings.rows[50].scrollIntoView()")
                moving = await page.evaluate(
                    "show([...before.slice(0, 40), before[119], ...before.slice(40, 119)])"
                )
                assert bool(moving) == glides, motion
                assert moving < 60, "rows that nobody sees do not move"
                assert await page.evaluate("[...standings.rows].map((row) => row.dataset.entry)") == [
                    *before[:40], before[119], *before[40:119]
                ]  # fmt: skip
                await until(
                    page, "[...standings.rows].every((row, i) => row.cells[0].textContent === `${i + 1}`)"
                )
                await page.evaluate("show(before.toReversed())")
                after = await page.evaluate("[...standings.rows].map((row) => row.dataset.entry)")
                assert after == before[::-1]
                await until(
                    page, "[...standings.rows].every((row, i) => row.cells[0].textContent === `${i + 1}`)"
                )
