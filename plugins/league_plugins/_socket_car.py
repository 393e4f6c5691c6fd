"""What cars behind one WebSocket have in common: opening and hearing it, and stops that wait for an echo."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress

import aiohttp

from league import Capabilities, CarError, Sample, StopResult, why_unreachable
from league_plugins._newest import Newest

PATIENCE_S = 2.0
"""For a car to answer at first."""
SEND_S = 0.04
STOP_S = 0.09
_BIGGEST = 4_000_000


class SocketCar:
    """A car behind one WebSocket that confirms nothing by itself, but echoes what it has taken up.

    Inherit it, add `connect` and `apply`, and define `_say_stop`, `_hear` and `_trouble`.

    Args:
        name: What to call it.
        url: Of its socket.
        known: What it can.
        only_stops: For a guardian.
        what: What answers at the socket, for errors.
    """

    def __init__(self, name: str, url: str, known: Capabilities, *, only_stops: bool, what: str) -> None:
        self.name = name
        self._url, self._known, self._only_stops, self._what = url, known, only_stops, what
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._samples = Newest()
        self._obeyed = asyncio.Event()
        """Set by `_hear` when a stop has come back."""
        self._fault = ""

    async def _say_stop(self) -> None:
        """Send neutral, in a way whose echo can be told from others."""
        raise NotImplementedError

    def _hear(self, message: aiohttp.WSMessage) -> None:
        """Read one message."""
        raise NotImplementedError

    def _trouble(self) -> str:
        """What is wrong with the car, as far as its echoes tell; empty if nothing is."""
        raise NotImplementedError

    async def _begin(self) -> None:
        """Say what a fresh connection begins with; nothing, unless a car wants it."""

    # -- what every driver does ----------------------------------------------------------------------

    async def arm(self) -> None:
        """Nothing: the car knows no such thing."""
        self._check()

    def telemetry(self) -> AsyncIterator[Sample]:
        """What the car told last."""
        return aiter(self._samples)

    async def stop(self, why: str) -> StopResult:
        """Send neutral, over a fresh connection if need be, and wait for its echo."""
        try:
            async with asyncio.timeout(STOP_S):
                if self._http is not None and (self._socket is None or self._socket.closed):
                    await self._open()
                return await self._halt(STOP_S)
        except TimeoutError:
            return "sent" if self._socket is not None and not self._socket.closed else "unreachable"
        except (OSError, aiohttp.ClientError, CarError):
            return "unreachable"

    async def disarm(self) -> None:
        """Nothing: the car knows no such thing."""

    async def close(self) -> None:
        """Leave the car in neutral, and go."""
        if self._socket is not None and not self._only_stops:
            await self.stop("the bridge leaves")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._samples.close()
        with suppress(OSError, TimeoutError, aiohttp.ClientError):
            if self._socket is not None:
                await self._socket.close()
        if self._http is not None:
            await self._http.close()

    # -- the connection ------------------------------------------------------------------------------

    async def _reach(self) -> aiohttp.ClientSession:
        """Open the first connection."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        try:
            await self._open()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: no answer {self._what}: {why_unreachable(error)}") from None
        return self._http

    async def _open(self) -> None:
        assert self._http is not None
        waits = aiohttp.ClientWSTimeout(ws_close=0.5)
        self._socket = await self._http.ws_connect(
            self._url, compress=0, timeout=waits, max_msg_size=_BIGGEST
        )
        self._tasks.append(asyncio.create_task(self._listen(self._socket)))
        await self._begin()

    async def _say(self, text: str) -> None:
        if self._socket is None:
            raise CarError(f"{self.name}: not connected")
        await self._socket.send_str(text)

    async def _command(self, said: Awaitable[object]) -> None:
        """Send a command, which is forgotten if it does not leave at once."""
        try:
            async with asyncio.timeout(SEND_S):
                await said
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise CarError(f"{self.name}: the command did not leave: {why_unreachable(error)}") from None

    async def _halt(self, patience_s: float) -> StopResult:
        """Send neutral until the car has taken it up."""
        self._obeyed.clear()
        await self._say_stop()
        try:
            async with asyncio.timeout(patience_s):
                await self._obeyed.wait()
        except TimeoutError:
            return "sent"
        return "acked"

    def _check(self) -> None:
        gone = self._socket is None or self._socket.closed
        self._fault = self._fault or ("the connection is gone" if gone else self._trouble())
        if self._fault:
            raise CarError(f"{self.name}: {self._fault}")

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(OSError, aiohttp.ClientError):
            async for message in socket:
                self._hear(message)
        # Only the newest connection counts: a stop may have opened another.
        if socket is self._socket:
            self._fault = self._fault or "the connection is gone"
            self._samples.close()
