"""Cars that differ a little: the same car with other figures, as the next one off the shelf would have."""

from __future__ import annotations

import numpy as np

from league.sim.car import CarSpec
from league.sim.kernel import FIGURES


def varied(car: CarSpec, share: float, random: np.random.Generator) -> CarSpec:
    """The car with every figure of its dynamics off by up to a share, each drawn evenly and by itself."""
    return car.changed(
        **{name: getattr(car, name) * (1.0 + share * float(random.uniform(-1.0, 1.0))) for name in FIGURES}
    )
