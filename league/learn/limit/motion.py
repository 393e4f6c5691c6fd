"""The vehicle model as rates of change: the equations of `league.sim.kernel` without its time steps.

Pure. The functions take numbers or symbols of casadi alike; `ops` supplies tan, sqrt and fabs for either.
Two things differ from the kernel on purpose. A steering change acts through a *slow part* of the servo,
d2 - kick cs, which is continuous while the command may jump; and the speed command is replaced by the
acceleration that it causes, whose bounds follow from the command's: both are the same motion.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim.car import CarSpec

FloatArray = NDArray[np.float64]

SPEED, TURN, WHEEL, SLOW = range(4)


def rates(
    car: CarSpec, state: Any, steer: Any, push: Any, ops: Any, corner: Any
) -> tuple[Any, Any, Any, Any]:
    """Rates of speed, turning rate, wheel angle and the slow part of the servo.

    Args:
        car: Whose figures hold.
        state: Speed, turning rate, wheel angle, slow part of the servo.
        steer: The steering in effect.
        push: The acceleration, within `most_push` and `least_push`.
        ops: numpy or casadi.
        corner: What makes |x| smooth: sqrt(x² + corner).
    """
    v, turn, wheel, slow = state
    servo = slow + car.steer_kick * steer
    steady = unbound_turn(car, v, wheel, push, ops, corner)
    steady = steady / ops.sqrt(ops.sqrt(1 + strain(car, v, steady, push)))
    return (
        push,
        (steady - turn) / car.yaw_lag_s,
        (servo - wheel) / car.steer_fast_s,
        (steer - servo) / car.steer_slow_s - car.steer_aligning_per_m * v * servo,
    )


def strain(car: CarSpec, v: Any, unbound: Any, push: Any) -> Any:
    """How far a turning rate without a limit of grip is beyond it: its lateral share to the fourth power."""
    return (v * unbound / (car.lateral_mps2 + car.lateral_per_push * push)) ** 4


def unbound_turn(car: CarSpec, v: Any, wheel: Any, push: Any, ops: Any, corner: Any) -> Any:
    """The turning rate that the wheels ask for, before the limit of grip."""
    t = ops.tan(wheel + car.steer_bias_rad)
    base = car.base_m + car.base_per_v2 * v * v + car.base_per_tan * _size(t, ops, corner)
    if car.base_per_push:
        over = base + car.base_per_push * push - car.LEAST_BASE_M
        base = car.LEAST_BASE_M + (over + _size(over, ops, corner)) / 2
    return v * t / base


def most_push(car: CarSpec, v: Any, turn: Any, ops: Any, corner: Any) -> Any:
    """The acceleration towards top speed, without the limit of the motor."""
    top = min(car.speed_gain * car.max_speed_mps, car.top_speed_mps)
    return (top / (1 + car.corner_drag * _size(v * turn, ops, corner)) - v) / car.speed_lag_s


def least_push(car: CarSpec, v: Any) -> Any:
    """The acceleration under the command to stand still, without the limit of the brakes."""
    return -v / car.speed_lag_s


def speed_command(car: CarSpec, v: FloatArray, turn: FloatArray, push: FloatArray) -> FloatArray:
    """The speed to command for an acceleration."""
    target = (v + car.speed_lag_s * push) * (1 + car.corner_drag * np.abs(v * turn))
    return np.clip(target / car.speed_gain, 0.0, car.max_speed_mps)


def steady_wheel(car: CarSpec, bend_per_m: FloatArray, speed_mps: FloatArray) -> FloatArray:
    """The wheel angles that follow curvatures at given speeds: the turning law, solved for the angle."""
    wanted = np.abs(bend_per_m)
    share = np.minimum(wanted * speed_mps**2 / car.lateral_mps2, 0.97)
    wanted = wanted / (1 - share**4) ** 0.25
    base_m = car.base_m + car.base_per_v2 * speed_mps**2
    tangent = wanted * base_m / np.maximum(1 - car.base_per_tan * wanted, 0.2)
    return np.asarray(np.arctan(np.copysign(tangent, bend_per_m)) - car.steer_bias_rad)


def _size(x: Any, ops: Any, corner: Any) -> Any:
    """The absolute value, smooth."""
    return ops.sqrt(x * x + corner)
