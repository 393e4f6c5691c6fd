"""What a sensor is: something that turns the world into numbers for every car at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

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
