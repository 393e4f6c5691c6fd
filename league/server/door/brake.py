"""How fast anybody may ask: a bucket of requests for every address and every token.

Ours, as it is so little: the libraries at hand measure with the wall clock, which jumps, and keep every
address that they ever saw; these buckets use a clock that only goes forward and are bounded in number.
"""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Final

from aiohttp import web

from league.server.door.answers import problem
from league.server.door.origin import changes_something
from league.server.keys import DOORKEEPER, SETTINGS

MOST: Final = 8192
"""Buckets kept; beyond that, the one that was idle longest starts anew."""
BURST_S: Final = 20.0
"""A full bucket holds what comes in so many seconds."""
AT_HOME: Final = 100.0
"""How much more this machine's own programs may ask: they are the organiser's."""


class Buckets:
    """A bucket for every key; each request takes one drop, and drops come back with time.

    Args:
        per_s: Drops that come back each second; 0 lets everything through.
        clock: Seconds that never go back.
    """

    def __init__(self, per_s: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_s, self._most = per_s, per_s * BURST_S
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def wait_s(self, key: Hashable, *, times: float = 1.0) -> float:
        """Take a drop; 0 if there was one, otherwise how long it takes until there is.

        Args:
            key: Whose bucket.
            times: How much larger and faster this one is than others.
        """
        if self._per_s <= 0:
            return 0.0
        now, per_s, most = self._clock(), self._per_s * times, max(1.0, self._most * times)
        left, at = self._left.pop(key, (most, now))
        left = min(most, left + (now - at) * per_s)
        enough = left >= 1.0
        self._left[key] = (left - 1.0 if enough else left, now)
        while len(self._left) > MOST:
            self._left.popitem(last=False)
        return 0.0 if enough else (1.0 - left) / per_s

    def __len__(self) -> int:
        return len(self._left)


_READS: web.AppKey[Buckets] = web.AppKey("reads", Buckets)
_CHANGES: web.AppKey[Buckets] = web.AppKey("changes", Buckets)


def add_brake(app: web.Application) -> None:
    """Give an application its buckets; it must hold `SETTINGS`."""
    settings = app[SETTINGS]
    app[_READS], app[_CHANGES] = Buckets(settings.reads_per_s), Buckets(settings.changes_per_s)
    app.middlewares.append(not_too_fast)


@web.middleware
async def not_too_fast(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Ask an address that sends too many requests to wait."""
    if not request.path.startswith("/static/"):  # from memory, and kept by browsers
        slow_down(request, request.app[DOORKEEPER].address_of(request))
    return await handler(request)


def slow_down(request: web.Request, key: str | int) -> None:
    """Count a request for an address, or a token by its number.

    Raises:
        HTTPTooManyRequests: There were too many.
    """
    buckets = request.app[_CHANGES if changes_something(request) else _READS]
    home = _is_home(request.app[DOORKEEPER].address_of(request))
    wait_s = math.ceil(buckets.wait_s(key, times=AT_HOME if home else 1.0))
    if wait_s:
        whose = "with this token" if isinstance(key, int) else "from this address"
        raise problem(
            429, "rate", f"too many requests {whose}; try again in {wait_s} s",
            headers={"Retry-After": str(wait_s)},
        )  # fmt: skip


def _is_home(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
