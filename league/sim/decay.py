"""Exponential decay for the kernels, with the same bits on every machine.

Pure: sums and products only, as in `league.sim.angles`; a system's own exponential function differs from
one to the next in its last bit, and with it every step of every car.
"""

from __future__ import annotations

from math import factorial

import numpy as np

from league.sim.compiled import lean

# The logarithm of 2 in two parts; the first has 33 bits, so that its product with a small number is exact.
_HALVINGS = float.fromhex("0x1.71547652b82fep+0")
_LN2_HIGH = float.fromhex("0x1.62e42fefap-1")
_LN2_LOW = float.fromhex("0x1.cf79abc9e3b3ap-40")
_OVER = 60.0
"""After so many time constants nothing is left of anything that a double could hold beside 1."""
_SERIES = np.array([(-1.0) ** k / factorial(k) for k in range(15)])


@lean
def decayed(times: float) -> float:
    """How much of something is gone after so many time constants: 1 - exp(-times).

    Args:
        times: 0 or more, infinity too.
    """
    if times > _OVER:
        return 1.0
    halvings = np.rint(times * _HALVINGS)
    rest = times - halvings * _LN2_HIGH - halvings * _LN2_LOW
    left = 0.0
    for k in range(len(_SERIES) - 1, -1, -1):
        left = _SERIES[k] + rest * left
    for _ in range(int(halvings)):
        left *= 0.5
    return 1.0 - left
