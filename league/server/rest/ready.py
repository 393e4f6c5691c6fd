"""What takes long to make, kept ready: made once for everybody who asks, and again when something changed."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

log = logging.getLogger(__name__)

Made = TypeVar("Made")

KEPT: Final = 64
PATIENCE_S: Final = 0.05
"""How long is waited for what is being made where what was made last will do."""


class Ready(Generic[Made]):
    """Keeps things ready by name.

    Args:
        make: Makes one; gives the revision that it shows, too.
        may_lag: Whether one is so large that whoever asks gets it as it was while it is made anew; anything
            else is always as new as the revision that is asked for.
    """

    def __init__(
        self,
        make: Callable[[str], Awaitable[tuple[int, Made]]],
        *,
        may_lag: Callable[[Made], bool] = lambda _: False,
    ) -> None:
        self._make, self._may_lag = make, may_lag
        self._kept: OrderedDict[str, tuple[int, Made]] = OrderedDict()
        self._making: dict[str, asyncio.Task[tuple[int, Made]]] = {}

    async def of(self, name: str, revision: int, *, exact: bool = False) -> Made:
        """What has this name.

        Args:
            name: Which.
            revision: That it is to show, or a later one.
            exact: Whether even a large one must not be older.
        """
        kept = self._kept.get(name)
        if kept is None or kept[0] < revision:
            kept = await self._renewed(name, revision, kept, exact)
        if name in self._kept:
            self._kept.move_to_end(name)
        return kept[1]

    def last(self, name: str) -> Made | None:
        """What was made last, however old; None if nothing was."""
        kept = self._kept.get(name)
        return None if kept is None else kept[1]

    async def close(self) -> None:
        """Wait for what is being made."""
        if self._making:
            await asyncio.wait(self._making.values())

    async def _renewed(
        self, name: str, revision: int, kept: tuple[int, Made] | None, exact: bool
    ) -> tuple[int, Made]:
        lags = kept is not None and not exact and self._may_lag(kept[1])
        while True:
            making = self._making.get(name) or self._begin(name)
            # Only waited for: whoever asks may give up, and the others still want it.
            await asyncio.wait((making,), timeout=PATIENCE_S if lags else None)
            if kept is not None and not making.done():
                return self._kept.get(name, kept)
            made = making.result()
            if made[0] >= revision or lags:
                return made

    def _begin(self, name: str) -> asyncio.Task[tuple[int, Made]]:
        making = self._making[name] = asyncio.create_task(self._making_of(name))
        making.add_done_callback(lambda done: self._end(name, done))
        return making

    async def _making_of(self, name: str) -> tuple[int, Made]:
        made = await self._make(name)
        self._kept[name] = made
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made

    def _end(self, name: str, making: asyncio.Task[tuple[int, Made]]) -> None:
        if self._making.get(name) is making:
            del self._making[name]
        if not making.cancelled() and (error := making.exception()) is not None:
            log.warning("%s could not be made anew: %s", name, error)
