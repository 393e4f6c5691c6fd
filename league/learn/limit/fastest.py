"""The minimum-time lap of a car on a circuit, by optimal control.

The lap is a nonlinear programme over distance along a reference line (`limit.reference`): at every node the
car's offset and direction from the line, speed, turning rate, wheel angle and servo; over every step a
steering command, free to jump between steps, and an acceleration within what the motor, the brakes and the
speed command's range allow. Between nodes the equations of the vehicle model hold by collocation at the two
Radau points, of third order and without oscillation however fast a lag is; the last node is joined to the
first. IPOPT solves it through casadi, which is an extra.

The road ends where our rule has it: a car is off when all four wheel centres are. So beyond the left border
one of the right wheels must stay inside, rear or front, and the mirror image on the right; the smaller of
the two distances is taken smoothly, never below itself, so nothing is allowed that the rule forbids. Speeds
of contact, deadlines of agents and the ticks at which a referee looks play no part: it is the limit of the
car, not of a control rate.

Formulation: Rucco, Notarstefano & Hauser, "An efficient minimum-time trajectory generation strategy for
two-track car vehicles", 2015 (coordinates along a line); Biegler, "Nonlinear Programming", 2010, chapter 10
(Radau collocation).
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError, RaceError
from league.learn.limit import motion
from league.learn.limit.reference import QUIET, Reference, reference
from league.racing import BEHAVIOR
from league.sim.car import CarSpec
from league.track.circuit import Circuit
from league.track.limit import Limit, car_print

FloatArray = NDArray[np.float64]

STEP_M = 0.1
MOST_NODES = 800
MARGINS_M = (0.003, 0.015, 0.04)
"""How much the deciding wheel keeps from the border (on the border is off): the first that keeps a wheel on
the road at every node, by the exact rule. Coordinates are exact to second order in a car's length only."""
MOST_ROWS = 250
"""Rows of the line that is kept, at most; on short circuits every second node."""

N, XI, V, TURN, WHEEL, SLOW = range(6)
STATE = 6
STEER, PUSH = range(2)
_SCALE = np.array([0.5, 0.3, 3.0, 3.0, 0.3, 0.3])
_SLOWEST_MPS = 0.2
_FOLD = 0.9
_ROUND_M = 0.003
"""Width of the smooth corner where the front wheel takes over from the rear one."""
_CALM = 1e-4
"""Seconds that a change of steering by one radian between steps costs, squared; keeps commands smooth."""
_STRAIN = 1e-5
"""Share of time that steering beyond the limit of grip costs; it decides between commands that turn alike."""


_ROUND = 1e-2
_SHARP = (3e-3, 1e-3, 1e-4)
"""How round |x| is, see `motion.rates`, at first and then in steps. Not every circuit can be solved with the
sharpest corners; what the steps before leave undone is a few thousandths of a second."""
_TRIES = ((0.1, 200), (0.01, 300), (1.0, 400))
"""First value of the barrier, and most iterations with it."""
_ROUGH = {"expand": True, "ipopt.mu_strategy": "monotone", "ipopt.tol": 1e-4}
_FINE = {
    "ipopt.tol": 1e-6,
    "ipopt.max_iter": 150,
    "ipopt.mu_init": 1e-4,
    "ipopt.warm_start_init_point": "yes",
    "ipopt.warm_start_bound_push": 1e-5,
    "ipopt.warm_start_mult_bound_push": 1e-5,
    "ipopt.warm_start_slack_bound_push": 1e-5,
}


@dataclass(frozen=True, eq=False)
class FastestLap:
    """A solved lap: the car at every node of a reference line, and how it was found."""

    circuit: Circuit
    car: CarSpec
    line: Reference
    state: FloatArray
    """Offset, direction less the line's, speed, turning rate, wheel, slow part of the servo; (N, 6)."""
    command: FloatArray
    """Steering and acceleration from each node to the next, shape (N, 2)."""
    step_s: FloatArray
    """Time from each node to the next, shape (N,)."""
    iterations: int

    @property
    def lap_s(self) -> float:
        """Time of the lap."""
        return float(self.step_s.sum())

    @property
    def yaw_rad(self) -> FloatArray:
        """The car's direction at each node."""
        return np.asarray(self.line.heading_rad(self.line.along_m) + self.state[:, XI])

    def points(self, ahead_m: float = 0.0, left_m: float = 0.0) -> FloatArray:
        """Points of the car at each node, shape (N, 2), by where they are from its base point."""
        yaw = self.yaw_rad
        ahead = np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
        aside = np.stack((-ahead[:, 1], ahead[:, 0]), axis=1)
        base = self.line.points(self.line.along_m, self.state[:, N])
        return np.asarray(base + ahead_m * ahead + left_m * aside)

    def wheels_on(self) -> NDArray[np.int64]:
        """How many wheel centres are on the road at each node, 0 to 4, shape (N,)."""
        car, origin = self.car, self.car.base_to_nose_m - self.car.nose_m
        axles = ((-car.rear_axle_m, car.rear_track_m), (car.front_axle_m, car.front_track_m))
        wheels = [
            self.circuit.on_road(self.points(origin + ahead, side * track / 2))
            for ahead, track in axles
            for side in (-1, 1)
        ]
        return np.asarray(np.sum(wheels, axis=0), dtype=np.int64)

    def limit(self) -> Limit:
        """The lap as it is kept: fewer rows, of the chassis origin, from the start line on."""
        origin = self.points(self.car.base_to_nose_m - self.car.nose_m)
        every = max(2, -(-self.line.nodes // MOST_ROWS))
        yaw = np.arctan2(np.sin(self.yaw_rad), np.cos(self.yaw_rad))
        rows = np.column_stack((origin, yaw, self.state[:, V], self.command))
        return Limit(
            circuit=self.circuit.id,
            sha256=self.circuit.sha256,
            car=self.car.id,
            car_sha256=car_print(self.car),
            behavior=BEHAVIOR,
            lap_s=self.lap_s,
            line=rows[::every],
        )


def fastest_lap(
    circuit: Circuit, car: CarSpec, *, step_m: float = STEP_M, max_s: float = 300.0
) -> FastestLap:
    """Solve for the minimum-time flying lap of a car on a circuit.

    Args:
        circuit: Where it drives.
        car: What drives.
        step_m: Distance between nodes; longer where the circuit would need more than `MOST_NODES`.
        max_s: Processor time after which the solver gives up.

    Raises:
        ConfigError: casadi is not installed.
        CircuitError: The borders leave no room for a line.
        RaceError: The solver found no lap.
    """
    ca = load_casadi()
    line = reference(circuit, ca, step_m=max(step_m, circuit.length_m / MOST_NODES))
    iterations = 0
    for margin_m in MARGINS_M:
        problem = Problem(line, car, margin_m, ca)
        x, more = solved(problem, circuit, ca, max_s)
        iterations += more
        lap = FastestLap(circuit, car, line, *problem.read(x), iterations)
        if lap.wheels_on().all():
            return lap
    places = ", ".join(f"{along:.1f}" for along in line.along_m[lap.wheels_on() == 0])
    raise RaceError(f"circuit {circuit.id!r}: the fastest lap leaves the road {places} m along its line")


def solved(problem: Problem, circuit: Circuit, ca: Any, max_s: float) -> tuple[FloatArray, int]:
    """The unknowns of the fastest lap, and how many iterations that took.

    First with well-rounded corners where the equations have |x|, from one of a few barriers (which suits
    differs from circuit to circuit), then from there with sharper ones, and if that can be had with corners
    almost as sharp as they are.
    """
    options = {**QUIET, **_ROUGH, "ipopt.max_cpu_time": max_s}
    iterations = 0
    for barrier, most in _TRIES:
        more = {"ipopt.mu_init": barrier, "ipopt.max_iter": most}
        rough = ca.nlpsol("rough", "ipopt", problem.programme, {**options, **more})
        answer = rough(x0=problem.guess(), p=_ROUND, **problem.bounds)
        iterations += int(rough.stats()["iter_count"])
        if rough.stats()["success"]:
            break
    derived = {
        option: rough.get_function(name)
        for option, name in (("grad_f", "nlp_grad_f"), ("jac_g", "nlp_jac_g"), ("hess_lag", "nlp_hess_l"))
    }
    fine = ca.nlpsol("fine", "ipopt", problem.programme, {**options, **_FINE, **derived})
    found = None
    for corner in _SHARP:
        start = {"x0": answer["x"], "lam_x0": answer["lam_x"], "lam_g0": answer["lam_g"]}
        answer = fine(**start, p=corner, **problem.bounds)
        iterations += int(fine.stats()["iter_count"])
        if not fine.stats()["success"]:
            break
        found = np.asarray(answer["x"]).ravel()
    if found is None:
        raise RaceError(
            f"circuit {circuit.id!r}: no fastest lap found for the car {problem.car.id!r} "
            f"within {iterations} iterations ({fine.stats()['return_status']})"
        )
    return found, iterations


def load_casadi() -> Any:
    """The casadi module.

    Raises:
        ConfigError: It is not installed.
    """
    try:
        return import_module("casadi")
    except ImportError as error:
        raise ConfigError(
            "computing a limit needs casadi, which is not installed: pip install 'racing-league[limit]'"
        ) from error


class Problem:
    """The lap as a nonlinear programme.

    Unknowns, one column per step: the state at its first node, the state at its inner Radau point, the
    command. All are scaled to about one.
    """

    def __init__(self, line: Reference, car: CarSpec, margin_m: float, ca: Any) -> None:
        self.line, self.car, self.margin_m, self.ca = line, car, margin_m, ca
        count = line.nodes
        self._scale = np.concatenate((_SCALE, _SCALE, [0.3, 3.0]))
        self._bend = line.bend_per_m(line.along_m)
        self._inner_bend = line.bend_per_m(line.along_m + line.step_m / 3)
        unknown = ca.MX.sym("y", len(self._scale), count)
        y = unknown * ca.repmat(ca.DM(self._scale), 1, count)
        here, inner, command = y[:STATE, :], y[STATE : 2 * STATE, :], y[2 * STATE :, :]
        following = self._following(here)
        corner = ca.MX.sym("corner")
        self._bends = np.vstack((self._inner_bend, np.roll(self._bend, -1)))
        step = self._step_function().map(count)
        time_s, strain, gaps, pushes = step(here, inner, following, command, self._bends, corner)
        borders = self._border_function().map(count)(here, self._rooms())
        steer = command[STEER, :]
        change = steer - ca.horzcat(steer[1:], steer[0])
        cost = ca.sum2(time_s) + _CALM * ca.sumsqr(change) + _STRAIN * ca.sum2(strain)
        limits = ca.vertcat(gaps, pushes, borders)
        self.programme = {"x": ca.vec(unknown), "p": corner, "f": cost, "g": ca.vec(limits)}
        low = np.concatenate((np.zeros(2 * STATE), np.zeros(3), np.full(2, -np.inf)))
        high = np.concatenate((np.zeros(2 * STATE), np.full(3, np.inf), np.zeros(2)))
        least, most = self._box()
        self.bounds = {
            "lbx": least.T.ravel(),
            "ubx": most.T.ravel(),
            "lbg": np.tile(low, count),
            "ubg": np.tile(high, count),
        }

    def read(self, x: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """States at the nodes, commands and times of the steps in a vector of unknowns."""
        y = x.reshape(self.line.nodes, -1) * self._scale
        here, inner, command = y[:, :STATE], y[:, STATE : 2 * STATE], y[:, 2 * STATE :]
        following = np.roll(here, -1, axis=0)
        paces = [
            (1 - row[:, N] * bend) / (row[:, V] * np.cos(row[:, XI]))
            for row, bend in zip((inner, following), self._bends, strict=True)
        ]
        return here, command, self.line.step_m * (0.75 * paces[0] + 0.25 * paces[1])

    def guess(self) -> FloatArray:
        """Along the line at a speed that leaves some grip and some brakes unused."""
        car, bend, count = self.car, self._bend, self.line.nodes
        top = min(car.speed_gain * car.max_speed_mps, car.top_speed_mps)
        speed = np.minimum(0.8 * top, np.sqrt(0.7 * car.lateral_mps2 / np.maximum(np.abs(bend), 1e-3)))
        for _ in range(2):
            for i in range(count):
                reach = speed[i - 1] ** 2 + 1.2 * car.accelerate_mps2 * self.line.step_m
                speed[i] = min(speed[i], np.sqrt(reach))
            for i in range(count - 1, -1, -1):
                reach = speed[(i + 1) % count] ** 2 + 1.2 * car.brake_mps2 * self.line.step_m
                speed[i] = min(speed[i], np.sqrt(reach))
        wheel = motion.steady_wheel(car, bend, speed)
        steer = wheel * (1 + car.steer_slow_s * car.steer_aligning_per_m * speed)
        steer = np.clip(steer, -0.9 * car.max_steer_rad, 0.9 * car.max_steer_rad)
        still = np.zeros(count)
        push = np.clip(
            (np.roll(speed, -1) ** 2 - speed**2) / (2 * self.line.step_m),
            -0.9 * car.brake_mps2,
            0.9 * car.accelerate_mps2,
        )
        state = np.stack((still, still, speed, bend * speed, wheel, wheel - car.steer_kick * steer))
        following = np.roll(state, -1, axis=1)
        rows = np.vstack((state, (2 * state + following) / 3, steer, push))
        return np.asarray((rows / self._scale[:, None]).T.ravel())

    # -- parts ---------------------------------------------------------------------------------

    def _following(self, here: Any) -> Any:
        """The state at the end of each step: after the last comes the first."""
        return self.ca.horzcat(here[:, 1:], here[:, :1])

    def _slope(self, state: Any, command: Any, bend: Any, corner: Any) -> tuple[Any, Any]:
        """How the state changes with distance along the line, and the time that a metre of it takes."""
        ca = self.ca
        n, xi, v = state[N], state[XI], state[V]
        pace = (1 - n * bend) / (v * ca.cos(xi))
        inside = [state[V], state[TURN], state[WHEEL], state[SLOW]]
        moving = motion.rates(self.car, inside, command[STEER], command[PUSH], ca, corner)
        slope = ca.vertcat(
            (1 - n * bend) * ca.tan(xi), state[TURN] * pace - bend, *(rate * pace for rate in moving)
        )
        return slope, pace

    def _step_function(self) -> Any:
        """One step: its time, its strain, how far the equations are missed, and the room of acceleration."""
        ca, car, h = self.ca, self.car, self.line.step_m
        here, inner, following = (ca.SX.sym(name, STATE) for name in ("here", "inner", "following"))
        command, bends, corner = (ca.SX.sym(*sizes) for sizes in (("command", 2), ("bends", 2), ("corner",)))
        first, pace1 = self._slope(inner, command, bends[0], corner)
        last, pace2 = self._slope(following, command, bends[1], corner)
        # Slopes at 1/3 and 1 of the parabola through the values at 0, 1/3 and 1, times the step.
        gap1 = -2 * here + 1.5 * inner + 0.5 * following - h * first
        gap2 = 2 * here - 4.5 * inner + 2.5 * following - h * last
        scale = ca.DM(_SCALE)
        time_s = h * (0.75 * pace1 + 0.25 * pace2)
        ends = [(inner[V], inner[TURN], inner[WHEEL]), (following[V], following[TURN], following[WHEEL])]
        push = command[PUSH]
        strains = [
            motion.strain(car, v, motion.unbound_turn(car, v, w, push, ca, corner), push) for v, _, w in ends
        ]
        pushes = ca.vertcat(
            *(motion.most_push(car, v, turn, ca, corner) - command[PUSH] for v, turn, _ in ends),
            command[PUSH] - motion.least_push(car, following[V]),
        )
        results = [
            time_s,
            h * (0.75 * pace1 * strains[0] + 0.25 * pace2 * strains[1]),
            ca.vertcat(gap1 / scale, gap2 / scale),
            pushes,
        ]
        return ca.Function("step", [here, inner, following, command, bends, corner], results)

    def _border_function(self) -> Any:
        """How far the deciding wheel on either side is beyond its border; negative is on the road."""
        ca, car = self.ca, self.car
        state, road = ca.SX.sym("state", STATE), ca.SX.sym("road", 5)
        n, xi, bend = state[N], state[XI], road[4]

        def aside(ahead_m: float, left_m: float) -> Any:
            """A wheel's offset from the line, to second order in how far ahead it is."""
            along = ahead_m * ca.cos(xi) - left_m * ca.sin(xi)
            across = n + ahead_m * ca.sin(xi) + left_m * ca.cos(xi)
            return across - bend * along**2 / 2

        rear, front = self._axles()
        beyond = []
        for side, (rear_room, front_room) in ((1, (road[0], road[1])), (-1, (road[2], road[3]))):
            back = side * aside(rear, -side * car.rear_track_m / 2) - rear_room
            fore = side * aside(front, -side * car.front_track_m / 2) - front_room
            beyond.append(
                (back + fore - ca.sqrt((back - fore) ** 2 + _ROUND_M**2) + _ROUND_M) / 2 + self.margin_m
            )
        return ca.Function("border", [state, road], [ca.vertcat(*beyond)])

    def _axles(self) -> tuple[float, float]:
        """How far the axles are ahead of the base point."""
        origin = self.car.base_to_nose_m - self.car.nose_m
        return origin - self.car.rear_axle_m, origin + self.car.front_axle_m

    def _rooms(self) -> FloatArray:
        """Room at the axles, left rear and front, right rear and front, and the bend; shape (5, N)."""
        rear, front = (self.line.room_m(ahead) for ahead in self._axles())
        return np.vstack((rear[0], front[0], rear[1], front[1], self._bend))

    def _box(self) -> tuple[FloatArray, FloatArray]:
        """Least and greatest value of every unknown."""
        car, count = self.car, self.line.nodes
        top = min(car.speed_gain * car.max_speed_mps, car.top_speed_mps)
        high = np.empty((len(self._scale), count))
        high[:STATE] = np.array([10.0, 1.3, top, 15.0, 1.2, 1.2])[:, None]
        low = -high
        high[N] = _FOLD / np.maximum(self._bend, 0.05)
        low[N] = -_FOLD / np.maximum(-self._bend, 0.05)
        low[V] = min(_SLOWEST_MPS, 0.1 * top)
        low[STATE : 2 * STATE], high[STATE : 2 * STATE] = low[:STATE], high[:STATE]
        low[2 * STATE :] = [[-car.max_steer_rad], [-car.brake_mps2]]
        high[2 * STATE :] = [[car.max_steer_rad], [car.accelerate_mps2]]
        return low / self._scale[:, None], high / self._scale[:, None]
