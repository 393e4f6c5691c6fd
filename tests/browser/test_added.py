"""A plugin's page in a browser: its own files work, and the policy of all pages holds for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from house import house
from playwright.async_api import Browser, expect
from strangers import TEMPLATE, fastest_laps, lay_out, league_with
from viewing import OpenPage, look

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


async def test_a_plugins_page_has_its_own_style_and_script(open_page: OpenPage, tmp_path: Path) -> None:
    def show(_: object) -> dict[str, object]:
        return {"laps": [("Ada <script>", 6.5), ("Ben", 7.0)]}

    opened = league_with(lay_out(tmp_path / "page"), laps=show)
    async with house(league=opened) as home, open_page(home.url, color_scheme="light") as page:
        await page.get_by_role("link", name="Laps").click()
        await expect(page.locator("#laps")).to_have_attribute("data-counted", "2")
        first = page.locator("#laps li").first
        await expect(first).to_have_text("Ada <script> 6.500")
        await expect(first).to_have_css("letter-spacing", "3px")
        await look(page)


async def test_nothing_written_into_a_plugins_template_runs(chromium: Browser, tmp_path: Path) -> None:
    bad = TEMPLATE.replace(
        "<h1>", '<script>document.title = "taken"</script><h1 id="h" style="color: red" onclick="1">'
    )
    refused: list[str] = []
    async with house(league=league_with(lay_out(tmp_path / "page", bad), laps=fastest_laps)) as home:
        context = await chromium.new_context()
        page = await context.new_page()
        page.on("console", lambda said: refused.append(said.text))
        await page.goto(f"{home.url}/pages/laps")
        await expect(page.locator("#laps")).to_have_attribute("data-counted", "0")
        assert await page.title() != "taken"
        assert await page.evaluate("document.querySelector('#h').style.color") == ""
        await context.close()
    assert any("Content Security Policy" in text for text in refused)
