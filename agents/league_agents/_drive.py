"""A drive to be repeated, and the motion of the car that repeats it.

The equations are those that races run on (the handbook names them), for one car and in plain floats, so that
a driver can look a moment ahead and drive a lap in its head.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, floor, sin, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import CarSpec

FloatArray = NDArray[Any]


@dataclass(frozen=True)
class Line:
    """A drive to be repeated: what the car should be doing at each node of the road."""

    first: int
    """The node of the road at which it begins."""
    closed: bool
    rows: FloatArray
    """Shape (nodes, 8), columns as in `_equations`."""
    gains: FloatArray
    """How much less to steer and to accelerate per unit that the state is off, shape (nodes, 2, 6)."""

    def covers(self, place: float, nodes: int) -> bool:
        """Whether a place of the road, in nodes, lies on it."""
        return self.closed or (place - self.first) % nodes < len(self.rows) - 2

    def at(self, place: float, nodes: int) -> FloatArray:
        """The row at a place of the road, between nodes too."""
        return self._between(self.rows, place, nodes)

    def gains_at(self, place: float, nodes: int) -> FloatArray:
        """The gains at a place of the road, shape (2, 6)."""
        return self._between(self.gains, place, nodes)

    def _between(self, table: FloatArray, place: float, nodes: int) -> FloatArray:
        local = (place - self.first) % nodes
        last = len(table) - 1
        index = min(floor(local), last)
        following = (index + 1) % len(table) if self.closed else min(index + 1, last)
        part = local - floor(local)
        return np.asarray(table[index] * (1 - part) + table[following] * part)


@dataclass
class Motion:
    """The base point of the car and everything about it that evolves."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float = 0.0
    turn_radps: float = 0.0
    wheel_rad: float = 0.0
    servo_rad: float = 0.0

    def advance(self, car: CarSpec, steer_rad: float, speed_mps: float, step_s: float) -> None:
        """One physics step of the car model with the commands in effect."""
        v = self.speed_mps
        self.servo_rad += servo_change(car, self.servo_rad, steer_rad, v, step_s)
        self.wheel_rad += (self.servo_rad - self.wheel_rad) * (1 - exp(-step_s / car.steer_fast_s))
        top_mps = min(car.speed_gain * speed_mps, car.top_speed_mps)
        top_mps /= 1 + car.corner_drag * abs(v * self.turn_radps)
        push = min(max((top_mps - v) / car.speed_lag_s, -car.brake_mps2), car.accelerate_mps2)
        v = max(v + step_s * push, 0.0)
        t = tan(self.wheel_rad + car.steer_bias_rad)
        base_m = car.base_m + car.base_per_v2 * v * v + car.base_per_tan * abs(t) + car.base_per_push * push
        steady = v * t / max(base_m, car.LEAST_BASE_M)
        steady /= (1 + (abs(v * steady) / (car.lateral_mps2 + car.lateral_per_push * push)) ** 4) ** 0.25
        self.turn_radps += (steady - self.turn_radps) * (1 - exp(-step_s / car.yaw_lag_s))
        self.yaw_rad += self.turn_radps * step_s
        self.x_m += v * cos(self.yaw_rad) * step_s
        self.y_m += v * sin(self.yaw_rad) * step_s
        self.speed_mps = v


def servo_change(car: CarSpec, servo_rad: float, steer_rad: float, speed_mps: float, step_s: float) -> float:
    """What the slow part of the servo does in a physics step."""
    towards = (steer_rad - servo_rad) * (1 - exp(-step_s / car.steer_slow_s))
    return towards - car.steer_aligning_per_m * speed_mps * servo_rad * step_s
