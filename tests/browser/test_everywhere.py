"""Every page, light and dark: nobody is shut out, nothing is complained of, no other server is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial

import pytest
import pytest_asyncio
from house import house
from playwright.async_api import expect
from show import Show, an_event
from stadium import follow
from viewing import OpenPage, look, until

from league.racing.championship import SeasonPlan
from league.server.pages.assets import Assets
from league.server.pages.routes import Pages
from league.store.records import EventOptions

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

QUICK = (
    "/events/spring-cup",
    "/events/spring-cup/heats/final-1",
    "/events/spring-cup/heats/final-1/replay?t=2&car=0&ghost=final-1:1&view=eye,line",
    "/live/spring-cup",
)
SLOW = (
    "/",
    "/boards",
    "/boards/clubhouse-loop",
    "/boards/clubhouse-loop?q=e&sort=total&qr=1",
    "/events/spring-cup?embed=1",
    "/events/spring-cup?overlay=1",
    "/events/spring-cup/entries/e0",
    "/events/spring-cup/heats/final-2",
    "/events/spring-cup/heats/final-2/replay",
    "/events/spring-cup/timekeeper",
    "/live/spring-cup?overlay=1",
    "/ratings",
    "/seasons",
    "/seasons/spring",
    "/sign-in",
    "/join",
    "/nothing",
)
WITH_LOBBY = ("/api", "/events/spring-cup/next")
PAGES = [*QUICK, *(pytest.param(path, marks=pytest.mark.slow) for path in SLOW)]
NO_PAGES = ("/film", "/camera", "/line", "{name}")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def raced() -> AsyncIterator[tuple[Show, str]]:
    """A finished heat, one that was cut off, and the address of the server."""
    event = an_event(("Kestrel", "Blue Shift"), circuit="clubhouse-loop", laps=1)
    drivers = [partial(follow, speed_mps=speed) for speed in (1.3, 1.1)]
    async with Show.open(event, drivers) as show, show.serving() as address:
        show.pace = None
        await show.race(show.heat("final-1"))
        await show.book.add_season(SeasonPlan(id="spring", name="Spring", events=("spring-cup",)))
        await show.book.begin_heat("spring-cup", show.heat("final-2"))
        yield show, address


@pytest.mark.parametrize("path", PAGES)
async def test_nobody_is_shut_out_of_a_page(open_page: OpenPage, raced: tuple[Show, str], path: str) -> None:
    async with open_page(raced[1] + path, color_scheme="light") as page:
        if "ghost" in path:
            await expect(page.locator("#graph")).to_be_visible()
        await look(page)


@pytest.mark.parametrize("path", WITH_LOBBY)
async def test_nobody_is_shut_out_of_a_page_of_a_whole_server(open_page: OpenPage, path: str) -> None:
    async with house() as home:
        await home.lobby.create(an_event((), circuit="clubhouse-loop"), EventOptions())
        async with open_page(home.url + path, color_scheme="light") as page:
            await look(page)


@pytest.mark.quick
async def test_every_page_of_the_server_is_among_these() -> None:
    """Those behind a sign-in are looked at where somebody signs in, those of plugins in `test_added`."""
    known = {path.partition("?")[0] for path in (*QUICK, *SLOW, *WITH_LOBBY)}
    fitting = {
        "event": "spring-cup",
        "entry": "e0",
        "heat": "final-1",
        "circuit": "clubhouse-loop",
        "season": "spring",
    }
    for route in Pages(Assets.read(), {}).routes():
        elsewhere = route.path.endswith(NO_PAGES) or route.path.startswith(("/desk", "/pages/"))
        if route.method != "GET" or elsewhere:
            continue
        assert route.path.format_map(fitting) in known


async def test_an_overlay_has_nothing_behind_it(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    async with open_page(f"{raced[1]}/events/spring-cup?overlay=1") as page:
        behind = "getComputedStyle(document.{}).backgroundColor"
        for part in ("body", "documentElement"):
            assert await page.evaluate(behind.format(part)) == "rgba(0, 0, 0, 0)"
        await expect(page.locator(".bar")).to_be_hidden()
        await expect(page.locator("#standings tr")).to_have_count(2)


async def test_a_projectors_page_scrolls_by_itself(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    url = f"{raced[1]}/events/spring-cup/heats/final-1?scroll=400"
    async with open_page(url, viewport={"width": 1280, "height": 300}) as page:
        await until(page, "scrollY > 40")


async def test_a_page_can_stand_in_a_frame(open_page: OpenPage, raced: tuple[Show, str]) -> None:
    async with open_page(f"{raced[1]}/events/spring-cup?embed=1") as page:
        await expect(page.locator(".bar")).to_be_hidden()
        await expect(page.locator("#standings tr")).to_have_count(2)
