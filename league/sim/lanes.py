"""Cars that are alone in their worlds, driven side by side.

Pure, compiled. What a car's motion needs is copied out of its rows so that the same number of sixteen
cars lies together; then a loop over them becomes instructions that work on several cars at once. It is
`kernel.move` that drives them, as it drives any car, and the bits are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, tick
from league.sim.compiled import inlined, lean

FloatArray = NDArray[np.float64]

LANES = 16
"""How many cars lie side by side."""

# Numbers of a car in the lanes, after those of its state up to SPEED_NOW: the commands of this tick before
# and from a physics step on. A command takes effect at most once in a tick, however late it is.
(
    STEER_EARLY,
    STEER_LATE,
    STEER_FROM,
    SPEED_EARLY,
    SPEED_LATE,
    SPEED_FROM,
) = range(kernel.SPEED_NOW + 1, kernel.SPEED_NOW + 7)
_NUMBERS = kernel.SPEED_NOW + 7
# What `tick` notes of a car after every step, in its order.
_NOTED = (kernel.X, kernel.Y, kernel.YAW, kernel.SPEED)
_FIGURES = kernel.MAX_STEER
"""How many of a car's parameters its motion needs."""


def make_lanes(params: FloatArray, trace: int) -> FloatArray:
    """Room for the lanes: a row of figures, filled with those of one car, one of states, one for a trace."""
    lanes = np.zeros((3, max(_NUMBERS * LANES, _FIGURES * LANES, trace)))
    lanes[0, : _FIGURES * LANES] = np.repeat(params[:_FIGURES], LANES)
    return lanes


@inlined
def drive(
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    orders: NDArray[Any],
    since: FloatArray,
    poses: FloatArray,
    lanes: FloatArray,
    first: int,
    count: int,
) -> None:
    """Drive `count` worlds of one car from number `first` on through the physics steps of a tick.

    Args:
        params: Parameter rows, shape (worlds, 1, n), or (1, 1, n) for cars that are all the same.
        state: State rows, shape (worlds, 1, n).
        measured: What was measured of the cars before.
        orders: Steering and speed, shape (worlds, 1, 2).
        since: Filled as by `tick.advance`, a column a lane; `poses` likewise.
        poses: Filled.
        lanes: What `make_lanes` made for a car of params.
        first: Number of the first world.
        count: How many worlds, 16 at most.
    """
    figures, numbers = lanes[0], lanes[1]
    substeps = len(poses)
    for k in range(count):
        p, s = params[first + k if len(params) > 1 else 0, 0], state[first + k, 0]
        if s[kernel.STATUS] == 0.0:
            kernel.take(p, s, float(orders[first + k, 0, 0]), float(orders[first + k, 0, 1]))
            tick.set_off(s, measured[first + k, 0], since, k)
        if len(params) > 1:
            for what in range(_FIGURES):
                figures[what * LANES + k] = p[what]
        _enter(p, s, numbers, substeps, k)
    for number in range(substeps):
        _step(figures, numbers, number, count)
        for what in range(tick.POSE):
            for k in range(count):
                poses[number, what, k] = numbers[_NOTED[what] * LANES + k]
    for k in range(count):
        s = state[first + k, 0]
        if s[kernel.STATUS] == 0.0:
            for what in range(kernel.SPEED_NOW + 1):
                s[what] = numbers[what * LANES + k]


@inlined
def _enter(p: FloatArray, s: FloatArray, numbers: FloatArray, substeps: int, k: int) -> None:
    for what in range(kernel.SPEED_NOW + 1):
        numbers[what * LANES + k] = s[what]
    steer, speed = int(p[kernel.STEER_DELAY]), int(p[kernel.SPEED_DELAY])
    _schedule(s, kernel.COMMANDS, steer, substeps, numbers, STEER_EARLY, k)
    _schedule(s, kernel.COMMANDS + 1, speed, substeps, numbers, SPEED_EARLY, k)


@inlined
def _schedule(
    s: FloatArray, column: int, delay: int, substeps: int, numbers: FloatArray, early: int, k: int
) -> None:
    """Write down which command is in effect when; as of `kernel.substep`."""
    ticks, begins = delay // substeps, delay % substeps
    late = s[column + 2 * ticks]
    numbers[early * LANES + k] = s[column + 2 * ticks + 2] if begins > 0 else late
    numbers[(early + 1) * LANES + k] = late
    numbers[(early + 2) * LANES + k] = begins


@lean
def _step(figures: FloatArray, numbers: FloatArray, number: int, count: int) -> None:
    """Move all lanes by one physics step."""
    now = float(number)
    for k in range(count):
        # Both commands are read before one is chosen: else the compiler would choose where to read.
        early, late = numbers[STEER_EARLY * LANES + k], numbers[STEER_LATE * LANES + k]
        steer = early if now < numbers[STEER_FROM * LANES + k] else late
        early, late = numbers[SPEED_EARLY * LANES + k], numbers[SPEED_LATE * LANES + k]
        speed = early if now < numbers[SPEED_FROM * LANES + k] else late
        kernel.move(figures, numbers, LANES, k, steer, speed)
