"""How fast the sensors are, beside plain code that does the same without care.

The references are what one would write first: beams that step through a distance field on a grid of 2 cm,
and a camera that looks up the nearest cell of a painted grid of 2 cm, with no smoothing at all. They run
in turns with ours in the same process, so that the ratio means something on a busy machine too.
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, sin
from statistics import median
from time import perf_counter, thread_time
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from skimage.draw import line, polygon

from league.hooks.catalogue import League
from league.sim.camera import CameraSensor, StereoCameraSensor
from league.sim.car import DEEPRACER
from league.sim.compiled import compiled
from league.sim.lidar import DiscretizedLidarSensor, F1tenthLidarSensor, LidarSensor, SectorLidarSensor
from league.sim.noise import Noisy
from league.sim.paint import paint_of
from league.sim.scene import Scene, scene_of
from league.sim.sensing import PoseSensor, StateSensor
from league.sim.walls import walls_of
from league.sim.world import World
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]
Work = Callable[[], object]

CIRCUIT = "a-to-z-speedway"
EYES = 64
REPEATS = 7
_GRID_M = 0.02


class _Case(NamedTuple):
    name: str
    unit: str
    work: Work
    made: int
    """How many scans, frames or vectors one call makes."""
    reference: Work | None = None


def measure(seconds: float, progress: Callable[[str], None] = lambda name: None) -> list[dict[str, Any]]:
    """Measure every sensor alone.

    Rates are per second of one core's time. Batch 1 is one car, one call from Python; batch 64 is one
    call for 64 cars that do not see each other.

    Args:
        seconds: Time to spend on all of it, compiling left out.
        progress: Told the name of what is measured next.

    Returns:
        A row for each: name, batch, unit, per_s (median), spread (of the repeats, relative), reference_per_s
        and ratio (None where there is no reference).
    """
    cases = list(_cases())
    share_s = seconds / len(cases) / REPEATS
    rows = []
    for case, batch in cases:
        progress(f"{case.name}, batch {batch}")
        rows.append(_measure(case, batch, share_s))
    return rows


def _measure(case: _Case, batch: int, share_s: float) -> dict[str, Any]:
    ours, plain = [], []
    share_s = share_s / 2 if case.reference else share_s
    calls = _calls(case.work, share_s)
    reference_calls = _calls(case.reference, share_s) if case.reference else 0
    for _ in range(REPEATS):
        ours.append(_rate(case.work, calls) * case.made)
        if case.reference:
            plain.append(_rate(case.reference, reference_calls) * case.made)
    per_s, reference_per_s = median(ours), median(plain) if plain else None
    return {
        "name": case.name,
        "batch": batch,
        "unit": case.unit,
        "per_s": per_s,
        "spread": (max(ours) - min(ours)) / per_s,
        "reference_per_s": reference_per_s,
        "ratio": per_s / reference_per_s if reference_per_s else None,
    }


def _calls(work: Work, share_s: float) -> int:
    """How many calls fill a share of time, found by trying after a call that compiles."""
    work()
    started = perf_counter()
    work()
    return max(int(share_s / max(perf_counter() - started, 1e-6)), 1)


def _rate(work: Work, calls: int) -> float:
    started = thread_time()
    for _ in range(calls):
        work()
    return calls / max(thread_time() - started, 1e-9)


def _cases() -> list[tuple[_Case, int]]:
    circuit = League().circuit(CIRCUIT)
    one, many = World(circuit, [DEEPRACER]), World(circuit, [DEEPRACER] * EYES)
    random = np.random.default_rng(1)
    one.place(0, 2.0)
    for car in range(EYES):
        along, offset, error = random.uniform((0, -0.3, -0.4), (circuit.length_m, 0.3, 0.4))
        many.place(car, along, offset, error)
    scene = scene_of(many)
    alone = Scene(scene.eyes, scene.bodies, np.zeros_like(scene.views))
    cases = []
    for sensor in (
        StateSensor(),
        PoseSensor(),
        LidarSensor(),
        Noisy(LidarSensor(), sigma=0.01),
        SectorLidarSensor(),
        DiscretizedLidarSensor(),
        F1tenthLidarSensor(),
        CameraSensor(),
        CameraSensor(vary=1.0),
        StereoCameraSensor(),
    ):
        name = sensor.name
        if isinstance(sensor, Noisy):
            name += " with noise"
        elif isinstance(sensor, CameraSensor) and sensor.vary:
            name += " varied"
        cases.append((_Case(name, _unit(sensor.name), _sensing(sensor, one), 1), 1))
    walls, paint = walls_of(circuit), paint_of(circuit)
    field = _PlainField(circuit)
    for lidar in (LidarSensor(), F1tenthLidarSensor()):
        ours, plain = _scanning(lidar, walls, alone), field.scanning(lidar, scene.eyes)
        cases.append((_Case(lidar.name, "scans", ours, EYES, plain), EYES))
    camera = CameraSensor()
    plain = _PlainPicture(circuit).looking(camera, scene.eyes)
    cases.append((_Case(camera.name, "frames", lambda: camera.view(paint, alone), EYES, plain), EYES))
    return cases


def _unit(name: str) -> str:
    return "frames" if name.startswith("camera") else "scans" if name.startswith("lidar") else "vectors"


def _sensing(sensor: Any, world: World) -> Work:
    if not isinstance(sensor, Noisy):
        return lambda: sensor.sense(world)

    def sense_anew() -> object:
        world.tick += 1  # it gives the same again within a tick
        return sensor.sense(world)

    return sense_anew


def _scanning(lidar: LidarSensor, walls: Any, scene: Scene) -> Work:
    return lambda: lidar.scan(walls, scene)


# -- the plain way ---------------------------------------------------------------------------------


class _PlainField:
    """A grid that says how far it is to the nearest border."""

    def __init__(self, circuit: Circuit) -> None:
        self.corner, free = _grid(circuit)
        for ring in (circuit.left, circuit.right):
            cells = ((ring - self.corner) / _GRID_M).astype(int)
            for (x0, y0), (x1, y1) in zip(cells, np.roll(cells, -1, axis=0), strict=True):
                free[line(y0, x0, y1, x1)] = 0  # type: ignore[no-untyped-call]
        self.away = (distance_transform_edt(free) * _GRID_M).astype(np.float32)

    def scanning(self, lidar: LidarSensor, eyes: FloatArray) -> Work:
        seen = np.empty((len(eyes), lidar.beams), dtype=np.float32)
        angles = lidar.angles_rad
        return lambda: _plain_scan(self.away, self.corner, eyes, angles, lidar.farthest_m, seen)


class _PlainPicture:
    """A grid that says what shade the ground has."""

    def __init__(self, circuit: Circuit) -> None:
        self.corner, shades = _grid(circuit)
        outer, inner = (circuit.left, circuit.right) if circuit.clockwise else (circuit.right, circuit.left)
        for ring, shade in ((outer, 62), (inner, 104)):
            cells = (ring - self.corner) / _GRID_M
            inside = polygon(cells[:, 1], cells[:, 0], shades.shape)  # type: ignore[no-untyped-call]
            shades[inside] = shade
        self.shades = shades

    def looking(self, camera: CameraSensor, eyes: FloatArray) -> Work:
        said = camera.describe()
        rows = np.arange(120)[int(said["horizon_px"]) + 1 :] + 0.5 - 60.0
        pitch, above, focal = said["pitch_rad"], said["above_m"], said["focal_px"]
        angle = pitch + np.arctan(rows / focal)
        ahead = np.repeat(above / np.tan(angle), 160)
        depth = ahead * cos(pitch) + above * sin(pitch)
        aside = -np.tile(np.arange(160) + 0.5 - 80.0, len(rows)) * depth / focal
        points = np.stack((ahead + said["ahead_m"], aside), axis=1)
        seen = np.zeros((len(eyes), 120 * 160), dtype=np.float32)
        return lambda: _plain_look(self.shades, self.corner, eyes, points, seen)


def _grid(circuit: Circuit) -> tuple[FloatArray, NDArray[np.uint8]]:
    both = np.concatenate((circuit.left, circuit.right))
    corner = both.min(axis=0) - 0.5
    columns, rows = np.ceil((both.max(axis=0) + 0.5 - corner) / _GRID_M).astype(int)
    return corner, np.full((rows, columns), 1, dtype=np.uint8)


@compiled
def _plain_scan(
    away: NDArray[np.float32],
    corner: FloatArray,
    eyes: FloatArray,
    angles: FloatArray,
    farthest: float,
    seen: NDArray[np.float32],
) -> None:
    rows, columns = away.shape
    for i in range(len(eyes)):
        for k in range(len(angles)):
            ux, uy = cos(eyes[i, 2] + angles[k]), sin(eyes[i, 2] + angles[k])
            gone = 0.0
            while gone < farthest:
                column = int((eyes[i, 0] + gone * ux - corner[0]) / _GRID_M)
                row = int((eyes[i, 1] + gone * uy - corner[1]) / _GRID_M)
                if not (0 <= column < columns and 0 <= row < rows):
                    gone = farthest
                    break
                step = away[row, column]
                if step < 0.5 * _GRID_M:
                    break
                gone += step
            seen[i, k] = min(gone, farthest)


@compiled
def _plain_look(
    shades: NDArray[np.uint8],
    corner: FloatArray,
    eyes: FloatArray,
    points: FloatArray,
    seen: NDArray[np.float32],
) -> None:
    rows, columns = shades.shape
    start = seen.shape[1] - len(points)
    for i in range(len(eyes)):
        c, q = cos(eyes[i, 2]) / _GRID_M, sin(eyes[i, 2]) / _GRID_M
        x, y = (eyes[i, 0] - corner[0]) / _GRID_M, (eyes[i, 1] - corner[1]) / _GRID_M
        seen[i, :start] = 190.0
        for k in range(len(points)):
            column = int(x + points[k, 0] * c - points[k, 1] * q)
            row = int(y + points[k, 0] * q + points[k, 1] * c)
            inside = 0 <= column < columns and 0 <= row < rows
            seen[i, start + k] = shades[row, column] if inside else 104
