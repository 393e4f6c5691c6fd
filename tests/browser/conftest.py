"""A headless Chromium that reaches nothing but this machine, and tells what went wrong in a page."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, Request, async_playwright, expect
from viewing import OpenPage

# Only the last such list counts, so what Playwright turns off by itself is in it, too. The last two would
# start a renderer for every window's address bar, which takes most of the time that opening a page does.
TURNED_OFF = (
    "AvoidUnnecessaryBeforeUnloadCheckSync",
    "DestroyProfileOnBrowserClose",
    "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable",
    "LensOverlay",
    "MediaRouter",
    "PaintHolding",
    "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect",
    "OptimizationHints",
    "NetworkTimeServiceQuerying",
    "AimEnabled",
    "PreconnectToSearch",
    "WebUIOmniboxPopup",
    "WebUIOmniboxAimPopup",
)
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    f"--disable-features={','.join(TURNED_OFF)}",
)

# Playwright gives up after 5 s by itself, which a busy machine needs to open a page.
expect.set_options(timeout=20_000)


def pytest_itemcollected(item: pytest.Item) -> None:
    """A page takes about two seconds of processor time: the quick suite opens one of each kind."""
    if not any(item.iter_markers("quick")):
        item.add_marker(pytest.mark.slow)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser of the whole session."""
    path = os.environ.get("LEAGUE_CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.skip("no Chromium: install one, or say where it is in LEAGUE_CHROMIUM")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        await browser.close()


def complains(said: ConsoleMessage, url: str) -> bool:
    """Whether a message on the console is about the page.

    Leaving one that is connecting is not, and neither is that there is no page at the address that was asked,
    or that a model was refused: the page that comes says why.
    """
    leaving = "closed before the connection is established" in said.text
    missing = "status of 404" in said.text and said.location.get("url") == url
    refused = "status of 422" in said.text
    return said.type in ("error", "warning", "assert") and not (leaving or missing or refused)


@pytest.fixture
def open_page(chromium: Browser) -> OpenPage:
    """Open a page in a fresh profile; options are those of a Playwright context."""

    @asynccontextmanager
    async def opening(url: str, **options: Any) -> AsyncIterator[Page]:
        complaints: list[str] = []
        strangers: list[str] = []
        options.setdefault("viewport", {"width": 1280, "height": 800})
        context = await chromium.new_context(**options)

        def look(request: Request) -> None:
            if urlsplit(request.url).netloc != urlsplit(url).netloc:
                strangers.append(request.url)

        context.on("request", look)
        page = await context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if complains(said, url) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append(f"dialog: {dialog.message}"))
        page.set_default_timeout(20_000)
        await page.goto(url)
        try:
            yield page
        finally:
            await context.close()
        assert complaints == []
        assert strangers == []

    return opening
