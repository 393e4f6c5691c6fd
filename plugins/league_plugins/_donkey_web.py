"""A Donkeycar behind its web controller: one WebSocket to drive, one endless answer full of pictures."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import aiohttp

from league import Capabilities, CarCommand, CarError, Sample
from league_plugins._mjpeg import watch
from league_plugins._socket_car import PATIENCE_S, SocketCar

LOOP_S = 0.25
"""The drive loop runs every 50 ms; when it has taken up no command for so long, the car is not driven."""

_NEUTRAL = json.dumps({"angle": 0.0, "throttle": 0.0, "drive_mode": "user", "recording": False})


class DonkeyWeb(SocketCar):
    """A Donkeycar behind its web controller.

    The controller confirms nothing by itself, but its drive loop tells everybody when it takes up a mode.
    Every command therefore names the mode, and its echo says that the loop is alive; a stop also ends the
    recording, and the echo of both says that the drive loop has taken up the zero.
    """

    def __init__(
        self, host: str, port: int, known: Capabilities, look_hz: float, *, only_stops: bool
    ) -> None:
        self._base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        super().__init__(
            f"Donkeycar at {host}:{port}", f"{self._base}/wsDrive", known,
            only_stops=only_stops, what="on /wsDrive",
        )  # fmt: skip
        self._look_hz = look_hz
        self._unheard_s: float | None = None
        """Since when a command has had no echo."""
        self._note = ""
        self._drive = self._steer_rad = 0.0

    async def connect(self) -> Capabilities:
        """Open the socket, and hear from the drive loop that the car is in neutral."""
        http = await self._reach()
        if self._only_stops:
            return self._known
        if await self._halt(PATIENCE_S) != "acked":
            raise CarError(f"{self.name}: /wsDrive answers, but no drive loop takes up what it is told")
        if self._look_hz:
            self._tasks.append(asyncio.create_task(self._look(http)))
        return self._known

    async def apply(self, command: CarCommand) -> None:
        """Send one message; the drive loop takes up the newest every 50 ms."""
        self._check()
        self._drive, self._steer_rad = command.drive, command.steer_rad
        angle = min(max(-command.steer_rad / self._known.steer_max_rad, -1.0), 1.0)
        if self._unheard_s is None:
            self._unheard_s = time.monotonic()
        told = json.dumps({"angle": angle, "throttle": command.drive, "drive_mode": "user"})
        await self._command(self._say(told))

    async def _say_stop(self) -> None:
        self._drive = self._steer_rad = 0.0
        await self._say(_NEUTRAL)

    def _trouble(self) -> str:
        silent = self._unheard_s is not None and time.monotonic() - self._unheard_s > LOOP_S
        return f"no drive loop took up a command for {LOOP_S} s" if silent else ""

    def _hear(self, message: aiohttp.WSMessage) -> None:
        if message.type is not aiohttp.WSMsgType.TEXT:
            return
        try:
            told: Any = json.loads(message.data)
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

    async def _look(self, http: aiohttp.ClientSession) -> None:
        def see(picture: Any) -> None:
            self._samples.put(Sample(time.monotonic(), camera=picture))

        self._note = await watch(http, f"{self._base}/video", self._look_hz, see)
