"""Driving a computed lap in the real world of races, to see whether the car can do what was computed.

A driver that knows the car's equations and its whole state: the lap's own commands, looked up by where the
car is and led by the dead times, plus a linear feedback on how far it is off, from a Riccati equation along
the lap. It is a check, not a racing agent: no agent is told the state of the servo.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.learn.limit import motion
from league.learn.limit.fastest import PUSH, STATE, STEER, XI, FastestLap, N, V
from league.sim import kernel
from league.sim.car import CarSpec
from league.sim.world import World

FloatArray = NDArray[np.float64]

_STATE_COST = np.array([5.0, 1.0, 0.2, 0.02, 0.0, 0.0])
_COMMAND_COST = np.array([3.0, 0.3])
_NUDGE = 1e-6
_CORNER = 1e-4
_SLOW_MPS = 0.4
"""More than this too slow or too fast moves the pedals no further, and never the steering."""


class Drive(NamedTuple):
    """How a computed lap went in the real world."""

    lap_s: float
    """The fastest flying lap; inf if none was finished."""
    off_ticks: int
    """Ticks of the flying laps at which all four wheels were off the road."""
    aside_m: float
    """How far the base point strayed from the computed line at most."""

    @property
    def finished(self) -> bool:
        """Whether a flying lap was finished."""
        return self.lap_s < float("inf")


def drive(lap: FastestLap, *, control_hz: int, laps: int = 3, car: CarSpec | None = None) -> Drive:
    """Drive a computed lap several times round, the first one not counted.

    Args:
        lap: What to drive.
        control_hz: Commands per second.
        laps: Flying laps to time.
        car: What is driven, where that is not the car that the lap was computed for.
    """
    world = World(lap.circuit, [car or lap.car], control_hz=control_hz)
    # A placed car has straight wheels and does not turn: put it where the lap is most like that.
    start = int((np.abs(lap.state[:, V + 1 :]) @ (1.0, 6.0, 6.0)).argmin())
    nose = lap.circuit.project(lap.points(lap.car.base_to_nose_m)[start])
    error = (lap.yaw_rad[start] - float(nose.heading_rad) + np.pi) % (2 * np.pi) - np.pi
    world.place(0, float(nose.along_m), float(nose.offset_m), error, float(lap.state[start, V]))
    driver = _Driver(lap, control_hz)
    crossings: list[float] = []
    off, aside = 0, 0.0
    for tick in range(round((laps + 2.5) * lap.lap_s * control_hz)):
        command, away = driver.command(world)
        world.step([command])
        crossings += _crossings(world, tick / control_hz)
        # The first crossing may be that of the start, and the lap after it the one to settle in.
        if len(crossings) >= 2:
            aside = max(aside, away)
            off += int(world.wheels_off[0] == 4)
        if len(crossings) >= laps + 2:
            break
    times = np.diff([at for at in crossings if at > 0.5 * lap.lap_s])
    return Drive(float(times.min()) if len(times) else float("inf"), off, aside)


def _crossings(world: World, start_s: float) -> list[float]:
    """When the nose crossed the start line during the last tick, forwards."""
    trace, length_m = world.trace_m[:, 0], world.circuit.length_m
    found = []
    for number in np.flatnonzero(np.diff(trace) < -length_m / 2):
        before, after = length_m - trace[number], trace[number + 1]
        found.append(start_s + (number + before / (before + after)) * world.step_s)
    return found


class _Driver:
    def __init__(self, lap: FastestLap, control_hz: int) -> None:
        self.lap, self.car, self.tick_s = lap, lap.car, 1.0 / control_hz
        self._fine = 8
        count = lap.line.nodes * self._fine
        self._at_m = np.arange(count) * lap.line.length_m / count
        self._xy = lap.line.points(self._at_m)
        self._gains = _gains(lap)
        self._when_s = np.concatenate(([0.0], np.cumsum(lap.step_s)))
        self._sum = np.vstack((np.zeros(2), np.cumsum(lap.command * lap.step_s[:, None], axis=0)))
        self._heading = np.unwrap(lap.line.heading_rad(self._at_m))

    def command(self, world: World) -> tuple[tuple[float, float], float]:
        """Steering and speed, and how far the car is from the line."""
        row = world.arrays.state[0]
        xy = row[[kernel.X, kernel.Y]]
        near = int(((self._xy - xy) ** 2).sum(axis=1).argmin())
        heading = self._heading[near]
        across = (xy - self._xy[near]) @ (-np.sin(heading), np.cos(heading))
        at = self._at_m[near] / self.lap.line.step_m
        i, part = int(at), at - int(at)
        j = (i + 1) % self.lap.line.nodes
        wanted = (1 - part) * self.lap.state[i] + part * self.lap.state[j]
        slow = row[kernel.SERVO] - self.car.steer_kick * row[kernel.STEER_NOW]
        xi = (row[kernel.YAW] - heading + np.pi) % (2 * np.pi) - np.pi
        now = np.array([across, xi, row[kernel.SPEED], row[kernel.TURN], row[kernel.WHEEL], slow])
        off = now - wanted
        off[V] = min(max(off[V], -_SLOW_MPS), _SLOW_MPS)
        when_s = self._when_s[i] + part * self.lap.step_s[i]
        answer = self._gains[i] @ off
        steer = self._mean(when_s + self.car.steer_dead_s)[STEER] - answer[STEER]
        push = self._mean(when_s + self.car.speed_dead_s)[PUSH] - answer[PUSH]
        speed = motion.speed_command(self.car, now[V : V + 1], now[V + 1 : V + 2], np.array([push]))[0]
        return (float(steer), float(speed)), abs(float(off[N]))

    def _mean(self, from_s: float) -> FloatArray:
        """The lap's commands, averaged over a tick."""
        sums = self._until(from_s + self.tick_s) - self._until(from_s)
        return np.asarray(sums / self.tick_s, dtype=np.float64)

    def _until(self, when_s: float) -> FloatArray:
        laps, rest_s = divmod(when_s, self.lap.lap_s)
        sums = [np.interp(rest_s, self._when_s, column) for column in self._sum.T]
        return np.asarray(np.array(sums) + laps * self._sum[-1], dtype=np.float64)


def _gains(lap: FastestLap) -> FloatArray:
    """Feedback gains at every node, shape (N, 2, 6): the linear-quadratic regulator along the lap."""
    count = lap.line.nodes
    bends = lap.line.bend_per_m(lap.line.along_m)
    steps = [_linear(lap, i, bends[i]) for i in range(count)]
    gains = np.zeros((count, 2, STATE))
    price = np.diag(_STATE_COST)
    for i in [*range(count - 1, -1, -1)] * 2:  # a second time round, from what the first one ended with
        a, b = steps[i]
        h = lap.step_s[i]
        gain = np.linalg.solve(np.diag(_COMMAND_COST) * h + b.T @ price @ b, b.T @ price @ a)
        price = np.diag(_STATE_COST) * h + a.T @ price @ (a - b @ gain)
        price = (price + price.T) / 2
        gains[i] = gain
    return gains


def _linear(lap: FastestLap, i: int, bend: float) -> tuple[FloatArray, FloatArray]:
    """What a step does to a small deviation at its start, and to one of its command."""
    x = np.concatenate((lap.state[i], lap.command[i]))
    base = _slope(lap, x, bend)
    matrix = np.stack(
        [(_slope(lap, x + _NUDGE * unit, bend) - base) / _NUDGE for unit in np.eye(len(x))], axis=1
    )
    # Commands are held over a step: the exponential of the joint matrix holds both answers.
    joint = np.zeros((len(x), len(x)))
    joint[:STATE] = matrix * lap.step_s[i] / 16
    grown = np.eye(len(x)) + joint + joint @ joint / 2
    for _ in range(4):
        grown = grown @ grown
    return grown[:STATE, :STATE], grown[:STATE, STATE:]


def _slope(lap: FastestLap, x: FloatArray, bend: float) -> FloatArray:
    """Rates of change in time, measured against a point that moves along the line as the lap does."""
    n, xi, v = x[N], x[XI], x[V]
    inside = motion.rates(lap.car, x[V:STATE], x[STATE + STEER], x[STATE + PUSH], np, _CORNER)
    along = v * np.cos(xi) / (1 - n * bend)
    return np.array([v * np.sin(xi), x[V + 1] - bend * along, *inside])
