"""Telling plugins what happened: in order, from a queue, never in a race's tick.

Listeners are other people's code and may be slow. They run in one thread of their own; if they fall far
behind, the newest news is dropped and counted rather than kept for ever.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from league.hooks.catalogue import League

log = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
FAREWELL_S: Final = 5.0
"""Time that listeners have for what is left when the server stops."""


class Listeners:
    """The queue to the plugins' `on_*` hooks; use `open`."""

    def __init__(self, league: League) -> None:
        self._league = league
        self._queue: asyncio.Queue[tuple[str, dict[str, Any]]] = asyncio.Queue(MOST_WAITING)
        self.dropped = 0
        """News that nobody was told because the listeners were too slow."""

    @classmethod
    @asynccontextmanager
    async def open(cls, league: League) -> AsyncIterator[Listeners]:
        """A queue and the task that empties it."""
        listeners = cls(league)
        telling = asyncio.create_task(listeners._run(), name="telling listeners")
        try:
            yield listeners
            try:
                async with asyncio.timeout(FAREWELL_S):
                    await listeners._queue.join()
            except TimeoutError:
                log.warning("listeners were not told %d things before the end", listeners._queue.qsize())
        finally:
            telling.cancel()
            await asyncio.wait((telling,))

    def tell(self, hook: str, **what: Any) -> None:
        """Queue news for every listener of a hook; returns at once."""
        try:
            self._queue.put_nowait((hook, what))
        except asyncio.QueueFull:
            self.dropped += 1
            if self.dropped == 1:
                log.warning("listeners are too slow: news is dropped from here on")

    async def _run(self) -> None:
        while True:
            hook, what = await self._queue.get()
            try:
                await asyncio.to_thread(self._league.tell, hook, **what)
            finally:
                self._queue.task_done()
