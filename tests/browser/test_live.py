"""The live page in a real browser, fed by a heat that is being raced."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from math import hypot
from typing import Any

import pytest
from playwright.async_api import Page, expect
from show import Show, an_event
from stadium import follow
from viewing import OpenPage, until

from league.racing.agent import Command, Observation

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

LIVE = "/live/spring-cup"
NAMES = ("Kestrel", "Blue Shift", "Mistral")


def reckless(seen: Observation) -> Command:
    """Straight on for a second, then sensible."""
    return Command(0.0, 2.0) if seen.tick < 15 else follow(seen)


@asynccontextmanager
async def racing(
    *, names: tuple[str, ...] = NAMES, pace: float = 2.0, go: asyncio.Event | None = None, laps: int = 8
) -> AsyncIterator[tuple[Show, str, asyncio.Task[None]]]:
    """A heat that has just begun: the show, its address, and the race."""
    speeds = (1.5, 1.3, 1.1)
    drivers = [partial(follow, speed_mps=speed) for speed in speeds][: len(names)]
    drivers += [reckless] * (len(names) - len(drivers))
    event = an_event(names, circuit="clubhouse-loop", laps=laps)
    async with Show.open(event, drivers) as show, show.serving() as address:
        show.pace = pace
        await show.status("running")
        race = asyncio.create_task(show.race(show.heat("final-1"), go=go))
        try:
            yield show, address, race
        finally:
            race.cancel()
            await asyncio.wait((race,))


async def cars(page: Page) -> dict[int, tuple[float, float]]:
    """Where the cars are drawn at this moment, in metres."""
    drawn: list[dict[str, Any]] = await page.evaluate("league.cars()")
    return {car["seat"]: (car["x"], car["y"]) for car in drawn}


async def state(page: Page, wanted: str) -> None:
    await expect(page.locator("body")).to_have_attribute("data-state", wanted)


async def test_cars_move_and_the_tower_follows(open_page: OpenPage) -> None:
    async with racing() as (show, address, race), open_page(address + LIVE) as page:
        await state(page, "running")
        await until(page, "league.cars().length === 3")
        before = await cars(page)
        await expect(page.locator("#tower tr")).to_have_count(3)
        await until(page, "league.frames() > 20")
        after = await cars(page)
        for seat in before:
            assert hypot(after[seat][0] - before[seat][0], after[seat][1] - before[seat][1]) > 0.2
        await expect(page.locator("#tower tr").first.locator(".last")).not_to_have_text("–")
        await expect(page.locator("#tower tr").first.locator("button")).to_have_text("Kestrel")
        await expect(page.locator("#tower tr").nth(1).locator(".gap")).to_contain_text("+")
        show.pace = None
        await race
        await state(page, "finished")
        await expect(page.locator("#podium li").first).to_contain_text("Kestrel")


async def test_the_picture_moves_between_frames(open_page: OpenPage) -> None:
    # Frames come slowly, so that a busy browser, too, draws more pictures than that.
    async with racing(pace=0.2) as (_, address, _race), open_page(address + LIVE) as page:
        await until(page, "league.frames() > 2")
        seen = await page.evaluate(
            """() => new Promise((done) => {
                const seen = [], first = league.frames();
                const look = () => {
                    const car = league.cars()[0];
                    seen.push(`${car.x} ${car.y}`);
                    if (league.frames() - first < 5) requestAnimationFrame(look);
                    else done({ places: new Set(seen).size, frames: league.frames() - first });
                };
                look();
            })"""
        )
        assert seen["places"] > seen["frames"]


async def test_the_canvas_shows_a_road_and_cars(open_page: OpenPage) -> None:
    count = """() => {
        const { width, height } = canvas;
        const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        const colours = new Set(); let drawn = 0;
        for (let i = 0; i < pixels.length; i += 4) {
            if (pixels[i + 3] < 250) continue;
            drawn += 1; colours.add(`${pixels[i] >> 5},${pixels[i + 1] >> 5},${pixels[i + 2] >> 5}`);
        }
        return { share: drawn / (width * height), colours: colours.size };
    }"""
    async with racing() as (_, address, _race), open_page(address + LIVE) as page:
        await until(page, "league.cars().length === 3")
        picture = await page.evaluate(count)
        assert picture["share"] > 0.15
        assert picture["colours"] > 20


async def test_start_lights_come_on_and_go_out(open_page: OpenPage) -> None:
    go = asyncio.Event()
    async with racing(go=go) as (_, address, _race), open_page(address + LIVE) as page:
        await state(page, "starting")
        await expect(page.locator("#lights")).to_be_visible()
        way = page.locator("#tower tr").nth(1).locator(".gap")
        await expect(way).to_have_text(re.compile(r"^\+\d+\.\d m$"))  # until a sector tells the time
        await expect(page.locator("#board")).to_be_hidden()
        go.set()
        await state(page, "running")
        await expect(page.locator("#lights")).to_be_hidden()


async def test_a_penalty_is_shown_with_its_reason(open_page: OpenPage) -> None:
    names = (*NAMES, "Wild One")
    async with racing(names=names, pace=0.3) as (_, address, _race), open_page(address + LIVE) as page:
        row = page.locator("#tower tr", has_text="Wild One")
        await expect(row.locator(".gap")).to_have_text("Penalty")
        await expect(page.locator("#news")).to_contain_text("stands")


async def test_hostile_names_do_nothing(open_page: OpenPage) -> None:
    names = ("<img src=x onerror=alert(1)>", "\u202egnp.exe", "A" * 64)
    async with racing(names=names) as (show, address, race), open_page(address + LIVE) as page:
        await expect(page.locator("#tower button").first).to_have_text(names[0])
        show.pace = None
        await race
        await expect(page.locator("#podium li").first).to_contain_text(names[0])
        assert await page.locator("main img, main script").count() == 0
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_a_lost_line_comes_back_by_itself(open_page: OpenPage) -> None:
    async with racing(pace=1.0) as (show, address, _race), open_page(address + LIVE) as page:
        await until(page, "league.frames() > 5")
        await show.feed.close()
        await until(page, "league.line() === 'lost'")
        await until(page, "league.line() === 'open'")
        before = await page.evaluate("league.drawn()")
        await until(page, f"league.drawn() > {before + 10}")


async def test_waiting_and_the_end_are_said_clearly(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with Show.open(event, [follow] * 3) as show, show.serving() as address:
        show.pace = None
        async with open_page(address + LIVE) as page:
            await expect(page.locator("#card-title")).to_have_text("Waiting for the first heat")
            await show.race(show.heat("final-1"))
            await show.status("finished")
            await expect(page.locator("#card-title")).to_have_text("The event is over")
            await expect(page.locator("#podium li")).to_have_count(3)
            await page.locator("#card-link").click()
            await expect(page.locator("h1")).to_have_text("Spring Cup")


async def test_the_next_heat_replaces_the_last_one(open_page: OpenPage) -> None:
    event = an_event(NAMES, circuit="clubhouse-loop", laps=1)
    async with Show.open(event, [follow] * 3) as show, show.serving() as address:
        show.pace = None
        async with open_page(address + LIVE) as page:
            await show.race(show.heat("qualifying-1", event.entries[:1]))
            await expect(page.locator("#heat")).to_have_text("Qualifying: Kestrel")
            await expect(page.locator("#tower tr")).to_have_count(1)
            await show.race(show.heat("final-1"))
            await expect(page.locator("#heat")).to_have_text("Final 1")
            await expect(page.locator("#tower tr")).to_have_count(3)


async def test_a_car_is_picked_out_from_the_keyboard(open_page: OpenPage) -> None:
    async with racing(pace=1.0) as (_, address, _race), open_page(address + LIVE) as page:
        await expect(page.locator("#tower tr")).to_have_count(3)
        await page.keyboard.press("2")
        second = page.locator("#tower tr").nth(1).locator("button")
        await expect(second).to_have_attribute("aria-pressed", "true")
        await page.keyboard.press("Escape")
        await expect(page.locator("#tower [aria-pressed=true]")).to_have_count(0)
        await second.focus()
        await page.keyboard.press("Enter")
        await expect(second).to_have_attribute("aria-pressed", "true")


async def test_a_change_of_the_lead_is_announced(open_page: OpenPage) -> None:
    async with racing(pace=1.0) as (show, address, _race), open_page(address + LIVE) as page:
        await expect(page.locator("#tower tr")).to_have_count(3)
        kept = show.feed.snap
        assert kept is not None
        seats = [{**seat, "place": 3 - seat["seat"]} for seat in kept.message["seats"]]
        show.feed.publish({**kept.message, "k": kept.message["k"] + 1, "seats": seats})
        await expect(page.locator("#announce")).to_contain_text("leads")


async def test_less_motion_is_respected(open_page: OpenPage) -> None:
    async with racing() as (show, address, race), open_page(address + LIVE, reduced_motion="reduce") as page:
        await until(page, "league.frames() > 10")
        assert await page.evaluate("document.getAnimations().length") == 0
        show.pace = None
        await race


@pytest.mark.parametrize("size", [(360, 640), (390, 844), (768, 1024), (1280, 800), (3840, 2160)])
async def test_the_page_fits_every_screen(open_page: OpenPage, size: tuple[int, int]) -> None:
    screen = {"width": size[0], "height": size[1]}
    async with racing(pace=1.0) as (_, address, _race), open_page(address + LIVE, viewport=screen) as page:
        await until(page, "league.cars().length === 3")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        box = await page.locator("#canvas").bounding_box()
        assert box is not None
        assert box["height"] >= size[1] * 0.3
        for cell in await page.locator("#tower tr:first-child td").all():
            fits = await cell.evaluate("cell => cell.scrollWidth <= cell.clientWidth + 1")
            assert fits, await cell.inner_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_theme_follows_the_system_and_can_be_switched(open_page: OpenPage, scheme: Any) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    async with racing() as (_, address, _race), open_page(address + LIVE, color_scheme=scheme) as page:
        before = await page.evaluate(ground)
        await page.locator("#theme").click()
        assert await page.evaluate(ground) != before
        await page.reload()
        assert await page.evaluate(ground) != before
