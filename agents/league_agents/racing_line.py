"""Racing line: drives the fastest lap that the car's limits and the borders allow.

Before the start it computes that lap (`league_agents._fastest`): line, speed, steering and all, from the
very figures that the car is simulated by. The steering of that lap already leads the slow servo, since the
servo is part of what is optimised. On the road it gives the lap's commands and corrects what it sees of
errors by a linear-quadratic regulator along the lap (Anderson & Moore, "Optimal Control", 1990, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan, ceil, copysign, cos, exp, floor, pi, sin, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Agent, Briefing, CarSpec, Command, Observation, hookimpl
from league_agents._fastest import (
    PUSH,
    SLOWEST_MPS,
    STATE,
    STEER,
    XI,
    Fastest,
    N,
    Road,
    V,
    R,
)

FloatArray = NDArray[Any]

STEER_SHARE = 0.9
"""Part of the steering that the lap may use; the rest is for corrections."""
MARGINS_M = (0.05, 0.10, 0.16, 0.24)
"""How much the inner rear wheel keeps from the border: the first with which a trial drive stays on the road."""
SPARE_M = 0.02
"""What has to be left of it at the worst moment of the trial."""
START_NODES = 60
"""Length of the way from a stand to the lap that is planned at the start and after each reset."""
MOST_STRAIN = 0.985
LEAD_S = 0.16
BACK = 1.6
TURN_PER_S = 5.0
SPEED_PER_S = 5.0
EXCESS = 6.0
START_NEAR = np.array([0.03, 0.05, 0.25, 0.1, 0.05, 0.05])
"""How far a standing car may be from where its start was planned from."""


@dataclass(frozen=True)
class Line:
    """A drive to be repeated: what the car should be doing at each node, and how to correct it."""

    first: int
    """The node of the road at which it begins."""
    closed: bool
    rows: FloatArray
    """Shape (nodes, 8), columns as in `_fastest`."""

    def covers(self, place: float, nodes: int) -> bool:
        """Whether a place of the road, in nodes, lies on it."""
        return self.closed or (place - self.first) % nodes < len(self.rows) - 2

    def at(self, place: float, nodes: int) -> FloatArray:
        """The row at a place of the road, between nodes too."""
        local = (place - self.first) % nodes
        index = floor(local)
        part = local - index
        following = (index + 1) % len(self.rows) if self.closed else min(index + 1, len(self.rows) - 1)
        return self.rows[min(index, len(self.rows) - 1)] * (1 - part) + self.rows[following] * part


@dataclass
class Motion:
    """The base point of the car and everything about it that evolves."""

    x_m: float
    y_m: float
    yaw_rad: float
    speed_mps: float
    turn_radps: float
    wheel_rad: float
    servo_rad: float

    def advance(self, car: CarSpec, steer_rad: float, speed_mps: float, step_s: float) -> None:
        """One physics step of the car model with the commands in effect."""
        v, t = self.speed_mps, 0.0
        self.servo_rad += (steer_rad - self.servo_rad) * (1 - exp(-step_s / car.steer_slow_s))
        self.servo_rad -= car.steer_aligning_per_m * v * self.servo_rad * step_s
        self.wheel_rad += (self.servo_rad - self.wheel_rad) * (1 - exp(-step_s / car.steer_fast_s))
        top = min(car.speed_gain * speed_mps, car.top_speed_mps) / (1 + car.corner_drag * abs(v * self.turn_radps))
        push = min(max((top - v) / car.speed_lag_s, -car.brake_mps2), car.accelerate_mps2)
        v = max(v + step_s * push, 0.0)
        t = tan(self.wheel_rad + car.steer_bias_rad)
        steady = v * t / (car.base_m + car.base_per_v2 * v * v + car.base_per_tan * abs(t))
        steady /= (1 + (abs(v * steady) / car.lateral_mps2) ** 4) ** 0.25
        self.turn_radps += (steady - self.turn_radps) * (1 - exp(-step_s / car.yaw_lag_s))
        self.yaw_rad += self.turn_radps * step_s
        self.x_m += v * cos(self.yaw_rad) * step_s
        self.y_m += v * sin(self.yaw_rad) * step_s
        self.speed_mps = v


class Axis:
    """Coordinates along a road: where a point lies, in nodes and metres to the left."""

    def __init__(self, road: Road) -> None:
        self.road, self.nodes = road, len(road.xy)
        self.near: int | None = None

    def locate(self, car: Motion) -> tuple[float, float, float]:
        """Place along the road in nodes, offset to the left, direction less the road's."""
        road = self.road
        if self.near is None:
            window = np.arange(self.nodes)
        else:
            window = (self.near + np.arange(-6, 16)) % self.nodes
        away = road.xy[window] - (car.x_m, car.y_m)
        square = (away * away).sum(axis=1)
        nearest = int(square.argmin())
        if self.near is not None and square[nearest] > 1.0:
            self.near = None
            return self.locate(car)
        self.near = node = int(window[nearest])
        heading = road.heading_rad[node]
        dx, dy = -away[nearest]
        forward, left = dx * cos(heading) + dy * sin(heading), dy * cos(heading) - dx * sin(heading)
        behind = node if forward >= 0 else node - 1
        step_m = road.step_m[behind] - left * road.turn_rad[behind]
        place = node + min(max(forward / max(step_m, 0.02), -1.0), 1.0)
        (foot_x, foot_y), heading = self.foot(place)
        dx, dy = car.x_m - foot_x, car.y_m - foot_y
        offset_m = dy * cos(heading) - dx * sin(heading)
        return place % self.nodes, offset_m, (car.yaw_rad - heading + pi) % (2 * pi) - pi

    def foot(self, place: float) -> tuple[FloatArray, float]:
        """The point of the axis at a place, and its heading."""
        index, part = floor(place) % self.nodes, place - floor(place)
        following = (index + 1) % self.nodes
        heading = self.road.heading_rad[index] + part * self.road.turn_rad[index]
        return self.road.xy[index] * (1 - part) + self.road.xy[following] * part, float(heading)

    def point(self, place: float, offset_m: float) -> tuple[float, float]:
        """The point to the left of the axis at a place."""
        (x_m, y_m), heading = self.foot(place)
        return float(x_m - offset_m * sin(heading)), float(y_m + offset_m * cos(heading))

    def step_m(self, place: float) -> float:
        """Distance between nodes at a place."""
        return float(self.road.step_m[floor(place) % self.nodes])

    def on_road(self, place: float, offset_m: float) -> float:
        """An offset, brought between the borders."""
        node = round(place) % self.nodes
        return float(min(max(offset_m, 0.1 - self.road.right_m[node]), self.road.left_m[node] - 0.1))

    def spare_m(self, car: Motion) -> float:
        """How far the base point is from the nearer border; negative beyond it."""
        place, offset_m, _ = self.locate(car)
        near, part = floor(place) % self.nodes, place - floor(place)
        following = (near + 1) % self.nodes
        left_m = self.road.left_m[near] * (1 - part) + self.road.left_m[following] * part
        right_m = self.road.right_m[near] * (1 - part) + self.road.right_m[following] * part
        return float(min(left_m - offset_m, right_m + offset_m))


class RacingLine(Agent):
    """Drive the fastest lap, and find back to it from wherever the car has got to."""

    sensors = ("state", "pose")

    def prepare(self, briefing: Briefing) -> None:
        """Compute the lap and try it out; takes a few seconds."""
        self.car, self.tick_s = briefing.car, briefing.tick_s
        self.substeps = ceil(120 * self.tick_s - 1e-9)
        self.dead = round(self.car.steer_dead_s * self.substeps / self.tick_s)
        self.limited = self.car.changed(max_steer_rad=STEER_SHARE * self.car.max_steer_rad)
        self.axis = Axis(Road.along(briefing.circuit))
        grid = _grid(briefing)
        for margin_m in MARGINS_M:
            self.margin_m = margin_m
            problem = Fastest(self.axis.road, self.limited, margin_m=margin_m)
            problem.solve()
            self.lap = Line(0, True, problem.y.T.copy())
            self.forget()
            self.start = self.plan_start(*self.seen_from(grid))
            if self.trial(replace(grid), 2.5 * float(problem.time_s.sum())) >= SPARE_M:
                break
        self.forget()

    def act(self, seen: Observation) -> Command:
        """Give the lap's command at the place where the car will be when it acts, corrected."""
        x_m, y_m, yaw_rad = (float(value) for value in seen.sensors["pose"][:3])
        back_m = self.car.base_to_nose_m - self.car.nose_m
        if seen.penalty is not None and seen.speed_mps == 0:
            self.forget()
        car = Motion(
            x_m - back_m * cos(yaw_rad),
            y_m - back_m * sin(yaw_rad),
            yaw_rad,
            seen.speed_mps,
            seen.yaw_rate_radps,
            seen.steer_rad,
            self.servo_rad,
        )
        self.in_effect = seen.last_command
        steer_rad, push_mps2 = self.drive(car)
        push_mps2 = min(push_mps2, self.push_in_traffic(seen))
        return self.command(car, steer_rad, push_mps2)

    # -- the lap and the way to it ---------------------------------------------------------------

    def drive(self, car: Motion) -> tuple[float, float]:
        """Steering and acceleration from where the car will be when the command takes effect."""
        self.servo_before_rad, self.speed_before_mps = car.servo_rad, car.speed_mps
        for _ in range(self.dead):
            car.advance(self.car, self.steer_rad, self.in_effect.speed_mps, self.tick_s / self.substeps)
        place, state = self.seen_from(car)
        if car.speed_mps < 0.2 and not self.planned:
            near = self.start.covers(place, self.axis.nodes)
            if not near or (np.abs(state - self.start.at(place, self.axis.nodes)[:STATE]) > START_NEAR).any():
                self.start = self.plan_start(place, state)
            self.line, self.planned = self.start, True
        if not self.line.covers(place, self.axis.nodes):
            self.line = self.lap
        row = self.line.at(place, self.axis.nodes)
        ahead = self.line.at(place + car.speed_mps * (LEAD_S + self.car.yaw_lag_s) / self.axis.step_m(place), self.axis.nodes)
        speed_mps = max(car.speed_mps + ahead[V] - row[V], 0.2)
        off_m, error_rad = state[N] - row[N], state[XI] - row[XI]
        drift_radps = car.turn_radps - row[R] / row[V] * car.speed_mps
        error_rad += drift_radps * LEAD_S
        off_m += car.speed_mps * error_rad * LEAD_S
        toward_rad = -max(-0.5, min(0.5, BACK * off_m / max(car.speed_mps, 0.7)))
        turn_radps = ahead[R] / ahead[V] * speed_mps + TURN_PER_S * (toward_rad - error_rad)
        bend = turn_radps / speed_mps
        wheel_rad = wheel(self.car, bend, speed_mps)
        steer_rad = self.servo(car, wheel_rad)
        excess = max(abs(turn_radps) * speed_mps / self.car.lateral_mps2 - 0.99, 0.0)
        soon = self.line.at(place + max(car.speed_mps, 0.1) * self.tick_s * .8 / self.axis.step_m(place), self.axis.nodes)
        loss = 1 + max(0.0, 1.5 * abs(off_m) - 0.1) + max(0.0, abs(error_rad) - 0.1)
        push = soon[PUSH] + SPEED_PER_S * (row[V] / loss - car.speed_mps) - EXCESS * excess
        self.log=(place,off_m,error_rad,drift_radps,car.speed_mps-row[V],wheel_rad-ahead[4],steer_rad,excess)
        return steer_rad, float(push)

    def servo(self, car: Motion, wheel_rad: float) -> float:
        """The command that has the wheels at an angle in a moment, however slow the servo."""
        spec, step_s = self.car, self.tick_s / self.substeps
        ends = []
        slow, fast = 1 - exp(-step_s / spec.steer_slow_s), 1 - exp(-step_s / spec.steer_fast_s)
        for steer_rad in (0.0, 1.0):
            servo, wheel = car.servo_rad + spec.steer_kick * (steer_rad - self.steer_rad), car.wheel_rad
            for _ in range(round(LEAD_S / step_s)):
                servo += (steer_rad - servo) * slow - spec.steer_aligning_per_m * car.speed_mps * servo * step_s
                wheel += (servo - wheel) * fast
            ends.append(wheel)
        return (wheel_rad - ends[0]) / (ends[1] - ends[0])

    def seen_from(self, car: Motion) -> tuple[float, FloatArray]:
        """Place along the road, in nodes, and the state there."""
        place, offset_m, error_rad = self.axis.locate(car)
        slow_rad = car.servo_rad - self.car.steer_kick * self.steer_rad
        return place, np.array(
            [offset_m, error_rad, car.speed_mps, car.turn_radps, car.wheel_rad, slow_rad]
        )

    def plan_start(self, place: float, state: FloatArray) -> Line:
        """The fastest way from a stand to the lap."""
        nodes, first = self.axis.nodes, floor(place)
        length = min(START_NODES, nodes - 2)
        problem = Fastest(
            self.axis.road.stretch(first, length),
            self.limited,
            margin_m=self.margin_m,
            start=np.maximum(state, [-9, -9, SLOWEST_MPS, -9, -9, -9]),
            goal=self.lap.at(first + length - 1, nodes)[:STATE],
        )
        problem.solve(most_steps=80)
        return Line(first, False, problem.y.T.copy())

    def push_in_traffic(self, seen: Observation) -> float:
        """Most acceleration behind a car that is in the way: a collision is charged to the one behind."""
        allowed_mps = 9.0
        for other in seen.opponents:
            if 0 < other.x_m < 3.0 and abs(other.y_m) < 0.22 + 0.1 * other.x_m:
                gap_m = max(other.x_m - self.car.length_m - 0.15, 0.0)
                allowed_mps = min(allowed_mps, other.speed_mps + 1.5 * gap_m)
        return (allowed_mps - seen.speed_mps) / 0.2

    # -- commands --------------------------------------------------------------------------------

    def command(self, car: Motion, steer_rad: float, push_mps2: float) -> Command:
        """What to ask for, so that the car accelerates like this; remembers what the servo makes of it."""
        spec = self.car
        steer_rad = max(-spec.max_steer_rad, min(spec.max_steer_rad, steer_rad))
        lag_s = self.tick_s / (1 - exp(-self.tick_s / spec.speed_lag_s))
        speed_mps = car.speed_mps + lag_s * push_mps2
        speed_mps *= (1 + spec.corner_drag * abs(car.speed_mps * car.turn_radps)) / spec.speed_gain
        if push_mps2 >= 0.95 * spec.accelerate_mps2:
            speed_mps = spec.max_speed_mps
        step_s, servo_rad = self.tick_s / self.substeps, self.servo_before_rad
        for step in range(self.substeps):
            if step == self.dead:
                servo_rad += spec.steer_kick * (steer_rad - self.steer_rad)
                self.steer_rad = steer_rad
            servo_rad += (self.steer_rad - servo_rad) * (1 - exp(-step_s / spec.steer_slow_s))
            servo_rad -= spec.steer_aligning_per_m * self.speed_before_mps * servo_rad * step_s
        self.servo_rad = servo_rad
        return Command(steer_rad, max(0.0, min(spec.max_speed_mps, speed_mps)))

    def forget(self) -> None:
        """The car stands with centred wheels, on the grid or where it was put back."""
        self.steer_rad = self.servo_rad = 0.0
        self.planned = False
        self.axis.near = None
        self.line = self.lap

    def trial(self, car: Motion, time_s: float) -> float:
        """Drive from the grid in a simulation of one's own: the least that the inner wheels kept from a border."""
        self.in_effect, spare_m = Command(0.0, 0.0), 9.0
        late = round(self.car.speed_dead_s * self.substeps / self.tick_s)
        for _ in range(round(time_s / self.tick_s)):
            before_steer, before = self.steer_rad, self.in_effect
            command = self.command(ahead := replace(car, servo_rad=self.servo_rad), *self.drive(ahead))
            for step in range(self.substeps):
                if step == self.dead:
                    car.servo_rad += self.car.steer_kick * (command.steer_rad - before_steer)
                steer_rad = before_steer if step < self.dead else command.steer_rad
                speed_mps = (before if step < late else command).speed_mps
                car.advance(self.car, steer_rad, speed_mps, self.tick_s / self.substeps)
            self.in_effect = command
            spare_m = min(spare_m, self.axis.spare_m(car) + self.car.rear_track_m / 2)
        return spare_m


def wheel(car: CarSpec, bend_per_m: float, speed_mps: float) -> float:
    """The wheel angle that drives a circle at a speed: the turning law of the car model, solved for it."""
    share = min(abs(bend_per_m) * speed_mps**2 / car.lateral_mps2, MOST_STRAIN)
    wanted = share * car.lateral_mps2 / speed_mps**2 / (1 - share**4) ** 0.25
    base_m = car.base_m + car.base_per_v2 * speed_mps**2
    tangent = wanted * base_m / max(1 - car.base_per_tan * wanted, 0.2)
    return atan(copysign(tangent, bend_per_m)) - car.steer_bias_rad


def _grid(briefing: Briefing) -> Motion:
    """Where the car will stand before the start: on the centre line alone, else on its lane line."""
    circuit, along_m = briefing.circuit, -briefing.seat * briefing.rules.grid_gap_m
    offset_m = 0.0
    if briefing.opponents:
        left = circuit.clockwise == (briefing.seat % 2 == 0)
        offset_m = float(circuit.width_left_at(along_m) if left else -circuit.width_right_at(along_m)) / 2
    (x_m, y_m), yaw_rad = circuit.at(along_m, offset_m), float(circuit.heading_at(along_m))
    back_m = briefing.car.base_to_nose_m
    return Motion(float(x_m) - back_m * cos(yaw_rad), float(y_m) - back_m * sin(yaw_rad), yaw_rad, 0, 0, 0, 0)


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name that events use."""
    return {"racing-line": RacingLine}
