"""The cars that drivers are tested against are what they are taken for."""

from __future__ import annotations

import json
from pathlib import Path

import aiohttp
import peers
import pytest

pytestmark = pytest.mark.slow


async def test_a_donkeycar_alone_keeps_its_last_throttle_after_the_link_is_gone(
    donkeycar: Path, tmp_path: Path
) -> None:
    with peers.donkey(donkeycar, tmp_path, port=18887) as car:
        where = "http://127.0.0.1:18887/wsDrive"
        async with aiohttp.ClientSession() as session, session.ws_connect(where) as socket:
            await socket.send_json({"angle": 0.25, "throttle": 0.5, "drive_mode": "user"})
            answer = await socket.receive_json(timeout=2)
        seen = len(car.steps())
        while len(car.steps()) < seen + 20:
            assert car.processes[0].poll() is None
    assert answer == {"driveMode": "user"}
    assert car.steps()[-1][1:] == (0.25, 0.5, "user")


async def test_a_ros_car_alone_keeps_its_last_speed_after_the_link_is_gone(
    ros_jazzy: Path, tmp_path: Path
) -> None:
    with peers.ros(ros_jazzy, tmp_path, port=19090, domain=71) as car:
        where = "http://127.0.0.1:19090/"
        async with aiohttp.ClientSession() as session, session.ws_connect(where) as socket:
            kind = "ackermann_msgs/msg/AckermannDriveStamped"
            await socket.send_json({"op": "advertise", "topic": "/drive", "type": kind})
            message = {"drive": {"speed": 0.5, "steering_angle": 0.25}}
            await socket.send_json({"op": "subscribe", "topic": "/odom", "type": "nav_msgs/msg/Odometry"})
            moving = False
            while not moving:
                await socket.send_json({"op": "publish", "topic": "/drive", "msg": message})
                heard = json.loads((await socket.receive(timeout=5)).data)
                moving = heard["msg"]["twist"]["twist"]["linear"]["x"] == 0.5
        seen = len(car.steps())
        while len(car.steps()) < seen + 100:
            assert car.processes[0].poll() is None
    assert car.steps()[-1][1:] == (0.25, 0.5, "ros")
