"""The fastest way along a road: a racing line and what the pedals and the wheel do on it, in one go.

Minimum-time driving as a nonlinear programme over places along the road: at each node the car's state and
command, between nodes the equations of its `CarSpec`, at each node the borders and the car's limits as
bounds. Solved by a primal-dual interior-point method (Nocedal & Wright, "Numerical Optimization", 2006,
chapter 19) whose Hessian is made convex node by node. It needs scipy, imported when first asked to solve.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import CarSpec
from league_agents._equations import (
    PUSH,
    ROWS,
    SLOWEST_MPS,
    STATE,
    STEER,
    XI,
    N,
    V,
    motion,
    motion_and_slopes,
)
from league_agents._road import Road

FloatArray = NDArray[Any]

CALM = 0.004
"""Seconds that a change of steering by one radian from node to node costs, squared: keeps commands smooth."""
NUDGE = 1e-5
"""How far rows are moved to see how slopes change."""
FIRST_BARRIER, NEXT_BARRIER = 1e-2, 1e-4
"""How far from all bounds to begin: without a guess, and with the solution of a problem much like it."""


class Fastest:
    """One minimum-time problem: round a whole circuit, or along a stretch from a given state.

    Args:
        road: The nodes to drive.
        car: Whose equations and limits hold.
        margin_m: How much the inner rear wheel keeps from the border; the rules allow it to reach it.
        start: The state at the first node; without it the road is closed and the lap a flying one.
        goal: The state to have at the last node, more or less.
    """

    def __init__(
        self,
        road: Road,
        car: CarSpec,
        *,
        margin_m: float,
        start: FloatArray | None = None,
        goal: FloatArray | None = None,
        guess: FloatArray | None = None,
    ) -> None:
        self.road, self.car, self.start, self.goal = road, car, start, goal
        self.nodes = len(road.xy)
        self.low, self.high = _bounds(road, car, margin_m)
        span = self.high - self.low
        self.barrier = FIRST_BARRIER if guess is None else NEXT_BARRIER
        guess = _careful(road, car) if guess is None else guess
        self.y = np.clip(guess, self.low + 0.02 * span, self.high - 0.02 * span)
        self.multipliers = np.zeros((STATE, self.nodes))
        self.pull_low = self.barrier / (self.y - self.low)
        self.pull_high = self.barrier / (self.high - self.y)
        self.steps = 0
        self.error = np.inf
        self.jacobians = np.zeros((self.nodes, STATE, ROWS))
        """How the state at each next node depends on a node's row, as of the last step."""
        self._rows, self._columns = self._pattern()

    @property
    def time_s(self) -> FloatArray:
        """Time from each node to the next."""
        return motion(self.y, self.road, self.car)[1]

    def solve(self, *, most_steps: int = 150, barrier: float = 3e-5) -> FloatArray:
        """The drive, shape (8, nodes); the best one so far where it does not converge."""
        from scipy.sparse import coo_matrix
        from scipy.sparse.linalg import splu

        for _ in range(most_steps):
            self.steps += 1
            slopes, hessian, matrix, gap = self._linearised()
            self.jacobians = matrix
            if self.error < 10 * self.barrier:
                if self.barrier <= barrier:
                    break
                self.barrier = max(barrier, self.barrier * 0.15)
            unknowns = (ROWS + STATE) * self.nodes
            entries = self._entries(hessian, matrix)
            system = coo_matrix((entries, (self._rows, self._columns)), shape=(unknowns, unknowns)).tocsc()
            force = slopes - self.barrier / (self.y - self.low) + self.barrier / (self.high - self.y)
            right = np.empty(unknowns)
            right[self._at_y], right[self._at_m] = -force.T, -gap.T
            answer = splu(system, permc_spec="NATURAL", diag_pivot_thresh=0.1).solve(right)
            self._move(answer[self._at_y].T, answer[self._at_m].T, force, gap)
        return self.y

    # -- one iteration -------------------------------------------------------------------------

    def _next(self, y: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Where every node's drive leads, and what it costs; an open road leads back to its start."""
        there, _, cost_s = motion(y, self.road, self.car)
        if self.start is not None:
            there[:, -1] = self.start
        return there, cost_s

    def _linearised(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
        """Slopes of the cost, convex Hessians by node, Jacobians by node, and gaps between nodes."""
        worth = -self.multipliers
        there, back = motion_and_slopes(self.y, self.road, self.car)
        matrix = back(np.repeat(np.eye(STATE)[:, :, None], self.nodes, axis=2), 0.0).transpose(2, 1, 0)
        if self.start is not None:
            there[:, -1], matrix[-1], worth[:, -1] = self.start, 0.0, 0.0
        slopes = back(worth, 1.0)
        moved = np.repeat(self.y[:, None], ROWS, axis=1)
        moved[np.arange(ROWS), np.arange(ROWS)] += NUDGE
        bent = motion_and_slopes(moved, self.road, self.car)[1](worth[:, None], 1.0)
        hessian = ((bent - slopes[:, None]) / NUDGE).transpose(2, 0, 1)
        slopes -= np.einsum("xn,nxd->dn", worth, matrix)
        self._add_goal(slopes, hessian)
        gap = np.roll(self.y[:STATE], -1, axis=1) - there
        change = self._change(self.y)
        slopes[STEER] += 2 * CALM * (change - np.roll(change, 1))
        self._judge(slopes, matrix, gap)
        values, vectors = np.linalg.eigh((hessian + hessian.transpose(0, 2, 1)) / 2)
        convex = np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 1e-6), vectors)
        pull = self.pull_low / (self.y - self.low) + self.pull_high / (self.high - self.y)
        convex[:, np.arange(ROWS), np.arange(ROWS)] += pull.T
        return slopes, convex, matrix, gap

    def _change(self, y: FloatArray) -> FloatArray:
        """Steering less that at the next node; the ends of an open road are no neighbours."""
        change = y[STEER] - np.roll(y[STEER], -1)
        if self.start is not None:
            change[-1] = 0.0
        return np.asarray(change)

    def _add_goal(self, slopes: FloatArray, hessian: FloatArray) -> None:
        if self.goal is not None:
            slopes[:STATE, -1] += 2 * _GOAL * (self.y[:STATE, -1] - self.goal)
            hessian[-1, np.arange(STATE), np.arange(STATE)] += 2 * _GOAL

    def _cost(self, y: FloatArray, cost_s: FloatArray) -> float:
        room = np.log(y - self.low).sum() + np.log(self.high - y).sum()
        cost = cost_s.sum() + CALM * (self._change(y) ** 2).sum() - self.barrier * room
        if self.goal is not None:
            cost += (_GOAL * (y[:STATE, -1] - self.goal) ** 2).sum()
        return float(cost)

    def _judge(self, slopes: FloatArray, matrix: FloatArray, gap: FloatArray) -> None:
        """How far from a solution of the present barrier problem this is."""
        dual = slopes - np.einsum("nxd,xn->dn", matrix, self.multipliers)
        dual[:STATE] += np.roll(self.multipliers, 1, axis=1)
        dual += self.pull_high - self.pull_low
        slack = max(
            np.abs(self.pull_low * (self.y - self.low) - self.barrier).max(),
            np.abs(self.pull_high * (self.high - self.y) - self.barrier).max(),
        )
        scale = max(1.0, np.abs(self.multipliers).mean())
        self.error = float(max(np.abs(dual).max() / scale, np.abs(gap).max(), slack / scale))

    def _move(self, dy: FloatArray, multipliers: FloatArray, force: FloatArray, gap: FloatArray) -> None:
        """Go as far along the Newton step as bounds allow and as it makes things better."""
        below, above = self.y - self.low, self.high - self.y
        pull_low = self.barrier / below - self.pull_low - self.pull_low / below * dy
        pull_high = self.barrier / above - self.pull_high + self.pull_high / above * dy
        far = min(_reach(below, dy), _reach(above, -dy))
        weight = 1.2 * np.abs(multipliers).max() + 0.1
        misfit = weight * np.abs(gap).sum()
        before = self._cost(self.y, self._next(self.y)[1]) + misfit
        slope = min(float((force * dy).sum()) - misfit, 0.0)
        part = far
        for _ in range(12):
            y = self.y + part * dy
            there, cost_s = self._next(y)
            miss = weight * np.abs(np.roll(y[:STATE], -1, axis=1) - there).sum()
            if self._cost(y, cost_s) + miss <= before + 1e-4 * part * slope + 1e-9:
                break
            part *= 0.5
        share = min(_reach(self.pull_low, pull_low), _reach(self.pull_high, pull_high))
        self.multipliers += (part if part < far else 1.0) * (multipliers - self.multipliers)
        self.pull_low += share * pull_low
        self.pull_high += share * pull_high
        self.y = y

    # -- the linear system ---------------------------------------------------------------------

    def _pattern(self) -> tuple[FloatArray, FloatArray]:
        """Where the entries of the system go.

        Nodes are taken from both ends at once (first, last, second, last but one ...), so neighbours stay
        near each other although the road is closed, and factorising stays cheap.
        """
        count = self.nodes
        place = np.empty(count, dtype=int)
        half = (count + 1) // 2
        place[:half] = 2 * np.arange(half)
        place[half:] = 2 * np.arange(count - half)[::-1] + 1
        self._at_y = place[:, None] * (ROWS + STATE) + np.arange(ROWS)
        self._at_m = place[:, None] * (ROWS + STATE) + ROWS + np.arange(STATE)
        y, m, following = self._at_y, self._at_m, np.roll(self._at_y, -1, axis=0)
        steer, steer1 = y[:, STEER], following[:, STEER]
        pairs = [
            (np.repeat(y, ROWS, axis=1), np.tile(y, (1, ROWS))),
            (np.repeat(m, ROWS, axis=1), np.tile(y, (1, STATE))),
            (np.tile(y, (1, STATE)), np.repeat(m, ROWS, axis=1)),
            (m, following[:, :STATE]),
            (following[:, :STATE], m),
            (m, m),
            (steer, steer),
            (steer1, steer1),
            (steer, steer1),
            (steer1, steer),
        ]
        rows, columns = zip(*((a.ravel(), b.ravel()) for a, b in pairs), strict=True)
        return np.concatenate(rows), np.concatenate(columns)

    def _entries(self, hessian: FloatArray, matrix: FloatArray) -> FloatArray:
        count = self.nodes
        calm = np.full(count, 2 * CALM)
        if self.start is not None:
            calm[-1] = 0.0
        one = np.ones(2 * STATE * count)
        small = np.full(STATE * count, -1e-10)
        links = (-matrix.ravel(), -matrix.ravel(), one, small)
        return np.concatenate((hessian.ravel(), *links, calm, calm, -calm, -calm))


_GOAL = np.array([20.0, 10.0, 0.5, 0.05, 1.0, 1.0])
"""Seconds that missing the goal costs, per squared metre, radian, metre per second ..."""


def _reach(room: FloatArray, change: FloatArray) -> float:
    """How much of a change keeps the room positive."""
    shrinking = change < 0
    return min(1.0, float((-0.995 * room[shrinking] / change[shrinking]).min())) if shrinking.any() else 1.0


def _bounds(road: Road, car: CarSpec, margin_m: float) -> tuple[FloatArray, FloatArray]:
    """Least and greatest value of every row; off the road is when no wheel's centre is on it."""
    beyond_m = car.rear_track_m / 2 - margin_m
    bend = road.bend_per_m
    low, high = np.empty((ROWS, len(bend))), np.empty((ROWS, len(bend)))
    high[N] = np.minimum(road.left_m + beyond_m, 0.85 / np.maximum(bend, 1e-6))
    low[N] = -np.minimum(road.right_m + beyond_m, 0.85 / np.maximum(-bend, 1e-6))
    high[XI:] = [[1.2], [car.top_speed_mps + 0.2], [12.0], [1.2], [1.2], [car.max_steer_rad], [0.0]]
    low[XI:] = -high[XI:]
    low[V] = SLOWEST_MPS / 2
    low[PUSH], high[PUSH] = -0.97 * car.brake_mps2, car.accelerate_mps2
    return low, high


def _careful(road: Road, car: CarSpec) -> FloatArray:
    """Something to start from: along the middle at the speed that the sharpest bends allow."""
    bend = np.clip(road.bend_per_m, -1.5, 1.5)
    speed = np.full(len(bend), min(0.4 * car.top_speed_mps, np.sqrt(0.55 * car.lateral_mps2 / 1.0)))
    wheel = wheel_angle(car, bend, speed)
    steer = wheel * (1 + car.steer_slow_s * car.steer_aligning_per_m * speed)
    steer = np.clip(steer, -0.9 * car.max_steer_rad, 0.9 * car.max_steer_rad)
    still = np.zeros(len(bend))
    return np.stack((still, still, speed, bend * speed, wheel, wheel - car.steer_kick * steer, steer, still))


def wheel_angle(car: CarSpec, bend_per_m: FloatArray, speed_mps: FloatArray) -> FloatArray:
    """The wheel angles that drive circles at given speeds: the turning law of the car model, solved."""
    wanted = np.abs(bend_per_m)
    wanted = wanted / (1 - np.minimum(wanted * speed_mps**2 / car.lateral_mps2, 0.97) ** 4) ** 0.25
    base_m = car.base_m + car.base_per_v2 * speed_mps**2
    tangent = wanted * base_m / np.maximum(1 - car.base_per_tan * wanted, 0.2)
    return np.asarray(np.arctan(np.copysign(tangent, bend_per_m)) - car.steer_bias_rad)
