"""A Donkeycar behind its web controller: one WebSocket to drive, one endless answer full of pictures."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp

from league import Capabilities, CarCommand, CarError, Sample, StopResult, why_unreachable
from league_plugins._mjpeg import watch
from league_plugins._newest import Newest

PATIENCE_S = 2.0
"""For a car to answer at first."""
LOOP_S = 0.25
"""The drive loop runs every 50 ms; when it has taken up no command for so long, the car is not driven."""
SEND_S = 0.04
STOP_S = 0.09

_NEUTRAL = {"angle": 0.0, "throttle": 0.0, "drive_mode": "user", "recording": False}


class DonkeyWeb:
    """A Donkeycar behind its web controller.

    The controller confirms nothing by itself, but its drive loop tells everybody when it takes up a mode.
    Every command therefore names the mode, and its echo says that the loop is alive; a stop also ends the
    recording, and the echo of both says that the drive loop has taken up the zero.
    """

    def __init__(
        self, host: str, port: int, known: Capabilities, look_hz: float, *, only_stops: bool
    ) -> None:
        self.name = f"Donkeycar at {host}:{port}"
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._known, self._look_hz, self._only_stops = known, look_hz, only_stops
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._samples = Newest()
        self._obeyed = asyncio.Event()
        self._unheard_s: float | None = None
        """Since when a command has had no echo."""
        self._fault = ""
        self._note = ""
        self._drive = self._steer_rad = 0.0

    async def connect(self) -> Capabilities:
        """Open the socket, and hear from the drive loop that the car is in neutral."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        try:
            self._socket = await self._open()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: no answer on /wsDrive: {why_unreachable(error)}") from None
        self._tasks.append(asyncio.create_task(self._listen(self._socket)))
        if self._only_stops:
            return self._known
        if await self._halt(PATIENCE_S) != "acked":
            raise CarError(f"{self.name}: /wsDrive answers, but no drive loop takes up what it is told")
        if self._look_hz:
            self._tasks.append(asyncio.create_task(self._look()))
        return self._known

    async def arm(self) -> None:
        """Nothing: the car knows no such thing."""
        self._check()

    async def apply(self, command: CarCommand) -> None:
        """Send one message; the drive loop takes up the newest every 50 ms."""
        socket = self._check()
        self._drive, self._steer_rad = command.drive, command.steer_rad
        angle = min(max(-command.steer_rad / self._known.steer_max_rad, -1.0), 1.0)
        message = {"angle": angle, "throttle": command.drive, "drive_mode": "user"}
        if self._unheard_s is None:
            self._unheard_s = time.monotonic()
        try:
            async with asyncio.timeout(SEND_S):
                await socket.send_str(json.dumps(message))
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise CarError(f"{self.name}: the command did not leave: {why_unreachable(error)}") from None

    def telemetry(self) -> AsyncIterator[Sample]:
        """What was last taken up, and camera pictures."""
        return aiter(self._samples)

    async def stop(self, why: str) -> StopResult:
        """Send neutral, over a fresh connection if need be, and wait for the drive loop's echo."""
        try:
            async with asyncio.timeout(STOP_S):
                if self._http is not None and (self._socket is None or self._socket.closed):
                    self._socket = await self._open()
                    self._tasks.append(asyncio.create_task(self._listen(self._socket)))
                return await self._halt(STOP_S)
        except TimeoutError:
            return "sent" if self._socket is not None and not self._socket.closed else "unreachable"
        except (OSError, aiohttp.ClientError):
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

    async def _open(self) -> aiohttp.ClientWebSocketResponse:
        assert self._http is not None
        waits = aiohttp.ClientWSTimeout(ws_close=0.5)
        return await self._http.ws_connect(f"{self._base}/wsDrive", compress=0, timeout=waits)

    def _check(self) -> aiohttp.ClientWebSocketResponse:
        if self._socket is None or self._socket.closed:
            self._fault = self._fault or "the connection is gone"
        elif self._unheard_s is not None and time.monotonic() - self._unheard_s > LOOP_S:
            self._fault = self._fault or f"no drive loop took up a command for {LOOP_S} s"
        if self._fault or self._socket is None:
            raise CarError(f"{self.name}: {self._fault}")
        return self._socket

    async def _halt(self, patience_s: float) -> StopResult:
        """Send neutral until the drive loop has taken it up."""
        self._drive = self._steer_rad = 0.0
        self._obeyed.clear()
        assert self._socket is not None
        await self._socket.send_str(json.dumps(_NEUTRAL))
        try:
            async with asyncio.timeout(patience_s):
                await self._obeyed.wait()
        except TimeoutError:
            return "sent"
        return "acked"

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(OSError, aiohttp.ClientError):
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._hear(message.data)
        # Only the newest connection counts: a stop may have opened another.
        if socket is self._socket:
            self._fault = self._fault or "the connection is gone"
            self._samples.close()

    def _hear(self, text: str) -> None:
        try:
            told: Any = json.loads(text)
        except ValueError:
            return
        if not isinstance(told, dict) or "driveMode" not in told:
            return
        if told["driveMode"] != "user":
            if not self._only_stops:
                self._fault = f"somebody switched the car to mode {str(told['driveMode'])[:20]!r}"
            return
        self._unheard_s = None
        if told.get("recording") is False:
            self._obeyed.set()
        now = Sample(time.monotonic(), drive=self._drive, steer_rad=self._steer_rad, note=self._note)
        self._samples.put(now)

    async def _look(self) -> None:
        def see(picture: Any) -> None:
            self._samples.put(Sample(time.monotonic(), camera=picture))

        assert self._http is not None
        self._note = await watch(self._http, f"{self._base}/video", self._look_hz, see)
