"""What may stand or drive in the way besides the entries' cars, as data.

Pure: values and their checks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite
from typing import NamedTuple

from league.errors import InputError

BOX_LENGTH_M, BOX_WIDTH_M = 0.5, 0.4
"""Size of a box that says no other (DeepRacer's collision rectangle)."""


class Box(NamedTuple):
    """A box that stands on the circuit: its middle, its direction and its size."""

    x_m: float
    y_m: float
    yaw_rad: float
    length_m: float = BOX_LENGTH_M
    width_m: float = BOX_WIDTH_M


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


class Traffic(NamedTuple):
    """Bots at places that are drawn anew for every episode, on either lane."""

    bots: int
    speed_mps: tuple[float, float] = (1.0, 1.0)
    """Slowest and fastest that one may be."""
    changes: bool = False
    """Whether they change lanes every few seconds."""
    length_m: float = 0.324
    width_m: float = 0.188

    def one(self, speed_mps: float) -> Bot:
        """One of them, on the start line."""
        return Bot(0.0, True, speed_mps, self.changes, 0, self.length_m, self.width_m)


def check_bots(bots: Sequence[Bot]) -> None:
    """Refuse bots that cannot drive anywhere.

    Raises:
        InputError: One is not finite, does not drive, or has no size.
    """
    for index, bot in enumerate(bots):
        numbers = (bot.along_m, bot.speed_mps, bot.length_m, bot.width_m)
        if not all(isfinite(number) for number in numbers) or min(numbers[1:]) <= 0:
            raise InputError(
                f"bot {index} is {tuple(bot)}, expected finite numbers, a speed and a size above 0"
            )


def check_boxes(boxes: Sequence[Box]) -> None:
    """Refuse boxes that cannot stand anywhere.

    Raises:
        InputError: One is not finite or has no size.
    """
    for index, box in enumerate(boxes):
        if not all(isfinite(number) for number in box) or box.length_m <= 0 or box.width_m <= 0:
            raise InputError(f"box {index} is {tuple(box)}, expected finite numbers and a size above 0")
