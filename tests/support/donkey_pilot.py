"""A client of the Donkey simulator with a pilot that follows the middle of the road."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from math import atan2, cos, radians, sin
from typing import Any

from PIL import Image

from league import Circuit


class DonkeyPilot:
    """Connects as a Donkeycar does, and drives what it is shown.

    Args:
        circuit: To know where the road is; a pilot would look at the picture.
        name: Of the car.
        throttle: Held all the time.
    """

    def __init__(self, circuit: Circuit, name: str, *, throttle: float = 0.5) -> None:
        self.told: list[dict[str, Any]] = []
        self.started = asyncio.Event()
        self.picture: Image.Image | None = None
        self._circuit, self._name, self._throttle = circuit, name, throttle

    async def drive(self, port: int) -> None:
        """Drive until the race is over or the simulator leaves."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)

        def say(**message: Any) -> None:
            # Clients put no newline between messages.
            writer.write(json.dumps(message).encode())

        try:
            while line := await reader.readline():
                message = json.loads(line)
                kind = message["msg_type"]
                if kind != "telemetry":
                    self.told.append(message)
                if kind == "scene_selection_ready":
                    say(msg_type="get_scene_names")
                elif kind == "scene_names":
                    say(msg_type="load_scene", scene_name=message["scene_names"][0])
                elif kind == "car_loaded":
                    say(msg_type="car_config", body_style="donkey", car_name=self._name, font_size="50")
                    say(msg_type="cam_config", img_w="160", img_h="120", img_d="3", img_enc="JPG", fov="0")
                elif kind == "race_start":
                    self.started.set()
                elif kind == "race_stop":
                    return
                elif kind == "telemetry":
                    self.picture = Image.open(io.BytesIO(base64.b64decode(message["image"])))
                    steering = self._steer(message)
                    say(
                        msg_type="control",
                        steering=str(steering),
                        throttle=str(self._throttle),
                        brake="0.0",
                    )
        finally:
            writer.close()

    def _steer(self, seen: dict[str, Any]) -> float:
        x, y, yaw = seen["pos_x"], seen["pos_z"], radians(90 - seen["yaw"])
        here = self._circuit.project([x, y])
        to_x, to_y = self._circuit.at(float(here.along_m) + 0.7)
        ahead = cos(yaw) * (to_x - x) + sin(yaw) * (to_y - y)
        left = cos(yaw) * (to_y - y) - sin(yaw) * (to_x - x)
        return max(-1.0, min(1.0, -2.5 * atan2(left, ahead)))
