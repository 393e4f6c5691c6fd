"""One car's motion: the vehicle model, as plain functions over a row of numbers.

Pure. A car is two float64 rows: its *parameters*, made once from a `CarSpec` by `parameters`, and its
*state*, which holds everything about it that evolves. A world is a matrix of each, one row per car, so
the same functions serve one car and thousands.

A single-track car in effective terms, fitted to recorded runs of the DeepRacer simulator; `CarSpec` names
where each car's figures come from. With the commands in effect cs (steering) and cv (speed), the servo d2,
the wheel angle d1, the speed v, the acceleration a that the motor or the brakes give, the turning rate r:

    on a steering change   d2 += kick (command - cs);  cs = command
    servo                  d2 += (cs - d2)(1 - exp(-h/slow)) - aligning v d2 h
    wheels                 d1 += (d2 - d1)(1 - exp(-h/fast))
    speed                  vt = min(gain cv, top) / (1 + drag |v r|)
                           a = clip((vt - v)/lag, -brake, accelerate);  v += a h, never below 0
    turning                t = tan(d1 + bias)
                           rs = v t / max(base + per_v2 v² + per_tan |t| + base_per_push a, LEAST_BASE_M)
                           rs /= (1 + (|v rs| / (lateral + lateral_per_push a))⁴)^¼
                           r += (rs - r)(1 - exp(-h/yaw_lag));  yaw += r h
    base point             x += v cos(yaw) h;  y += v sin(yaw) h
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim import grip
from league.sim.angles import cos, sin, sine_cosine, tan
from league.sim.car import CarSpec
from league.sim.compiled import compiled, inlined, lean
from league.sim.decay import decayed
from league.sim.draws import chance

FloatArray = NDArray[np.float64]

# Columns of a state row. The base point is where the model has the car; origin and nose lie ahead of it.
X, Y, YAW, SPEED, TURN, SERVO, WHEEL, STEER_NOW, SPEED_NOW, STATUS, SEGMENT = range(11)
COMMANDS = 11
"""The last commands, newest first, as pairs of steering and speed, up to the end of the row."""

# Status is a sum of these; only a car with none of them moves and collides.
HELD, ABSENT, REMOVED = 1, 2, 4

# Columns of a parameter row.
(
    STEP,
    KICK,
    SLOW,
    ALIGNING,
    FAST,
    BIAS,
    GAIN,
    TOP,
    DRAG,
    PER_LAG,
    BRAKE,
    ACCELERATE,
    BASE,
    BASE_V2,
    BASE_TAN,
    BASE_PUSH,
    LATERAL,
    LATERAL_PUSH,
    YAW_LAG,
    STEER_DELAY,
    SPEED_DELAY,
    MAX_STEER,
    MIN_SPEED,
    MAX_SPEED,
    NOSE,
    ORIGIN,
    BODY,
    HALF_LENGTH,
    HALF_WIDTH,
    BODY_RADIUS,
    REAR_AXLE,
    FRONT_AXLE,
    HALF_REAR_TRACK,
    HALF_FRONT_TRACK,
    WHEEL_RADIUS,
) = range(35)
# How the car loses grip, see `league.sim.grip`: how many times as often as recorded ones, then its figures.
(
    SPINS,
    PUSHED,
    BRAKED,
    GROWTH,
    LEAST_OUT,
    MORE_OUT,
    RECOVERY,
    TURNED_OUT,
    TURNED_BACK,
    SCRUB,
) = range(35, 45)
# What a car that loses grip remembers. These evolve; they lie here since a car without them has no need of
# them in its state: the key of its random stream, how many numbers it has drawn, its slip, how fast slip
# grows, and for how long that is certain.
KEY, DRAWN, SLIP, GROWING, CERTAIN = range(45, 50)
PARAMETERS = 50
"""Length of a parameter row. SLOW, FAST and YAW_LAG are shares of a step, PER_LAG is one over the lag.
NOSE, ORIGIN and BODY are distances ahead of the base point: of the nose, the chassis origin and the middle
of the body. WHEEL_RADIUS reaches from the origin to the farthest wheel centre, BODY_RADIUS from the middle
of the body to its corners."""

LEAST_BASE_M = CarSpec.LEAST_BASE_M
MOST_SLIP_RAD = 2.0
"""However long it lasts, a slide stops growing here: beyond that a car goes backwards."""
GRIPPING_RAD = 2e-3
"""A slip below it is none."""
_STREAMS = 1_000_000
"""Number of the draw that the first car's random stream begins with; far from what `opening` draws."""
STILL = 1e-9
"""Speeds and angles below it (m/s, rad, rad/s) become exact zero. A decay towards zero would otherwise
end in denormal numbers, on which a processor is more than ten times slower."""


FIGURES = (
    "steer_kick",
    "steer_slow_s",
    "steer_aligning_per_m",
    "steer_fast_s",
    "steer_bias_rad",
    "speed_gain",
    "top_speed_mps",
    "corner_drag",
    "speed_lag_s",
    "brake_mps2",
    "accelerate_mps2",
    "base_m",
    "base_per_v2",
    "base_per_tan",
    "base_per_push",
    "lateral_mps2",
    "lateral_per_push",
    "yaw_lag_s",
    "steer_dead_s",
    "speed_dead_s",
)
"""The figures of a car that say how it moves; those before and after them in a row are its dimensions and
limits."""


def parameters(car: CarSpec, step_s: float) -> FloatArray:
    """The row of numbers that drives a car with a physics step of `step_s`."""
    body = car.base_to_nose_m - car.nose_m
    row = np.zeros(PARAMETERS)
    row[STEP] = step_s
    _write(row, figures(car))
    row[MAX_STEER], row[MIN_SPEED], row[MAX_SPEED] = car.max_steer_rad, car.min_speed_mps, car.max_speed_mps
    row[NOSE] = car.base_to_nose_m
    row[ORIGIN] = body
    row[BODY] = body + car.length_m / 2 - car.body_rear_m
    row[HALF_LENGTH], row[HALF_WIDTH] = car.length_m / 2, car.width_m / 2
    row[BODY_RADIUS] = _reach(car.length_m, car.width_m) / 2
    row[REAR_AXLE], row[FRONT_AXLE] = car.rear_axle_m, car.front_axle_m
    row[HALF_REAR_TRACK], row[HALF_FRONT_TRACK] = car.rear_track_m / 2, car.front_track_m / 2
    row[WHEEL_RADIUS] = max(
        _reach(car.rear_axle_m, car.rear_track_m / 2), _reach(car.front_axle_m, car.front_track_m / 2)
    )
    return row


def _reach(ahead_m: float, aside_m: float) -> float:
    return sqrt(ahead_m * ahead_m + aside_m * aside_m)


def loosen(rows: FloatArray, spins: float, seed: int) -> None:
    """Let cars lose grip.

    Args:
        rows: Their parameters, a row each.
        spins: How many times as often as recorded ones, see `league.sim.grip`.
        seed: Of their random streams; each car has its own.
    """
    rows[:, SPINS : SCRUB + 1] = grip.figures(grip.GRIP, spins)
    for k in range(len(rows)):
        begin_stream(rows[k], seed, 0, k)


@lean
def begin_stream(p: FloatArray, seed: int, episode: int, car: int) -> None:
    """Begin a car's random stream, and forget what it remembers of slides."""
    p[KEY:PARAMETERS] = 0.0
    p[KEY] = np.floor(chance(seed, episode, _STREAMS + car) * 2.0**53)


def figures(car: CarSpec) -> FloatArray:
    """The figures of a car that say how it moves, in the order of `FIGURES`."""
    return np.array([getattr(car, name) for name in FIGURES], dtype=np.float64)


def _write(row: FloatArray, figures: FloatArray) -> None:
    for k in range(len(figures)):
        row[KICK + k] = figures[k]
    h = row[STEP]
    row[SLOW], row[FAST] = decayed(h / row[SLOW]), decayed(h / row[FAST])
    row[YAW_LAG], row[PER_LAG] = decayed(h / row[YAW_LAG]), 1.0 / row[PER_LAG]
    row[STEER_DELAY], row[SPEED_DELAY] = np.rint(row[STEER_DELAY] / h), np.rint(row[SPEED_DELAY] / h)


write = lean(_write)
"""Put a car's figures into its parameter row, whose STEP is there already."""


def delays(car: CarSpec, step_s: float) -> tuple[int, int]:
    """Dead times of steering and speed in whole physics steps, rounded to the nearest."""
    return round(car.steer_dead_s / step_s), round(car.speed_dead_s / step_s)


def history(car: CarSpec, step_s: float, substeps: int) -> int:
    """How many ticks' commands a state row must keep, the newest included."""
    return max(-(-delay // substeps) for delay in delays(car, step_s)) + 1


@compiled
def take(p: FloatArray, s: FloatArray, steer_rad: float, speed_mps: float) -> None:
    """Take a tick's command: limit it to what the car can do and put it before the earlier ones."""
    for k in range(len(s) - 1, COMMANDS + 1, -1):
        s[k] = s[k - 2]
    s[COMMANDS] = min(max(steer_rad, -p[MAX_STEER]), p[MAX_STEER])
    if speed_mps <= 0.0:
        s[COMMANDS + 1] = 0.0
    else:
        s[COMMANDS + 1] = min(max(speed_mps, p[MIN_SPEED]), p[MAX_SPEED])


@compiled
def substep(p: FloatArray, s: FloatArray, number: int, substeps: int) -> None:
    """Move a car by one physics step, the `number`-th (from 0) of the `substeps` of this tick."""
    steer = s[COMMANDS + 2 * _back(int(p[STEER_DELAY]), number, substeps)]
    speed = s[COMMANDS + 1 + 2 * _back(int(p[SPEED_DELAY]), number, substeps)]
    move(p, s, 1, 0, steer, speed)
    if p[SPINS] > 0.0:
        slide(p, s)


@inlined
def move(p: FloatArray, s: FloatArray, lanes: int, k: int, steer: float, speed: float) -> None:
    """Move one car by one physics step, by the equations above.

    Written without a branch, and for cars that lie side by side: number c of car k is entry
    `c * lanes + k`. With one lane that is an ordinary row; with a number of lanes that the compiler
    knows, a loop over k drives several cars with each instruction. The bits are the same either way.

    Args:
        p: Parameters of the car or cars.
        s: State, up to SPEED_NOW.
        lanes: How many cars lie side by side.
        k: Which of them.
        steer: The steering angle in effect (rad).
        speed: The speed command in effect (m/s).
    """
    h = p[STEP * lanes + k]
    v, servo, turn = s[SPEED * lanes + k], s[SERVO * lanes + k], s[TURN * lanes + k]
    servo += p[KICK * lanes + k] * (steer - s[STEER_NOW * lanes + k])
    servo += (steer - servo) * p[SLOW * lanes + k] - p[ALIGNING * lanes + k] * v * servo * h
    wheel = s[WHEEL * lanes + k]
    wheel += (servo - wheel) * p[FAST * lanes + k]
    target = min(p[GAIN * lanes + k] * speed, p[TOP * lanes + k])
    target /= 1.0 + p[DRAG * lanes + k] * abs(v * turn)
    push = (target - v) * p[PER_LAG * lanes + k]
    push = min(max(push, -p[BRAKE * lanes + k]), p[ACCELERATE * lanes + k])
    v = _settled(max(v + h * push, 0.0))
    t = tan(wheel + p[BIAS * lanes + k])
    base = p[BASE * lanes + k] + p[BASE_V2 * lanes + k] * v * v + p[BASE_TAN * lanes + k] * abs(t)
    base += p[BASE_PUSH * lanes + k] * push
    steady = v * t / max(base, LEAST_BASE_M)
    slip = v * steady / (p[LATERAL * lanes + k] + p[LATERAL_PUSH * lanes + k] * push)
    slip *= slip
    steady /= sqrt(sqrt(1.0 + slip * slip))
    turn = _settled(turn + (steady - turn) * p[YAW_LAG * lanes + k])
    yaw = s[YAW * lanes + k] + turn * h
    q, c = sine_cosine(yaw)
    s[X * lanes + k] += v * c * h
    s[Y * lanes + k] += v * q * h
    s[YAW * lanes + k], s[SPEED * lanes + k], s[TURN * lanes + k] = yaw, v, turn
    s[SERVO * lanes + k], s[WHEEL * lanes + k] = _settled(servo), _settled(wheel)
    s[STEER_NOW * lanes + k], s[SPEED_NOW * lanes + k] = steer, speed


@lean
def slide(p: FloatArray, s: FloatArray) -> None:
    """What loss of grip adds to a physics step, after it; figures and words as in `league.sim.grip`.

    The turn decides to which side a car slides: mirrored commands give the mirrored slide.
    """
    h, v, turn = p[STEP], s[SPEED], s[TURN]
    if v == 0.0:
        p[SLIP] = p[GROWING] = 0.0
        return
    if p[GROWING] == 0.0:
        if _draw(p) < p[SPINS] * onset_per_s(p, s) * h:
            p[GROWING] = p[GROWTH] * (0.25 + 0.75 * (_draw(p) + _draw(p))) * (1.0 if turn > 0.0 else -1.0)
            p[CERTAIN] = p[LEAST_OUT]
    elif p[CERTAIN] > 0.0:
        p[CERTAIN] -= h
    elif _draw(p) * p[MORE_OUT] < h or abs(p[SLIP]) > MOST_SLIP_RAD:
        p[GROWING] = 0.0
    if p[GROWING] != 0.0:
        change = p[GROWING] * h
        extra = p[TURNED_OUT] * change
    else:
        change = -p[SLIP] * h / (p[RECOVERY] + h)
        extra = p[TURNED_BACK] * change
    slip = p[SLIP] + change
    if p[GROWING] == 0.0 and abs(slip) < GRIPPING_RAD:
        slip = 0.0
    p[SLIP] = slip
    if slip == 0.0 and extra == 0.0:
        return
    q, c = sine_cosine(s[YAW])
    s[YAW] += extra
    q1, c1 = sine_cosine(s[YAW] - slip)
    s[X] += v * (c1 - c) * h
    s[Y] += v * (q1 - q) * h
    s[SPEED] = _settled(max(v - p[SCRUB] * abs(sin(slip)) * h, 0.0))


@lean
def onset_per_s(p: FloatArray, s: FloatArray) -> float:
    """How often a car in this state loses grip."""
    v = s[SPEED]
    load = v * abs(s[TURN]) / p[LATERAL]
    # The newest command, without the dead time of the motor: recorded slides begin in the very step.
    target = min(p[GAIN] * s[COMMANDS + 1], p[TOP]) / (1.0 + p[DRAG] * abs(v * s[TURN]))
    gap = target - v
    return float((p[PUSHED] * gap if gap > 0.0 else -p[BRAKED] * gap) * load * load * load)


@lean
def _draw(p: FloatArray) -> float:
    p[DRAWN] += 1.0
    return chance(int(p[KEY]), int(p[DRAWN]), 0)


@inlined
def _settled(value: float) -> float:
    return value if abs(value) >= STILL else 0.0


@compiled
def _back(delay: int, number: int, substeps: int) -> int:
    """How many ticks back the command was given that is in effect now."""
    if number >= delay:
        return 0
    return (delay - number + substeps - 1) // substeps


@compiled
def stop(s: FloatArray) -> None:
    """Bring a car to an instant stand with centred wheels and no command in effect."""
    s[SPEED:STATUS] = 0.0
    s[COMMANDS:] = 0.0


@compiled
def replay(p: FloatArray, s: FloatArray, substeps: int, commands: FloatArray, path: FloatArray) -> None:
    """Drive a car by a list of commands; fills in the rows that `drive_open_loop` describes."""
    for tick in range(len(commands) + 1):
        if tick > 0:
            take(p, s, commands[tick - 1, 0], commands[tick - 1, 1])
            for number in range(substeps):
                substep(p, s, number, substeps)
        path[tick, 0] = s[X] + p[NOSE] * cos(s[YAW])
        path[tick, 1] = s[Y] + p[NOSE] * sin(s[YAW])
        path[tick, 2], path[tick, 3], path[tick, 4], path[tick, 5] = s[YAW], s[SPEED], s[TURN], s[WHEEL]


def drive_open_loop(
    car: CarSpec,
    commands: FloatArray,
    *,
    nose: tuple[float, float] = (0.0, 0.0),
    yaw_rad: float = 0.0,
    speed_mps: float = 0.0,
    control_hz: int = 15,
) -> FloatArray:
    """Drive a car by a list of commands on an endless plane, with the very kernel that races run on.

    Args:
        car: What is driven. Its commands are limited as in a race.
        commands: Steering (rad) and speed (m/s) of each tick, shape (ticks, 2).
        nose: Where the nose is at the start.
        yaw_rad: Direction at the start.
        speed_mps: Speed at the start; servo, turning rate and commands in effect start at 0.
        control_hz: Ticks per second.

    Returns:
        A row before the first tick and one after each, shape (ticks + 1, 6): x and y of the nose, yaw
        (not wrapped), speed, yaw rate, wheel angle.
    """
    orders = np.ascontiguousarray(commands, dtype=np.float64).reshape(-1, 2)
    substeps = -(-120 // control_hz)
    step_s = 1.0 / (control_hz * substeps)
    row = parameters(car, step_s)
    state = np.zeros(COMMANDS + 2 * history(car, step_s, substeps))
    state[X] = nose[0] - car.base_to_nose_m * cos(yaw_rad)
    state[Y] = nose[1] - car.base_to_nose_m * sin(yaw_rad)
    state[YAW], state[SPEED] = yaw_rad, speed_mps
    path = np.empty((len(orders) + 1, 6))
    replay(row, state, substeps, orders, path)
    return path
