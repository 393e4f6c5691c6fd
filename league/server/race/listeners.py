"""Telling plugins what happened: in order, from a queue, never in a race's tick.

Listeners are other people's code and may be slow, or never return. They run in one thread of their own,
which nobody waits for; if they fall far behind, the newest news is dropped and counted, not kept for ever.
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from league.hooks.catalogue import League

log = logging.getLogger(__name__)

MOST_WAITING: Final = 10_000
FAREWELL_S: Final = 5.0
"""Time that listeners have for what is left when the server stops."""

News = tuple[str, dict[str, Any]]
Follower = Callable[[str, Mapping[str, Any]], None]


class Listeners:
    """The queue to the plugins' `on_*` hooks; use `open`."""

    def __init__(self, league: League) -> None:
        self.dropped = 0
        """News that nobody was told because the listeners were too slow."""
        self._league = league
        self._followers: list[Follower] = []
        self._queue: queue.Queue[News | None] = queue.Queue(MOST_WAITING)
        # A daemon: a listener that never returns must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name="telling listeners", daemon=True)

    @classmethod
    @asynccontextmanager
    async def open(cls, league: League) -> AsyncIterator[Listeners]:
        """A queue and the thread that empties it; at the end there is a little time for what is left."""
        listeners = cls(league)
        listeners._thread.start()
        try:
            yield listeners
        finally:
            await asyncio.to_thread(listeners._finish)

    @property
    def waiting(self) -> int:
        """News that plugins have not been told yet."""
        return self._queue.qsize()

    def follow(self, follower: Follower) -> None:
        """Let the server's own code hear all news at once, in the event loop; it must be quick."""
        self._followers.append(follower)

    def tell(self, hook: str, **what: Any) -> None:
        """Queue news for every listener of a hook; returns at once."""
        for follower in self._followers:
            follower(hook, what)
        try:
            self._queue.put_nowait((hook, what))
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                log.warning("listeners are too slow: news is dropped from here on")

    def _finish(self) -> None:
        until_s = time.monotonic() + FAREWELL_S
        with suppress(queue.Full):
            self._queue.put(None, timeout=FAREWELL_S)
        self._thread.join(max(0.0, until_s - time.monotonic()))
        if self._thread.is_alive():
            log.warning("listeners were not told %d things before the end", self._queue.qsize())

    def _run(self) -> None:
        while (news := self._queue.get()) is not None:
            hook, what = news
            self._league.tell(hook, **what)
