"""Servers on loopback, and drivers by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from house import House, Peer, house


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """A server that waits for drivers on a busy machine, and for no lights."""
    async with house(ready_s=20.0, no_show_s=20.0, countdown_s=0.0) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of whatever runs."""
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def peer(home: House, http: aiohttp.ClientSession) -> Callable[..., Peer]:
    """Makes a driver by name, not yet connected."""

    def make(name: str, *, event: str = "cup") -> Peer:
        return Peer(http, home.url, name, event=event)

    return make
