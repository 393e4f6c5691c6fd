"""Numbers by chance that depend on nothing but whole numbers given: the random streams of worlds.

Pure, compiled: the same at any batch size, on any number of threads.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from league.sim.compiled import lean

_ODD = np.uint64(0x9E3779B97F4A7C15)
_MIX_A = np.uint64(0xBF58476D1CE4E5B9)
_MIX_B = np.uint64(0x94D049BB133111EB)


@lean
def scramble(number: Any) -> Any:
    """A 64-bit number in which every bit of the given one has a part (SplitMix64, Steele et al. 2014)."""
    z = np.uint64(number) * _ODD + _ODD
    z = (z ^ (z >> np.uint64(30))) * _MIX_A
    z = (z ^ (z >> np.uint64(27))) * _MIX_B
    return z ^ (z >> np.uint64(31))


@lean
def chance(seed: int, episode: int, draw: int) -> float:
    """A number in [0, 1) that depends on nothing but the three whole numbers given."""
    z = scramble(np.uint64(scramble(np.uint64(seed))) ^ np.uint64(episode))
    z = scramble(np.uint64(z) ^ np.uint64(draw))
    return float(np.uint64(z) >> np.uint64(11)) * (1.0 / 9007199254740992.0)
