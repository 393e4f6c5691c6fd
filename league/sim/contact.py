"""Contact: cars and boxes as exact rectangles that may not overlap.

Pure. Rectangles are tested by separating axes after every physics step. Nothing can pass through
anything unseen: the steps are at most 1/120 s, in which two cars that meet head-on at 4 m/s close by
6.7 cm, and no body is thinner than 18.8 cm (at 8 m/s: 13 cm against 31 cm).

Cars that overlap are moved apart along the shortest way out, each by half; a box does not move. Their
speeds change as in a fully inelastic blow between equal masses, along the normal only; of the result
only the part along each car's axis survives, since wheels do not roll sideways. Neither can add energy:
the blow takes kinetic energy from the pair, and dropping a component takes more. With several blows at
once each is scaled by one over the larger number of blows that its two cars take part in, which makes
the outcome an average of single blows and keeps that true. All blows of a pass are worked out from the
same positions, so the order of the cars does not matter.
"""

from __future__ import annotations

from math import cos, sin

import numpy as np
from numpy.typing import NDArray

from league.sim.compiled import lean
from league.sim.kernel import BODY, BODY_RADIUS, HALF_LENGTH, HALF_WIDTH, SPEED, STATUS, STILL, YAW, X, Y

FloatArray = NDArray[np.float64]

PASSES = 12
"""How often a heap of cars is sorted out per physics step; what is left, the next step goes on with."""
TOUCH_M = 1e-9
"""Overlaps up to this are rounding, not contact."""

# Columns of a body row: middle, direction, half length, half width, radius.
_AT_X, _AT_Y, _COS, _SIN, _LONG, _WIDE, _RADIUS = range(7)
# What a blow adds up for each car.
_PUSH_X, _PUSH_Y, _GAIN, _BLOWS = range(7, 11)
BODY_ROW = 11
"""Length of a row of scratch space per car and box."""


@lean
def shape(row: FloatArray, x: float, y: float, yaw: float, half_length: float, half_width: float) -> None:
    """Write a rectangle with its middle at (x, y) into a body row."""
    row[_AT_X], row[_AT_Y], row[_COS], row[_SIN] = x, y, cos(yaw), sin(yaw)
    row[_LONG], row[_WIDE] = half_length, half_width
    row[_RADIUS] = (half_length * half_length + half_width * half_width) ** 0.5


@lean
def shape_car(row: FloatArray, p: FloatArray, s: FloatArray) -> None:
    """Write the rectangle of a car's body into a body row."""
    c, q = cos(s[YAW]), sin(s[YAW])
    row[_AT_X], row[_AT_Y], row[_COS], row[_SIN] = s[X] + p[BODY] * c, s[Y] + p[BODY] * q, c, q
    row[_LONG], row[_WIDE], row[_RADIUS] = p[HALF_LENGTH], p[HALF_WIDTH], p[BODY_RADIUS]


@lean
def overlap(a: FloatArray, b: FloatArray) -> tuple[float, float, float]:
    """How deep two bodies overlap, and the unit normal from a to b along which they part soonest.

    The depth is 0 if they do not overlap.
    """
    dx, dy = b[_AT_X] - a[_AT_X], b[_AT_Y] - a[_AT_Y]
    reach = a[_RADIUS] + b[_RADIUS]
    if dx * dx + dy * dy >= reach * reach:
        return 0.0, 0.0, 0.0
    # Cosine and sine of the angle between the two, for the widths of each seen along the other's axes.
    c = abs(a[_COS] * b[_COS] + a[_SIN] * b[_SIN])
    q = abs(a[_COS] * b[_SIN] - a[_SIN] * b[_COS])
    least, nx, ny = np.inf, 0.0, 0.0
    for axis in range(4):
        one, other = (a, b) if axis < 2 else (b, a)
        if axis % 2 == 0:
            ux, uy = one[_COS], one[_SIN]
            room = one[_LONG] + other[_LONG] * c + other[_WIDE] * q
        else:
            ux, uy = -one[_SIN], one[_COS]
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
        boxes: How many boxes there are.
        bodies: Scratch rows for the cars, followed by the filled rows of the boxes.
        touch: Greatest closing speed of each pair during this tick, shape (cars, cars + boxes); raised
            for every pair that touches, at least to 0.

    Returns:
        Whether anything touched.
    """
    cars = len(state)
    any_touch = False
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
                        _blow(state, bodies, touch, i, j)
        for i in range(cars):
            if bodies[i, _BLOWS] > 0.0:
                state[i, X] += bodies[i, _PUSH_X]
                state[i, Y] += bodies[i, _PUSH_Y]
                speed = state[i, SPEED] + bodies[i, _GAIN]
                state[i, SPEED] = speed if speed >= STILL else 0.0
                shape_car(bodies[i], params[i], state[i])
    return any_touch


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
def _blow(state: FloatArray, bodies: FloatArray, touch: FloatArray, i: int, j: int) -> None:
    """Add up what the contact of car i with car or box j does to both."""
    depth, nx, ny = overlap(bodies[i], bodies[j])
    if depth <= TOUCH_M:
        return
    car = j < len(state)
    share = 0.5 if car else 1.0
    along_i = nx * bodies[i, _COS] + ny * bodies[i, _SIN]
    along_j = nx * bodies[j, _COS] + ny * bodies[j, _SIN]
    closing = state[i, SPEED] * along_i
    blows = bodies[i, _BLOWS]
    if car:
        closing -= state[j, SPEED] * along_j
        blows = max(blows, bodies[j, _BLOWS])
    closing = max(closing, 0.0)
    touch[i, j] = max(touch[i, j], closing)
    bodies[i, _PUSH_X] -= share * depth * nx
    bodies[i, _PUSH_Y] -= share * depth * ny
    bodies[i, _GAIN] -= share * closing * along_i / blows
    if car:
        bodies[j, _PUSH_X] += share * depth * nx
        bodies[j, _PUSH_Y] += share * depth * ny
        bodies[j, _GAIN] += share * closing * along_j / blows
