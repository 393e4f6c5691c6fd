"""A DeepRacer behind its console.

The console has traps, found by measuring it: forward is negative; angle and throttle know four steps only;
`max_speed` bends the throttle by a quadratic and is not checked, so that 1.2 drives backwards; and nothing at
all stops the car when commands stay away. So drive goes through `max_speed`, which has no steps, always
within its range; and the only clean stop is `start_stop`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from collections.abc import AsyncIterator
from math import radians, sqrt
from pathlib import Path
from typing import Any, Final

import aiohttp
import numpy as np
from numpy.typing import NDArray

from league import (
    Capabilities,
    CarAddress,
    CarCommand,
    CarDriver,
    CarError,
    ConfigError,
    Sample,
    StopResult,
    why_unreachable,
)
from league_plugins import _mjpeg
from league_plugins._newest import Newest

STEPS: Final = (0.0, 0.3, 0.5, 0.8)
"""What the console makes of an angle or a throttle: any that is not 0 and below 0.5 is 0.3, and so on."""
# A throttle step t at max_speed m turns the motor by a·x² + b·x, with x = t / (5 - 4·m). Fitted to the
# console's answers at m = 1, 0.5 and 0.1 for all three steps; it meets them to the third decimal.
_A: Final = -1.2
_B: Final = 2.2
DRIVE_MIN: Final = 0.1278
"""The least that turns the motor: step 0.3 at max_speed 0, which the console takes for no drive at all."""
SLOWEST: Final = 0.001
CALL_S: Final = 0.03
"""A command waits so long for its answer; the answer may take longer, and another command waits for it."""
ANSWER_S: Final = 0.2
STOP_S: Final = 0.09
LOGIN_S: Final = 5.0
BATTERY_S: Final = 5.0
CAMERA: Final = "/route?topic=/camera_pkg/display_mjpeg&width=160&height=120"
FULL_BATTERY: Final = 10
_TOKEN: Final = re.compile(
    r"""<meta[^>]*name=["']csrf-token["'][^>]*content=["']([^"']+)["']""", re.IGNORECASE
)


class DeepRacerCar:
    """One DeepRacer, driven through the manual mode of its console.

    Options of the address: `password_file`, a file with the console's password; `steer_max_deg`, the angle at
    full lock; `full_speed_mps`, the speed at full throttle; `steer_sign` and `throttle_sign`, what canonical
    signs are multiplied by for the console (-1 each on cars as they are delivered); `camera_hz`, 0 for none;
    `reverse`.
    """

    def __init__(self, address: CarAddress) -> None:
        self.name = f"DeepRacer at {address.where}"
        host, port = address.host(443)
        self._root = f"https://{host}:{port}"
        self._password = _read_password(address)
        self._steer_max_rad = radians(address.number("steer_max_deg", 30.0, least=5.0, most=60.0))
        self._battery_note = self._camera_note = ""
        self._full_speed_mps = address.number("full_speed_mps", 4.0, least=0.1, most=20.0)
        self._steer_sign = _sign(address, "steer_sign")
        self._throttle_sign = _sign(address, "throttle_sign")
        self._camera_hz = address.number("camera_hz", 15.0, least=0.0, most=30.0)
        self._reverse = address.flag("reverse")
        address.check()
        self._only_stops = address.only_stops
        self._http: aiohttp.ClientSession | None = None
        self._headers: dict[str, str] = {}
        self._flight: asyncio.Task[None] | None = None
        self._left_s = 0.0
        self._newest = Newest()
        self._tasks: list[asyncio.Task[None]] = []

    async def connect(self) -> Capabilities:
        """Log in; leaves the car stopped, in manual mode."""
        # Its certificate is its own, so that there is nothing to check it against.
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=False, keepalive_timeout=60.0),
            cookie_jar=aiohttp.CookieJar(unsafe=True),
            timeout=aiohttp.ClientTimeout(total=LOGIN_S),
        )
        await self._log_in()
        if self._only_stops:
            self._tasks.append(asyncio.create_task(self._stay_connected()))
            return Capabilities(stop_ack=True)
        await self._put("start_stop", {"start_stop": "stop"}, within_s=LOGIN_S)
        await self._put("drive_mode", {"drive_mode": "manual"}, within_s=LOGIN_S)
        calibration = [await self._get(f"get_calibration/{what}") for what in ("angle", "throttle")]
        supported = await self._get("supported_apis")
        self._tasks.append(asyncio.create_task(self._watch_battery()))
        if self._camera_hz:
            self._tasks.append(asyncio.create_task(self._watch_camera()))
        return Capabilities(
            steer_max_rad=self._steer_max_rad,
            reverse=self._reverse,
            full_speed_mps=self._full_speed_mps,
            drive_min=DRIVE_MIN,
            steer_levels=STEPS,
            hz=(10.0, 20.0),
            stop_ack=True,
            native_arm=True,
            senses=frozenset({"camera", "battery"} if self._camera_hz else {"battery"}),
            api_version="community" if supported is not None else "aws",
            calibration=hashlib.sha256(json.dumps(calibration, sort_keys=True).encode()).hexdigest()[:16],
        )

    async def arm(self) -> None:
        """Manual mode, and start; it stands until it is told a throttle."""
        await self._put("drive_mode", {"drive_mode": "manual"}, within_s=LOGIN_S)
        await self._put("start_stop", {"start_stop": "start"}, within_s=LOGIN_S)

    async def apply(self, command: CarCommand) -> None:
        """One request; while the one before waits for its answer, commands are forgotten."""
        flight = self._flight
        if flight is not None and not flight.done():
            if time.monotonic() - self._left_s > ANSWER_S:
                raise CarError(f"{self.name}: manual_drive: no answer for {ANSWER_S * 1e3:.0f} ms")
            return
        if flight is not None:
            self._flight = None
            flight.result()
        angle = _step(command.steer_rad / self._steer_max_rad) * self._steer_sign
        throttle, max_speed = console_throttle(command.drive)
        told = {"angle": angle, "throttle": throttle * self._throttle_sign, "max_speed": max_speed}
        self._left_s = time.monotonic()
        self._flight = asyncio.create_task(self._put("manual_drive", told, within_s=LOGIN_S))
        await asyncio.wait((self._flight,), timeout=CALL_S)

    def telemetry(self) -> AsyncIterator[Sample]:
        """Battery and camera; the console knows no more."""
        return aiter(self._newest)

    async def stop(self, why: str) -> StopResult:
        """Stop: after it, the car's own control passes no drive on, whatever else may still arrive."""
        if self._flight is not None:
            self._flight.cancel()
            self._flight = None
        if self._http is None or self._http.closed:
            return "unreachable"
        try:
            await self._put("start_stop", {"start_stop": "stop"}, within_s=STOP_S)
        except CarError:
            return "unreachable"
        return "acked"

    async def disarm(self) -> None:
        """Stopping has done it."""

    async def close(self) -> None:
        """Stop and leave."""
        for task in (*self._tasks, *filter(None, (self._flight,))):
            task.cancel()
        if self._http is not None and not self._http.closed:
            if not self._only_stops:
                await self.stop("closing")
            await self._http.close()
        self._newest.close()

    # -- the console ---------------------------------------------------------------------------------

    async def _log_in(self) -> None:
        http = self._open()
        try:
            async with http.get(f"{self._root}/") as answer:
                found = _TOKEN.search(await answer.text())
            if found is None:
                raise CarError(f"{self.name}: its page holds no token; is it a DeepRacer's console?")
            self._headers = {"X-CSRFToken": found[1], "Referer": f"{self._root}/home", "Origin": self._root}
            login = {"password": self._password}
            async with http.post(f"{self._root}/login", data=login, headers=self._headers) as answer:
                if answer.status != 200 or "deepracer_token" not in {
                    cookie.key for cookie in http.cookie_jar
                }:
                    raise CarError(f"{self.name}: it does not accept the password (HTTP {answer.status})")
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: {why_unreachable(error)}") from None

    async def _put(self, path: str, told: dict[str, Any], *, within_s: float) -> None:
        """Say something; where the session is over, log in and say it again.

        Raises:
            CarError: The console did not take it in time.
        """
        for again in (True, False):
            status, answer = await self._ask("PUT", path, told, within_s)
            if status == 200 and isinstance(answer, dict) and answer.get("success"):
                return
            if status != 401 or not again:
                break
            await self._log_in()
        raise CarError(f"{self.name}: {path} answers HTTP {status}")

    async def _get(self, path: str) -> Any:
        """Ask something; None if the console does not know it."""
        status, answer = await self._ask("GET", path, None, LOGIN_S)
        return answer if status == 200 else None

    async def _ask(self, method: str, path: str, told: Any, within_s: float) -> tuple[int, Any]:
        try:
            async with self._open().request(
                method, f"{self._root}/api/{path}", json=told, headers=self._headers,
                timeout=aiohttp.ClientTimeout(total=within_s),
            ) as answer:  # fmt: skip
                return answer.status, _json(await answer.read())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: {path}: {why_unreachable(error)}") from None

    def _open(self) -> aiohttp.ClientSession:
        if self._http is None or self._http.closed:
            raise CarError(f"{self.name}: not connected")
        return self._http

    async def _stay_connected(self) -> None:
        """Keep the guardian's connection warm, and end its telemetry when the console is gone."""
        try:
            while True:
                await asyncio.sleep(1.0)
                await self._ask("GET", "get_battery_level", None, LOGIN_S)
        except CarError:
            self._newest.close()

    async def _watch_battery(self) -> None:
        while True:
            try:
                told = await self._get("get_battery_level")
            except CarError:
                told = None  # what drives finds out soon enough
            level = told.get("battery_level") if isinstance(told, dict) else None
            if isinstance(level, int | float):
                share = max(0.0, min(1.0, level / FULL_BATTERY))
                self._battery_note = "the motor's battery is not connected" if level < 0 else ""
                self._newest.put(Sample(time.monotonic(), battery=share, note=self._note))
            await asyncio.sleep(BATTERY_S)

    async def _watch_camera(self) -> None:
        while True:
            about = await _mjpeg.watch(
                self._open(), self._root + CAMERA, self._camera_hz,
                self._see,
            )  # fmt: skip
            self._camera_note = about
            self._newest.put(Sample(time.monotonic(), note=self._note))
            await asyncio.sleep(1.0)

    def _see(self, picture: NDArray[np.uint8]) -> None:
        self._camera_note = ""
        self._newest.put(Sample(time.monotonic(), camera=picture, note=self._note))

    @property
    def _note(self) -> str:
        """All that the operator should know now: a sample's note takes the place of the one before."""
        return "; ".join(note for note in (self._battery_note, self._camera_note) if note)


def console_throttle(drive: float) -> tuple[float, float]:
    """The throttle step and the `max_speed` that turn the motor by `drive`, from -1 to 1.

    What is less than the car's least is 0, and more than its most is its most.
    """
    size = min(abs(drive), 0.992)
    if size < DRIVE_MIN:
        return 0.0, 0.0
    # The smallest step that reaches it: the further from its end, the finer max_speed is.
    step = next(step for step in STEPS[1:] if _motor(step) >= size - 1e-9)
    x = (_B - sqrt(_B * _B + 4 * _A * size)) / (-2 * _A)
    max_speed = (5.0 - step / x) / 4.0
    return (step if drive > 0 else -step), min(max(max_speed, SLOWEST), 1.0)


def _motor(x: float) -> float:
    return _A * x * x + _B * x


def _step(share: float) -> float:
    """The nearest step that the console has."""
    nearest = min(STEPS, key=lambda step: abs(step - abs(share)))
    return nearest if share >= 0 else -nearest


def _sign(address: CarAddress, name: str) -> float:
    return float(address.text(name, "-1", choices=("-1", "1")))


def _read_password(address: CarAddress) -> str:
    file = address.text("password_file")
    if not file:
        raise ConfigError(f"car {address.ref!r}: expected the option password_file=FILE")
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(f"password_file {file}: {error.strerror}") from None


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


_: type[CarDriver] = DeepRacerCar
