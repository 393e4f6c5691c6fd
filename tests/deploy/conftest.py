"""A server on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from house import House, house


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """A server with nothing in it."""
    async with house() as running:
        yield running
