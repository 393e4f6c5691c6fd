"""What real sensors add: noise, and age.

Pure: the noise of a sensor on a car comes from a stream of its own, drawn from the heat's seed, so that it
is the same again in the same heat and no other sensor, car or rule changes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.sim.options import fitted
from league.sim.sensor import Seeded, Sensor, stream

if TYPE_CHECKING:
    from league.sim.world import World

Seen = NDArray[np.float32]

MOST_LATENCY_TICKS = 60


@runtime_checkable
class Measuring(Sensor, Protocol):
    """A sensor whose numbers have one unit and a range, so that noise means something."""

    noise_unit: str
    low: float
    high: float


@runtime_checkable
class Derived(Sensor, Protocol):
    """A sensor that reads its numbers off those of another, which is the one that is noisy."""

    source: Sensor

    def read(self, distances: Seen) -> Seen:
        """Its numbers for what the other measured, for all cars."""


class Noisy:
    """A sensor as it would be if it were real: each number is off by chance, and all come late.

    Noise is Gaussian and independent from number to number, car to car and tick to tick; what it makes
    of a number stays within the sensor's range, and whole where the numbers are whole. Late means the
    reading of some ticks ago, or the first there is. A car that is not on the circuit reads zeros.

    Args:
        sensor: The sensor; give it to nothing else.
        sigma: Standard deviation of the noise in the sensor's own unit; 0 is none.
        latency_ticks: How old readings are, 0 to 60.

    Raises:
        ConfigError: A value is out of range, or there is noise for a sensor whose numbers have many units.
    """

    def __init__(self, sensor: Sensor, *, sigma: float = 0.0, latency_ticks: int = 0) -> None:
        if not 0.0 <= sigma < np.inf:
            raise ConfigError(f"sensor {sensor.name!r}: noise is {sigma}, expected 0 or more")
        if latency_ticks != int(latency_ticks) or not 0 <= latency_ticks <= MOST_LATENCY_TICKS:
            raise ConfigError(
                f"sensor {sensor.name!r}: latency is {latency_ticks}, "
                f"expected whole ticks from 0 to {MOST_LATENCY_TICKS}"
            )
        self.name, self.id, self.size = sensor.name, sensor.id, sensor.size
        self.sigma, self.latency_ticks = float(sigma), int(latency_ticks)
        self._sensor = sensor
        # Found out once: asking what a sensor can do takes longer than many a reading.
        self._derived = sensor if isinstance(sensor, Derived) else None
        self._source = sensor if self._derived is None else self._derived.source
        self._measuring = self._source if sigma and isinstance(self._source, Measuring) else None
        self._whole = bool(getattr(self._source, "whole", False))
        if sigma and self._measuring is None:
            raise ConfigError(
                f"sensor {sensor.name!r}: its numbers differ in kind; expected no noise, or one of one unit"
            )
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Forget what was seen and start the noise of this seed."""
        self._seed = seed
        self._streams: list[np.random.Generator] = []
        self._past: deque[Seen] = deque(maxlen=self.latency_ticks + 1)
        self._seen_at = -1
        if isinstance(self._sensor, Seeded):
            self._sensor.begin(seed)

    def sense(self, world: World) -> Seen:
        """What every car sees now; asked again within a tick it is the same."""
        if world.tick != self._seen_at or not self._past:
            self._past.append(self._measure(world))
            self._seen_at = world.tick
        seen = self._past[0].copy()
        if self._derived is not None:
            seen = self._derived.read(seen)
        seen[~world.present] = 0.0
        return seen

    def _measure(self, world: World) -> Seen:
        seen = self._source.sense(world)
        measuring = self._measuring
        if measuring is not None:
            while len(self._streams) < world.n:
                self._streams.append(stream(self._seed, f"{self.name} noise", len(self._streams)))
            for row, random in zip(seen, self._streams, strict=False):
                row += self.sigma * random.standard_normal(len(row), dtype=np.float32)
            np.clip(seen, measuring.low, measuring.high, out=seen)
            if self._whole:
                np.rint(seen, out=seen)
        return seen

    def describe(self) -> dict[str, Any]:
        """What the sensor says, and what is added."""
        return {**self._sensor.describe(), "noise": self.sigma, "latency_ticks": self.latency_ticks}


def make_sensor(name: str, make: Callable[..., Sensor], options: Mapping[str, float]) -> Sensor:
    """A new sensor with options: `noise`, `latency`, and the keyword arguments of what makes it.

    Raises:
        ConfigError: An option that it does not have, or a value that it cannot take.
    """
    sensor = make(**fitted("sensor", name, make, options, besides=("noise", "latency")))
    if not options.keys() & {"noise", "latency"}:
        return sensor
    return Noisy(
        sensor,
        sigma=options.get("noise", 0.0),
        latency_ticks=options.get("latency", 0),  # type: ignore[arg-type]
    )
