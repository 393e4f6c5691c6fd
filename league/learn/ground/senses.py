"""What drivers in training see: sensors over a whole batch, late and noisy where a recipe wants it.

The numbers are the very ones that a heat's sensors give: `state` comes out of the batch itself, the others
look at all of its cars at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.hooks.catalogue import League
from league.sim import contact
from league.sim.batch import Batch
from league.sim.camera import CameraSensor
from league.sim.layout import AHEAD_START, OPPONENTS_START, STATE_SIZE
from league.sim.lidar import DiscretizedLidarSensor, LidarSensor, SectorLidarSensor
from league.sim.paint import paint_of
from league.sim.scene import (
    BODY_COLUMNS,
    BOX,
    BOX_HEIGHT_M,
    CAR,
    CAR_HEIGHT_M,
    FIRST,
    HEIGHT,
    KIND,
    OWN,
    PAST,
    Scene,
)
from league.sim.walls import walls_of

Seen = NDArray[Any]
Floats = NDArray[np.float32]

ROAD_SIZE = OPPONENTS_START
"""The entries of the state observation that are of use to a car that is alone: all before the opponents."""


def state_scale() -> Floats:
    """What the entries of a state observation are about at most, shape (105,): networks see their shares."""
    scale = np.ones(STATE_SIZE, dtype=np.float32)
    scale[:10] = 3.0, 3.0, 0.5, 0.5, 1.0, 1.0, 0.5, 3.0, 0.6, 0.6
    ahead = scale[AHEAD_START:OPPONENTS_START].reshape(-1, 5)
    ahead[:, 0] = ahead[:, 1] = 0.5 + 0.2 * np.arange(1, len(ahead) + 1)
    ahead[:, 2:] = 1.0, 0.6, 0.6
    return scale


def state_noise() -> Floats:
    """Standard deviation of every entry of the state observation as a good tracker would have it.

    Speed 0.03 m/s, turning 0.05 rad/s, steering and heading 0.01 rad, place 1 cm; the road ahead 1 cm and
    0.02 per metre; none on the own command and on what a circuit's map says of its width.
    """
    sigma = np.zeros(STATE_SIZE, dtype=np.float32)
    sigma[:6] = 0.03, 0.05, 0.01, 0.01, 0.01, 0.0
    ahead = sigma[AHEAD_START:OPPONENTS_START].reshape(-1, 5)
    ahead[:, :3] = 0.01, 0.01, 0.02
    return sigma


NOISE: dict[str, float] = {"lidar": 0.01, "lidar-f1tenth": 0.01, "camera": 4.0, "camera-stereo": 4.0}
"""Standard deviation of other sensors' noise in their own unit (m, grey levels); DeepRacer's LIDAR has
0.01 m."""


class Sense(Protocol):
    """One way to see, for all cars of a batch."""

    name: str
    low: float
    high: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what one car sees."""

    @property
    def sigma(self) -> float | Floats:
        """Standard deviation of its noise at 1."""

    def look(self, batch: Batch) -> Seen:
        """What every car sees now, shape (worlds, *shape)."""


class StateSense:
    """The state observation, which the batch makes anyway."""

    name, low, high = "state", -np.inf, np.inf

    def __init__(self) -> None:
        self.shape = (STATE_SIZE,)
        self.sigma = state_noise()

    def look(self, batch: Batch) -> Seen:
        """What the batch has observed."""
        return batch.seen[:, 0]


class LidarSense:
    """Any LIDAR, whole or in sectors."""

    def __init__(self, sensor: LidarSensor | SectorLidarSensor | DiscretizedLidarSensor) -> None:
        self.name, self.shape = sensor.name, (sensor.size,)
        self._sectors = None if isinstance(sensor, LidarSensor) else sensor
        self._lidar = sensor if isinstance(sensor, LidarSensor) else sensor.source
        self.sigma = NOISE.get(self.name, 0.0)
        self.low, self.high = (self._lidar.low, self._lidar.high) if self._sectors is None else (0.0, 1.0)

    def look(self, batch: Batch) -> Seen:
        """Distances or sectors of every car."""
        seen = np.empty((batch.worlds, self._lidar.size), dtype=np.float32)
        for number, (circuit, scene) in enumerate(_scenes(batch)):
            seen[number :: len(batch.circuits)] = self._lidar.scan(walls_of(circuit), scene)
        return seen if self._sectors is None else self._sectors.read(seen)


class CameraSense:
    """The camera or the pair of them; frames are bytes."""

    def __init__(self, sensor: CameraSensor) -> None:
        self.name, self._sensor = sensor.name, sensor
        self.shape = sensor.shape if len(sensor.shape) == 3 else (1, *sensor.shape)
        self.sigma, self.low, self.high = NOISE[self.name], sensor.low, sensor.high

    def look(self, batch: Batch) -> Seen:
        """Frames of every car, uint8, shape (worlds, cameras, 120, 160)."""
        seen = np.empty((batch.worlds, *self.shape), dtype=np.uint8)
        for number, (circuit, scene) in enumerate(_scenes(batch)):
            frames = self._sensor.view(paint_of(circuit), scene)
            seen[number :: len(batch.circuits)] = frames.reshape(-1, *self.shape)
        return seen


def _scenes(batch: Batch) -> list[tuple[Any, Scene]]:
    """Every circuit of a batch, and what the cars on it can see: the boxes and bots of their own worlds."""
    roads = batch.circuits
    scenes = []
    for number, circuit in enumerate(roads):
        eyes = np.ascontiguousarray(batch.pose[number :: len(roads), 0])
        rows = batch.object_rows[number :: len(roads)]
        boxes = rows.shape[1]
        # Where there is nothing all look at the first body, which is not there.
        bodies = np.zeros((max(len(eyes) * boxes, 1), BODY_COLUMNS))
        views = np.zeros((len(eyes), 3), dtype=np.int64)
        if boxes:
            bodies[:, :HEIGHT] = rows[:, :, :HEIGHT].reshape(-1, HEIGHT)
            is_bot = rows[:, :, contact.KIND].ravel() == contact.BOT
            bodies[:, HEIGHT] = np.where(is_bot, CAR_HEIGHT_M, BOX_HEIGHT_M)
            bodies[:, KIND] = np.where(is_bot, CAR, BOX)
            views[:, FIRST] = boxes * np.arange(len(eyes))
            views[:, PAST], views[:, OWN] = views[:, FIRST] + boxes, -1
        scenes.append((circuit, Scene(eyes, bodies, views)))
    return scenes


class Sight(NamedTuple):
    """Where in a flat observation a sensor's numbers are."""

    name: str
    start: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape))


def make_senses(league: League, asked: Sequence[str]) -> list[Sense]:
    """What looks at batches as these sensors look at worlds.

    Raises:
        ConfigError: Training does not know how to use such a sensor.
    """
    senses: list[Sense] = []
    for text in asked:
        name = text.partition("?")[0]
        sensor: object = league.sensor(text)
        if name == "state" and text == name:
            senses.append(StateSense())
        elif isinstance(sensor, LidarSensor | SectorLidarSensor | DiscretizedLidarSensor):
            senses.append(LidarSense(sensor))
        elif isinstance(sensor, CameraSensor):
            senses.append(CameraSense(sensor))
        else:
            raise ConfigError(
                f"sensors: training cannot use {text!r}, expected state, a LIDAR or a camera; "
                "noise and latency are set under vary"
            )
    return senses


def sights(senses: Sequence[Sense]) -> tuple[Sight, ...]:
    """Where the sensors' numbers are when they are put one behind the other."""
    found, start = [], 0
    for sense in senses:
        found.append(Sight(sense.name, start, tuple(sense.shape)))
        start += found[-1].size
    return tuple(found)


class Eyes:
    """All the sensors of a batch's cars: what they see, with noise, some ticks late.

    Args:
        senses: The sensors.
        worlds: How many cars look.
        noise: Noise in units of each sensor's own.
        latency_ticks: The oldest that an observation may be; each car's eyes have an age of their own,
            from 0 to this, drawn with every episode.
        random: Where chance comes from.
    """

    def __init__(
        self,
        senses: Sequence[Sense],
        worlds: int,
        *,
        noise: float = 0.0,
        latency_ticks: int = 0,
        random: np.random.Generator,
    ) -> None:
        self.senses, self.worlds = list(senses), worlds
        self.sights = sights(senses)
        self.size = sum(sight.size for sight in self.sights)
        self.pictures = all(len(sight.shape) == 3 for sight in self.sights)
        self.shape = self.sights[0].shape if len(senses) == 1 else (self.size,)
        self.dtype: Any = np.uint8 if self.pictures else np.float32
        self._noise, self._late, self._random = noise, latency_ticks, random
        self._past = np.zeros((latency_ticks + 1, worlds, *self.shape), dtype=self.dtype)
        self._age = np.zeros(worlds, dtype=np.int64)
        self._tick = 0

    def look(self, batches: Sequence[Batch], began: NDArray[np.bool_] | None = None) -> Seen:
        """What all cars see now.

        Args:
            batches: The batches whose worlds are looked at, in order.
            began: None at a new tick. Else a second look in the same one, and whose episode has begun in
                between: what they saw before is forgotten, and the others see what they saw.
        """
        seen = self._blur(self._see(batches))
        if not self._late:
            return seen
        depth = self._late + 1
        if began is None:
            self._tick += 1
            self._past[self._tick % depth] = seen
        else:
            self._past[:, began] = seen[began]
            self._age[began] = self._random.integers(0, depth, int(began.sum()))
        rows: Seen = self._past[(self._tick - self._age) % depth, np.arange(self.worlds)]
        return rows

    def _see(self, batches: Sequence[Batch]) -> Seen:
        if len(self.senses) == 1:
            parts = [self.senses[0].look(batch) for batch in batches]
            return parts[0] if len(parts) == 1 else np.concatenate(parts)
        return np.concatenate(
            [
                np.concatenate([sense.look(batch).reshape(batch.worlds, -1) for sense in self.senses], axis=1)
                for batch in batches
            ]
        ).astype(self.dtype, copy=False)

    def _blur(self, seen: Seen) -> Seen:
        if not self._noise or len(seen) == 0:
            return seen
        flat = seen.reshape(len(seen), -1).astype(np.float32)
        for sense, sight in zip(self.senses, self.sights, strict=True):
            part = flat[:, sight.start : sight.start + sight.size]
            if np.any(sense.sigma):
                part += self._noise * sense.sigma * self._random.standard_normal(part.shape, np.float32)
                np.clip(part, sense.low, sense.high, out=part)
        return flat.astype(self.dtype).reshape(seen.shape)
