"""What a car's camera sees, as a picture for people: of a moment of a recording, or of a race as it runs.

Pure: places in, a PNG out.
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from math import cos, hypot, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from league.sim import scene
from league.sim.camera import CameraSensor
from league.sim.car import CarSpec
from league.sim.paint import paint_of
from league.sim.picture import HEIGHT, WIDTH
from league.sim.scene import Scene
from league.track.circuit import Circuit

Place = Sequence[float]
"""x and y in m, direction in rad."""

BOT_M: Final = (0.324, 0.188)
"""Length and width of a bot."""
_CAMERA: Final = CameraSensor()


def picture(
    circuit: Circuit,
    car: CarSpec,
    seat: int,
    cars: Sequence[Place | None],
    *,
    boxes: Sequence[Sequence[float]] = (),
    bots: Sequence[Place] = (),
) -> bytes:
    """The picture of a seat's front camera as a PNG of 160 × 120 grey pixels.

    Args:
        circuit: Where they race.
        car: What they all drive.
        seat: Whose camera.
        cars: Every car's chassis origin by seat; None for one that is not there any more.
        boxes: x, y, direction, length and width of each.
        bots: The middle of each.
    """
    ahead_m = car.length_m / 2 - car.body_rear_m
    rows = []
    for place in cars:
        if place is None:
            rows.append(np.zeros(scene.BODY_COLUMNS))
            continue
        x, y, yaw = place[:3]
        middle = x + ahead_m * cos(yaw), y + ahead_m * sin(yaw), yaw
        rows.append(_body(middle, car.length_m, car.width_m, scene.CAR_HEIGHT_M, scene.CAR))
    rows += [_body(box[:3], box[3], box[4], scene.BOX_HEIGHT_M, scene.BOX) for box in boxes]
    rows += [_body(bot[:3], *BOT_M, scene.CAR_HEIGHT_M, scene.CAR) for bot in bots]
    own = cars[seat]
    eye = np.zeros((1, 3)) if own is None else np.array([own[:3]], dtype=np.float64)
    first = scene.NOWHERE if own is None else 0
    around = Scene(eye, np.array(rows), np.array([[first, len(rows), seat]], dtype=np.int64))
    shades = _CAMERA.view(paint_of(circuit), around)[0].reshape(HEIGHT, WIDTH)
    made = BytesIO()
    Image.fromarray(shades.astype(np.uint8), mode="L").save(made, "PNG")
    return made.getvalue()


def _body(place: Place, length_m: float, width_m: float, height_m: float, kind: float) -> NDArray[np.float64]:
    """A rectangle with a height, by the columns of `league.sim.scene`."""
    x, y, yaw = place[:3]
    row = np.empty(scene.BODY_COLUMNS)
    row[[scene.MIDDLE_X, scene.MIDDLE_Y]] = x, y
    row[[scene.COS, scene.SIN]] = cos(yaw), sin(yaw)
    row[[scene.HALF_LENGTH, scene.HALF_WIDTH]] = length_m / 2, width_m / 2
    row[scene.RADIUS] = hypot(length_m, width_m) / 2
    row[[scene.HEIGHT, scene.KIND]] = height_m, kind
    return row
