"""Racing line: drives the fastest lap that the car's limits and the borders allow.

Before the start it computes that lap (`league_agents._fastest`): line, speed, steering and all, from the
very figures that the car is simulated by, drives it in its head, and plans again with more room wherever
that ran wide. On the road it gives the lap's own commands, as much earlier as they take effect late, and
changes them by what brings the car back where it is off (`league_agents._follow`). So the slow servo is
answered before it is felt.
"""

from __future__ import annotations

from dataclasses import replace
from math import atan, ceil, copysign, cos, exp, floor, inf, sin
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league import Agent, Box, Briefing, CarSpec, Command, Observation, hookimpl
from league_agents._drive import Line, Motion, servo_change
from league_agents._equations import PUSH, SLOWEST_MPS, STATE, STEER, XI, N, R, V
from league_agents._fastest import Fastest
from league_agents._follow import follow_gains
from league_agents._road import Road
from league_agents._traffic import Traffic

FloatArray = NDArray[Any]


# Planning.
class Manner(NamedTuple):
    """How close to the edge to drive."""

    steer_share: float
    """Part of the steering that the lap may use; the rest is for corrections."""
    margin_m: float
    """How much the inner rear wheel keeps from the border in the first lap that is tried."""
    spare_m: float
    """What has to be left of it at the worst moment of a trial drive."""
    follows: bool
    """Whether to follow the lap closely; else it may be left for a line beside it."""


ALONE = Manner(0.985, 0.0, 0.005, True)
IN_COMPANY = Manner(0.9, 0.03, 0.02, False)
"""With others around: what is nearer to the edge touches them more often."""
TRIALS = 9
"""Laps to try, each planned with more room where the one before ran wide; the last ones are rarely needed."""
SPREAD_M, MOST_MORE_M = 0.9, 0.15
"""How far around the place where a trial ran wide room is added, and how much of it at a time."""
START_NODES = 85
"""Length of the way from a stand to the lap that is planned at the start and after each reset."""
START_NEAR = (0.03, 0.05)
"""How far to the side, and in direction, a car may stand from where its start was planned from."""

LOST_M = 0.5
"""A trial drive that is so far outside is over."""
LAPS_KEPT = 16

# Driving: following the lap.
MOST_OFF = np.array([0.25, 0.35, 0.4, 3.0, 1.0, 1.0])
"""Being further off than this changes the commands no further."""
ASTRAY = (0.15, 0.2)
"""How far to the side, and in direction, the car may be off without slowing down for it."""
SPEED_PER_S = 5.0
"""Acceleration to correct with, per m/s of error."""
CREEP_MPS = 0.3
"""However far off it is, the car does not stand still for it."""

# Driving: beside the lap.
LEAD_S = 0.16
"""How far ahead the wheels are steered: what the servo needs for most of a change."""
BACK = 2.4
"""Radians to turn towards the lap, per metre of distance from it and at 1 m/s."""
MOST_BACK_RAD = 0.5
MOST_STRAIN = 0.985
"""Part of the lateral limit beyond which turning the wheels further is of no use."""
TURN_PER_S = 6.0
"""Turning rate to correct with, per radian of error."""
EXCESS_MPS2 = 6.0
"""Braking per part of the lateral limit that is wanted but not there."""
MOST_EXCESS = 0.99

# Traffic.
ON_LINE_M = 0.01
"""A line that is shifted by no more is followed like the lap itself."""
SHIFT_CARE_PER_M = 0.5
"""Part of the speed to give up on a shifted line."""
BOX_ROOM_M = 0.10
"""Room between the body and a box that the lap leads past."""
LEAST_M = 0.05
"""Width for the middle of the rear axle below which no lap is looked for."""


Planned = tuple[Line, Line, Road]
"""The flying lap, the way to it from the grid, and the road as far as they use it."""


class RacingLine(Agent):
    """Drive the fastest lap, and find back to it from wherever the car has got to."""

    sensors = ("state", "pose")

    car: CarSpec
    """Whose figures everything is computed from."""
    road: Road
    manner: Manner
    inner: Road
    """The road as far as it is used: less than all of it where the car was seen to run wide."""
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
    orders: tuple[Command, ...]
    """The last commands, newest first: as many as may be on their way to the servo and the motor."""
    servo_rad: float
    """Where the servo is; no sensor tells, so its model runs along."""

    def prepare(self, briefing: Briefing) -> None:
        """Compute the lap and try it out; takes a second or two."""
        self.car, self.tick_s = briefing.car, briefing.tick_s
        self.substeps = ceil(120 * self.tick_s - 1e-9)
        self.step_s = self.tick_s / self.substeps
        self.dead = round(self.car.steer_dead_s / self.step_s)
        self.late = round(self.car.speed_dead_s / self.step_s)
        self.manner = IN_COMPANY if briefing.opponents else ALONE
        self.limited = self.car.changed(max_steer_rad=self.manner.steer_share * self.car.max_steer_rad)
        self.road = past(briefing.boxes, Road.along(briefing.circuit), self.car)
        self.traffic = Traffic(self.road, self.car, self.tick_s)
        grid = _grid(briefing)
        self.practise(grid, (briefing.circuit.sha256, briefing.boxes))
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
        self.orders = (Command(self.orders[0].steer_rad, seen.last_command.speed_mps), *self.orders[1:])
        return self.drive(Motion(x_m, y_m, yaw_rad, speed, turn, wheel, self.servo_rad))

    # -- driving ---------------------------------------------------------------------------------

    def drive(self, car: Motion) -> Command:
        """The command for a car that is here now."""
        now = replace(car)
        for step in range(self.dead):
            self.move(car, step, (Command(0.0, 0.0), *self.orders))
        place, state = self.seen_from(car)
        self.choose_line(place, state)
        beside = abs(self.traffic.shift_m) > ON_LINE_M or not self.manner.follows
        answer = self.turn if beside else self.follow
        steer_rad, push = answer(car, place, state)
        push = min(push, (self.traffic.most_mps - car.speed_mps) / 0.2)
        return self.command(now, car, steer_rad, push)

    def follow(self, car: Motion, place: float, state: FloatArray) -> tuple[float, float]:
        """Steering and acceleration: the lap's own commands, and what brings the car back to it."""
        nodes, v = len(self.road.xy), car.speed_mps
        here = self.line.at(place, nodes)
        off = np.clip(state - here[:STATE], -MOST_OFF, MOST_OFF)
        tick_m = max(v, 0.1) * self.tick_s
        late_m = v * (self.late - self.dead) * self.step_s
        more = self.line.gains_at(self.road.after(place, tick_m / 2), nodes) @ off
        push = self.meant(PUSH, self.road.after(place, late_m), tick_m) - float(more[1])
        care = max(0.0, abs(off[N]) - ASTRAY[0]) + max(0.0, abs(off[XI]) - ASTRAY[1])
        push -= float(SPEED_PER_S * here[V] * care / (1 + care))
        return self.meant(STEER, place, tick_m) - float(more[0]), max(push, SPEED_PER_S * (CREEP_MPS - v))

    def turn(self, car: Motion, place: float, state: FloatArray) -> tuple[float, float]:
        """Steering and acceleration for a line beside the lap: a turning rate, and wheels for it.

        Slower on the lap itself than to follow it, and forgiving however far to the side it has to go.
        """
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
        return self.servo_for(wheel_rad, car), float(push)

    def meant(self, column: int, place: float, tick_m: float) -> float:
        """What the lap has in a column from a place on, on average over what a tick drives."""
        looks = (self.road.after(place, tick_m * part) for part in (1 / 6, 1 / 2, 5 / 6))
        return float(np.mean([self.line.at(look, len(self.road.xy))[column] for look in looks]))

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
            servo = car.servo_rad + spec.steer_kick * (steer_rad - self.orders[0].steer_rad)
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
        command = Command(steer_rad, max(0.0, min(spec.max_speed_mps, speed_mps)))
        orders, servo_rad = (command, *self.orders), now.servo_rad
        for step in range(self.substeps):
            steer_rad, change_rad = self.steered(step, orders)
            servo_rad += spec.steer_kick * change_rad
            servo_rad += servo_change(spec, servo_rad, steer_rad, now.speed_mps, self.step_s)
        self.orders, self.servo_rad = orders[:-1], servo_rad
        return command

    def move(self, car: Motion, step: int, orders: tuple[Command, ...]) -> None:
        """Drive a physics step of a tick whose command is the first of these, and the one before is next."""
        steer_rad, change_rad = self.steered(step, orders)
        car.servo_rad += self.car.steer_kick * change_rad
        speed_mps = orders[self.back(self.late, step)].speed_mps
        car.advance(self.car, steer_rad, speed_mps, self.step_s)

    def steered(self, step: int, orders: tuple[Command, ...]) -> tuple[float, float]:
        """The steering that is in effect in a physics step, and by how much it has just changed."""
        before, now = (orders[self.back(self.dead, look)].steer_rad for look in (step - 1, step))
        return now, now - before

    def back(self, late: int, step: int) -> int:
        """How many ticks ago a command was given that is in effect in a step, so many steps late."""
        return max(0, -((step - late) // self.substeps))

    # -- planning --------------------------------------------------------------------------------

    def forget(self) -> None:
        """The car stands with centred wheels, on the grid or where it was put back."""
        self.servo_rad = 0.0
        self.orders = (Command(0.0, 0.0),) * self.back(max(self.dead, self.late), -1)
        self.planned = False
        self.traffic.forget()
        self.near: float | None = None
        self.line = self.lap

    def seen_from(self, car: Motion) -> tuple[float, FloatArray]:
        """Place along the road, in nodes, and the state there."""
        spot = self.road.locate(car.x_m, car.y_m, car.yaw_rad, self.near)
        self.near = spot.place
        slow_rad = car.servo_rad - self.car.steer_kick * self.orders[0].steer_rad
        rates = (car.speed_mps, car.turn_radps, car.wheel_rad, slow_rad)
        return spot.place, np.array([spot.offset_m, spot.error_rad, *rates])

    def practise(self, grid: Motion, circuit: tuple[str, tuple[Box, ...]]) -> None:
        """Find a lap that the car can follow, and the way to it from the grid.

        Once for all heats that this process drives from that place.
        """
        key = (circuit, self.limited, self.tick_s, (grid.x_m, grid.y_m))
        if key not in _LAPS:
            if len(_LAPS) >= LAPS_KEPT:
                del _LAPS[next(iter(_LAPS))]
            _LAPS[key] = self.tried(grid)
        self.lap, self.start, self.inner = _LAPS[key]

    def tried(self, grid: Motion) -> Planned:
        """The fastest lap that the car can follow, the way to it, and the road that they use.

        Where a trial of one lap ran wide, the next is planned with more room: the first lap whose trial keeps
        to the road is taken, or, if there is none, the one that did so best.
        """
        kept_m = np.zeros((2, len(self.road.xy)))
        widest_m = (
            self.road.left_m + self.road.right_m + self.car.rear_track_m - LEAST_M
        ) / 2 - self.manner.margin_m
        best, best_m, guess, first = None, -inf, None, None
        for _ in range(TRIALS):
            left_m, right_m = (self.road.left_m, self.road.right_m) - kept_m
            self.inner = replace(self.road, left_m=left_m, right_m=right_m)
            problem = Fastest(self.inner, self.limited, margin_m=self.manner.margin_m, guess=guess)
            guess = problem.solve()
            rows = guess.T.copy()
            rows.setflags(write=False)
            self.lap = Line(0, True, rows, follow_gains(problem))
            self.forget()
            self.start = self.plan_start(*self.seen_from(grid), first)
            first = self.start.rows.T
            spare_m = self.trial(replace(grid), 2.5 * float(problem.time_s.sum()))
            if best is None or spare_m.min() > best_m:
                best, best_m = (self.lap, self.start, self.inner), float(spare_m.min())
            if best_m >= self.manner.spare_m:
                break
            short_m = np.clip(2 * self.manner.spare_m - spare_m, 0.0, MOST_MORE_M)
            kept_m = np.minimum(kept_m + self.spread(short_m), np.maximum(widest_m, 0.0))
        assert best is not None
        return best

    def spread(self, more_m: FloatArray) -> FloatArray:
        """Room to add at every node: what is wanted there, or a part of what is wanted near it."""
        reach = max(1, round(SPREAD_M / float(self.road.step_m.mean())))
        shares = ((step, 1 - abs(step) / (reach + 1)) for step in range(-reach, reach + 1))
        return np.asarray(np.max([share * np.roll(more_m, step, axis=1) for step, share in shares], axis=0))

    def plan_start(self, place: float, state: FloatArray, guess: FloatArray | None = None) -> Line:
        """The fastest way from a stand to the lap."""
        nodes, first = len(self.road.xy), floor(place)
        length = min(START_NODES, nodes - 2)
        problem = Fastest(
            self.inner.stretch(first, length),
            self.limited,
            margin_m=self.manner.margin_m,
            start=np.maximum(state, [-9, -9, SLOWEST_MPS, -9, -9, -9]),
            goal=self.lap.at(first + length - 1, nodes)[:STATE],
            guess=guess,
        )
        rows = problem.solve(most_steps=80).T.copy()
        return Line(first, False, rows, follow_gains(problem))

    def trial(self, car: Motion, time_s: float) -> FloatArray:
        """Drive from the grid in a simulation of its own.

        Returns:
            What the inner rear wheel had left to the left border and to the right one at each node, at the
            worst time that it came by; shape (2, nodes).
        """
        spare_m = np.full((2, len(self.road.xy)), 9.0)
        for _ in range(round(time_s / self.tick_s)):
            before = self.orders
            command = self.drive(replace(car))
            for step in range(self.substeps):
                self.move(car, step, (command, *before))
            self.servo_rad = car.servo_rad
            place, offset_m, _ = self.road.locate(car.x_m, car.y_m, car.yaw_rad, self.near)
            left_m, right_m = self.road.room_m(place)
            node = round(place) % len(self.road.xy)
            room_m = (left_m - offset_m, right_m + offset_m)
            spare_m[:, node] = np.minimum(spare_m[:, node], np.add(room_m, self.car.rear_track_m / 2))
            if min(room_m) < -LOST_M:
                break
        return spare_m


_LAPS: dict[tuple[tuple[str, tuple[Box, ...]], CarSpec, float, tuple[float, float]], Planned] = {}


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
