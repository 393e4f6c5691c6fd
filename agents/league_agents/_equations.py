"""The car's equations over distance, smooth, and their slopes: what a fastest lap is found by.

The rates of the model that races run on (the handbook names them), with each step's duration taken from its
length, and smooth where that one has corners. The slopes are the same lines differentiated by hand and read
backwards (reverse accumulation: Griewank & Walther, "Evaluating Derivatives", 2008, chapter 3). So the slopes
of a sum of all that a step leads to cost about as much as the step itself, however many rows it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import CarSpec
from league_agents._road import Road

FloatArray = NDArray[Any]
Slopes = Callable[[FloatArray, float], FloatArray]
"""From what the next states, (6, ...), and the cost are worth: what each row of the node is, (8, ...)."""

# Rows of a drive. State: place of the base point left of the road's middle, direction less the road's,
# speed, turning rate, wheel angle, slow part of the servo. Command: steering, acceleration.
N, XI, V, R, WHEEL, SLOW, STEER, PUSH = range(8)
STATE, ROWS = 6, 8

STRAIN = 0.003
"""Share of time that steering into the lateral limit costs, per fourth power of its excess. Without it the
fastest lap is driven at full lock, where turning the wheels back a little does nothing."""
SLOWEST_MPS = 0.1
PARTS = 3
"""Steps of the equations from node to node. With one, a lap is planned that the car turns into a few
hundredths of a second later than it should; what brings it back costs more time than planning well."""


def motion(y: FloatArray, road: Road, car: CarSpec) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Where rows lead: states at the next nodes, (6, ...), the time there, the cost."""
    command, state = y[STATE:], y[:STATE]
    time_s = cost_s = np.zeros(())
    for _ in range(PARTS):
        state, more_s, more_cost_s, _ = _part(state, command, road, car)
        time_s, cost_s = time_s + more_s, cost_s + more_cost_s
    return state, time_s, cost_s


def motion_and_slopes(y: FloatArray, road: Road, car: CarSpec) -> tuple[FloatArray, Slopes]:
    """States at the next nodes, (6, ...), and how they and the cost depend on the rows."""
    command, state = y[STATE:], y[:STATE]
    parts = []
    for _ in range(PARTS):
        state, _, _, slopes = _part(state, command, road, car)
        parts.append(slopes)

    def back(worth: FloatArray, cost: float) -> FloatArray:
        commands = np.zeros(())
        for slopes in reversed(parts):
            rows = slopes(worth, cost)
            worth, commands = rows[:STATE], commands + rows[STATE:]
        return np.concatenate((worth, commands))

    return state, back


def _part(
    state: FloatArray, command: FloatArray, road: Road, car: CarSpec
) -> tuple[FloatArray, FloatArray, FloatArray, Slopes]:
    """The equations over a part of the way between nodes: the state then, the time, the cost, the slopes."""
    n, xi, v, r, wheel, slow = state
    steer, push = command
    turn_rad = road.turn_rad / PARTS
    cosine = np.cos(xi)
    forward_m = road.step_m / PARTS - n * turn_rad
    path_m = forward_m / cosine

    # Speed, held back by turning.
    drag = np.sqrt((v * r) ** 2 + 1e-4)
    top = car.top_speed_mps / (1 + car.corner_drag * drag)
    spare = (top - v) / car.speed_lag_s
    apart = np.sqrt((push - spare) ** 2 + 0.01)
    pushed = (push + spare - apart) / 2
    square = v * v + 2 * pushed * path_m
    square1 = np.sqrt(square * square + SLOWEST_MPS**4)
    v1 = np.sqrt(square1)
    time_s = 2 * path_m / (v + v1)

    # The servo.
    kept_slow, kept_fast, kept_yaw = (
        np.exp(time_s / -lag_s) for lag_s in (car.steer_slow_s, car.steer_fast_s, car.yaw_lag_s)
    )
    servo = slow + car.steer_kick * steer
    slow1 = slow + (steer - servo) * (1 - kept_slow) - car.steer_aligning_per_m * v * servo * time_s
    servo1 = slow1 + car.steer_kick * steer
    wheel1 = wheel + (servo1 - wheel) * (1 - kept_fast)

    # Turning, and what grip leaves of it.
    t = np.tan(wheel1 + car.steer_bias_rad)
    t_size = np.sqrt(t * t + 1e-6)
    over = car.base_m + car.base_per_v2 * square1 + car.base_per_tan * t_size
    over = over + car.base_per_push * pushed - car.LEAST_BASE_M
    over_size = np.sqrt(over * over + 1e-5)
    base_m = car.LEAST_BASE_M + (over + over_size) / 2
    wanted = v1 * t / base_m
    grip = car.lateral_mps2 + car.lateral_per_push * pushed
    share = v1 * wanted / grip
    strain = (share * share) ** 2
    steady = wanted / np.sqrt(np.sqrt(1 + strain))
    r1 = r + (steady - r) * (1 - kept_yaw)
    xi1 = xi + r1 * time_s - turn_rad
    slant = np.tan((xi + xi1) / 2)
    after = np.stack((n + forward_m * slant, xi1, v1, r1, wheel1, slow1))

    def back(worth: FloatArray, cost: float) -> FloatArray:
        """The lines above, last one first; `d_x` is what x is worth."""
        d_n, d_xi1, d_v1, d_r1, d_wheel1, d_slow1 = worth
        d_xi = d_n * forward_m * (1 + slant * slant) / 2
        d_forward, d_xi1 = d_n * slant, d_xi1 + d_xi
        d_xi, d_r1 = d_xi + d_xi1, d_r1 + d_xi1 * time_s
        d_time = d_xi1 * r1 + d_r1 * (steady - r) * kept_yaw / car.yaw_lag_s + cost * (1 + STRAIN * strain)
        d_r, d_steady = d_r1 * kept_yaw, d_r1 * (1 - kept_yaw)
        d_strain = cost * STRAIN * time_s - d_steady * steady / (4 * (1 + strain))
        d_share = 4 * d_strain * share * share * share
        d_wanted = d_steady / np.sqrt(np.sqrt(1 + strain)) + d_share * v1 / grip
        d_over = -d_wanted * wanted / base_m * (1 + over / over_size) / 2
        d_pushed = d_over * car.base_per_push - d_share * share / grip * car.lateral_per_push
        d_v1 = d_v1 + d_share * wanted / grip + d_wanted * t / base_m
        d_t = d_wanted * v1 / base_m + d_over * car.base_per_tan * t / t_size

        d_wheel1 = d_wheel1 + d_t * (1 + t * t)
        d_wheel, d_servo1 = d_wheel1 * kept_fast, d_wheel1 * (1 - kept_fast)
        d_time = d_time + d_wheel1 * (servo1 - wheel) * kept_fast / car.steer_fast_s
        d_slow1 = d_slow1 + d_servo1
        pulled = car.steer_aligning_per_m * d_slow1
        d_servo = -d_slow1 * (1 - kept_slow) - pulled * v * time_s
        d_time = d_time + d_slow1 * (steer - servo) * kept_slow / car.steer_slow_s - pulled * v * servo
        d_slow = d_slow1 + d_servo
        d_steer = d_slow1 * (1 - kept_slow) + car.steer_kick * (d_servo + d_servo1)

        slower = d_time * time_s / (v + v1)
        d_square = (d_v1 - slower) * square / (2 * v1 * square1) + d_over * car.base_per_v2 * square / square1
        d_pushed = d_pushed + 2 * path_m * d_square
        d_path = d_time * 2 / (v + v1) + 2 * pushed * d_square
        less = (push - spare) / apart
        d_push, d_spare = d_pushed * (1 - less) / 2, d_pushed * (1 + less) / 2
        dragged = (
            d_spare / car.speed_lag_s * top / (1 + car.corner_drag * drag) * car.corner_drag * v * r / drag
        )
        d_v = 2 * v * d_square - slower - pulled * servo * time_s - d_spare / car.speed_lag_s - dragged * r
        d_forward = d_forward + d_path / cosine
        d_xi = d_xi + d_path * path_m * np.tan(xi)
        d_n = d_n - turn_rad * d_forward
        return np.stack((d_n, d_xi, d_v, d_r - dragged * v, d_wheel, d_slow, d_steer, d_push))

    return after, time_s, time_s * (1 + STRAIN * strain), back
