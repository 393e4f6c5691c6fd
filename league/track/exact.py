"""Elementary functions of arrays with the same bits on every machine.

Pure: numpy only. Sums, products, quotients and square roots are rounded the same way everywhere (IEEE 754);
a library's arctangent and hypotenuse are not: numpy takes other ones where a processor has wider
registers, and their last bits differ. What a race is computed from must not.
"""

from __future__ import annotations

from math import pi

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

# Arctangents of 0, 1/8 … 1, written out: the nearest doubles.
EIGHTHS = (
    0.0,
    0.12435499454676144,
    0.24497866312686414,
    0.35877067027057225,
    0.4636476090008061,
    0.5585993153435624,
    0.6435011087932844,
    0.7188299996216245,
    0.7853981633974483,
)
# Of what is left beside the nearest of these, at most 1/16, Gregory's series ends within rounding.
SERIES = tuple((-1.0) ** k / (2 * k + 1) for k in range(1, 8))
_TABLE = np.array(EIGHTHS)


def length(step: ArrayLike) -> FloatArray:
    """Lengths of vectors, shape (..., 2) to (...)."""
    x, y = np.moveaxis(np.asarray(step, dtype=np.float64), -1, 0)
    return np.asarray(np.sqrt(x * x + y * y))


def arctan2(y: ArrayLike, x: ArrayLike) -> FloatArray:
    """Directions of vectors in rad, in [-pi, pi], good to two units in the last place; 0 for no vector."""
    y, x = np.broadcast_arrays(np.asarray(y, dtype=np.float64), np.asarray(x, dtype=np.float64))
    up, along = np.abs(y), np.abs(x)
    large, small = np.maximum(up, along), np.minimum(up, along)
    share = small / np.where(large > 0.0, large, 1.0)
    nearest = np.rint(8.0 * share)
    rest = (share - nearest / 8.0) / (1.0 + share * (nearest / 8.0))
    z = rest * rest
    series = np.zeros_like(z)
    for factor in reversed(SERIES):
        series = z * (factor + series)
    angle = _TABLE[nearest.astype(np.intp)] + (rest + rest * series)
    angle = np.where(up > along, pi / 2 - angle, angle)
    return np.asarray(np.copysign(np.where(x < 0.0, pi - angle, angle), y))
