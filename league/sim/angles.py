"""Sine, cosine, tangent and direction for the kernels: quick, and the same bits on every machine.

Pure. A system's own mathematics library takes two to three times as long, and its last bit differs from
one to the next; these are sums and products only. An angle is reduced by whole quarter turns to at most
45° and put into Taylor's series, which for so small an angle ends within rounding. Good to two units in
the last place (the tangent four) for angles up to 100,000; angles that are not finite give nonsense.
There is no branch in them, and whole numbers have 32 bits, so that a loop over many angles is compiled
into instructions that work on several of them at once.
"""

from __future__ import annotations

from math import factorial, pi

import numpy as np

from league.sim.compiled import inlined, lean
from league.track.exact import EIGHTHS, SERIES

_QUARTERS = 2.0 / pi
_WHOLE = 1.5 * 2.0**52
"""Added and taken away again it leaves the nearest whole number: doubles this large have no fractions."""
# A quarter turn in three parts; the first two have 33 bits, so that a product with a whole number of up
# to 20 bits is exact. Together they have 33 + 33 + 53 bits of pi / 2.
_PART_1 = float.fromhex("0x1.921fb54400000p+0")
_PART_2 = float.fromhex("0x1.0b4611a600000p-34")
_PART_3 = float.fromhex("0x1.3198a2e037073p-69")

_S3, _S5, _S7, _S9, _S11, _S13, _S15 = ((-1.0) ** (n // 2) / factorial(n) for n in range(3, 16, 2))
_C4, _C6, _C8, _C10, _C12, _C14, _C16 = ((-1.0) ** (n // 2) / factorial(n) for n in range(4, 17, 2))

_EIGHTHS, _SERIES = np.array(EIGHTHS), np.array(SERIES)

_ODD, _HALF, _LAST_BITS = np.int32(1), np.int32(2), np.int32(3)


@inlined
def sine_cosine(angle: float) -> tuple[float, float]:
    """Sine and cosine of an angle in rad."""
    quarters = (angle * _QUARTERS + _WHOLE) - _WHOLE
    r = angle - quarters * _PART_1 - quarters * _PART_2 - quarters * _PART_3
    z = r * r
    w = z * z
    s = r + r * z * ((_S3 + z * _S5) + w * ((_S7 + z * _S9) + w * ((_S11 + z * _S13) + w * _S15)))
    c = (_C4 + z * _C6) + w * ((_C8 + z * _C10) + w * ((_C12 + z * _C14) + w * _C16))
    c = 1.0 - (0.5 * z - w * c)
    turn = np.int32(quarters) & _LAST_BITS
    swap = (turn & _ODD) != 0
    s, c = (c if swap else s), (s if swap else c)
    s = -s if (turn & _HALF) != 0 else s
    c = -c if ((turn + _ODD) & _HALF) != 0 else c
    return s, c


@inlined
def sin(angle: float) -> float:
    """Sine of an angle in rad."""
    return sine_cosine(angle)[0]


@inlined
def cos(angle: float) -> float:
    """Cosine of an angle in rad."""
    return sine_cosine(angle)[1]


@inlined
def tan(angle: float) -> float:
    """Tangent of an angle in rad."""
    s, c = sine_cosine(angle)
    return s / c


@lean
def direction(y: float, x: float) -> float:
    """Direction of the vector (x, y) in rad, in [-pi, pi]: the very bits of `league.track.exact.arctan2`."""
    up, along = abs(y), abs(x)
    large, small = max(up, along), min(up, along)
    share = small / large if large > 0.0 else 0.0
    nearest = np.rint(8.0 * share)
    rest = (share - nearest / 8.0) / (1.0 + share * (nearest / 8.0))
    z = rest * rest
    series = 0.0
    for k in range(len(_SERIES) - 1, -1, -1):
        series = z * (_SERIES[k] + series)
    angle = _EIGHTHS[int(nearest)] + (rest + rest * series)
    if up > along:
        angle = pi / 2 - angle
    return float(np.copysign(pi - angle if x < 0.0 else angle, y))
