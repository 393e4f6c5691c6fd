"""Loss of grip as data: how often a car's rear steps out, how far, and how it comes back.

Pure: numbers only. `league.sim.kernel.slide` applies them; `python -m league.testing.slides` fits them to
recorded runs and prints how often recorded and simulated cars slide. Off unless asked for.

A car loses grip by chance, at a rate that grows with how hard it corners and with how much faster or slower
its wheels are told to turn than it goes: what a tyre gives along, it lacks across. Then its
*slip*, the angle of its body less that of its motion, grows towards the inside of the turn, for a time that
is drawn too, and dies out once the tyres hold again. The body turns in by more than the slip while that
grows, so the path tightens as well; and whoever slides loses speed.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError

MOST_SPINS = 20.0


@dataclass(frozen=True)
class Grip:
    """How a car loses grip.

    Every figure is fitted to the 26 public recordings of the classic DeepRacer simulator, by
    `python -m league.testing.slides`.
    """

    pushed_per_m: float
    """Losses of grip per second at the limit of lateral acceleration, for each m/s that the wheels are told
    to be faster than the car. They grow with the cube of the share of that limit that is used; a car that
    holds its speed keeps its grip."""
    braked_per_m: float
    """The same for each m/s that they are told to be slower."""
    growth_radps: float
    """How fast slip grows on average; of a single slide by up to 0.75 of that more or less."""
    least_s: float
    """Slip grows for so long at least."""
    more_s: float
    """And for so much longer on average."""
    recovery_s: float
    """In so long slip falls to 1/e."""
    turned_out: float
    """What the body turns more than it would, per growth of slip."""
    turned_back: float
    """The same per fall of slip; below 0 the path goes on to follow the body."""
    scrub_mps2: float
    """Loss of speed of a car that goes sideways; less by the sine of its slip."""


GRIP = Grip(
    pushed_per_m=1.17,
    braked_per_m=0.187,
    growth_radps=0.8,
    least_s=0.2,
    more_s=0.279,
    recovery_s=0.28,
    turned_out=1.6,
    turned_back=-0.37,
    scrub_mps2=5.2,
)
"""The classic car's."""


def check_spins(spins: float) -> float:
    """How many times as often as in the recordings cars lose grip, checked.

    Raises:
        InputError: It is not within 0 to `MOST_SPINS`.
    """
    if not (isfinite(spins) and 0.0 <= spins <= MOST_SPINS):
        raise InputError(f"spins is {spins}, expected 0 (no loss of grip) to {MOST_SPINS:g}")
    return float(spins)


def figures(grip: Grip, spins: float) -> NDArray[np.float64]:
    """The numbers that the kernel reads, in its order."""
    return np.array([spins, *astuple(grip)])
