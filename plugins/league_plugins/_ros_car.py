"""A ROS 2 car behind a rosbridge server: commands out and heard again, odometry and scans in."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from typing import Any

import aiohttp

from league import Capabilities, CarAddress, CarCommand, CarError
from league_plugins._ros_messages import MESSAGES, Stamp, heard, read_odometry, read_scan, speed_of, stamp_of
from league_plugins._socket_car import PATIENCE_S, STOP_S, SocketCar

PORT = 9090
ECHO_S = 0.25
"""A command that was not heard on its topic after this did not arrive."""
LAG_S = 0.05
"""The way through rosbridge, the dead-man node and the base, with room for one that is busy."""
_REMEMBERED = 64


class RosCar(SocketCar):
    """One car behind one rosbridge server.

    Options of the address: `message` (ackermann or twist) and `topic`; `odom` and `scan`, topics, or none;
    `odom_hz` and `scan_hz`; `wire` (cbor or json, for what the car sends); `max_steer_rad`, `max_speed_mps`,
    `wheelbase_m`; `deadman_s`, where a node on the car stops it after so much silence.
    """

    def __init__(self, address: CarAddress) -> None:
        host, port = address.host(PORT)
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
        known = Capabilities(
            drive_unit="mps",
            drive_max=most_mps,
            full_speed_mps=most_mps,
            steer_max_rad=address.number("max_steer_rad", 0.4189, least=0.05, most=1.2),
            hz=(10.0, 50.0),
            lag_s=LAG_S,
            native_deadman_s=deadman_s or None,
            stop_ack=True,
            senses=frozenset(senses | ({"scan"} if self._scan != "none" else set())),  # type: ignore[arg-type]
            api_version=message.kind,
        )
        address.check()
        super().__init__(
            f"ROS 2 car at {host}:{port}", f"http://{f'[{host}]' if ':' in host else host}:{port}/", known,
            only_stops=address.only_stops, what="of rosbridge",
        )  # fmt: skip
        self._sent: dict[Stamp, float] = {}
        """When our commands that have not been heard yet were sent."""
        self._stops: set[Stamp] = set()
        self._moved = asyncio.Event()
        """Whether odometry has come."""
        self._moving = False

    async def connect(self) -> Capabilities:
        """Open the socket, publish neutral, and hear it on its topic."""
        await self._reach()
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

    async def apply(self, command: CarCommand) -> None:
        """Publish one command."""
        self._check()
        self._moving = command.drive != 0.0
        await self._command(self._publish(command.steer_rad, command.drive))

    # -- the connection --------------------------------------------------------------------------

    async def _begin(self) -> None:
        """Offer commands on the topic, and listen to them."""
        await self._ask(op="advertise", topic=self._topic, type=self._message.kind, queue_size=1)
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
        await self._ask(
            op="subscribe",
            topic=topic,
            type=kind,
            throttle_rate=round(1000 / hz) if hz else 0,
            queue_length=1,
            compression="cbor" if self._wire == "cbor" else "none",
        )

    async def _ask(self, **words: Any) -> None:
        await self._say(json.dumps(words))

    async def _publish(self, steer_rad: float, speed_mps: float) -> Stamp:
        now_ns = time.time_ns()
        stamp = Stamp(now_ns // 1_000_000_000, now_ns % 1_000_000_000)
        while len(self._sent) >= _REMEMBERED:
            del self._sent[next(iter(self._sent))]
        self._sent[stamp] = time.monotonic()
        turn = speed_mps * math.tan(steer_rad) / self._wheelbase_m
        message = self._message.make(stamp, steer_rad, speed_mps, turn)
        await self._ask(op="publish", topic=self._topic, msg=message)
        return stamp

    async def _say_stop(self) -> None:
        self._moving = False
        self._stops = {await self._publish(0.0, 0.0)}

    def _trouble(self) -> str:
        oldest_s = next(iter(self._sent.values()), math.inf)
        unheard = time.monotonic() - oldest_s > ECHO_S
        return f"nobody heard a command on {self._topic} for {ECHO_S} s" if unheard else ""

    # -- what comes back -------------------------------------------------------------------------

    def _hear(self, message: aiohttp.WSMessage) -> None:
        told = heard(message)
        if told is None:
            return
        if told.get("op") == "status" and told.get("level") == "error":
            self._fault = self._fault or f"rosbridge: {str(told.get('msg'))[:160]}"
            return
        topic, content = told.get("topic"), told.get("msg")
        if told.get("op") != "publish" or not isinstance(content, dict):
            return
        if topic == self._topic:
            self._hear_command(content)
        elif topic == self._odom:
            sample = read_odometry(content, time.monotonic())
            if sample is not None:
                self._moved.set()
                self._samples.put(sample)
        elif topic == self._scan:
            sample = read_scan(content, time.monotonic())
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
