"""A client of the Donkey simulator in the place of gym and gym-donkeycar, which no index has together.

A Donkeycar of release 5.3 calls `gym.make`, `reset`, `step` and `close`, and nothing else. The port is in
LEAGUE_DONKEY_PORT.
"""

from __future__ import annotations

import base64
import io
import json
import os
import socket
from typing import Any

import numpy as np
from PIL import Image

NOTHING = (0.0, 0.0, 0.0)
NO_INFO = {"pos": NOTHING, "speed": 0.0, "cte": 0.0, "gyro": NOTHING, "accel": NOTHING, "vel": NOTHING}


def make(name: str, conf: dict[str, Any]) -> Env:
    """What a Donkeycar asks for."""
    return Env(conf)


class Env:
    """One connection to the simulator."""

    def __init__(self, conf: dict[str, Any]) -> None:
        self._link = socket.create_connection((conf["host"], int(os.environ["LEAGUE_DONKEY_PORT"])))
        self._lines = self._link.makefile("rb")
        self._until("scene_selection_ready")
        self._say(msg_type="get_scene_names")
        names = self._until("scene_names")["scene_names"]
        self._say(msg_type="load_scene", scene_name=names[0])
        self._until("car_loaded")
        self._say(msg_type="car_config", body_style="donkey", car_name=conf["car_name"], font_size="50")

    def reset(self) -> Any:
        self._say(msg_type="reset_car")
        return self._look()

    def step(self, action: list[float]) -> tuple[Any, float, bool, dict[str, Any]]:
        steering, throttle, brake = (str(float(value)) for value in action)
        self._say(msg_type="control", steering=steering, throttle=throttle, brake=brake)
        return self._look(), 0.0, False, NO_INFO

    def close(self) -> None:
        self._link.close()

    def _look(self) -> Any:
        image = self._until("telemetry")["image"]
        return np.asarray(Image.open(io.BytesIO(base64.b64decode(image))))

    def _until(self, kind: str) -> dict[str, Any]:
        for line in self._lines:
            message = json.loads(line)
            if message["msg_type"] == kind:
                return dict(message)
        raise ConnectionError("the simulator is gone")

    def _say(self, **message: Any) -> None:
        self._link.sendall(json.dumps(message).encode())
