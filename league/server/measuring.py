"""How fast the server is: heats in lockstep with drivers on sockets, and a race shown to hundreds of viewers.

Drivers and viewers are in one process of their own (`league.testing.crowd`): with many drivers it is
that process which sets the pace, ours and the plain one's alike. The references are what one would write
first, in this process and with as many sockets: a server that sends everybody as many bytes as an
observation has and waits for all answers, with no simulation and no rules; and one that encodes every
frame for every viewer.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from statistics import median
from typing import Any, Final

import numpy as np
from aiohttp import web

from league.errors import RaceError
from league.hooks.catalogue import League
from league.racing.plan import EventPlan
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY
from league.server.race.settings import Settings
from league.server.race.watch import GRANDSTAND, Broadcast, frame_cars, frame_message, watch_socket
from league.store.book import RecordBook
from league.store.records import EventOptions

AGENTS: Final = (2, 8)
VIEWERS: Final = 400
HZ: Final = 15
CARS: Final = 8
"""Cars in the frames that viewers are shown."""
ROUNDS: Final = 3
PATIENCE_S: Final = 60.0
_OBSERVATION_BYTES: Final = 700
"""About what an observation takes on the wire."""
_CIRCUIT: Final = "grand-prix"

Row = dict[str, Any]


def measure(seconds: float, tell: Callable[[str], None], *, viewers: int = VIEWERS) -> list[Row]:
    """Measure for about so long.

    Returns:
        Rows with what, unit, value, reference and ratio. "ticks/s": how many ticks a heat drives; the ratio
        is that to the plain exchange of messages. "of a core": what showing frames takes of one core; the
        ratio is that to the plain way, and "encoded" how often a frame was turned into bytes.
    """
    return asyncio.run(_measure(seconds, tell, viewers))


async def _measure(seconds: float, tell: Callable[[str], None], viewers: int) -> list[Row]:
    share_s = seconds / (len(AGENTS) + 1)
    rows = []
    for agents in AGENTS:
        tell(f"heat with {agents} drivers")
        rows.append(await _heats(agents, share_s))
    tell(f"{viewers} viewers")
    rows.append(await _shows(viewers, share_s))
    return rows


@asynccontextmanager
async def _others(part: str, url: str, count: int) -> AsyncIterator[None]:
    """Sockets of the other side, in a process of their own until the block ends."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "league.testing.crowd", part, url, str(count)
    )
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _until(ready: Callable[[], bool]) -> None:
    """Wait for the other side.

    Raises:
        RaceError: It does not come.
    """
    given_up_s = time.monotonic() + PATIENCE_S
    while not ready():
        if time.monotonic() > given_up_s:
            raise RaceError(f"drivers or viewers of the bench did not connect within {PATIENCE_S:g} s")
        await asyncio.sleep(0.02)


async def _rate(count: Callable[[], float], seconds: float) -> float:
    """How fast something counts, from now on."""
    before, started = count(), time.perf_counter()
    await asyncio.sleep(seconds)
    return (count() - before) / (time.perf_counter() - started)


# -- heats -----------------------------------------------------------------------------------------


async def _heats(agents: int, seconds: float) -> Row:
    """The one after the other: a heat cannot be stopped in between."""
    rates = []
    for contest in (_racing, _exchanging):
        async with contest(agents) as count:
            await _rate(count, 0.2)
            rates.append(median([await _rate(count, seconds / 2 / ROUNDS) for _ in range(ROUNDS)]))
    return _row(f"lockstep heat, {agents} drivers", "ticks/s", *rates)


@asynccontextmanager
async def _racing(agents: int) -> AsyncIterator[Callable[[], float]]:
    """A heat that does not end while it is measured; gives how many ticks it has driven."""
    rules = Rules(laps=100, time_limit_s=86400)
    plan = EventPlan(id="bench", name="Bench", circuit=_CIRCUIT, format="head-to-head", rules=rules)
    settings = Settings(port=0, deadline_s=5.0, bank_s=3600.0)
    async with await RecordBook.open(":memory:") as book:
        app = create_app(League(), book, settings)
        async with serving(app, host="127.0.0.1", port=0) as url:
            await app[LOBBY].create(plan, EventOptions(agents, True, None))
            async with _others("drive", url, agents):
                pulse = app[LOBBY].pulse
                await _until(lambda: pulse.ticks > 0)
                yield lambda: pulse.ticks


@asynccontextmanager
async def _exchanging(agents: int) -> AsyncIterator[Callable[[], float]]:
    """As many bytes back and forth, and nothing else; gives how many rounds were done."""
    sockets: list[web.WebSocketResponse] = []
    rounds = 0

    async def exchange() -> None:
        nonlocal rounds
        seen = bytes(_OBSERVATION_BYTES)
        while True:
            for socket in sockets:
                await socket.send_bytes(seen)
            for socket in sockets:
                await socket.receive_bytes()
            rounds += 1

    async with _plain(sockets, reading=False) as url, _others("answer", url, agents):
        await _until(lambda: len(sockets) == agents)
        work = asyncio.create_task(exchange())
        try:
            yield lambda: rounds
        finally:
            work.cancel()
            await asyncio.wait((work,))


# -- shows -----------------------------------------------------------------------------------------


async def _shows(viewers: int, seconds: float) -> Row:
    """Frames of a race at its pace, in turns to the viewers of our broadcast and to as many others."""
    broadcast = Broadcast({"type": "hello", "event": {"id": "bench"}})
    sockets: list[web.WebSocketResponse] = []
    app = web.Application()
    app[GRANDSTAND] = _Stand(broadcast)
    app.add_routes([web.get("/ws/watch", watch_socket)])
    ours, plain = [], []
    async with (
        _listening(app) as url,
        _plain(sockets, reading=True) as plain_url,
        _others("view", f"{url}/ws/watch?event=bench", viewers),
        _others("view", plain_url, viewers),
    ):
        await _until(lambda: len(broadcast.viewers) == viewers and len(sockets) == viewers)
        for _ in range(ROUNDS):
            ours.append(await _share(lambda frame: _publish(broadcast, frame), seconds / ROUNDS / 2))
            plain.append(await _share(lambda frame: _tell(sockets, frame), seconds / ROUNDS / 2))
    row = _row(f"{viewers} viewers, {HZ} Hz", "of a core", median(ours), median(plain))
    return row | {"frames": broadcast.sent / viewers, "encoded": broadcast.encoded}


class _Stand:
    """The one event that there is to watch."""

    def __init__(self, broadcast: Broadcast) -> None:
        self._broadcast = broadcast

    async def broadcast(self, event_id: str) -> Broadcast | None:
        return self._broadcast


async def _publish(broadcast: Broadcast, frame: dict[str, Any]) -> None:
    broadcast.publish(frame)


async def _tell(sockets: list[web.WebSocketResponse], frame: dict[str, Any]) -> None:
    for socket in sockets:
        await socket.send_str(json.dumps(frame))


async def _share(show: Callable[[dict[str, Any]], Awaitable[None]], seconds: float) -> float:
    """What of one core it takes to make frames and show them, at the pace of a race."""
    pose, zero = np.arange(3.0 * CARS).reshape(CARS, 3), np.zeros(CARS)
    started, busy = time.perf_counter(), time.process_time()
    count = max(3, round(seconds * HZ))
    for tick in range(count):
        await asyncio.sleep(started + tick / HZ - time.perf_counter())
        cars = frame_cars(pose + 0.1 * tick, zero, lap=zero, along_m=zero, flags=zero)
        await show(frame_message("bench", tick, round(tick * 1e6 / HZ), cars))
    await asyncio.sleep(started + count / HZ - time.perf_counter())
    return (time.process_time() - busy) / (time.perf_counter() - started)


# -- the plain server ------------------------------------------------------------------------------


@asynccontextmanager
async def _listening(app: web.Application) -> AsyncIterator[str]:
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def _plain(sockets: list[web.WebSocketResponse], *, reading: bool) -> AsyncIterator[str]:
    """Sockets as they come; one that nobody else reads is read here, so that its end is noticed."""
    over = asyncio.Event()

    async def welcome(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        sockets.append(socket)
        if reading:
            async for _ in socket:
                pass
        else:
            await over.wait()
        return socket

    app = web.Application()
    app.add_routes([web.get("/", welcome)])
    async with _listening(app) as url:
        try:
            yield f"{url}/"
        finally:
            over.set()


def _row(what: str, unit: str, value: float, reference: float) -> Row:
    return {"what": what, "unit": unit, "value": value, "reference": reference, "ratio": value / reference}
