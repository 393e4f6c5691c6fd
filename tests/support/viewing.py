"""What tests that look at pages ask for."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final, Literal, Protocol

import axe_playwright_python
from playwright.async_api import Page

AXE: Final = next(Path(axe_playwright_python.__file__).parent.rglob("axe.min.js")).read_text(encoding="utf-8")
FOUND: Final = """axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations
    .filter(({ impact }) => ["serious", "critical"].includes(impact))
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target).join(" ")}`))"""
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


class OpenPage(Protocol):
    """Opens a page; leaving it fails the test if the page complained or asked another host."""

    def __call__(self, url: str, **options: Any) -> AbstractAsyncContextManager[Page]: ...


async def until(page: Page, claim: str, *, within_s: float = 20.0) -> None:
    """Wait until a JavaScript expression holds in a page; Playwright's own way is refused by our policy."""
    async with asyncio.timeout(within_s):
        while not await page.evaluate(claim):  # noqa: ASYNC110 - what changes is in another process
            await asyncio.sleep(0.05)


async def look(page: Page) -> None:
    """Look for what shuts people out, in both themes, and for what stands out at the side."""
    await page.evaluate(f"{AXE}; 0")
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        assert await page.evaluate(FOUND) == [], theme
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
