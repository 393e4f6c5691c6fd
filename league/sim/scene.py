"""What there is to see besides the circuit: where every eye is, and the bodies that stand in its way.

Pure. Sensors that look around take a `Scene`, so that one call can serve one world or a whole batch: the
bodies of all worlds lie in one array, and every eye says which of them it can see.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.sim import contact, kernel, tick
from league.sim.compiled import compiled
from league.sim.contact import shape_car
from league.sim.world import World

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Columns of a body, the first seven as in `league.sim.contact`. A body without a radius is not there.
MIDDLE_X, MIDDLE_Y, COS, SIN, HALF_LENGTH, HALF_WIDTH, RADIUS, HEIGHT, KIND = range(9)
BODY_COLUMNS = 9
BOX, CAR = 0.0, 1.0

CAR_HEIGHT_M = 0.195
"""Height of DeepRacer's body; cars do not say theirs."""
BOX_HEIGHT_M = 0.25
"""Height of DeepRacer's box."""

# Columns of a view: the first body that an eye can see, the one past the last, and its own.
FIRST, PAST, OWN = range(3)
NOWHERE = -1
"""As the first body of an eye: it is not on the circuit and sees nothing."""


class Scene(NamedTuple):
    """Eyes and bodies."""

    eyes: FloatArray
    """x, y (m) and yaw (rad) of the car's origin, shape (eyes, 3)."""
    bodies: FloatArray
    """Rectangles with a height, shape (bodies, 9)."""
    views: IntArray
    """Which bodies an eye sees, shape (eyes, 3)."""


def scene_of(world: World) -> Scene:
    """The scene that the cars of a world see: eye i is that of car i, bodies are cars, boxes and bots."""
    arrays = world.arrays
    scene = Scene(
        np.empty((world.n, 3)),
        np.empty((world.n + len(arrays.boxes), BODY_COLUMNS)),
        np.empty((world.n, 3), dtype=np.int64),
    )
    fill_scene(arrays.params, arrays.state, arrays.measured, arrays.boxes, *scene)
    return scene


@compiled
def fill_scene(
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    boxes: FloatArray,
    eyes: FloatArray,
    bodies: FloatArray,
    views: IntArray,
) -> None:
    """Fill the scene of one world from its rows."""
    cars = len(state)
    for i in range(cars):
        eyes[i, 0], eyes[i, 1] = measured[i, tick.ORIGIN_X], measured[i, tick.ORIGIN_Y]
        eyes[i, 2] = measured[i, tick.YAW]
        views[i, FIRST], views[i, PAST], views[i, OWN] = 0, cars + len(boxes), i
        bodies[i, RADIUS] = 0.0
        if state[i, kernel.STATUS] > kernel.HELD:
            views[i, FIRST] = NOWHERE
        else:
            shape_car(bodies[i], params[i], state[i])
        bodies[i, HEIGHT], bodies[i, KIND] = CAR_HEIGHT_M, CAR
    for k in range(len(boxes)):
        bodies[cars + k, :HEIGHT] = boxes[k, :HEIGHT]
        if boxes[k, contact.KIND] == contact.BOT:
            bodies[cars + k, HEIGHT], bodies[cars + k, KIND] = CAR_HEIGHT_M, CAR
        else:
            bodies[cars + k, HEIGHT], bodies[cars + k, KIND] = BOX_HEIGHT_M, BOX
