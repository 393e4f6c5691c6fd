"""Programs that drive a car past the league's bridge, as their own software would; `rivals.py KIND`."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any

import aiohttp

TURN_S = 0.05
WEB = "http://127.0.0.1:8887/wsDrive"
ROSBRIDGE = "http://127.0.0.1:9090/"


def donkey() -> tuple[str, list[Any], Callable[[], Any]]:
    """Another browser on a Donkeycar's page."""
    return WEB, [], lambda: {"angle": 0.0, "throttle": 0.4, "drive_mode": "user"}


def ackermann() -> tuple[str, list[Any], Callable[[], Any]]:
    """Another program behind the same rosbridge."""
    said = {"drive": {"speed": 0.8, "steering_angle": 0.0}}
    return ros("/league/drive", "ackermann_msgs/msg/AckermannDriveStamped", said)


def twist() -> tuple[str, list[Any], Callable[[], Any]]:
    """The same for a car that takes velocities."""
    said = {"twist": {"linear": {"x": 0.8}}}
    return ros("/league/cmd_vel", "geometry_msgs/msg/TwistStamped", said)


def ros(topic: str, kind: str, said: Any) -> tuple[str, list[Any], Callable[[], Any]]:
    hello = {"op": "advertise", "topic": topic, "type": kind}
    return ROSBRIDGE, [hello], lambda: {"op": "publish", "topic": topic, "msg": said}


async def drive(kind: str) -> None:
    where, hello, command = {"donkey": donkey, "ackermann": ackermann, "twist": twist}[kind]()
    async with aiohttp.ClientSession() as http, http.ws_connect(where) as socket:
        for words in hello:
            await socket.send_json(words)
        for turn in range(10**6):
            await socket.send_json(command())
            if turn == 1:
                print("rival drives", flush=True)
            await asyncio.sleep(TURN_S)


if __name__ == "__main__":
    asyncio.run(drive(sys.argv[1]))
