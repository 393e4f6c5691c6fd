"""One tick of a world: all its physics steps, then what is measured of every car.

Pure, compiled; `league.sim.world` is the plain door to it.
"""

from __future__ import annotations

from math import cos, isfinite, sin

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, road
from league.sim.compiled import compiled
from league.sim.contact import separate

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


@compiled
def advance(
    rows: FloatArray,
    params: FloatArray,
    state: FloatArray,
    commands: FloatArray,
    boxes: int,
    bodies: FloatArray,
    touch: FloatArray,
    trace: FloatArray,
    measured: FloatArray,
    wheels_off: IntArray,
) -> int:
    """Advance all cars by one tick.

    Returns:
        -1 - i if the command of car i is not finite (then nothing has changed), 1 if anything touched,
        else 0.
    """
    cars = len(state)
    substeps = len(trace) - 1
    for i in range(cars):
        if not (isfinite(commands[i, 0]) and isfinite(commands[i, 1])):
            return -1 - i
    alone = cars + boxes == 1
    touched = False
    if not alone:
        touch[:, :] = -1.0
    for i in range(cars):
        trace[:, i] = measured[i, ALONG]
        if state[i, kernel.STATUS] == 0.0:
            kernel.take(params[i], state[i], commands[i, 0], commands[i, 1])
    for number in range(substeps):
        for i in range(cars):
            if state[i, kernel.STATUS] == 0.0:
                kernel.substep(params[i], state[i], number, substeps)
        if not alone:
            touched |= separate(params, state, boxes, bodies, touch)
        _follow_noses(rows, params, state, trace[number + 1])
    for i in range(cars):
        if state[i, kernel.STATUS] == 0.0:
            wheels_off[i] = measure(rows, params[i], state[i], measured[i])
    return 1 if touched else 0


@compiled
def _follow_noses(rows: FloatArray, params: FloatArray, state: FloatArray, along: FloatArray) -> None:
    for i in range(len(state)):
        s = state[i]
        if s[kernel.STATUS] == 0.0:
            x = s[kernel.X] + params[i, kernel.NOSE] * cos(s[kernel.YAW])
            y = s[kernel.Y] + params[i, kernel.NOSE] * sin(s[kernel.YAW])
            segment, reach = road.follow(rows, x, y, int(s[kernel.SEGMENT]))
            s[kernel.SEGMENT] = segment
            along[i] = road.along_at(rows, segment, reach)


@compiled
def measure(rows: FloatArray, p: FloatArray, s: FloatArray, seen: FloatArray) -> int:
    """Measure one car: fill its row, and count its wheels that are not on the road."""
    yaw = s[kernel.YAW]
    c, q = cos(yaw), sin(yaw)
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
    off = 0
    for axle in range(2):
        ahead = p[kernel.FRONT_AXLE] if axle == 0 else -p[kernel.REAR_AXLE]
        half = p[kernel.HALF_FRONT_TRACK] if axle == 0 else p[kernel.HALF_REAR_TRACK]
        for side in (-half, half):
            if not road.on_road(rows, x + ahead * c - side * q, y + ahead * q + side * c):
                off += 1
    return off
