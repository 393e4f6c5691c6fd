"""The protocol of the Donkey simulator, from the simulator's side: JSON objects over TCP.

What gym-donkeycar and a Donkeycar with `DONKEY_GYM = True` speak. The simulator is the server; every
connection is one car. Its lines end with a newline; what the client sends does not, object follows object.

Pure: it is given bytes and gives bytes. It owns no socket, clock or agent.
"""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import cos, degrees, isfinite, sin
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from league.errors import ProtocolError

MESSAGE_BYTES: Final = 65536
"""No message of a client is longer."""
SCENES: Final = (
    "generated_road", "warehouse", "sparkfun_avc", "generated_track", "mountain_track", "roboracingleague_1",
    "waveshare", "mini_monaco", "warren", "thunderhill", "circuit_launch",
)  # fmt: skip
"""Whatever a client asks for, it races on the event's circuit."""
_MOST_PIXELS: Final = 1280
_ENCODINGS: Final = {"JPG": "JPEG", "PNG": "PNG"}


@dataclass(frozen=True, slots=True)
class Control:
    """What the pilot wants: both from -1 to 1, steering positive to the right."""

    steering: float = 0.0
    throttle: float = 0.0
    brake: float = 1.0


@dataclass(frozen=True, slots=True)
class Seen:
    """What the pilot is shown: the car's place, in m and rad as in the league, and a grey picture."""

    time_s: float
    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    yaw_rate_radps: float
    offset_m: float
    picture: NDArray[np.float32] | None
    """Height × width, 0 to 255; None before there is one."""


class DonkeySimSession:
    """One connection of a Donkey client.

    Give what arrives to `receive` and send what it returns; `greeting` comes first.
    """

    def __init__(self) -> None:
        self.car_name = ""
        """As the client configured it; empty until then."""
        self.loaded = False
        """Whether the client has asked for a scene, and waits to be shown something."""
        self.control = Control()
        self.controls = 0
        """How many controls arrived."""
        self.unknown = 0
        """How many messages of types that mean nothing here."""
        self._size = (160, 120)
        self._depth = 3
        self._encoding = "JPEG"
        self._rest = ""
        self._decoder = json.JSONDecoder()

    def greeting(self) -> bytes:
        """What a simulator says first."""
        return _line("scene_selection_ready")

    def receive(self, data: bytes) -> bytes:
        """Read what arrived; gives what to answer.

        Raises:
            ProtocolError: It is not JSON, or without end.
        """
        self._rest += data.decode("utf-8", errors="replace")
        answers = []
        while self._rest:
            text = self._rest.lstrip()
            if not text:
                self._rest = ""
                break
            try:
                message, end = self._decoder.raw_decode(text)
            except (ValueError, RecursionError):
                if not text.startswith("{") or len(text) > MESSAGE_BYTES:
                    raise ProtocolError(f"found {text[:40]!r}, expected a JSON object") from None
                self._rest = text
                break
            self._rest = text[end:]
            if isinstance(message, dict):
                answers.append(self._hear(message))
            else:
                self.unknown += 1
        return b"".join(answers)

    def telemetry(self, seen: Seen) -> bytes:
        """Show the pilot something."""
        # The simulator's axes: x to the right, y up, z ahead; angles in degrees, clockwise seen from above.
        return _line(
            "telemetry",
            steering_angle=self.control.steering, throttle=self.control.throttle,
            speed=_figure(seen.speed_mps), image=self._encode(seen.picture), hit="none",
            time=_figure(seen.time_s), cte=_figure(seen.offset_m),
            pos_x=_figure(seen.x_m), pos_y=0.0, pos_z=_figure(seen.y_m),
            vel_x=_figure(seen.speed_mps * cos(seen.yaw_rad)), vel_y=0.0,
            vel_z=_figure(seen.speed_mps * sin(seen.yaw_rad)),
            gyro_x=0.0, gyro_y=_figure(-seen.yaw_rate_radps), gyro_z=0.0,
            accel_x=0.0, accel_y=0.0, accel_z=0.0,
            roll=0.0, pitch=0.0, yaw=_figure(90.0 - degrees(seen.yaw_rad)),
            activeNode=0, totalNodes=1,
        )  # fmt: skip

    def crossing(self, time_s: float) -> bytes:
        """The car crossed the line."""
        return _line("collision_with_starting_line", timeStamp=_figure(time_s), starting_line_index=0)

    def race(self, begins: bool) -> bytes:
        """The race begins, or is over."""
        return _line("race_start" if begins else "race_stop")

    def _hear(self, message: Mapping[str, Any]) -> bytes:
        kind = message.get("msg_type")
        if kind == "control":
            self.controls += 1
            self.control = Control(
                _share(message.get("steering")), _share(message.get("throttle")), _share(message.get("brake"))
            )
        elif kind == "get_scene_names":
            return _line("scene_names", scene_names=list(SCENES))
        elif kind == "load_scene":
            self.loaded = True
            return _line("scene_loaded") + _line("car_loaded")
        elif kind == "car_config":
            self.car_name = str(message.get("car_name", ""))[:64]
        elif kind == "cam_config":
            self._configure(message)
        elif kind == "exit_scene":
            self.loaded = False
            self.control = Control()
            return _line("scene_selection_ready")
        elif kind == "reset_car":
            self.control = Control()
        elif kind == "get_protocol_version":
            return _line("protocol_version", version="2")
        else:
            self.unknown += 1
        return b""

    def _configure(self, message: Mapping[str, Any]) -> None:
        """Take the size and the encoding of pictures; zeros mean that all stays as it is."""
        width, height = (_whole(message.get(name)) for name in ("img_w", "img_h"))
        self._size = (min(width, _MOST_PIXELS) or self._size[0], min(height, _MOST_PIXELS) or self._size[1])
        self._depth = 1 if _whole(message.get("img_d")) == 1 else 3
        self._encoding = _ENCODINGS.get(str(message.get("img_enc")).upper(), self._encoding)

    def _encode(self, picture: NDArray[np.float32] | None) -> str:
        if picture is None:
            drawn = Image.new("L", self._size)
        else:
            drawn = Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8))
            if drawn.size != self._size:
                drawn = drawn.resize(self._size, Image.Resampling.BILINEAR)
        held = io.BytesIO()
        (drawn if self._depth == 1 else drawn.convert("RGB")).save(held, self._encoding)
        return base64.b64encode(held.getvalue()).decode()


def _line(kind: str, **fields: Any) -> bytes:
    # With a blank after each colon: clients "repair" figures that follow a colon at once, for the sake of
    # simulators that write decimal commas.
    return json.dumps({"msg_type": kind, **fields}).encode() + b"\n"


def _figure(value: float) -> float:
    return round(value, 5) if isfinite(value) else 0.0


def _share(value: object) -> float:
    """A number that a client wrote as text, from -1 to 1; 0 for anything else."""
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return 0.0
    return min(max(number, -1.0), 1.0) if isfinite(number) else 0.0


def _whole(value: object) -> int:
    try:
        return max(0, int(float(value)))  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return 0
