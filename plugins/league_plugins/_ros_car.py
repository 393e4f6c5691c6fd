"""A ROS 2 car behind a rosbridge server: commands out and heard again, odometry and scans in."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any

import aiohttp

from league import Capabilities, CarAddress, CarCommand, CarError, Sample, StopResult, why_unreachable
from league_plugins._newest import Newest
from league_plugins._ros_messages import MESSAGES, Stamp, heard, read_odometry, read_scan, speed_of, stamp_of

PORT = 9090
PATIENCE_S = 2.0
ECHO_S = 0.25
"""A command that was not heard on its topic after this did not arrive."""
SEND_S = 0.04
STOP_S = 0.09
_REMEMBERED = 64
_BIGGEST = 4_000_000


class RosCar:
    """One car behind one rosbridge server.

    Options of the address: `message` (ackermann or twist) and `topic`; `odom` and `scan`, topics, or none;
    `odom_hz` and `scan_hz`; `wire` (cbor or json, for what the car sends); `max_steer_rad`, `max_speed_mps`,
    `wheelbase_m`; `deadman_s`, where a node on the car stops it after so much silence.
    """

    def __init__(self, address: CarAddress) -> None:
        host, port = address.host(PORT)
        self.name = f"ROS 2 car at {host}:{port}"
        self._url = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        message = MESSAGES[address.text("message", "ackermann", choices=tuple(MESSAGES))]
        self._message, self._topic = message, address.text("topic", message.topic)
        self._wheelbase_m = address.number("wheelbase_m", 0.33, least=0.05, most=5.0)
        self._odom, self._scan = address.text("odom", "/odom"), address.text("scan", "none")
        self._odom_hz = address.number("odom_hz", 20.0, least=1.0, most=100.0)
        self._scan_hz = address.number("scan_hz", 15.0, least=1.0, most=50.0)
        self._wire = address.text("wire", "cbor", choices=("cbor", "json"))
        deadman_s = address.number("deadman_s", 0.0, least=0.0, most=5.0)
        most_mps = address.number("max_speed_mps", 5.0, least=0.1, most=20.0)
        senses = {"speed", "pose"} if self._odom != "none" else set()
        self._known = Capabilities(
            drive_unit="mps",
            drive_max=most_mps,
            full_speed_mps=most_mps,
            steer_max_rad=address.number("max_steer_rad", 0.4189, least=0.05, most=1.2),
            hz=(10.0, 50.0),
            native_deadman_s=deadman_s or None,
            stop_ack=True,
            senses=frozenset(senses | ({"scan"} if self._scan != "none" else set())),  # type: ignore[arg-type]
            api_version=message.kind,
        )
        address.check()
        self._only_stops = address.only_stops
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._samples = Newest()
        self._sent: dict[Stamp, float] = {}
        """When our commands that have not been heard yet were sent."""
        self._stops: set[Stamp] = set()
        self._obeyed = asyncio.Event()
        self._moved = asyncio.Event()
        """Whether odometry has come."""
        self._moving = False
        self._fault = ""

    async def connect(self) -> Capabilities:
        """Open the socket, publish neutral, and hear it on its topic."""
        self._http = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE_S))
        try:
            await self._open()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise CarError(f"{self.name}: no rosbridge answers: {why_unreachable(error)}") from None
        if self._only_stops:
            return self._known
        # A topic needs a moment to be known; until then what is published is lost.
        until_s = time.monotonic() + PATIENCE_S
        while await self._halt(STOP_S) != "acked":
            if self._fault or time.monotonic() > until_s:
                reason = self._fault or f"nothing that is published on {self._topic} comes back"
                raise CarError(f"{self.name}: {reason}")
        self._sent.clear()
        await self._subscribe_to_senses()
        return self._known

    async def arm(self) -> None:
        """Nothing: the car knows no such thing."""
        self._check()

    async def apply(self, command: CarCommand) -> None:
        """Publish one command."""
        self._check()
        self._moving = command.drive != 0.0
        try:
            async with asyncio.timeout(SEND_S):
                await self._publish(command.steer_rad, command.drive)
        except (OSError, TimeoutError, aiohttp.ClientError) as error:
            raise CarError(f"{self.name}: the command did not leave: {why_unreachable(error)}") from None

    def telemetry(self) -> AsyncIterator[Sample]:
        """Odometry and scans."""
        return aiter(self._samples)

    async def stop(self, why: str) -> StopResult:
        """Publish zeros, over a fresh connection if need be, and hear them on their topic."""
        self._moving = False
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

    # -- the connection --------------------------------------------------------------------------

    async def _open(self) -> None:
        assert self._http is not None
        waits = aiohttp.ClientWSTimeout(ws_close=0.5)
        self._socket = await self._http.ws_connect(
            self._url, compress=0, timeout=waits, max_msg_size=_BIGGEST
        )
        self._tasks.append(asyncio.create_task(self._listen(self._socket)))
        await self._say(op="advertise", topic=self._topic, type=self._message.kind, queue_size=1)
        await self._subscribe(self._topic, self._message.kind, 0.0)

    async def _subscribe_to_senses(self) -> None:
        """Ask for odometry and scans, and hear the first odometry: then the car itself is there."""
        if self._scan != "none":
            await self._subscribe(self._scan, "sensor_msgs/msg/LaserScan", self._scan_hz)
        if self._odom == "none":
            return
        await self._subscribe(self._odom, "nav_msgs/msg/Odometry", self._odom_hz)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._moved.wait()
        except TimeoutError:
            raise CarError(f"{self.name}: rosbridge answers, but nothing comes on {self._odom}") from None

    async def _subscribe(self, topic: str, kind: str, hz: float) -> None:
        await self._say(
            op="subscribe",
            topic=topic,
            type=kind,
            throttle_rate=round(1000 / hz) if hz else 0,
            queue_length=1,
            compression="cbor" if self._wire == "cbor" else "none",
        )

    async def _say(self, **words: Any) -> None:
        if self._socket is None:
            raise CarError(f"{self.name}: not connected")
        await self._socket.send_str(json.dumps(words))

    async def _publish(self, steer_rad: float, speed_mps: float) -> Stamp:
        now_ns = time.time_ns()
        stamp = Stamp(now_ns // 1_000_000_000, now_ns % 1_000_000_000)
        while len(self._sent) >= _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._sent[stamp] = time.monotonic()
        turn = speed_mps * math.tan(steer_rad) / self._wheelbase_m
        message = self._message.make(stamp, steer_rad, speed_mps, turn)
        await self._say(op="publish", topic=self._topic, msg=message)
        return stamp

    async def _halt(self, patience_s: float) -> StopResult:
        self._obeyed.clear()
        self._stops = {await self._publish(0.0, 0.0)}
        try:
            async with asyncio.timeout(patience_s):
                await self._obeyed.wait()
        except TimeoutError:
            return "sent"
        return "acked"

    def _check(self) -> None:
        if self._socket is None or self._socket.closed:
            self._fault = self._fault or "the connection is gone"
        oldest_s = next(iter(self._sent.values()), math.inf)
        if time.monotonic() - oldest_s > ECHO_S:
            self._fault = self._fault or f"nobody heard a command on {self._topic} for {ECHO_S} s"
        if self._fault:
            raise CarError(f"{self.name}: {self._fault}")

    # -- what comes back -------------------------------------------------------------------------

    async def _listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        with suppress(OSError, aiohttp.ClientError):
            async for message in socket:
                told = heard(message)
                if told is not None:
                    self._hear(told)
        # Only the newest connection counts: a stop may have opened another.
        if socket is self._socket:
            self._fault = self._fault or "the connection is gone"
            self._samples.close()

    def _hear(self, told: Mapping[str, Any]) -> None:
        if told.get("op") == "status" and told.get("level") == "error":
            self._fault = self._fault or f"rosbridge: {str(told.get('msg'))[:160]}"
            return
        topic, message = told.get("topic"), told.get("msg")
        if told.get("op") != "publish" or not isinstance(message, dict):
            return
        if topic == self._topic:
            self._hear_command(message)
        elif topic == self._odom:
            sample = read_odometry(message, time.monotonic())
            if sample is not None:
                self._moved.set()
                self._samples.put(sample)
        elif topic == self._scan:
            sample = read_scan(message, time.monotonic())
            if sample is not None:
                self._samples.put(sample)

    def _hear_command(self, message: Mapping[str, Any]) -> None:
        stamp = stamp_of(message)
        sent_s = self._sent.pop(stamp, None) if stamp is not None else None
        if sent_s is not None:
            # What was sent before it and not heard was replaced on its way; the newest counts.
            for older in [each for each, at_s in self._sent.items() if at_s <= sent_s]:
                del self._sent[older]
            if stamp in self._stops:
                self._obeyed.set()
            return
        # A guardian's zeros are no second driver, and neither are those of somebody who stops a standing car.
        if not self._only_stops and (self._moving or speed_of(self._message, message) != 0.0):
            self._fault = self._fault or f"somebody else commands the car on {self._topic}"
