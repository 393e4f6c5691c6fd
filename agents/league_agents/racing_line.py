"""Racing line: drives the fastest lap that the car's limits and the borders allow.

Before the start it computes that lap (`league_agents._fastest`): line, speed, steering and all, from the
very figures that the car is simulated by. On the road it looks a moment ahead: which turning rate the lap
wants there, plus what brings the car back to the lap, which wheel angle drives that, and which command has
the slow servo at that angle by then. So the servo's delay is answered before it is felt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan, ceil, copysign, cos, exp, floor, pi, sin, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Agent, Briefing, CarSpec, Command, Observation, hookimpl
from league_agents._fastest import PUSH, SLOWEST_MPS, STATE, XI, Fastest, N, R, Road, V

FloatArray = NDArray[Any]

# Planning.
STEER_SHARE = 0.9
"""Part of the steering that the lap may use; the rest is for corrections."""
MARGINS_M = (0.05, 0.10, 0.16, 0.24)
"""How much the inner rear wheel keeps from the border: the first with which a trial drive stays on it."""
SPARE_M = 0.02
"""What has to be left of it at the worst moment of the trial."""
START_NODES = 60
"""Length of the way from a stand to the lap that is planned at the start and after each reset."""
START_NEAR = np.array([0.03, 0.05, 0.25, 0.1, 0.05, 0.05])
"""How far a standing car may be from where its start was planned from."""

LAPS_KEPT = 16

# Driving.
LEAD_S = 0.16
"""How far ahead the wheels are steered: what the servo needs for most of a change."""
BACK = 1.6
"""Radians to turn towards the lap, per metre of distance from it and at 1 m/s."""
MOST_BACK_RAD = 0.5
TURN_PER_S = 5.0
"""Turning rate to correct with, per radian of error."""
MOST_STRAIN = 0.985
"""Part of the lateral limit beyond which turning the wheels further is of no use."""
SPEED_PER_S = 5.0
"""Acceleration to correct with, per m/s of error."""
EXCESS_MPS2 = 6.0
"""Braking per part of the lateral limit that is wanted but not there."""
MOST_EXCESS = 0.99


@dataclass(frozen=True)
class Line:
    """A drive to be repeated: what the car should be doing at each node of the road."""

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
        last = len(self.rows) - 1
        index = min(floor(local), last)
        following = (index + 1) % len(self.rows) if self.closed else min(index + 1, last)
        part = local - floor(local)
        return np.asarray(self.rows[index] * (1 - part) + self.rows[following] * part)


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
        self.servo_rad += (steer_rad - self.servo_rad) * (1 - exp(-step_s / car.steer_slow_s))
        self.servo_rad -= car.steer_aligning_per_m * v * self.servo_rad * step_s
        self.wheel_rad += (self.servo_rad - self.wheel_rad) * (1 - exp(-step_s / car.steer_fast_s))
        top_mps = min(car.speed_gain * speed_mps, car.top_speed_mps)
        top_mps /= 1 + car.corner_drag * abs(v * self.turn_radps)
        push = min(max((top_mps - v) / car.speed_lag_s, -car.brake_mps2), car.accelerate_mps2)
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
        window = np.arange(self.nodes)
        if self.near is not None:
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
        place = node + float(min(max(forward / max(step_m, 0.02), -1.0), 1.0))
        index, part = floor(place) % self.nodes, place - floor(place)
        heading = float(road.heading_rad[index] + part * road.turn_rad[index])
        foot = road.xy[index] * (1 - part) + road.xy[(index + 1) % self.nodes] * part
        dx, dy = car.x_m - foot[0], car.y_m - foot[1]
        offset_m = float(dy * cos(heading) - dx * sin(heading))
        return place % self.nodes, offset_m, (car.yaw_rad - heading + pi) % (2 * pi) - pi

    def after(self, place: float, distance_m: float) -> float:
        """The place a distance on."""
        return place + distance_m / float(self.road.step_m[floor(place) % self.nodes])

    def spare_m(self, car: Motion) -> float:
        """How far the base point is from the nearer border; negative beyond it."""
        place, offset_m, _ = self.locate(car)
        index, part = floor(place) % self.nodes, place - floor(place)
        following = (index + 1) % self.nodes
        left_m, right_m = self.road.left_m, self.road.right_m
        to_left_m = left_m[index] * (1 - part) + left_m[following] * part - offset_m
        to_right_m = right_m[index] * (1 - part) + right_m[following] * part + offset_m
        return float(min(to_left_m, to_right_m))


class RacingLine(Agent):
    """Drive the fastest lap, and find back to it from wherever the car has got to."""

    sensors = ("state", "pose")

    car: CarSpec
    """Whose figures everything is computed from."""
    axis: Axis
    lap: Line
    """The flying lap."""
    start: Line
    """The way to the lap from where the car stood last."""
    line: Line
    """Which of the two is being driven."""
    planned: bool
    """Whether the way from the present stand has been planned."""
    steer_rad: float
    """The last steering command."""
    servo_rad: float
    """Where the servo is; no sensor tells, so its model runs along."""
    last: Command
    """The command in effect."""

    def prepare(self, briefing: Briefing) -> None:
        """Compute the lap and try it out; takes a few seconds."""
        self.car, self.tick_s = briefing.car, briefing.tick_s
        substeps = ceil(120 * self.tick_s - 1e-9)
        self.step_s = self.tick_s / substeps
        self.dead = round(self.car.steer_dead_s / self.step_s)
        self.late = round(self.car.speed_dead_s / self.step_s)
        self.limited = self.car.changed(max_steer_rad=STEER_SHARE * self.car.max_steer_rad)
        self.axis = Axis(Road.along(briefing.circuit))
        grid = _grid(briefing)
        for margin_m in MARGINS_M:
            self.margin_m = margin_m
            self.lap, lap_s = self.fastest_lap(briefing.circuit.sha256)
            self.forget()
            self.start = self.plan_start(*self.seen_from(grid))
            if self.trial(replace(grid), 2.5 * lap_s) >= SPARE_M:
                break
        self.forget()

    def act(self, seen: Observation) -> Command:
        """Answer one tick."""
        if seen.penalty is not None and seen.speed_mps == 0:
            self.forget()
        x_m, y_m, yaw_rad = (float(value) for value in seen.sensors["pose"][:3])
        back_m = self.car.base_to_nose_m - self.car.nose_m
        x_m, y_m = x_m - back_m * cos(yaw_rad), y_m - back_m * sin(yaw_rad)
        speed, turn, wheel = seen.speed_mps, seen.yaw_rate_radps, seen.steer_rad
        self.last = seen.last_command
        car = Motion(x_m, y_m, yaw_rad, speed, turn, wheel, self.servo_rad)
        return self.drive(car, most_push=self.push_in_traffic(seen))

    # -- driving ---------------------------------------------------------------------------------

    def drive(self, car: Motion, *, most_push: float = 9.0) -> Command:
        """The command for a car that is here now."""
        now = replace(car)
        for _ in range(self.dead):
            car.advance(self.car, self.steer_rad, self.last.speed_mps, self.step_s)
        place, state = self.seen_from(car)
        self.choose_line(place, state)
        nodes, v = self.axis.nodes, car.speed_mps
        here = self.line.at(place, nodes)
        there = self.line.at(self.axis.after(place, v * (LEAD_S + self.car.yaw_lag_s)), nodes)
        then_mps = max(v + there[V] - here[V], 0.2)

        # Where the errors will be when the wheels have turned.
        error_rad = state[XI] - here[XI] + LEAD_S * (car.turn_radps - v * here[R] / here[V])
        off_m = state[N] - here[N] + LEAD_S * v * error_rad
        back_rad = max(-MOST_BACK_RAD, min(MOST_BACK_RAD, BACK * off_m / max(v, 0.7)))
        turn_radps = then_mps * there[R] / there[V] - TURN_PER_S * (error_rad + back_rad)
        wheel_rad = self.wheel_for(turn_radps / then_mps, then_mps)

        excess = max(abs(turn_radps) * then_mps / self.car.lateral_mps2 - MOST_EXCESS, 0.0)
        care = 1 + max(0.0, 1.5 * abs(off_m) - 0.1) + max(0.0, abs(error_rad) - 0.1)
        soon = self.line.at(self.axis.after(place, max(v, 0.1) * 0.8 * self.tick_s), nodes)
        push = soon[PUSH] + SPEED_PER_S * (here[V] / care - v) - EXCESS_MPS2 * excess
        return self.command(now, car, self.servo_for(wheel_rad, car), min(push, most_push))

    def choose_line(self, place: float, state: FloatArray) -> None:
        """Take the way that was planned from this stand, and later the lap."""
        if state[V] < 0.2 and not self.planned:
            near = self.start.covers(place, self.axis.nodes)
            if not near or (np.abs(state - self.start.at(place, self.axis.nodes)[:STATE]) > START_NEAR).any():
                self.start = self.plan_start(place, state)
            self.line, self.planned = self.start, True
        if not self.line.covers(place, self.axis.nodes):
            self.line = self.lap

    def wheel_for(self, bend_per_m: float, speed_mps: float) -> float:
        """The wheel angle that drives a circle at a speed: the turning law of the model, solved for it."""
        car = self.car
        share = min(abs(bend_per_m) * speed_mps**2 / car.lateral_mps2, MOST_STRAIN)
        wanted = share * car.lateral_mps2 / speed_mps**2 / (1 - share**4) ** 0.25
        base_m = car.base_m + car.base_per_v2 * speed_mps**2
        tangent = wanted * base_m / max(1 - car.base_per_tan * wanted, 0.2)
        return atan(copysign(tangent, bend_per_m)) - car.steer_bias_rad

    def servo_for(self, wheel_rad: float, car: Motion) -> float:
        """The command that has the wheels at an angle in a moment, however slow the servo.

        The servo is linear in the command, so two looks ahead tell.
        """
        spec, ends = self.car, []
        slow, fast = 1 - exp(-self.step_s / spec.steer_slow_s), 1 - exp(-self.step_s / spec.steer_fast_s)
        aligning = spec.steer_aligning_per_m * car.speed_mps * self.step_s
        for steer_rad in (0.0, 1.0):
            servo = car.servo_rad + spec.steer_kick * (steer_rad - self.steer_rad)
            wheel = car.wheel_rad
            for _ in range(round(LEAD_S / self.step_s)):
                servo += (steer_rad - servo) * slow - aligning * servo
                wheel += (servo - wheel) * fast
            ends.append(wheel)
        return (wheel_rad - ends[0]) / (ends[1] - ends[0])

    def command(self, now: Motion, car: Motion, steer_rad: float, push_mps2: float) -> Command:
        """What to ask for, so that the car accelerates like this; remembers what the servo makes of it."""
        spec = self.car
        steer_rad = max(-spec.max_steer_rad, min(spec.max_steer_rad, steer_rad))
        lag_s = self.tick_s / (1 - exp(-self.tick_s / spec.speed_lag_s))
        speed_mps = float(car.speed_mps + lag_s * push_mps2)
        speed_mps *= (1 + spec.corner_drag * abs(car.speed_mps * car.turn_radps)) / spec.speed_gain
        if push_mps2 >= 0.95 * spec.accelerate_mps2:
            speed_mps = spec.max_speed_mps
        before_rad, servo_rad = self.steer_rad, now.servo_rad
        for step in range(round(self.tick_s / self.step_s)):
            if step == self.dead:
                servo_rad += spec.steer_kick * (steer_rad - before_rad)
            effect_rad = before_rad if step < self.dead else steer_rad
            servo_rad += (effect_rad - servo_rad) * (1 - exp(-self.step_s / spec.steer_slow_s))
            servo_rad -= spec.steer_aligning_per_m * now.speed_mps * servo_rad * self.step_s
        self.steer_rad, self.servo_rad = steer_rad, servo_rad
        return Command(steer_rad, max(0.0, min(spec.max_speed_mps, speed_mps)))

    def push_in_traffic(self, seen: Observation) -> float:
        """Most acceleration behind a car that is in the way: a collision is charged to the one behind."""
        allowed_mps = 9.0
        for other in seen.opponents:
            if not other.standing and 0 < other.x_m < 3.0 and abs(other.y_m) < 0.22 + 0.1 * other.x_m:
                gap_m = max(other.x_m - self.car.length_m - 0.15, 0.0)
                allowed_mps = min(allowed_mps, other.speed_mps + 1.5 * gap_m)
        return (allowed_mps - seen.speed_mps) / 0.2

    # -- planning --------------------------------------------------------------------------------

    def forget(self) -> None:
        """The car stands with centred wheels, on the grid or where it was put back."""
        self.steer_rad = self.servo_rad = 0.0
        self.last = Command(0.0, 0.0)
        self.planned = False
        self.axis.near = None
        self.line = self.lap

    def seen_from(self, car: Motion) -> tuple[float, FloatArray]:
        """Place along the road, in nodes, and the state there."""
        place, offset_m, error_rad = self.axis.locate(car)
        slow_rad = car.servo_rad - self.car.steer_kick * self.steer_rad
        return place, np.array([offset_m, error_rad, car.speed_mps, car.turn_radps, car.wheel_rad, slow_rad])

    def fastest_lap(self, circuit: str) -> tuple[Line, float]:
        """The flying lap and its time; computed once for all heats that this process drives."""
        key = (circuit, self.limited, self.margin_m)
        if key not in _LAPS:
            problem = Fastest(self.axis.road, self.limited, margin_m=self.margin_m)
            rows = problem.solve().T.copy()
            rows.setflags(write=False)
            if len(_LAPS) >= LAPS_KEPT:
                del _LAPS[next(iter(_LAPS))]
            _LAPS[key] = Line(0, True, rows), float(problem.time_s.sum())
        return _LAPS[key]

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
        return Line(first, False, problem.solve(most_steps=80).T.copy())

    def trial(self, car: Motion, time_s: float) -> float:
        """Drive from the grid in a simulation of its own: what the inner wheels had left to the border."""
        spare_m = 9.0
        for _ in range(round(time_s / self.tick_s)):
            before_rad, before = self.steer_rad, self.last
            command = self.drive(replace(car))
            for step in range(round(self.tick_s / self.step_s)):
                if step == self.dead:
                    car.servo_rad += self.car.steer_kick * (command.steer_rad - before_rad)
                steer_rad = before_rad if step < self.dead else command.steer_rad
                speed_mps = (before if step < self.late else command).speed_mps
                car.advance(self.car, steer_rad, speed_mps, self.step_s)
            self.last, self.servo_rad = command, car.servo_rad
            spare_m = min(spare_m, self.axis.spare_m(car) + self.car.rear_track_m / 2)
        return spare_m


_LAPS: dict[tuple[str, CarSpec, float], tuple[Line, float]] = {}


def _grid(briefing: Briefing) -> Motion:
    """Where the car will stand before the start: on the centre line alone, else on its lane line."""
    circuit, along_m = briefing.circuit, -briefing.seat * briefing.rules.grid_gap_m
    offset_m = 0.0
    if briefing.opponents:
        left = circuit.clockwise == (briefing.seat % 2 == 0)
        offset_m = float(circuit.width_left_at(along_m) if left else -circuit.width_right_at(along_m)) / 2
    (x_m, y_m), yaw_rad = circuit.at(along_m, offset_m), float(circuit.heading_at(along_m))
    back_m = briefing.car.base_to_nose_m
    return Motion(float(x_m) - back_m * cos(yaw_rad), float(y_m) - back_m * sin(yaw_rad), yaw_rad)


@hookimpl
def register_agents() -> dict[str, type[Agent]]:
    """Offer the driver under the name that events use."""
    return {"racing-line": RacingLine}
