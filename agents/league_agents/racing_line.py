"""Racing line: drives the fastest lap that the car's limits and the borders allow.

Before the start it computes that lap (`league_agents._fastest`): line, speed, steering and all, from the
very figures that the car is simulated by. On the road it looks a moment ahead: which turning rate the lap
wants there, plus what brings the car back to the lap, which wheel angle drives that, and which command has
the slow servo at that angle by then. So the servo's delay is answered before it is felt.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import atan, ceil, copysign, cos, exp, floor, inf, sin, sqrt, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league import Agent, Box, Briefing, CarSpec, Command, Observation, hookimpl
from league_agents._fastest import PUSH, SLOWEST_MPS, STATE, XI, Fastest, N, R, V
from league_agents._road import Road

FloatArray = NDArray[Any]

# Planning.
STEER_SHARE = 0.9
"""Part of the steering that the lap may use; the rest is for corrections."""
MARGINS_M = (0.03, 0.05, 0.10, 0.16, 0.24)
"""How much the inner rear wheel keeps from the border: the first with which a trial drive stays on it."""
SPARE_M = 0.02
"""What has to be left of it at the worst moment of the trial."""
START_NODES = 60
"""Length of the way from a stand to the lap that is planned at the start and after each reset."""
START_NEAR = (0.03, 0.05)
"""How far to the side, and in direction, a car may stand from where its start was planned from."""

LAPS_KEPT = 16

# Driving.
LEAD_S = 0.16
"""How far ahead the wheels are steered: what the servo needs for most of a change."""
BACK = 2.4
"""Radians to turn towards the lap, per metre of distance from it and at 1 m/s."""
MOST_BACK_RAD = 0.5
TURN_PER_S = 6.0
"""Turning rate to correct with, per radian of error."""
MOST_STRAIN = 0.985
"""Part of the lateral limit beyond which turning the wheels further is of no use."""
SPEED_PER_S = 5.0
"""Acceleration to correct with, per m/s of error."""
EXCESS_MPS2 = 6.0
"""Braking per part of the lateral limit that is wanted but not there."""
MOST_EXCESS = 0.99

# Traffic.
SEEN_AHEAD_M = 5.0
BESIDE_M = 0.12
"""Room between two cars that pass each other."""
EDGE_M = 0.06
"""How far the middle of the car stays from the border while it passes."""
CLEAR_AHEAD_M, CLEAR_STEPS = 5.0, 15
"""The shifted line must stay on the road for this far."""
SHIFT_M = 1.0
"""Distance in which most of a small shift is done."""
SHIFT_SLOPE, SHIFT_BEND_PER_M = 0.14, 0.25
"""The steepest way to the side, and how fast it gets steep."""
SHIFT_CARE_PER_M = 0.5
"""Part of the speed to give up on a shifted line."""
BOX_ROOM_M = 0.10
"""Room between the body and a box that the lap leads past."""
LEAST_M = 0.05
"""Width for the middle of the rear axle below which no lap is looked for."""
STRAIGHT_M = 1.2
"""Up to here, what is ahead of the body is in the way."""
MEET_S = 1.0
"""How far ahead in time another car's way to the side is carried on."""
KEPT_M, KEPT_S, REACTION_S, CAREFUL_MPS2 = 0.15, 0.08, 0.35, 2.0
"""Gap to keep to a car ahead, and the delay and braking that the speed behind it allows for."""


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


class Traffic:
    """The cars around: how far to the side of the line to pass them, and how fast to be behind them.

    A collision is charged to the car behind, so nothing is gained by daring.
    """

    def __init__(self, road: Road, car: CarSpec, tick_s: float) -> None:
        self.road, self.tick_s, self.length_m = road, tick_s, car.length_m
        self.apart_m = car.width_m + BESIDE_M
        self.forget()

    def forget(self) -> None:
        """Nobody is in the way."""
        self.shift_m, self.slope, self.most_mps = 0.0, 0.0, inf

    def look(
        self, seen: Observation, pose: tuple[float, float, float], line: Line, near: float | None
    ) -> None:
        """Look at the cars around; `pose` is this car's, `line` what it would drive."""
        x_m, y_m, yaw_rad = pose
        goal_m, self.most_mps = 0.0, inf
        me = self.road.locate(x_m, y_m, yaw_rad, near)
        low_m, high_m = self.room(me.place, line)
        off_m = me.offset_m - float(line.at(me.place, len(self.road.xy))[N]) - self.shift_m
        for other in reversed(seen.opponents):  # the nearest one last: it decides
            if other.box:
                continue  # the lap goes round it
            spot = self.road.locate(
                x_m + other.x_m * cos(yaw_rad) - other.y_m * sin(yaw_rad),
                y_m + other.x_m * sin(yaw_rad) + other.y_m * cos(yaw_rad),
                yaw_rad + other.yaw_rad,
            )
            ahead_m = self.road.ahead_m(me.place, spot.place)
            if not -0.6 < ahead_m < SEEN_AHEAD_M or not line.covers(spot.place, len(self.road.xy)):
                continue
            meet_s = min(max(ahead_m, 0.0) / max(seen.speed_mps - other.speed_mps, 0.5), MEET_S)
            meet = self.road.after(spot.place, other.speed_mps * meet_s)
            line_m = float(line.at(meet, len(self.road.xy))[N])
            theirs_m = spot.offset_m + other.speed_mps * meet_s * sin(spot.error_rad)
            if abs(line_m - theirs_m) < self.apart_m:
                sides = (theirs_m + self.apart_m - line_m, theirs_m - self.apart_m - line_m)
                open_m = [side for side in sides if low_m <= side <= high_m]
                goal_m = min(open_m, key=lambda side: abs(side - self.shift_m), default=goal_m)
            mine_m = line_m + self.shift_m + max(1 - ahead_m / 1.5, 0.0) * off_m
            swept = sorted((spot.offset_m, theirs_m))
            beside_m = max(swept[0] - mine_m, mine_m - swept[1])
            if 0 < other.x_m < STRAIGHT_M:  # whatever the road does, it is straight ahead
                beside_m = min(beside_m, abs(other.y_m), abs(me.offset_m - spot.offset_m))
            if ahead_m > 0.1 and beside_m < self.apart_m - 0.05:
                self.most_mps = min(self.most_mps, self.behind(other.speed_mps, ahead_m))
        goal_m = max(low_m, min(high_m, goal_m))
        step_m = max(seen.speed_mps, 0.5) * self.tick_s
        slope = max(-SHIFT_SLOPE, min(SHIFT_SLOPE, (goal_m - self.shift_m) / SHIFT_M))
        bend = SHIFT_BEND_PER_M * step_m
        self.slope += max(-bend, min(bend, slope - self.slope))
        self.shift_m += self.slope * step_m

    def behind(self, speed_mps: float, ahead_m: float) -> float:
        """The highest speed from which the car can still fall in behind one that is so far ahead."""
        gap_m = ahead_m - self.length_m - KEPT_M - KEPT_S * speed_mps
        if gap_m <= 0:
            return max(0.7 * speed_mps, 0.2)
        reach_s = REACTION_S * CAREFUL_MPS2
        return speed_mps + sqrt(reach_s**2 + 2 * CAREFUL_MPS2 * gap_m) - reach_s

    def room(self, place: float, line: Line) -> tuple[float, float]:
        """How far the line can be shifted from here on: to the right, as a negative number, and left."""
        low_m, high_m = -inf, inf
        for step in range(CLEAR_STEPS):
            at = self.road.after(place, step * CLEAR_AHEAD_M / CLEAR_STEPS)
            left_m, right_m = self.road.room_m(at)
            line_m = float(line.at(at, len(self.road.xy))[N])
            low_m, high_m = max(low_m, EDGE_M - right_m - line_m), min(high_m, left_m - EDGE_M - line_m)
        return min(low_m, 0.0), max(high_m, 0.0)


class RacingLine(Agent):
    """Drive the fastest lap, and find back to it from wherever the car has got to."""

    sensors = ("state", "pose")

    car: CarSpec
    """Whose figures everything is computed from."""
    road: Road
    lap: Line
    """The flying lap."""
    start: Line
    """The way to the lap from where the car stood last."""
    line: Line
    """Which of the two is being driven."""
    put_back: bool = False
    """Whether the car has been put back and stands."""
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
        self.road = past(briefing.boxes, Road.along(briefing.circuit), self.car)
        self.traffic = Traffic(self.road, self.car, self.tick_s)
        grid = _grid(briefing)
        narrowest_m = float((self.road.left_m + self.road.right_m).min()) + self.car.rear_track_m
        for margin_m in MARGINS_M:
            if margin_m > MARGINS_M[0] and narrowest_m - 2 * margin_m < LEAST_M:
                break
            self.margin_m = margin_m
            self.lap, lap_s = self.fastest_lap((briefing.circuit.sha256, briefing.boxes))
            self.forget()
            self.start = self.plan_start(*self.seen_from(grid))
            if self.trial(replace(grid), 2.5 * lap_s) >= SPARE_M:
                break
        self.forget()

    def act(self, seen: Observation) -> Command:
        """Answer one tick."""
        if seen.penalty is None:
            self.put_back = False
        elif not self.put_back:
            self.forget()
            self.put_back = True
        x_m, y_m, yaw_rad = (float(value) for value in seen.sensors["pose"][:3])
        if seen.opponents:
            self.traffic.look(seen, (x_m, y_m, yaw_rad), self.line, self.near)
        back_m = self.car.base_to_nose_m - self.car.nose_m
        x_m, y_m = x_m - back_m * cos(yaw_rad), y_m - back_m * sin(yaw_rad)
        speed, turn, wheel = seen.speed_mps, seen.yaw_rate_radps, seen.steer_rad
        self.last = seen.last_command
        return self.drive(Motion(x_m, y_m, yaw_rad, speed, turn, wheel, self.servo_rad))

    # -- driving ---------------------------------------------------------------------------------

    def drive(self, car: Motion) -> Command:
        """The command for a car that is here now."""
        now = replace(car)
        for _ in range(self.dead):
            car.advance(self.car, self.steer_rad, self.last.speed_mps, self.step_s)
        place, state = self.seen_from(car)
        self.choose_line(place, state)
        nodes, v = len(self.road.xy), car.speed_mps
        here = self.line.at(place, nodes)
        there = self.line.at(self.road.after(place, v * (LEAD_S + self.car.yaw_lag_s)), nodes)
        then_mps = max(v + there[V] - here[V], 0.2)

        # Where the errors will be when the wheels have turned.
        error_rad = (
            state[XI] - here[XI] - self.traffic.slope + LEAD_S * (car.turn_radps - v * here[R] / here[V])
        )
        off_m = state[N] - here[N] - self.traffic.shift_m + LEAD_S * v * error_rad
        back_rad = max(-MOST_BACK_RAD, min(MOST_BACK_RAD, BACK * off_m / max(v, 0.7)))
        turn_radps = then_mps * there[R] / there[V] - TURN_PER_S * (error_rad + back_rad)
        wheel_rad = self.wheel_for(turn_radps / then_mps, then_mps)

        excess = max(abs(turn_radps) * then_mps / self.car.lateral_mps2 - MOST_EXCESS, 0.0)
        care = 1 + max(0.0, 1.5 * abs(off_m) - 0.1) + max(0.0, abs(error_rad) - 0.1)
        care += SHIFT_CARE_PER_M * abs(self.traffic.shift_m)
        soon = self.line.at(self.road.after(place, max(v, 0.1) * 0.8 * self.tick_s), nodes)
        push = soon[PUSH] + SPEED_PER_S * (here[V] / care - v) - EXCESS_MPS2 * excess
        push = min(push, (self.traffic.most_mps - v) / 0.2)
        return self.command(now, car, self.servo_for(wheel_rad, car), push)

    def choose_line(self, place: float, state: FloatArray) -> None:
        """Take the way that was planned from this stand, and later the lap."""
        if state[V] < 0.2 and not self.planned:
            moved = np.abs(state[[N, XI]] - self.start.rows[0, [N, XI]]) > START_NEAR
            if floor(place) != self.start.first or moved.any():
                self.start = self.plan_start(place, state)
            self.line, self.planned = self.start, True
        if not self.line.covers(place, len(self.road.xy)):
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
            servo_rad += servo_change(spec, servo_rad, effect_rad, now.speed_mps, self.step_s)
        self.steer_rad, self.servo_rad = steer_rad, servo_rad
        return Command(steer_rad, max(0.0, min(spec.max_speed_mps, speed_mps)))

    # -- planning --------------------------------------------------------------------------------

    def forget(self) -> None:
        """The car stands with centred wheels, on the grid or where it was put back."""
        self.steer_rad = self.servo_rad = 0.0
        self.last = Command(0.0, 0.0)
        self.planned = False
        self.traffic.forget()
        self.near: float | None = None
        self.line = self.lap

    def seen_from(self, car: Motion) -> tuple[float, FloatArray]:
        """Place along the road, in nodes, and the state there."""
        spot = self.road.locate(car.x_m, car.y_m, car.yaw_rad, self.near)
        self.near = spot.place
        slow_rad = car.servo_rad - self.car.steer_kick * self.steer_rad
        rates = (car.speed_mps, car.turn_radps, car.wheel_rad, slow_rad)
        return spot.place, np.array([spot.offset_m, spot.error_rad, *rates])

    def fastest_lap(self, circuit: tuple[str, tuple[Box, ...]]) -> tuple[Line, float]:
        """The flying lap and its time; computed once for all heats that this process drives."""
        key = (circuit, self.limited, self.margin_m)
        if key not in _LAPS:
            problem = Fastest(self.road, self.limited, margin_m=self.margin_m)
            rows = problem.solve().T.copy()
            rows.setflags(write=False)
            if len(_LAPS) >= LAPS_KEPT:
                del _LAPS[next(iter(_LAPS))]
            _LAPS[key] = Line(0, True, rows), float(problem.time_s.sum())
        return _LAPS[key]

    def plan_start(self, place: float, state: FloatArray) -> Line:
        """The fastest way from a stand to the lap."""
        nodes, first = len(self.road.xy), floor(place)
        length = min(START_NODES, nodes - 2)
        problem = Fastest(
            self.road.stretch(first, length),
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
            place, offset_m, _ = self.road.locate(car.x_m, car.y_m, car.yaw_rad, self.near)
            left_m, right_m = self.road.room_m(place)
            spare_m = min(spare_m, min(left_m - offset_m, right_m + offset_m) + self.car.rear_track_m / 2)
        return spare_m


_LAPS: dict[tuple[tuple[str, tuple[Box, ...]], CarSpec, float], tuple[Line, float]] = {}


def past(boxes: tuple[Box, ...], road: Road, car: CarSpec) -> Road:
    """A road with the side of each box taken away from it: borders that leave room for the car's body."""
    left_m, right_m = road.left_m.copy(), road.right_m.copy()
    nose_m, tail_m = car.base_to_nose_m + car.length_m - car.body_rear_m - car.nose_m, car.length_m / 2
    for box in boxes:
        spot = road.locate(box.x_m, box.y_m, box.yaw_rad)
        c, q = abs(cos(spot.error_rad)), abs(sin(spot.error_rad))
        long_m = (box.length_m * c + box.width_m * q) / 2
        # The planner takes the middle of the rear axle half a track beyond a border.
        wide_m = (box.width_m * c + box.length_m * q + car.width_m + car.rear_track_m) / 2 + BOX_ROOM_M
        first = road.after(spot.place, -long_m - nose_m)
        nodes = np.arange(floor(first), ceil(road.after(spot.place, long_m + tail_m)) + 1) % len(left_m)
        to_left = (left_m[nodes] - spot.offset_m).min() > (right_m[nodes] + spot.offset_m).min()
        # However narrow it gets, some road stays for the planner to work with.
        if to_left:
            room_m = np.maximum(-spot.offset_m - wide_m, -left_m[nodes])
            right_m[nodes] = np.minimum(right_m[nodes], room_m)
        else:
            room_m = np.maximum(spot.offset_m - wide_m, -right_m[nodes])
            left_m[nodes] = np.minimum(left_m[nodes], room_m)
    return replace(road, left_m=left_m, right_m=right_m)


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
