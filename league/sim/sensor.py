"""What a sensor is: something that turns the world into numbers for every car at once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from league.sim.world import World


class Sensor(Protocol):
    """A way for drivers to see the world; one instance serves one heat."""

    name: str
    """What events and agents call it: "lidar"."""
    id: str
    """Name and version of its output: "lidar.v1". A change of meaning is a new version."""
    size: int
    """Numbers per car."""

    def sense(self, world: World) -> NDArray[np.float32]:
        """What every car sees now, a new float32 array of shape (cars, size)."""

    def describe(self) -> dict[str, Any]:
        """Shape, units and ranges, JSON-safe; part of the assignment that a client gets."""


@runtime_checkable
class Seeded(Protocol):
    """A sensor with something random in it; it is told the heat's seed before the start."""

    def begin(self, seed: int) -> None:
        """Start afresh: with the same seed the same world looks the same again."""


def stream(seed: int, name: str, car: int) -> np.random.Generator:
    """The random numbers of one sensor on one car; no other sensor or car draws from them."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(crc32(name.encode()), car)))


def offered(*asked: str) -> tuple[str, ...]:
    """Sensors, each name once: the first place, and of several ways to ask for it the last with options."""
    found: dict[str, str] = {}
    for text in asked:
        name = text.partition("?")[0]
        if name not in found or "?" in text:
            found[name] = text
    return tuple(found.values())
