"""What a physical car sees, in the form of the league's sensors: camera, scan, pose and speed.

Where the car is, the server may know better: an overhead camera beats wheel odometry. What the car looks at,
only the car knows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import cos, pi, sin
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from league.gate.car import Sample
from league.racing.agent import Briefing, FloatVector, Observation
from league.racing.odometry import Odometry
from league.sim.sensing import PoseSensor, StateSensor
from league.sim.sensor import Sensor
from league.sim.world import World

CAMERA_SIZE: Final = (160, 120)
"""Width and height of DeepRacer's camera picture, grey, from 0 to 255, as the sensor "camera" gives it."""
_WIDTH_LEFT: Final = 8
"""Entry of the state vector that is never 0 on a road: whether the server knows where the car is."""


class Senses:
    """Turns what one car told into what its agent is shown.

    Args:
        wanted: The sensors that the agent asks for.
        make_sensor: Makes a sensor by its name; what it tells of its beams is used.
    """

    def __init__(self, wanted: tuple[str, ...], make_sensor: Callable[[str], Sensor]) -> None:
        self.wanted = wanted
        self._bearings: dict[str, FloatVector] = {}
        self._reach_m: dict[str, float] = {}
        for name in wanted:
            if name.startswith("lidar"):
                sensor = make_sensor(name)
                angles = getattr(sensor, "angles_rad", None)
                if angles is not None:
                    self._bearings[name] = np.asarray(angles, np.float32)
                    self._reach_m[name] = float(getattr(sensor, "reach_m", 12.0))
        self._world: World | None = None
        self._nose_m = 0.0
        self._odometry: Odometry | None = None

    def prepare(self, briefing: Briefing) -> None:
        """A new heat: the car stands on the start line, wherever its odometry says that it is."""
        self._nose_m = briefing.car.nose_m
        self._world = World(briefing.circuit, [briefing.car], control_hz=briefing.rules.control_hz)
        self._odometry = Odometry(briefing.circuit, back_m=self._nose_m)

    def complete(self, seen: Observation, sample: Sample | None) -> Observation:
        """An observation with what the car itself knows filled in."""
        if sample is None:
            return seen
        sensors = dict(seen.sensors)
        sensors.update(self._own(sample))
        state = seen.state
        if not state[_WIDTH_LEFT]:
            state = self._state(sample, sensors)
        return Observation(
            seen.tick, seen.time_us, state, sensors, seen.lap, seen.flag, seen.penalty, seen.missed
        )

    @staticmethod
    def missing(seen: Observation, wanted: tuple[str, ...]) -> str:
        """The first sense that an agent needs and an observation lacks; empty if it has them all."""
        for name in wanted:
            known = seen.state[_WIDTH_LEFT] if name == "state" else name in seen.sensors
            if not known:
                return name
        return ""

    def _own(self, sample: Sample) -> Mapping[str, FloatVector]:
        own: dict[str, FloatVector] = {}
        if sample.camera is not None and "camera" in self.wanted:
            own["camera"] = grey_picture(sample.camera)
        if sample.scan is not None:
            for name, bearings in self._bearings.items():
                own[name] = beams(sample, bearings, self._reach_m[name])
        return own

    def _state(self, sample: Sample, sensors: dict[str, FloatVector]) -> FloatVector:
        """The state vector as far as the car knows it; with a pose, the road is in it."""
        state = np.zeros(StateSensor.size, np.float32)
        if sample.pose is not None and self._world is not None and self._odometry is not None:
            self._place(self._world, self._odometry.place(sample.pose), sample.speed_mps or 0.0)
            state = StateSensor().sense(self._world)[0]
            sensors.setdefault("pose", PoseSensor().sense(self._world)[0])
        for index, value in enumerate((sample.speed_mps, sample.yaw_rate_radps, sample.steer_rad)):
            if value is not None:
                state[index] = value
        return state

    def _place(self, world: World, pose: tuple[float, float, float], speed_mps: float) -> None:
        x, y, yaw = pose
        nose = world.circuit.project([x + self._nose_m * cos(yaw), y + self._nose_m * sin(yaw)])
        along_m, heading = float(nose.along_m), float(world.circuit.heading_at(float(nose.along_m)))
        error = (yaw - heading + pi) % (2 * pi) - pi
        world.place(0, along_m, float(nose.offset_m), error, max(speed_mps, 0.0))


def grey_picture(camera: NDArray[np.uint8]) -> FloatVector:
    """A picture as DeepRacer's camera gives it: 160 × 120, grey, row by row, from 0 to 255."""
    picture = Image.fromarray(camera).convert("L").resize(CAMERA_SIZE, Image.Resampling.BOX)
    return np.asarray(picture, np.float32).reshape(-1)


def beams(sample: Sample, bearings: FloatVector, reach_m: float) -> FloatVector:
    """A scan in the directions of a sensor; nothing is seen where the scanner does not look."""
    assert sample.scan is not None
    count = len(sample.scan)
    # Each direction as a number of steps from the first one, all the way round.
    step = sample.scan_step_rad or 2 * pi / count
    index = np.round(np.mod(bearings - sample.scan_from_rad, 2 * pi) / step).astype(np.int64)
    index[index == round(2 * pi / step)] = 0
    inside = index < count
    seen = np.full(len(bearings), reach_m, np.float32)
    found = sample.scan[np.where(inside, index, 0)]
    good = inside & np.isfinite(found) & (found > 0)
    seen[good] = np.minimum(found[good], reach_m)
    return seen
