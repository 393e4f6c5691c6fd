"""The timekeeper's page: the clock, decisions by hand and by key, and undoing them."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from house import House, house
from playwright.async_api import Page, expect
from track import Beside
from viewing import OpenPage

from league.racing.plan import EntryPlan
from league.store.records import PersonRole

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

CAR = EntryPlan(id="anna", name="Anna's car", kind="physical")
OTHER = EntryPlan(id="bert", name="<b>Bert</b>", kind="physical")
PEOPLE: tuple[tuple[str, PersonRole], ...] = (("Anna", "racer"), ("Tim Keeper", "timekeeper"))
DREM = {
    "laps": 100,
    "rank": "best_lap",
    "time_limit_s": 120,
    "lap_clock": "line",
    "min_lap_s": 0.0,
    "clock": "realtime",
}


@asynccontextmanager
async def club(*entries: EntryPlan, style: str = "physical-time-trial") -> AsyncIterator[tuple[House, str]]:
    """A server with an event that has begun, and the timekeeper's token."""
    async with house(countdown_s=0.0) as home:
        await home.create(style=style, rules=DREM)
        for entry in entries:
            await home.book.add_entry("cup", entry, source="", hosted=False)
        await (await home.lobby.paddock("cup")).refresh()
        await home.lobby.start("cup")
        yield home, await home.book.issue_token("timekeeper", name="Tim", event_id="cup")


def address(home: House, token: str = "") -> str:
    return f"{home.url}/events/cup/timekeeper" + (f"#{token}" if token else "")


async def begin(page: Page) -> None:
    await expect(page.locator("#phase")).to_have_text("on the grid")
    await page.click("#green")
    await expect(page.locator("#phase")).to_have_text("running")


@pytest.mark.quick
async def test_a_run_is_timed_by_hand_and_by_key(open_page: OpenPage) -> None:
    async with club(CAR) as (home, token), open_page(address(home, token)) as page:
        assert "#" not in page.url, "the token does not stay in the address"
        await begin(page)
        await page.click(".crossing")
        await expect(page.locator("#passings li")).to_have_count(1)
        await page.keyboard.press("Space")
        await expect(page.locator("#passings li")).to_have_count(2)
        await page.keyboard.press("1")
        await expect(page.locator(".laps li")).to_have_count(2)
        await page.keyboard.press("u")
        await expect(page.locator(".laps li")).to_have_count(1)
        await page.locator("#decisions li", has_text="undone").get_by_role("button", name="Redo").click()
        await expect(page.locator(".laps li")).to_have_count(2)
        await page.locator("#passings li").first.get_by_role("button", name="Void").click()
        await expect(page.locator(".laps li")).to_have_count(1)
        await page.get_by_role("button", name="Finish").click()
        await expect(page.locator("#phase")).to_have_text("driven")
        await page.click("#confirm")
        await home.end_of("cup")
        await expect(page.locator("#run")).to_have_text("No run")
        (result,) = await home.book.results("cup")
    assert (result.entries[0].status, len(result.entries[0].laps)) == ("FIN", 1)


async def test_whoever_is_signed_in_keeps_the_time_without_a_token_and_by_name(open_page: OpenPage) -> None:
    async with (
        club(CAR) as (home, token),
        open_page(f"{home.url}/sign-in?next=/events/cup/timekeeper") as page,
    ):
        racer, tim = [await home.book.add_person(name, role) for name, role in PEOPLE]
        await page.fill("input[name=token]", await home.book.issue_own_token(racer.number))
        await page.click("main button")
        await expect(page.locator("#enter")).to_be_visible()
        await page.fill("#token", token)
        await page.click("#enter button")
        await expect(page.locator("#desk")).to_be_visible()
        await page.evaluate("sessionStorage.clear()")
        await page.click("text=Sign out")
        await page.goto(f"{home.url}/sign-in?next=/events/cup/timekeeper")
        await page.fill("input[name=token]", await home.book.issue_own_token(tim.number))
        await page.click("main button")
        await expect(page.locator("#desk")).to_be_visible()
        await begin(page)
        await page.click(".crossing")
        await page.keyboard.press("u")
        await expect(page.locator("#decisions li").first).to_contain_text("Tim Keeper")


async def test_a_false_finish_is_undone_on_the_page(open_page: OpenPage) -> None:
    async with club(CAR) as (home, token), open_page(address(home, token)) as page:
        await begin(page)
        await page.get_by_role("button", name="DNF").click()
        await expect(page.locator("#phase")).to_have_text("driven")
        await page.click("#undo")
        await expect(page.locator("#phase")).to_have_text("running")
        await expect(page.locator("#confirm")).to_be_hidden()


async def test_crossings_that_wait_are_given_to_cars(open_page: OpenPage) -> None:
    async with (
        club(CAR, OTHER, style="head-to-head") as (home, token),
        aiohttp.ClientSession() as http,
        open_page(address(home, token)) as page,
    ):
        device = await home.book.issue_token("timing", name="gate", event_id="cup")
        await begin(page)
        async with Beside.open(http, home.url, "/ws/timing", token=device) as gate:
            await gate.hear("welcome")
            for _ in range(2):
                await gate.cross(time.time_ns())
        waits = page.locator("#waiting-crossings li")
        await expect(waits).to_have_count(2)
        await waits.first.get_by_role("button", name="Anna's car").click()
        await expect(waits).to_have_count(1)
        await waits.first.get_by_role("button", name="<b>Bert</b>").click()
        await expect(page.locator("#waits")).to_be_hidden()
        await expect(page.locator("#passings li")).to_have_count(2)
        await page.locator("#passings li").first.get_by_role("button", name="Anna's car").click()
        await expect(page.locator("#passings li", has_text="Anna's car ·")).to_have_count(2)


async def test_a_wrong_token_is_told_and_asked_for_again(open_page: OpenPage) -> None:
    async with club(CAR) as (home, token), open_page(address(home)) as page:
        await page.fill("#token", "nonsense")
        await page.click("#enter button")
        await expect(page.locator("#refused")).to_have_text("the token is not good")
        await expect(page.locator("#desk")).to_be_hidden()
        await page.fill("#token", token)
        await page.click("#enter button")
        await expect(page.locator("#desk")).to_be_visible()
        await page.reload()
        await expect(page.locator("#desk")).to_be_visible()


PAGES = ("/", "/boards", "/events/cup", "/live/cup", "/events/cup/heats/run-1-anna", "/nowhere")


async def stops(home: House) -> list[str]:
    """What every physical car is told when somebody stops it, from now on."""
    told: list[str] = []
    (await home.lobby.paddock("cup")).timing.on_stop = told.append
    return told


async def test_one_button_stops_every_car_from_every_page(open_page: OpenPage) -> None:
    async with club(CAR) as (home, token), open_page(address(home, token)) as page:
        await begin(page)
        told = await stops(home)
        await page.click("#stop")
        await expect(page.locator("#stop-said")).to_contain_text("told to stop")
        for number, path in enumerate(PAGES, start=1):
            assert len(told) == number
            other = await page.context.new_page()
            await other.goto(home.url + path)
            await expect(other.locator("#stop")).to_be_visible()
            box = await other.locator("#stop").bounding_box()
            assert box is not None
            assert min(box["width"], box["height"]) >= 60
            # The first stop of the Tab key, on every page.
            await other.keyboard.press("Tab")
            assert await other.evaluate("document.activeElement.id") == "stop"
            await other.keyboard.press("Space")
            await expect(other.locator("#stop-said")).to_contain_text("told to stop")
            await other.close()
    assert told == ["somebody pressed stop on a page"] * (len(PAGES) + 1)


async def test_nobody_sees_the_stop_button_without_a_token_or_a_run(open_page: OpenPage) -> None:
    async with club(CAR) as (home, token):
        async with open_page(f"{home.url}/events/cup") as page:
            await expect(page.locator("h1")).to_be_visible()
            await expect(page.locator("#stop")).to_be_hidden()
        async with open_page(address(home, token)) as page:
            await begin(page)
            await expect(page.locator("#stop")).to_be_visible()
            await page.get_by_role("button", name="DNF").click()
            await page.click("#confirm")
            await expect(page.locator("#run")).to_have_text("No run")
            await expect(page.locator("#stop")).to_be_hidden()


@pytest.mark.parametrize("width", [360, 1280])
async def test_the_page_fits_and_every_button_is_large_enough(open_page: OpenPage, width: int) -> None:
    size = {"width": width, "height": 800}
    async with (
        club(CAR, OTHER, style="head-to-head") as (home, token),
        open_page(address(home, token), viewport=size) as page,
    ):
        await begin(page)
        await page.keyboard.press("1")
        await expect(page.locator("#passings li")).to_have_count(1)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        buttons = "[...document.querySelectorAll('#desk button')]"
        small = f"{buttons}.filter((one) => one.offsetParent && one.offsetHeight < 38)"
        assert await page.evaluate(f"{small}.map((one) => one.textContent)") == []
        box = await page.locator("#stop").bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 60
