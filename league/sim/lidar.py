"""LIDAR: distances around the car to the borders of the road, to boxes and to other cars.

Pure: what it measures follows from the world alone; `league.sim.noise` adds what real ones add.
"""

from __future__ import annotations

from math import ceil, floor, pi, radians, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.sim import scene
from league.sim.angles import direction, sine_cosine
from league.sim.compiled import compiled
from league.sim.scene import Scene, scene_of
from league.sim.walls import Walls, shorten, walls_of
from league.sim.world import World

FloatArray = NDArray[np.float64]
Seen = NDArray[np.float32]

# What a beam's sensor is, as the kernel reads it.
_AHEAD, _FIRST_ANGLE, _STEP, _NEAREST, _FARTHEST = range(5)


class LidarSensor:
    """Distances by DeepRacer's LIDAR, turned to look ahead.

    64 beams over ±150°, 0.15 to 12 m, from a point 0.029 m ahead of the origin; but with no noise, not
    rounded to its resolution of 0.01 m, and with borders that it sees as walls. Beam 0 points to the
    right and backwards, the last one to the left and backwards; angles grow evenly to the left. What is
    nearer than the least distance reads as that, nothing in reach reads as the greatest.

    Args:
        rear: Look backwards, as DeepRacer's is mounted: beam 0 points to the left and ahead, and the gap
            between the last beam and the first is in front of the car.
        borders: Whether it sees the borders of the road. DeepRacer's does not: they are lines of paint.
        reach_m: The greatest distance; 1.0 is what DeepRacer's models of type LIDAR see.

    Raises:
        ConfigError: The reach is not above the least distance, or beyond what this LIDAR can do.
    """

    name = "lidar"
    id = "lidar.v1"
    beams = 64
    half_angle_rad = radians(150.0)
    ahead_m = 0.029
    nearest_m = 0.15
    farthest_m = 12.0
    noise_unit = "m"

    def __init__(self, *, rear: bool = False, borders: bool = True, reach_m: float | None = None) -> None:
        limit_m = type(self).farthest_m
        if reach_m is not None and not self.nearest_m < reach_m <= limit_m:
            raise ConfigError(
                f"sensor {self.name!r}: reach_m is {reach_m}, "
                f"expected more than {self.nearest_m:g} and {limit_m:g} at most"
            )
        self.farthest_m = limit_m if reach_m is None else reach_m
        self.size = self.beams
        self.low, self.high = self.nearest_m, self.farthest_m
        self.borders = borders
        self.facing_rad = pi if rear else 0.0
        step = 2.0 * self.half_angle_rad / (self.beams - 1)
        first = self.facing_rad - self.half_angle_rad
        self._shape = np.array([self.ahead_m, first, step, self.nearest_m, self.farthest_m])
        self._directions = np.empty((self.beams, 2))
        _towards(self.angles_rad, self._directions)

    @property
    def angles_rad(self) -> FloatArray:
        """Direction of every beam in the car's frame, positive to the left, shape (beams,)."""
        return self.facing_rad + np.linspace(-self.half_angle_rad, self.half_angle_rad, self.beams)

    def sense(self, world: World) -> Seen:
        """Distances in m, shape (cars, beams); zeros for a car that is not on the circuit."""
        return self.scan(walls_of(world.circuit), scene_of(world))

    def scan(self, walls: Walls, around: Scene) -> Seen:
        """Distances in m for every eye of a scene, shape (eyes, beams), all among the same walls."""
        seen = np.zeros((len(around.eyes), self.beams), dtype=np.float32)
        scan(walls, self.borders, *around, self._directions, self._shape, seen)
        return seen

    def describe(self) -> dict[str, Any]:
        """Shape, units, directions and reach."""
        return {
            "id": self.id,
            "shape": [self.size],
            "dtype": "float32",
            "units": "m",
            "range": [self.nearest_m, self.farthest_m],
            "angle_first_rad": self.facing_rad - self.half_angle_rad,
            "angle_last_rad": self.facing_rad + self.half_angle_rad,
            "ahead_m": self.ahead_m,
            "nearest_m": self.nearest_m,
            "farthest_m": self.farthest_m,
            "borders": self.borders,
        }


class F1tenthLidarSensor(LidarSensor):
    """Distances by F1TENTH's LIDAR: 1080 beams over ±135°, up to 30 m, from 0.275 m ahead of the rear axle.

    A Hokuyo UST-10 as f1tenth_gym models it; there it stands on the car's centre, here too, which is our
    origin.
    """

    name = "lidar-f1tenth"
    id = "lidar-f1tenth.v1"
    beams = 1080
    half_angle_rad = radians(135.0)
    ahead_m = 0.0
    nearest_m = 0.02
    farthest_m = 30.0


class SectorLidarSensor:
    """DeepRacer's SECTOR_LIDAR: which of eight sectors around the car hold something nearer than 0.5 m.

    Each entry is 1 or 0; sectors follow the beams, from the left of the front over the rear to the right
    of it, since the LIDAR looks backwards.

    Args:
        sectors: How many; must divide the 64 beams.
        near_m: What counts as near.
        rear: See `LidarSensor`.
        borders: See `LidarSensor`.

    Raises:
        ConfigError: The sectors do not divide the beams, or the distance is beyond the LIDAR's.
    """

    name = "lidar-sectors"
    id = "lidar-sectors.v1"

    def __init__(
        self, *, sectors: int = 8, near_m: float = 0.5, rear: bool = True, borders: bool = True
    ) -> None:
        self.source = LidarSensor(rear=rear, borders=borders)
        self.sectors, self.near_m = _sectors(self.name, sectors, self.source), near_m
        _within_reach(self.name, "near_m", near_m, self.source)
        self.size = sectors

    def sense(self, world: World) -> Seen:
        """1 for a sector with something near, shape (cars, sectors); zeros for an absent car."""
        return self.read(self.source.sense(world))

    def read(self, distances: Seen) -> Seen:
        """The sectors of scans of shape (cars, 64); a scan of zeros is that of an absent car."""
        least = distances.reshape(len(distances), self.sectors, -1).min(axis=2)
        near: Seen = ((least < self.near_m) & (least > 0.0)).astype(np.float32)
        return near

    def describe(self) -> dict[str, Any]:
        """Shape, units, and where the sectors lie."""
        return _describe_sectors(self, [self.sectors]) | {"near_m": self.near_m}


class DiscretizedLidarSensor:
    """DeepRacer's DISCRETIZED_SECTOR_LIDAR: per sector, in which of eight steps the nearest thing is.

    Sector by sector one 1 among zeros; only zeros where nothing is nearer than the clipping distance.

    Args:
        sectors: How many; must divide the 64 beams.
        values: Steps per sector.
        clip_m: The distance that the steps share out, DeepRacer's clipping_dist.
        rear: See `LidarSensor`.
        borders: See `LidarSensor`.

    Raises:
        ConfigError: As `SectorLidarSensor` does, or there is not one step.
    """

    name = "lidar-discretized"
    id = "lidar-discretized.v1"

    def __init__(
        self,
        *,
        sectors: int = 8,
        values: int = 8,
        clip_m: float = 2.0,
        rear: bool = True,
        borders: bool = True,
    ) -> None:
        self.source = LidarSensor(rear=rear, borders=borders)
        self.sectors, self.values, self.clip_m = _sectors(self.name, sectors, self.source), values, clip_m
        _within_reach(self.name, "clip_m", clip_m, self.source)
        if not 1 <= values <= 64:
            raise ConfigError(f"sensor {self.name!r}: values is {values}, expected 1 to 64")
        self.size = sectors * values

    def sense(self, world: World) -> Seen:
        """One-hot steps, shape (cars, sectors * values); zeros for an absent car."""
        return self.read(self.source.sense(world))

    def read(self, distances: Seen) -> Seen:
        """The steps of scans of shape (cars, 64); a scan of zeros is that of an absent car."""
        least = distances.reshape(len(distances), self.sectors, -1).min(axis=2)
        step = np.minimum(np.floor(least / (self.clip_m / self.values)), self.values)
        hot = (step[..., None] == np.arange(self.values)) & (least[..., None] > 0.0)
        steps: Seen = hot.reshape(len(distances), self.size).astype(np.float32)
        return steps

    def describe(self) -> dict[str, Any]:
        """Shape, units, and where the sectors lie."""
        return _describe_sectors(self, [self.sectors * self.values]) | {
            "values": self.values,
            "clip_m": self.clip_m,
        }


def _sectors(name: str, sectors: int, source: LidarSensor) -> int:
    if sectors < 1 or source.beams % sectors:
        raise ConfigError(
            f"sensor {name!r}: sectors is {sectors}, expected a divisor of the {source.beams} beams"
        )
    return sectors


def _within_reach(name: str, what: str, value_m: float, source: LidarSensor) -> None:
    if not source.nearest_m <= value_m <= source.farthest_m:
        raise ConfigError(
            f"sensor {name!r}: {what} is {value_m}, expected {source.nearest_m:g} to {source.farthest_m:g}"
        )


def _describe_sectors(sensor: SectorLidarSensor | DiscretizedLidarSensor, shape: list[int]) -> dict[str, Any]:
    source = sensor.source.describe()
    return {
        "id": sensor.id,
        "shape": shape,
        "dtype": "float32",
        "units": "0 or 1",
        "range": [0, 1],
        "sectors": sensor.sectors,
        **{key: source[key] for key in ("angle_first_rad", "angle_last_rad", "ahead_m", "borders")},
    }


# -- kernels ---------------------------------------------------------------------------------------


@compiled
def _towards(angles_rad: FloatArray, directions: FloatArray) -> None:
    for k in range(len(angles_rad)):
        directions[k, 1], directions[k, 0] = sine_cosine(angles_rad[k])


@compiled
def scan(
    walls: Walls,
    borders: bool,
    eyes: FloatArray,
    bodies: FloatArray,
    views: NDArray[np.int64],
    directions: FloatArray,
    shape: FloatArray,
    seen: Seen,
) -> None:
    """Fill the scans of all eyes; `seen` starts as zeros and stays so for an eye that is nowhere.

    Args:
        walls: The borders.
        borders: Whether to look at them.
        eyes: `Scene.eyes`; `bodies` and `views` likewise.
        bodies: Bodies.
        views: What each eye sees.
        directions: Cosine and sine of every beam in the car's frame, shape (beams, 2).
        shape: Where the sensor sits ahead of the origin, direction of the first beam, angle from beam to
            beam, least and greatest distance.
        seen: Where the scans go, shape (eyes, beams).
    """
    beams = len(directions)
    reach = np.empty(beams)
    for i in range(len(eyes)):
        if views[i, scene.FIRST] == scene.NOWHERE:
            continue
        q, c = sine_cosine(eyes[i, 2])
        x, y = eyes[i, 0] + shape[_AHEAD] * c, eyes[i, 1] + shape[_AHEAD] * q
        reach[:] = shape[_FARTHEST]
        # Bodies first: what they hide need not be looked for.
        _see_bodies(reach, bodies, views[i, :3], x, y, eyes[i, 2], c, q, directions, shape)
        if borders:
            shorten(reach, walls, x, y, c, q, shape[_FIRST_ANGLE], shape[_STEP], directions)
        for k in range(beams):
            seen[i, k] = max(reach[k], shape[_NEAREST])


@compiled
def _see_bodies(
    reach: FloatArray,
    bodies: FloatArray,
    view: NDArray[np.int64],
    x: float,
    y: float,
    yaw: float,
    c: float,
    q: float,
    directions: FloatArray,
    shape: FloatArray,
) -> None:
    """Shorten the beams that meet a body: only those that point at the circle around it are tried."""
    start, past, own = view
    farthest, step, first_angle = shape[_FARTHEST], shape[_STEP], yaw + shape[_FIRST_ANGLE]
    for b in range(start, past):
        dx, dy = bodies[b, scene.MIDDLE_X] - x, bodies[b, scene.MIDDLE_Y] - y
        radius = bodies[b, scene.RADIUS]
        away2 = dx * dx + dy * dy
        if b == own or radius <= 0.0 or away2 > (farthest + radius) * (farthest + radius):
            continue
        half = pi
        if away2 > radius * radius:
            share = min(radius / sqrt(away2) + 1e-9, 1.0)
            half = direction(share, sqrt(1.0 - share * share))
        first = (direction(dy, dx) - half - first_angle) % (2.0 * pi)
        # The body in its own frame, so that its sides are straight.
        bc, bq = bodies[b, scene.COS], bodies[b, scene.SIN]
        ahead, aside = dx * bc + dy * bq, dy * bc - dx * bq
        turn_c, turn_q = c * bc + q * bq, q * bc - c * bq
        for turn in range(2):  # a body behind the car meets the first beams as well as the last
            low = max(ceil((first - turn * 2.0 * pi) / step - 1e-6), 0)
            high = min(floor((first - turn * 2.0 * pi + 2.0 * half) / step + 1e-6), len(reach) - 1)
            for k in range(low, high + 1):
                ux = directions[k, 0] * turn_c - directions[k, 1] * turn_q
                uy = directions[k, 0] * turn_q + directions[k, 1] * turn_c
                near_x, far_x = _between(ahead, ux, bodies[b, scene.HALF_LENGTH])
                near_y, far_y = _between(aside, uy, bodies[b, scene.HALF_WIDTH])
                near, far = max(near_x, near_y), min(far_x, far_y)
                if near <= far and far >= 0.0:
                    # From inside it is the distance to the edge.
                    reach[k] = min(reach[k], near if near >= 0.0 else far)


@compiled
def _between(middle: float, way: float, half: float) -> tuple[float, float]:
    """Between which distances a beam is between two parallel sides, `half` to either side of the middle."""
    if way == 0.0:
        return (-np.inf, np.inf) if abs(middle) <= half else (np.inf, -np.inf)
    one, other = (middle - half) / way, (middle + half) / way
    return min(one, other), max(one, other)
