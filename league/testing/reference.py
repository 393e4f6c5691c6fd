"""A plain car simulator to measure ours against: what one would write in an afternoon.

A bicycle model in short steps, by Runge and Kutta's or by Euler's rule, a search for the nearest segment
of the centre line around the last one, laps, leaving the road, starting again, and 20 numbers to see; one
compiled function over arrays. It is not the car that races here and nothing uses it but `league bench`.
"""

from __future__ import annotations

from math import cos, sin, tan
from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

SEEN = 20
_WHEELBASE_M = 0.165
_MAX_STEER_RAD = 0.52
_MAX_SPEED_MPS = 4.0
_PULL_PER_S = 3.0
_LOOK = 3
"""Segments searched to either side of the last one."""
_X, _Y, _YAW, _V, _SEGMENT, _ALONG, _LAPS, _TICKS, _LAP_TICKS = range(9)

_njit: Any = numba.njit


class Reference:
    """Many cars of the plain model, each on its own, all on one circuit.

    Args:
        circuit: Where they drive.
        worlds: How many.
        control_hz: Ticks per second.
        substeps: Steps of physics in a tick.
        euler: Step by Euler's rule, one look at the slopes instead of four.
    """

    def __init__(
        self,
        circuit: Circuit,
        worlds: int,
        *,
        control_hz: int = 15,
        substeps: int = 8,
        euler: bool = False,
    ) -> None:
        segments = np.column_stack(
            (
                circuit.centre,
                circuit.tangent,
                circuit.segment_m,
                circuit.along_m[:-1],
                circuit.width_left_m,
                circuit.width_right_m,
            )
        )
        self.worlds = worlds
        self.seen = np.zeros((worlds, SEEN), dtype=np.float32)
        self._road = np.ascontiguousarray(segments)
        self._cars = np.zeros((worlds, 9))
        self._step_s, self._substeps, self._euler = 1.0 / (control_hz * substeps), substeps, euler
        for car, segment in enumerate(np.arange(worlds) * 7 % len(segments)):
            _start(self._road, self._cars[car], int(segment))

    def step(self, commands: FloatArray) -> NDArray[np.float32]:
        """Advance every car by one tick; commands are steering and speed, shape (worlds, 2)."""
        self.part(commands, 0, self.worlds)
        return self.seen

    def part(self, commands: FloatArray, first: int, last: int) -> None:
        """Advance the cars from `first` to before `last`; other threads may advance others."""
        _drive(
            self._road,
            self._cars[first:last],
            commands[first:last],
            self._step_s,
            self._substeps,
            self._euler,
            self.seen[first:last],
        )


@_njit(cache=True)  # type: ignore[untyped-decorator]
def _start(road: FloatArray, car: FloatArray, segment: int) -> None:
    car[:] = 0.0
    car[_X], car[_Y] = road[segment, 0], road[segment, 1]
    car[_YAW] = np.arctan2(road[segment, 3], road[segment, 2])
    car[_SEGMENT], car[_ALONG] = segment, road[segment, 5]


@_njit(cache=True)  # type: ignore[untyped-decorator]
def _slopes(yaw: float, v: float, speed: float, bend: float) -> tuple[float, float, float, float]:
    return v * cos(yaw), v * sin(yaw), v * bend, (speed - v) * _PULL_PER_S


@_njit(cache=True)  # type: ignore[untyped-decorator]
def _runge_kutta(
    x: float, y: float, yaw: float, v: float, speed: float, bend: float, h: float
) -> tuple[float, float, float, float]:
    ax, ay, ar, av = _slopes(yaw, v, speed, bend)
    bx, by, br, bv = _slopes(yaw + 0.5 * h * ar, v + 0.5 * h * av, speed, bend)
    cx, cy, cr, cv = _slopes(yaw + 0.5 * h * br, v + 0.5 * h * bv, speed, bend)
    dx, dy, dr, dv = _slopes(yaw + h * cr, v + h * cv, speed, bend)
    sixth = h / 6.0
    return (
        x + sixth * (ax + 2.0 * bx + 2.0 * cx + dx),
        y + sixth * (ay + 2.0 * by + 2.0 * cy + dy),
        yaw + sixth * (ar + 2.0 * br + 2.0 * cr + dr),
        v + sixth * (av + 2.0 * bv + 2.0 * cv + dv),
    )


@_njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _drive(
    road: FloatArray,
    cars: FloatArray,
    commands: FloatArray,
    h: float,
    substeps: int,
    euler: bool,
    seen: NDArray[np.float32],
) -> None:
    count = len(road)
    length = road[count - 1, 5] + road[count - 1, 4]
    for w in range(len(cars)):
        x, y, yaw, v = cars[w, _X], cars[w, _Y], cars[w, _YAW], cars[w, _V]
        steer = min(max(commands[w, 0], -_MAX_STEER_RAD), _MAX_STEER_RAD)
        speed = min(max(commands[w, 1], 0.0), _MAX_SPEED_MPS)
        bend = tan(steer) / _WHEELBASE_M
        for _ in range(substeps):
            if euler:
                v += (speed - v) * _PULL_PER_S * h
                yaw += v * bend * h
                x += v * cos(yaw) * h
                y += v * sin(yaw) * h
            else:
                x, y, yaw, v = _runge_kutta(x, y, yaw, v, speed, bend, h)
        last = int(cars[w, _SEGMENT])
        best, least, reach = last, 1e30, 0.0
        for near in range(last - _LOOK, last + _LOOK + 1):
            i = near % count
            dx, dy = x - road[i, 0], y - road[i, 1]
            on = min(max(dx * road[i, 2] + dy * road[i, 3], 0.0), road[i, 4])
            gap = (dx - on * road[i, 2]) ** 2 + (dy - on * road[i, 3]) ** 2
            if gap < least:
                best, least, reach = i, gap, on
        along = road[best, 5] + reach
        offset = road[best, 2] * (y - road[best, 1]) - road[best, 3] * (x - road[best, 0])
        cars[w, _X], cars[w, _Y], cars[w, _YAW], cars[w, _V] = x, y, yaw, v
        cars[w, _TICKS] += 1.0
        if cars[w, _ALONG] > 0.75 * length and along < 0.25 * length:
            cars[w, _LAPS] += 1.0
            cars[w, _LAP_TICKS], cars[w, _TICKS] = cars[w, _TICKS], 0.0
        cars[w, _SEGMENT], cars[w, _ALONG] = best, along
        if offset > road[best, 6] or -offset > road[best, 7]:
            _start(road, cars[w], best)
        out = seen[w]
        c, q = cos(yaw), sin(yaw)
        out[0], out[1], out[2], out[3] = v, offset, c, q
        for k in range(8):
            i = (best + 8 * (k + 1)) % count
            dx, dy = road[i, 0] - x, road[i, 1] - y
            out[4 + 2 * k], out[5 + 2 * k] = dx * c + dy * q, dy * c - dx * q
