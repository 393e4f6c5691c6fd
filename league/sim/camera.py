"""The camera on the front of the car, alone or as a pair.

Pure: what it sees follows from the world and from the seed that it was begun with.
"""

from __future__ import annotations

from math import radians, tan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.sim import picture
from league.sim.paint import Paint, paint_of
from league.sim.picture import HEIGHT, LENS_COLUMNS, WIDTH, grain, horizon, take_pictures
from league.sim.scene import Scene, scene_of
from league.sim.sensor import stream
from league.sim.world import World

FloatArray = NDArray[np.float64]
Seen = NDArray[np.float32]

# DeepRacer's camera: a width of view of 1.13 rad, on the front of the body, 15° down.
_FIELD_OF_VIEW_RAD = 1.13
_AHEAD_M, _ABOVE_M, _PITCH_RAD = 0.1453, 0.1303, 0.2618
_STEREO_M = 0.03
# Grey shades, as DeepRacer's pictures look on its tracks with a green field.
_SHADES = {
    picture.FIELD: 104.0,
    picture.LINE: 228.0,
    picture.ROAD: 62.0,
    picture.DASH: 176.0,
    picture.SKY_TOP: 168.0,
    picture.SKY_LOW: 205.0,
    picture.BOX: 134.0,
    picture.CAR: 88.0,
    picture.TYRES: 24.0,
}
_VARIED_SHADE, _VARIED_LIGHT, _VARIED_LEVEL = 30.0, 0.3, 20.0
_VARIED_PLACE_M, _VARIED_PITCH_RAD, _VARIED_FOCAL = 0.006, radians(1.5), 0.02
_VARIED_GRAIN = 0.15


class CameraSensor:
    """DeepRacer's front camera: 160 × 120 pixels in grey, 64.7° wide, 15° down, 13 cm above the ground.

    A frame is row by row from the top, each from the left, whole numbers from 0 to 255. It shows the
    road, white lines inside its borders, yellow dashes along its middle, the field, the sky, boxes and
    other cars. Every pixel is the mean over its area, so a thin line fades with distance and never
    flickers. The car's own body is out of sight.

    Args:
        vary: How much light, shades, the ground's texture and the camera's place differ from car to car
            and from heat to heat, 0 (not at all) to 1; drawn from the heat's seed.

    Raises:
        ConfigError: `vary` is out of range.
    """

    name = "camera"
    id = "camera.v1"
    shape: tuple[int, ...] = (HEIGHT, WIDTH)
    low, high = 0.0, 255.0
    noise_unit = "grey levels"
    whole = True
    asides_m: tuple[float, ...] = (0.0,)
    """How far to the left of the car's axis each camera is."""

    def __init__(self, *, vary: float = 0.0) -> None:
        if not 0.0 <= vary <= 1.0:
            raise ConfigError(f"sensor {self.name!r}: vary is {vary}, expected 0 to 1")
        self.vary = vary
        self.size = len(self.asides_m) * HEIGHT * WIDTH
        self._seed = 0
        self._lenses = np.empty((0, len(self.asides_m), LENS_COLUMNS))
        self._rough = grain()

    def begin(self, seed: int) -> None:
        """Draw light, shades and places anew, each car's from its own stream of the heat's seed."""
        self._seed = seed
        self._lenses = self._lenses[:0]

    def sense(self, world: World) -> Seen:
        """Frames of shades from 0 to 255, shape (cars, 19200); zeros for a car that is not there."""
        return self.view(paint_of(world.circuit), scene_of(world))

    def view(self, paint: Paint, around: Scene) -> Seen:
        """Frames for every eye of a scene, all on the same circuit, shape (eyes, 19200)."""
        lenses, pair = self.lenses(len(around.eyes)), len(self.asides_m)
        if pair > 1:
            eyes, views = np.repeat(around.eyes, pair, axis=0), np.repeat(around.views, pair, axis=0)
            around = Scene(eyes, around.bodies, views)
        frames = take_pictures(paint, around, lenses.reshape(-1, LENS_COLUMNS), self._rough)
        return frames.reshape(len(lenses), self.size)

    def lenses(self, cars: int) -> FloatArray:
        """The lenses in use, shape (cars, cameras, 16); columns are named in `league.sim.picture`."""
        if len(self._lenses) < cars:
            each = [self._lens(car) for car in range(cars)]
            self._lenses = np.repeat(np.stack(each)[:, None], len(self.asides_m), axis=1)
            self._lenses[:, :, picture.ASIDE] += self.asides_m
        return self._lenses[:cars]

    def _lens(self, car: int) -> FloatArray:
        lens = standard_lens()
        if self.vary > 0.0:
            random = stream(self._seed, self.name, car)
            shades = list(_SHADES)
            lens[shades] += self.vary * _VARIED_SHADE * random.uniform(-1, 1, len(shades))
            light, level = random.uniform(-self.vary, self.vary, 2)
            lens[shades] = lens[shades] * (1.0 + _VARIED_LIGHT * light) + _VARIED_LEVEL * level
            lens[shades] = lens[shades].clip(4.0, 251.0)
            place = [picture.AHEAD, picture.ASIDE, picture.ABOVE]
            lens[place] += self.vary * _VARIED_PLACE_M * random.uniform(-1, 1, 3)
            lens[picture.PITCH] += self.vary * _VARIED_PITCH_RAD * random.uniform(-1, 1)
            lens[picture.FOCAL] *= 1.0 + self.vary * _VARIED_FOCAL * random.uniform(-1, 1)
            lens[picture.LIGHT] = random.uniform(0.0, radians(360))
            lens[picture.GRAIN] = self.vary * _VARIED_GRAIN * random.uniform()
        return lens

    def describe(self) -> dict[str, Any]:
        """Shape, units and where the camera looks."""
        lens = standard_lens()
        return {
            "id": self.id,
            "shape": list(self.shape),
            "dtype": "float32",
            "units": "grey levels",
            "range": [0, 255],
            "focal_px": float(lens[picture.FOCAL]),
            "horizon_px": float(horizon(lens[picture.PITCH], lens[picture.FOCAL])),
            "ahead_m": _AHEAD_M,
            "aside_m": list(self.asides_m),
            "above_m": _ABOVE_M,
            "pitch_rad": _PITCH_RAD,
            "vary": self.vary,
        }


class StereoCameraSensor(CameraSensor):
    """DeepRacer's pair of cameras: the frame of the left one, then that of the right one, 6 cm apart.

    See `CameraSensor`; both cameras of a car vary together.
    """

    name = "camera-stereo"
    id = "camera-stereo.v1"
    shape = (2, HEIGHT, WIDTH)
    asides_m = (_STEREO_M, -_STEREO_M)


def standard_lens() -> FloatArray:
    """The lens of a camera that does not vary, shape (16,)."""
    lens = np.zeros(LENS_COLUMNS)
    lens[picture.AHEAD], lens[picture.ABOVE] = _AHEAD_M, _ABOVE_M
    lens[picture.PITCH] = _PITCH_RAD
    lens[picture.FOCAL] = WIDTH / 2 / tan(_FIELD_OF_VIEW_RAD / 2)
    for column, shade in _SHADES.items():
        lens[column] = shade
    lens[picture.LIGHT] = 0.7
    return lens
