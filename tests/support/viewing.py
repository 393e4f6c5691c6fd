"""What tests that look at pages ask for."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from playwright.async_api import Page


class OpenPage(Protocol):
    """Opens a page; leaving it fails the test if the page complained or asked another host."""

    def __call__(self, url: str, **options: Any) -> AbstractAsyncContextManager[Page]: ...


async def until(page: Page, claim: str, *, within_s: float = 20.0) -> None:
    """Wait until a JavaScript expression holds in a page; Playwright's own way is refused by our policy."""
    async with asyncio.timeout(within_s):
        while not await page.evaluate(claim):  # noqa: ASYNC110 - what changes is in another process
            await asyncio.sleep(0.05)
