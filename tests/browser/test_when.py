"""Moments in the reader's own words: how far they are from now, and that they are kept up."""

from __future__ import annotations

import pytest
from house import house
from playwright.async_api import Page, expect
from viewing import OpenPage

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

NOON = "const NOON = Date.UTC(2026, 2, 10, 12); window.later = 0; Date.now = () => NOON + window.later;"
PUT = """(seconds) => {
  const moment = document.createElement("time");
  moment.dateTime = new Date(Date.now() + seconds * 1000).toISOString();
  moment.textContent = "as the server wrote it";
  document.querySelector("main").replaceChildren(moment);
  dispatchEvent(new Event("refreshed"));
}"""
HOUR_S = 3600
DISTANCES = (
    (0, "now"),
    (20, "in 20 seconds"),
    (-20, "20 seconds ago"),
    (59.9, "in 59 seconds"),
    (-61, "1 minute ago"),
    (59.9 * 60, "in 59 minutes"),
    (-1.5 * HOUR_S, "1 hour ago"),
    (-23 * HOUR_S, "23 hours ago"),
    (-25 * HOUR_S, "yesterday"),
    (-36.5 * HOUR_S, "2 days ago"),
    (47 * HOUR_S, "in 2 days"),
)


async def at_noon(page: Page) -> None:
    """Load the page again, where it is noon."""
    await page.add_init_script(NOON)
    await page.reload()


async def test_moments_before_and_after_now_are_told_apart(open_page: OpenPage) -> None:
    async with house() as home, open_page(home.url, locale="en-GB", timezone_id="UTC") as page:
        await at_noon(page)
        for seconds, words in DISTANCES:
            await page.evaluate(PUT, seconds)
            moment = page.locator("main time")
            assert (await moment.inner_text()).endswith(f"({words})"), seconds
            assert await moment.get_attribute("title") == "as the server wrote it"


async def test_a_moment_that_comes_near_is_counted_down_and_passes(open_page: OpenPage) -> None:
    async with house() as home, open_page(home.url, locale="en-GB", timezone_id="UTC") as page:
        await at_noon(page)
        await page.evaluate(PUT, 10)
        moment = page.locator("main time")
        await expect(moment).to_have_text("10 Mar 2026, 12:00 (in 10 seconds)")
        await page.evaluate("window.later = 13000")
        await expect(moment).to_have_text("10 Mar 2026, 12:00 (3 seconds ago)")
