"""Contact: cars, boxes and bots as exact rectangles that may not overlap.

Pure. Rectangles are tested by separating axes after every physics step. Nothing can pass through
anything unseen: the steps are at most 1/120 s, in which two cars that meet head-on at 4 m/s close by
6.7 cm, and no body is thinner than 18.8 cm (at 8 m/s: 13 cm against 31 cm). A car that goes farther than
a quarter of its width in a step, as none of ours does, is looked at on the way, every sixteenth of its
width, and stopped where it first meets something; so nothing passes through anything, however fast it is.

Cars that overlap are moved apart along the shortest way out, each by half; a box does not move. Their
speeds change as in a fully inelastic blow between equal masses, along the normal only; of the result
only the part along each car's axis survives, since wheels do not roll sideways. Neither can add energy:
the blow takes kinetic energy from the pair, and dropping a component takes more. With several blows at
once each is scaled by one over the larger number of blows that its two cars take part in, which makes
the outcome an average of single blows and keeps that true. All blows of a pass are worked out from the
same positions, so the order of the cars does not matter.

A box may move: that is what a bot is. It goes a given way in every step and is not pushed aside; when it
drives into a car it stops for the rest of the tick.
"""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from league.sim.angles import sine_cosine
from league.sim.compiled import lean
from league.sim.kernel import (
    BODY,
    BODY_RADIUS,
    HALF_LENGTH,
    HALF_WIDTH,
    SPEED,
    STATUS,
    STEP,
    STILL,
    YAW,
    X,
    Y,
)

FloatArray = NDArray[np.float64]

PASSES = 12
"""How often a heap of cars is sorted out per physics step; what is left, the next step goes on with."""
MOST_PIECES = 1000
"""Into how many pieces the way of a step is cut at most."""
TOUCH_M = 1e-9
"""Overlaps up to this are rounding, not contact."""

# Columns of a body row: middle, direction, half length, half width, radius.
AT_X, AT_Y, COS, SIN, _LONG, _WIDE, _RADIUS = range(7)
# What a blow adds up for each car.
_PUSH_X, _PUSH_Y, _GAIN, _BLOWS = range(7, 11)
# The same columns of a box: how far it goes and turns in every physics step, how many it has gone in this
# tick, and, for those who look at it, its speed and what it is.
STEP_X, STEP_Y, STEP_COS, STEP_SIN, MOVED, PACE, KIND = range(7, 14)
BOX, BOT = 0.0, 1.0
BODY_ROW = 14
"""Length of a row of scratch space per car and box."""


@lean
def shape(row: FloatArray, x: float, y: float, yaw: float, half_length: float, half_width: float) -> None:
    """Write a rectangle with its middle at (x, y) into a body row."""
    q, c = sine_cosine(yaw)
    row[AT_X], row[AT_Y], row[COS], row[SIN] = x, y, c, q
    row[_LONG], row[_WIDE] = half_length, half_width
    row[_RADIUS] = sqrt(half_length * half_length + half_width * half_width)


@lean
def shape_car(row: FloatArray, p: FloatArray, s: FloatArray) -> None:
    """Write the rectangle of a car's body into a body row."""
    q, c = sine_cosine(s[YAW])
    row[AT_X], row[AT_Y], row[COS], row[SIN] = s[X] + p[BODY] * c, s[Y] + p[BODY] * q, c, q
    row[_LONG], row[_WIDE], row[_RADIUS] = p[HALF_LENGTH], p[HALF_WIDTH], p[BODY_RADIUS]


@lean
def overlap(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """How deep two bodies overlap, and the unit normal from a to b along which they part soonest.

    The depth is 0 if they do not overlap.
    """
    dx, dy = b[AT_X] - a[AT_X], b[AT_Y] - a[AT_Y]
    reach = a[_RADIUS] + b[_RADIUS]
    if dx * dx + dy * dy >= reach * reach:
        return 0.0, 0.0, 0.0
    # Cosine and sine of the angle between the two, for the widths of each seen along the other's axes.
    c = abs(a[COS] * b[COS] + a[SIN] * b[SIN])
    q = abs(a[COS] * b[SIN] - a[SIN] * b[COS])
    least, nx, ny = np.inf, 0.0, 0.0
    for axis in range(4):
        one, other = (a, b) if axis < 2 else (b, a)
        if axis % 2 == 0:
            ux, uy = one[COS], one[SIN]
            room = one[_LONG] + other[_LONG] * c + other[_WIDE] * q
        else:
            ux, uy = -one[SIN], one[COS]
            room = one[_WIDE] + other[_LONG] * q + other[_WIDE] * c
        apart = dx * ux + dy * uy
        depth = room - abs(apart)
        if depth <= 0.0:
            return 0.0, 0.0, 0.0
        if depth < least:
            sign = 1.0 if apart >= 0.0 else -1.0
            least, nx, ny = depth, ux * sign, uy * sign
    return least, nx, ny


@lean
def separate(
    params: FloatArray, state: FloatArray, boxes: int, bodies: FloatArray, touch: FloatArray
) -> bool:
    """Part all bodies that overlap and change their speeds accordingly.

    Args:
        params: Parameter rows of the cars.
        state: State rows of the cars; only those with status 0 take part.
        boxes: How many boxes there are, bots included.
        bodies: Scratch rows for the cars, followed by the filled rows of the boxes, which move on.
        touch: Greatest closing speed of each pair during this tick, shape (cars, cars + boxes); raised
            for every pair that touches, at least to 0.

    Returns:
        Whether anything touched.
    """
    cars = len(state)
    any_touch = False
    for j in range(cars, cars + boxes):
        _move(bodies[j])
    _catch(params, state, boxes, bodies)
    for i in range(cars):
        if state[i, STATUS] == 0.0:
            shape_car(bodies[i], params[i], state[i])
    for _ in range(PASSES):
        if not _count_blows(state, boxes, bodies):
            break
        any_touch = True
        for i in range(cars):
            if bodies[i, _BLOWS] > 0.0:
                for j in range(i + 1, cars + boxes):
                    if j >= cars or bodies[j, _BLOWS] > 0.0:
                        _blow(params, state, bodies, touch, i, j)
        for i in range(cars):
            if bodies[i, _BLOWS] > 0.0:
                state[i, X] += bodies[i, _PUSH_X]
                state[i, Y] += bodies[i, _PUSH_Y]
                speed = state[i, SPEED] + bodies[i, _GAIN]
                state[i, SPEED] = speed if speed >= STILL else 0.0
                shape_car(bodies[i], params[i], state[i])
    return any_touch


@lean
def _move(row: FloatArray) -> None:
    """Move a box on by a physics step, if it moves."""
    if row[STEP_X] == 0.0 and row[STEP_Y] == 0.0:
        return
    row[AT_X] += row[STEP_X]
    row[AT_Y] += row[STEP_Y]
    c, q = row[COS] + row[STEP_COS], row[SIN] + row[STEP_SIN]
    size = sqrt(c * c + q * q)
    row[COS], row[SIN] = c / size, q / size
    row[MOVED] += 1.0


@lean
def _catch(params: FloatArray, state: FloatArray, boxes: int, bodies: FloatArray) -> None:
    """Stop cars that went far in this step where they first met something.

    The way of a step is straight, so the places in between are known. Does nothing unless a car went
    farther than a quarter of its width.
    """
    cars = len(state)
    pieces = 1
    for i in range(cars):
        if state[i, STATUS] == 0.0:
            halves = state[i, SPEED] * params[i, STEP] / params[i, HALF_WIDTH]
            if halves > 0.5:
                pieces = max(pieces, int(min(8.0 * halves, MOST_PIECES)) + 1)
    if pieces == 1:
        return
    for i in range(cars):
        bodies[i, _GAIN] = 1.0  # the part of its way at which it was stopped
    for piece in range(1, pieces):
        part = piece / pieces
        for i in range(cars):
            if state[i, STATUS] == 0.0:
                _shape_underway(bodies[i], params[i], state[i], min(part, bodies[i, _GAIN]))
        _stop_meeting(state, boxes, bodies, part)
    for i in range(cars):
        if state[i, STATUS] == 0.0:
            back = (1.0 - bodies[i, _GAIN]) * state[i, SPEED] * params[i, STEP]
            state[i, X] -= back * bodies[i, COS]
            state[i, Y] -= back * bodies[i, SIN]


@lean
def _stop_meeting(state: FloatArray, boxes: int, bodies: FloatArray, part: float) -> None:
    """Note for cars that overlap something after a part of their way that they got no farther."""
    cars = len(state)
    for i in range(cars):
        for j in range(i + 1, cars + boxes):
            if state[i, STATUS] != 0.0 or (j < cars and state[j, STATUS] != 0.0):
                continue
            if overlap(bodies[i], bodies[j])[0] > TOUCH_M:
                bodies[i, _GAIN] = min(part, bodies[i, _GAIN])
                if j < cars:
                    bodies[j, _GAIN] = min(part, bodies[j, _GAIN])


@lean
def _shape_underway(row: FloatArray, p: FloatArray, s: FloatArray, part: float) -> None:
    """Write the rectangle of a car as it was after a part of the last physics step."""
    shape_car(row, p, s)
    back = (1.0 - part) * s[SPEED] * p[STEP]
    row[AT_X] -= back * row[COS]
    row[AT_Y] -= back * row[SIN]


@lean
def _count_blows(state: FloatArray, boxes: int, bodies: FloatArray) -> bool:
    cars = len(state)
    found = False
    bodies[:cars, _PUSH_X:] = 0.0
    for i in range(cars):
        if state[i, STATUS] != 0.0:
            continue
        for j in range(i + 1, cars + boxes):
            if j < cars and state[j, STATUS] != 0.0:
                continue
            if overlap(bodies[i], bodies[j])[0] > TOUCH_M:
                found = True
                bodies[i, _BLOWS] += 1.0
                if j < cars:
                    bodies[j, _BLOWS] += 1.0
    return found


@lean
def _blow(
    params: FloatArray, state: FloatArray, bodies: FloatArray, touch: FloatArray, i: int, j: int
) -> None:
    """Add up what the contact of car i with car or box j does to both."""
    depth, nx, ny = overlap(bodies[i], bodies[j])
    if depth <= TOUCH_M:
        return
    car = j < len(state)
    share = 0.5 if car else 1.0
    along_i = nx * bodies[i, COS] + ny * bodies[i, SIN]
    along_j = nx * bodies[j, COS] + ny * bodies[j, SIN]
    closing = state[i, SPEED] * along_i
    blows = bodies[i, _BLOWS]
    if car:
        closing -= state[j, SPEED] * along_j
        blows = max(blows, bodies[j, _BLOWS])
    else:
        way_x, way_y = bodies[j, STEP_X], bodies[j, STEP_Y]
        away = way_x * nx + way_y * ny
        closing -= away / params[i, STEP]
        if away < -0.5 * sqrt(way_x * way_x + way_y * way_y):
            # It drove into the car, and not only along it, and stops.
            bodies[j, STEP_X] = bodies[j, STEP_Y] = bodies[j, STEP_COS] = bodies[j, STEP_SIN] = 0.0
    closing = max(closing, 0.0)
    touch[i, j] = max(touch[i, j], closing)
    bodies[i, _PUSH_X] -= share * depth * nx
    bodies[i, _PUSH_Y] -= share * depth * ny
    bodies[i, _GAIN] -= share * closing * along_i / blows
    if car:
        bodies[j, _PUSH_X] += share * depth * nx
        bodies[j, _PUSH_Y] += share * depth * ny
        bodies[j, _GAIN] += share * closing * along_j / blows
