"""ROS 2 messages as rosbridge carries them: what a car is told, what it tells."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import aiohttp
import cbor2
import numpy as np
from numpy.typing import NDArray

from league import Sample

Message = dict[str, Any]

# Typed arrays in CBOR (RFC 8746): the tags of little-endian floats of 32 and of 64 bits.
_ARRAYS: dict[int, np.dtype[np.floating[Any]]] = {85: np.dtype("<f4"), 86: np.dtype("<f8")}


class Stamp(NamedTuple):
    """When a message was made, as its header says; no two of one sender are the same."""

    sec: int
    nanosec: int


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of command: its type, its usual topic, how it is made, where its speed is."""

    kind: str
    topic: str
    make: Callable[[Stamp, float, float, float], Message]
    """From stamp, steering (rad), speed (m/s) and turning rate (rad/s)."""
    speed: tuple[str, ...]


def _header(stamp: Stamp) -> Message:
    return {"stamp": stamp._asdict(), "frame_id": "base_link"}


def _ackermann(stamp: Stamp, steer_rad: float, speed_mps: float, turn_radps: float) -> Message:
    return {"header": _header(stamp), "drive": {"steering_angle": steer_rad, "speed": speed_mps}}


def _twist(stamp: Stamp, steer_rad: float, speed_mps: float, turn_radps: float) -> Message:
    twist = {"linear": {"x": speed_mps}, "angular": {"z": turn_radps}}
    return {"header": _header(stamp), "twist": twist}


MESSAGES = {
    "ackermann": Kind("ackermann_msgs/msg/AckermannDriveStamped", "/drive", _ackermann, ("drive", "speed")),
    "twist": Kind("geometry_msgs/msg/TwistStamped", "/cmd_vel", _twist, ("twist", "linear", "x")),
}


def heard(message: aiohttp.WSMessage) -> Message | None:
    """What rosbridge said, or None if it is nothing that can be read."""
    try:
        if message.type is aiohttp.WSMsgType.TEXT:
            told = json.loads(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            told = cbor2.loads(message.data)
        else:
            return None
    except (ValueError, cbor2.CBORError):
        return None
    return told if isinstance(told, dict) else None


def stamp_of(message: Mapping[str, Any]) -> Stamp | None:
    """The stamp in a message's header."""
    header = message.get("header")
    stamp = header.get("stamp") if isinstance(header, dict) else None
    try:
        return Stamp(int(stamp["sec"]), int(stamp["nanosec"])) if isinstance(stamp, dict) else None
    except (KeyError, TypeError, ValueError):
        return None


def speed_of(kind: Kind, message: Mapping[str, Any]) -> float:
    """The speed that a command asks for; NaN where it says none."""
    return _number(message, *kind.speed)


def read_odometry(message: Mapping[str, Any], at_s: float) -> Sample | None:
    """Speed and pose from nav_msgs/Odometry, or None if they are not all there and finite."""
    pose, twist = ("pose", "pose"), ("twist", "twist")
    x, y = (_number(message, *pose, "position", axis) for axis in "xy")
    qx, qy, qz, qw = (_number(message, *pose, "orientation", axis) for axis in "xyzw")
    speed, turn = _number(message, *twist, "linear", "x"), _number(message, *twist, "angular", "z")
    yaw = math.atan2(2 * (qw * qz + qx * qy), 1 - 2 * (qy * qy + qz * qz))
    if not all(map(math.isfinite, (x, y, yaw, speed, turn))):
        return None
    return Sample(at_s, speed_mps=speed, pose=(x, y, yaw), yaw_rate_radps=turn)


def read_scan(message: Mapping[str, Any], at_s: float) -> Sample | None:
    """A scan from sensor_msgs/LaserScan, which too begins on the right; None if it is none.

    Distances that the sensor could not measure become its range.
    """
    reach = _number(message, "range_max")
    first, step = _number(message, "angle_min"), _number(message, "angle_increment")
    distances = _floats(message.get("ranges"))
    if distances is None or not all(map(math.isfinite, (reach, first, step))):
        return None
    scan = np.where(np.isfinite(distances), distances, np.float32(reach)).astype(np.float32)
    return Sample(at_s, scan=scan, scan_from_rad=first, scan_step_rad=step)


def _floats(value: object) -> NDArray[np.floating[Any]] | None:
    if isinstance(value, cbor2.CBORTag) and value.tag in _ARRAYS and isinstance(value.value, bytes):
        size = _ARRAYS[value.tag].itemsize
        return np.frombuffer(value.value[: len(value.value) // size * size], _ARRAYS[value.tag])
    if isinstance(value, list):
        try:
            # JSON has no infinity; rosbridge writes null.
            with np.errstate(over="ignore"):  # what is too large for a float32 is out of reach
                return np.asarray([math.inf if each is None else each for each in value], np.float32)
        except (TypeError, ValueError):
            return None
    return None


def _number(message: object, *path: str) -> float:
    for name in path:
        message = message.get(name) if isinstance(message, dict) else None
    return float(message) if isinstance(message, int | float) else math.nan
