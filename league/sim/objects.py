"""What may stand or drive in the way besides the entries' cars, as data.

Pure: values only.
"""

from __future__ import annotations

from typing import NamedTuple


class Box(NamedTuple):
    """A box that stands on the circuit: its middle, its direction and its size."""

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float = 0.5
    width_m: float = 0.4


class Bot(NamedTuple):
    """A car without a driver, on the lane lines; see `league.sim.bots`."""

    along_m: float
    """Where its middle is at the start, along the centre line."""
    left: bool
    """On which lane line: the one to the left of the centre line, or the other."""
    speed_mps: float = 1.0
    changes: bool = False
    """Whether it changes lanes every few seconds."""
    seed: int = 0
    length_m: float = 0.324
    width_m: float = 0.188
