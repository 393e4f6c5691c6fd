"""What a standing start costs: from the fastest flying lap to the limit of a whole race.

A race's first lap is solved like a flying one (`limit.fastest`), with another beginning: the car stands
on the start line, on the centre line and along the road. It is pushed straight ahead as hard as the motor can
to where the reference line begins, and from there it is free. How the lap ends is free too, for a race's end
is; laps in between are flying ones. What the steering does while the car is pushed, and that a lap which
flows into another one ends a little slower, is left out: hundredths of a second.
"""

from __future__ import annotations

from math import atan2, cos, pi, remainder, sin, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.learn.limit.fastest import MARGINS_M, STATE, XI, FastestLap, N, Problem, V, load_casadi, solved
from league.sim.car import CarSpec

FloatArray = NDArray[np.float64]

_ROWS = 2 * STATE + 5
"""Rows of limits of one step."""
_LEAST_PUSH_M = 0.02
_MARGIN_M = MARGINS_M[0]


def race_limit_s(lap: FastestLap, laps: int, *, max_s: float = 300.0) -> float:
    """The least time for some laps from a standing start.

    Args:
        lap: The fastest flying lap, solved.
        laps: How many laps.
        max_s: Processor time after which the solver gives up.

    Raises:
        ConfigError: There is no lap to drive.
        RaceError: The solver found no first lap.
    """
    if laps < 1:
        raise ConfigError(f"laps is {laps}, expected 1 or more")
    ca = load_casadi()
    pushed_m, offset_m, turned_rad = _stand(lap)
    speed = sqrt(2.0 * lap.car.accelerate_mps2 * pushed_m)
    problem = _Launch(lap, np.array([offset_m, turned_rad, speed]), ca)
    x, _ = solved(problem, lap.circuit, ca, max_s)
    first_s = lap.car.speed_dead_s + speed / lap.car.accelerate_mps2 + problem.time_s(x)
    # Laps are timed at the nose and end as far before the reference line's first node as the push is long.
    return float(first_s + (laps - 1) * lap.lap_s - pushed_m / lap.state[0, V])


def _stand(lap: FastestLap) -> tuple[float, float, float]:
    """How far a standing car is pushed to the reference line's start; its offset and direction there."""
    circuit, line = lap.circuit, lap.line
    nose, ahead = circuit.at(np.array([0.0, min(0.05, circuit.length_m / 100)]))
    heading = atan2(ahead[1] - nose[1], ahead[0] - nose[0])
    forward = np.array([cos(heading), sin(heading)])
    base = nose - lap.car.base_to_nose_m * forward
    own = float(line.heading_rad(np.zeros(1))[0])
    turned = remainder(heading - own, 2.0 * pi)
    away = line.points(np.zeros(1))[0] - base
    pushed_m = max(float(away @ (cos(own), sin(own))) / max(cos(turned), 0.2), _LEAST_PUSH_M)
    at = base + pushed_m * forward - line.points(np.zeros(1))[0]
    return pushed_m, float(at @ (-sin(own), cos(own))), turned


class _Launch(Problem):
    """The first lap: begins with a given offset, direction and speed, and ends as it likes."""

    def __init__(self, lap: FastestLap, start: FloatArray, ca: Any) -> None:
        self._lap, self._start = lap, start
        super().__init__(lap.line, lap.car, _MARGIN_M, ca)
        first = [N, XI, V]
        for side in ("lbx", "ubx"):
            self.bounds[side][first] = start / self._scale[first]
        self.bounds["lbg"][-_ROWS:], self.bounds["ubg"][-_ROWS:] = -np.inf, np.inf

    def time_s(self, x: FloatArray) -> float:
        """Time of the lap in a vector of unknowns."""
        *_, step_s = self.read(x)
        return float(step_s[:-1].sum() + self._lap.step_s[-1])

    def guess(self) -> FloatArray:
        """The flying lap, begun slowly and from the side."""
        lap, car = self._lap, self._lap.car
        state = lap.state.copy()
        away = lap.line.along_m[:, None]
        state[:, [N, XI]] += (self._start[:2] - state[0, [N, XI]]) * np.exp(-away)
        state[:, V] = np.minimum(state[:, V], _pushed(car, float(self._start[V]), lap.line.along_m))
        rows = np.hstack((state, (2 * state + np.roll(state, -1, axis=0)) / 3, lap.command))
        return np.asarray((rows / self._scale).ravel())

    def _following(self, here: Any) -> Any:
        return self.ca.horzcat(here[:, 1:], self.ca.DM(self._lap.state[0]))


def _pushed(car: CarSpec, speed_mps: float, along_m: FloatArray) -> FloatArray:
    """Speed after a distance under most of what the motor gives."""
    return np.asarray(np.sqrt(speed_mps**2 + 1.6 * car.accelerate_mps2 * along_m))
