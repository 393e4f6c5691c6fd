"""The replay page in a real browser: a finished heat is played, searched, compared and linked to."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from functools import partial
from urllib.parse import parse_qs, urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from show import Show, an_event
from stadium import follow
from viewing import OpenPage, until

from league.racing.agent import Command, Observation

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

REPLAY = "/events/spring-cup/heats/final-1/replay"


def reckless(seen: Observation) -> Command:
    """Straight on for a second, then sensible."""
    return Command(0.0, 2.0) if seen.tick < 15 else follow(seen)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def raced() -> AsyncIterator[tuple[Show, str]]:
    """A finished heat of three cars and one of a single car, and the address of the server."""
    names = ("Kestrel", "<b>Blue</b> Shift", "Wild One")
    event = an_event(names, circuit="clubhouse-loop", laps=1)
    drivers = [partial(follow, speed_mps=1.3), partial(follow, speed_mps=1.1), reckless]
    async with Show.open(event, drivers) as show, show.serving() as address:
        show.pace = None
        await show.race(show.heat("final-1"))
        await show.race(show.heat("qualifying-1", event.entries[:1]))
        yield show, address


async def clock(page: Page) -> float:
    minutes, _, seconds = (await page.locator("#clock").inner_text()).partition(":")
    return 60 * float(minutes) + float(seconds)


@pytest.mark.quick
async def test_a_replay_plays_to_the_end_and_shows_the_order(
    open_page: OpenPage, raced: tuple[Show, str]
) -> None:
    show, address = raced
    async with open_page(address + REPLAY) as page:
        await until(page, "Boolean(window.league?.reel.playing)")
        await page.select_option("#speed", "8")
        await until(page, "!league.reel.playing")
        heats = {heat.heat: heat for heat in await show.book.results("spring-cup")}
        order = [entry.name for entry in heats["final-1"].entries]
        await expect(page.locator("#tower button")).to_have_text(order)
        await expect(page.locator("#laps")).to_have_text("Finished")


async def test_a_clip_plays_from_its_beginning_to_its_end(
    open_page: OpenPage, raced: tuple[Show, str]
) -> None:
    async with open_page(f"{raced[1]}{REPLAY}?t=1.0&until=2.4&car=0") as page:
        await until(page, "window.league?.reel.t_s > 1.0 && !league.reel.playing")
        assert await clock(page) == pytest.approx(2.4)
        await page.click("#play")
        await until(page, "league.reel.t_s > 2.5")


async def test_a_link_leads_to_its_moment_car_and_ghost(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    address = raced[1]
    query = "?t=3.2&car=1&ghost=qualifying-1:0&view=follow"
    async with open_page(address + REPLAY + query) as page:
        await expect(page.locator("#graph")).to_be_visible()
        assert not await page.evaluate("league.reel.playing")
        assert await clock(page) == pytest.approx(3.2)
        await expect(page.locator('#tower [aria-pressed="true"]')).to_have_text("<b>Blue</b> Shift")
        await expect(page.locator("#behind")).to_contain_text("the ghost")
        assert await page.evaluate("league.stage.picture.ghosts.length") == 1
        await expect(page.locator("#delta-table tr")).to_have_count(13)
        await page.click("#share")
        assert parse_qs(urlsplit(page.url).query) == parse_qs(urlsplit(query).query)


async def test_the_moments_are_jumped_to_by_key_and_by_link(
    open_page: OpenPage, raced: tuple[Show, str]
) -> None:
    address = raced[1]
    async with open_page(f"{address}{REPLAY}?t=0") as page:
        await until(page, "Boolean(window.league)")
        penalty = page.locator("#moments a", has_text="stands").first
        await penalty.click()
        said_s = float(await penalty.get_attribute("data-t") or "nan")
        assert await clock(page) == pytest.approx(said_s, abs=0.11)
        await expect(page.locator("#tower td.gap", has_text="Penalty")).to_have_count(1)
        await page.keyboard.press("]")
        assert await clock(page) > said_s
        await page.keyboard.press("ArrowLeft")
        await page.keyboard.press("[")
        assert await clock(page) <= said_s
        await expect(page.locator("#announce")).not_to_be_empty()


async def test_the_story_is_the_same_whichever_way_it_was_reached(
    open_page: OpenPage, raced: tuple[Show, str]
) -> None:
    address = raced[1]
    seen = """async () => {
        const scrub = document.getElementById("scrub");
        const to = (t) => { scrub.value = t; scrub.dispatchEvent(new Event("input")); };
        const rows = () => document.getElementById("tower").innerText;
        to(4); const first = rows(); to(scrub.max); to(1); to(4);
        return [first, rows()];
    }"""
    async with open_page(f"{address}{REPLAY}?t=0") as page:
        await until(page, "Boolean(window.league)")
        there, back = await page.evaluate(seen)
        assert there == back
        assert re.search(r"Leader", there)


async def test_a_car_is_seen_through_its_camera(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    address = raced[1]
    async with open_page(f"{address}{REPLAY}?t=2&view=eye") as page:
        # What draws it may have to be compiled first.
        await until(page, "document.querySelector('#eye img')?.naturalWidth === 160", within_s=60)


async def test_a_heat_without_recording_says_so(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    show, address = raced
    await show.book.begin_heat("spring-cup", show.heat("final-2"))
    async with open_page(f"{address}/events/spring-cup/heats/final-2/replay") as page:
        await expect(page.locator("#card-title")).to_have_text("No replay")


async def test_the_delta_is_the_time_that_one_comes_later_to_the_same_place(
    open_page: OpenPage, raced: tuple[Show, str]
) -> None:
    address = raced[1]
    told = """async () => {
        const { film } = league;
        const { src } = document.querySelector("script[src*=replay]");
        const { deltas } = await import(src.replace("replay", "film"));
        const same = deltas(film, 0, { film, seat: 0 });
        const slower = deltas(film, 1, { film, seat: 0 });
        return { same: Math.max(...same.map((p) => Math.abs(p.delta_s))), last: slower.at(-1).delta_s };
    }"""
    async with open_page(f"{address}{REPLAY}?t=0") as page:
        await until(page, "Boolean(window.league)")
        found = await page.evaluate(told)
        assert found["same"] == 0
        assert found["last"] > 0.5
