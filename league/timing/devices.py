"""Timers of other projects, as crossings: DREM's leaderboard timer and deepracer-timer.

Neither can tell cars apart, so their crossings belong to the only car on the track, or wait for a person.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, Final, NamedTuple

import aiohttp

from league.errors import ConfigError, why_unreachable
from league.timing.client import TimingLine

log = logging.getLogger(__name__)

DREM_PORT: Final = 8080
DEEPRACER_TIMER_PORT: Final = 3000
AGAIN_S: Final = 1.0
_LIMIT: Final = 64 * 1024


class Heard(NamedTuple):
    """A crossing as a timer told it."""

    monotonic_ns: int
    """When it happened, on our monotonic clock."""
    sensor: str = ""


class QuickestArrival:
    """Turns another clock's times into ours: the message that travelled least says how far they are apart.

    DREM stamps a crossing with its own wall clock in whole milliseconds, which may be hours off. What the
    network adds to a message is never negative, so the smallest difference seen is nearest to the truth.
    It is forgotten bit by bit, for clocks drift.
    """

    DRIFT: Final = 100e-6

    def __init__(self) -> None:
        self._apart_ns: int | None = None
        self._at_ns = 0

    def ours(self, theirs_ns: int, arrived_ns: int) -> int:
        """When it happened on our clock: `theirs_ns` on theirs, heard of at `arrived_ns`."""
        apart_ns = arrived_ns - theirs_ns
        if self._apart_ns is None:
            known = apart_ns
        else:
            grown = self._apart_ns + round((arrived_ns - self._at_ns) * self.DRIFT)
            known = min(apart_ns, grown)
        self._apart_ns, self._at_ns = known, arrived_ns
        return theirs_ns + known


async def drem(url: str, *, tell: Callable[[str], None] = lambda text: None) -> AsyncIterator[Heard]:
    """Crossings of DREM's timer: a WebSocket that pushes {"event": "lap", "timestamp": ms, "gpio": n}.

    Args:
        url: "ws://HOST:8080".
        tell: Told what happens to the line.
    """
    clock = QuickestArrival()
    async with aiohttp.ClientSession() as http:
        while True:
            try:
                async with http.ws_connect(url, max_msg_size=_LIMIT, heartbeat=None, compress=0) as socket:
                    tell(f"hearing {url}")
                    async for frame in socket:
                        arrived_ns = time.monotonic_ns()
                        said = _read(frame.data)
                        if said.get("event") == "lap":
                            yield _lap(said, arrived_ns, clock)
            except (aiohttp.ClientError, OSError) as error:
                tell(f"no timer at {url}: {why_unreachable(error)}")
            await asyncio.sleep(AGAIN_S)


def _read(data: Any) -> dict[str, Any]:
    try:
        said = json.loads(data)
    except (ValueError, TypeError):
        return {}
    return said if isinstance(said, dict) else {}


def _lap(said: dict[str, Any], arrived_ns: int, clock: QuickestArrival) -> Heard:
    stamp_ms, sensor = said.get("timestamp"), said.get("gpio")
    name = f"gpio{sensor}" if isinstance(sensor, int) else ""
    if isinstance(stamp_ms, int | float) and 0 < stamp_ms < 1e16:
        return Heard(clock.ours(round(stamp_ms * 1e6), arrived_ns), name)
    return Heard(arrived_ns, name)


async def deepracer_timer(
    url: str, *, tell: Callable[[str], None] = lambda text: None
) -> AsyncIterator[Heard]:
    """Crossings of deepracer-timer: the socket.io event "timer" with the word "passed".

    It carries no time, so the arrival counts.

    Args:
        url: "http://HOST:3000".
        tell: Told what happens to the line.

    Raises:
        ConfigError: The extra that speaks socket.io is not installed.
    """
    try:
        import socketio
    except ImportError as error:
        raise ConfigError(
            "deepracer-timer speaks socket.io, which needs: pip install 'racing-league[cars]'"
        ) from error
    heard: asyncio.Queue[Heard] = asyncio.Queue(1000)
    client = socketio.AsyncClient(reconnection_delay_max=AGAIN_S)

    async def passed(word: object = "") -> None:
        if word == "passed" and not heard.full():
            heard.put_nowait(Heard(time.monotonic_ns(), "strip"))

    client.on("timer", passed)
    try:
        while True:
            try:
                await client.connect(url, retry=False)
                tell(f"hearing {url}")
                break
            except socketio.exceptions.ConnectionError as error:
                tell(f"no timer at {url}: {why_unreachable(error)}")
                await asyncio.sleep(AGAIN_S)
        while True:
            yield await heard.get()
    finally:
        await client.disconnect()


async def relay(heard: AsyncIterator[Heard], line: TimingLine, *, car: str = "", point: str = "line") -> None:
    """Pass a timer's crossings on to the server, until it ends."""
    async for crossing in heard:
        line.cross(line.clock.at(crossing.monotonic_ns), car=car, point=point)
        log.info("crossing at %s", crossing.sensor or point)
