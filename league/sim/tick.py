"""One tick of a world: all its physics steps, then what is measured of every car.

Pure, compiled; `league.sim.world` is the plain door to it.
"""

from __future__ import annotations

from math import isfinite

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, road
from league.sim.angles import cos, sin, sine_cosine
from league.sim.compiled import inlined, lean
from league.sim.contact import overlap, separate, shape, shape_car

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Columns of a measured row. ALONG and OFFSET are the nose's.
(
    ALONG,
    OFFSET,
    ORIGIN_ALONG,
    ORIGIN_OFFSET,
    HEADING_ERROR,
    ORIGIN_X,
    ORIGIN_Y,
    YAW,
    NOSE_X,
    NOSE_Y,
    SPEED,
    YAW_RATE,
    STEER,
    ORIGIN_SEGMENT,
    ORIGIN_REACH,
) = range(15)
MEASURED = 15
"""Length of a measured row. ORIGIN_SEGMENT and ORIGIN_REACH say where the origin's foot is."""


# What is noted of a car after each physics step: its base point, direction and speed.
POSE_X, POSE_Y, POSE_YAW, POSE_SPEED = range(4)
POSE = 4
# What is noted of it at the start of a tick: where its nose was along the road, and on which segment.
SINCE_ALONG, SINCE_SEGMENT = range(2)
SINCE = 2
STRETCH_M = 0.3
"""A car's place on the road is looked up at the end of a tick, and before it drives on farther than this:
well within `road.LOOK_M`, so that it cannot be lost."""


@inlined
def advance(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    commands: FloatArray,
    boxes: int,
    bodies: FloatArray,
    touch: FloatArray,
    since: FloatArray,
    poses: FloatArray,
    measured: FloatArray,
    wheels_off: IntArray,
) -> bool:
    """Advance all cars by one tick; returns whether anything touched.

    Args:
        rows: The road.
        slabs: Its border edges by height.
        params: Parameter rows of the cars.
        state: State rows of the cars.
        commands: Finite numbers, shape (cars, 2).
        boxes: How many boxes there are.
        bodies: Scratch and box rows, see `contact.separate`.
        touch: Greatest closing speeds, likewise.
        since: Filled with what is noted at the start, shape (2, cars).
        poses: Filled with the poses after each physics step, shape (substeps, 4, cars).
        measured: Refilled, shape (cars, 15).
        wheels_off: Refilled, shape (cars,).
    """
    cars, substeps = len(state), len(poses)
    for i in range(cars):
        if state[i, kernel.STATUS] == 0.0:
            kernel.take(params[i], state[i], commands[i, 0], commands[i, 1])
            set_off(state[i], measured[i], since, i)
    touched = False
    if cars + boxes > 1:
        touched = _drive_together(params, state, boxes, bodies, touch, poses)
    elif state[0, kernel.STATUS] == 0.0:
        for number in range(substeps):
            kernel.substep(params[0], state[0], number, substeps)
            _note(state[0], poses, number, 0)
    for i in range(cars):
        if state[i, kernel.STATUS] == 0.0:
            keep_up(rows, params[i], state[i], poses, i)
            wheels_off[i] = measure(rows, slabs, params[i], state[i], measured[i])
    return touched


@lean
def _drive_together(
    params: FloatArray,
    state: FloatArray,
    boxes: int,
    bodies: FloatArray,
    touch: FloatArray,
    poses: FloatArray,
) -> bool:
    """Drive cars that can touch something through the physics steps of a tick."""
    substeps = len(poses)
    touched = False
    touch[:, :] = -1.0
    for number in range(substeps):
        for i in range(len(state)):
            if state[i, kernel.STATUS] == 0.0:
                kernel.substep(params[i], state[i], number, substeps)
        touched |= separate(params, state, boxes, bodies, touch)
        for i in range(len(state)):
            if state[i, kernel.STATUS] == 0.0:
                _note(state[i], poses, number, i)
    return touched


@inlined
def set_off(s: FloatArray, seen: FloatArray, since: FloatArray, i: int) -> None:
    """Note where car i is on the road as it begins a tick."""
    since[SINCE_ALONG, i], since[SINCE_SEGMENT, i] = seen[ALONG], s[kernel.SEGMENT]


@inlined
def _note(s: FloatArray, poses: FloatArray, number: int, i: int) -> None:
    poses[number, POSE_X, i], poses[number, POSE_Y, i] = s[kernel.X], s[kernel.Y]
    poses[number, POSE_YAW, i], poses[number, POSE_SPEED, i] = s[kernel.YAW], s[kernel.SPEED]


@inlined
def keep_up(rows: FloatArray, p: FloatArray, s: FloatArray, poses: FloatArray, i: int) -> None:
    """Look up the place of a car that came far in this tick wherever it had come `STRETCH_M`."""
    whole = 0.0
    for number in range(len(poses)):
        whole += poses[number, POSE_SPEED, i] * p[kernel.STEP]
    if whole > STRETCH_M:
        _follow_nose(rows, p, s, poses, i)


@lean
def _follow_nose(rows: FloatArray, p: FloatArray, s: FloatArray, poses: FloatArray, i: int) -> None:
    gone, segment = 0.0, int(s[kernel.SEGMENT])
    for number in range(len(poses)):
        gone += poses[number, POSE_SPEED, i] * p[kernel.STEP]
        if gone > STRETCH_M:
            gone = 0.0
            x, y = _nose(p, poses, number, i)
            segment = road.follow(rows, x, y, segment)[0]
    s[kernel.SEGMENT] = segment


@inlined
def _nose(p: FloatArray, poses: FloatArray, number: int, i: int) -> tuple[float, float]:
    q, c = sine_cosine(poses[number, POSE_YAW, i])
    return poses[number, POSE_X, i] + p[kernel.NOSE] * c, poses[number, POSE_Y, i] + p[kernel.NOSE] * q


@lean
def trace_nose(
    rows: FloatArray,
    p: FloatArray,
    since: FloatArray,
    poses: FloatArray,
    i: int,
    end: float,
    trace: FloatArray,
) -> None:
    """Fill in where along the road a car's nose was after each physics step of a tick.

    Args:
        rows: The road.
        p: The car's parameter row.
        since: What `advance` has filled in; poses likewise.
        poses: What `advance` has filled in.
        i: Number of the car.
        end: Distance along the road at the end of the tick.
        trace: The last entry is `end`; shape (substeps + 1,).
    """
    trace[0] = since[SINCE_ALONG, i]
    segment = int(since[SINCE_SEGMENT, i])
    for number in range(len(poses) - 1):
        x, y = _nose(p, poses, number, i)
        segment, reach = road.follow(rows, x, y, segment)
        trace[number + 1] = road.along_at(rows, segment, reach)
    trace[len(poses)] = end


@lean
def advance_and_trace(
    rows: FloatArray,
    slabs: IntArray,
    params: FloatArray,
    state: FloatArray,
    commands: FloatArray,
    boxes: int,
    bodies: FloatArray,
    touch: FloatArray,
    since: FloatArray,
    poses: FloatArray,
    trace: FloatArray,
    measured: FloatArray,
    wheels_off: IntArray,
) -> int:
    """Advance all cars by one tick and trace their noses; arguments as of `advance`.

    Returns:
        -1 - i if the command of car i is not finite (then nothing has changed), 1 if anything touched,
        else 0.
    """
    cars = len(state)
    for i in range(cars):
        if not (isfinite(commands[i, 0]) and isfinite(commands[i, 1])):
            return -1 - i
    for i in range(cars):
        trace[i, :] = measured[i, ALONG]
    touched = advance(
        rows, slabs, params, state, commands, boxes, bodies, touch, since, poses, measured, wheels_off
    )
    for i in range(cars):
        if state[i, kernel.STATUS] == 0.0:
            trace_nose(rows, params[i], since, poses, i, measured[i, ALONG], trace[i])
    return 1 if touched else 0


@lean
def measure(rows: FloatArray, slabs: IntArray, p: FloatArray, s: FloatArray, seen: FloatArray) -> int:
    """Measure one car: fill its row, and count its wheels that are not on the road."""
    yaw = s[kernel.YAW]
    q, c = sine_cosine(yaw)
    x, y = s[kernel.X] + p[kernel.NOSE] * c, s[kernel.Y] + p[kernel.NOSE] * q
    segment, reach = road.follow(rows, x, y, int(s[kernel.SEGMENT]))
    s[kernel.SEGMENT] = segment
    seen[NOSE_X], seen[NOSE_Y] = x, y
    seen[ALONG] = road.along_at(rows, segment, reach)
    seen[OFFSET] = road.offset_at(rows, segment, reach, x, y)
    # From the nose's segment, so that both are always on the same part of the road.
    x, y = s[kernel.X] + p[kernel.ORIGIN] * c, s[kernel.Y] + p[kernel.ORIGIN] * q
    segment, reach = road.follow(rows, x, y, segment)
    offset = road.offset_at(rows, segment, reach, x, y)
    seen[ORIGIN_X], seen[ORIGIN_Y], seen[YAW] = x, y, road.wrapped(yaw)
    seen[ORIGIN_ALONG] = road.along_at(rows, segment, reach)
    seen[ORIGIN_OFFSET] = offset
    seen[HEADING_ERROR] = road.wrapped(yaw - road.heading_at(rows, segment, reach))
    seen[ORIGIN_SEGMENT], seen[ORIGIN_REACH] = segment, reach
    seen[SPEED], seen[YAW_RATE], seen[STEER] = s[kernel.SPEED], s[kernel.TURN], s[kernel.WHEEL]
    if abs(offset) + p[kernel.WHEEL_RADIUS] < rows[segment, road.CLEAR]:
        return 0
    return _count_wheels(rows, slabs, p, segment, x, y, c, q)


@lean
def _count_wheels(
    rows: FloatArray, slabs: IntArray, p: FloatArray, segment: int, x: float, y: float, c: float, q: float
) -> int:
    """Count the wheels off the road of a car with its origin at (x, y) in the direction (c, q)."""
    off = 0
    for axle in range(2):
        ahead = p[kernel.FRONT_AXLE] if axle == 0 else -p[kernel.REAR_AXLE]
        half = p[kernel.HALF_FRONT_TRACK] if axle == 0 else p[kernel.HALF_REAR_TRACK]
        for side in (-half, half):
            wheel_x, wheel_y = x + ahead * c - side * q, y + ahead * q + side * c
            if not road.clear(rows, segment, wheel_x, wheel_y) and not road.on_road(
                rows, slabs, wheel_x, wheel_y
            ):
                off += 1
    return off


@lean
def nose_at(rows: FloatArray, along: float, offset: float) -> tuple[float, float, float, int]:
    """The point at (along, offset), the road's direction there, and the segment."""
    along = along % road.length_of(rows)
    i = road.find(rows, along)
    reach = min(max(along - rows[i, road.ALONG], 0.0), rows[i, road.LENGTH])
    tx, ty = rows[i, road.TANGENT_X], rows[i, road.TANGENT_Y]
    x = rows[i, road.CENTRE_X] + reach * tx - offset * ty
    y = rows[i, road.CENTRE_Y] + reach * ty + offset * tx
    return x, y, road.wrapped(road.heading_at(rows, i, reach)), i


@lean
def start(
    rows: FloatArray,
    slabs: IntArray,
    p: FloatArray,
    s: FloatArray,
    seen: FloatArray,
    along: float,
    offset: float,
    heading_error: float,
    speed: float,
) -> int:
    """Put a car somewhere as if it had never driven, and measure it; returns its wheels off the road.

    A held car stays held, and stands.
    """
    status = int(s[kernel.STATUS]) & kernel.HELD
    s[:] = 0.0
    if p[kernel.SPINS] > 0.0:
        p[kernel.SLIP] = p[kernel.GROWING] = 0.0
    x, y, yaw, segment = nose_at(rows, along, offset)
    yaw += heading_error
    s[kernel.X], s[kernel.Y] = x - p[kernel.NOSE] * cos(yaw), y - p[kernel.NOSE] * sin(yaw)
    s[kernel.YAW], s[kernel.SEGMENT] = yaw, segment
    s[kernel.STATUS] = status
    if status == 0:
        s[kernel.SPEED] = speed
    return measure(rows, slabs, p, s, seen)


@lean
def hold(s: FloatArray, seen: FloatArray, held: bool) -> None:
    """Stop a car and keep it where it is, or let it go."""
    status = int(s[kernel.STATUS])
    if held:
        s[kernel.STATUS] = status | kernel.HELD
        kernel.stop(s)
        seen[SPEED] = seen[YAW_RATE] = seen[STEER] = 0.0
    else:
        s[kernel.STATUS] = status & ~kernel.HELD


@lean
def remove(s: FloatArray, seen: FloatArray) -> None:
    """Take a car out of the race for good."""
    hold(s, seen, True)
    s[kernel.STATUS] = kernel.HELD | kernel.ABSENT | kernel.REMOVED


@lean
def fits(
    rows: FloatArray,
    params: FloatArray,
    state: FloatArray,
    boxes: int,
    bodies: FloatArray,
    car: int,
    along: float,
    offset: float,
) -> bool:
    """Whether a car, its nose there and along the road, would overlap no present car and no box.

    The cars' rows of `bodies` are scratch.
    """
    cars = len(state)
    if cars + boxes == 1:
        return True
    body = bodies[car]
    _shape_at(rows, params[car], body, along, offset)
    for j in range(cars):
        if j != car and state[j, kernel.STATUS] <= kernel.HELD:
            shape_car(bodies[j], params[j], state[j])
            if overlap(body, bodies[j])[0] > 0.0:
                return False
    for j in range(cars, cars + boxes):  # noqa: SIM110 - the compiler knows no generators
        if overlap(body, bodies[j])[0] > 0.0:
            return False
    return True


@lean
def _shape_at(rows: FloatArray, p: FloatArray, body: FloatArray, along: float, offset: float) -> None:
    """Write the rectangle of a car whose nose is there, along the road, into a body row."""
    x, y, yaw, _ = nose_at(rows, along, offset)
    back = p[kernel.NOSE] - p[kernel.BODY]
    shape(body, x - back * cos(yaw), y - back * sin(yaw), yaw, p[kernel.HALF_LENGTH], p[kernel.HALF_WIDTH])
