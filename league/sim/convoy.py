"""The bots of one world: the plain door to `league.sim.bots`.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from league.sim import bots as going
from league.sim import contact
from league.sim.angles import direction, sine_cosine
from league.sim.lanelines import line_rows
from league.sim.objects import Bot, Box
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]


class Convoy:
    """The bots of a world, and what they heed of it.

    Args:
        circuit: Where they drive.
        bots: How each starts.
        boxes: What they go round.
        bodies: The world's rows for their bodies, as of `league.sim.contact`: filled here, and moved there.
        cars: How many cars may be in their way.
        tick_s: Length of a tick.
        substeps: Physics steps in it.
    """

    def __init__(
        self,
        circuit: Circuit,
        bots: Sequence[Bot],
        boxes: Sequence[Box],
        bodies: FloatArray,
        *,
        cars: int,
        tick_s: float,
        substeps: int,
    ) -> None:
        self._lines, self._length_m = line_rows(circuit), circuit.length_m
        self._rows, self._bodies = going.bot_rows(bots), bodies
        self._boxes = stands_of(circuit, boxes)
        self._heeded = np.zeros((cars + len(bots), going.HEEDED))
        self._tick_s, self._substeps = tick_s, substeps
        if bots:
            going.stand(self._lines, self._rows, bodies)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def pose(self) -> FloatArray:
        """x, y and yaw of the middle of each, shape (bots, 3)."""
        found = self._bodies[:, :3].copy()
        found[:, 2] = [direction(q, c) for c, q in self._bodies[:, contact.COS : contact.SIN + 1].tolist()]
        return found

    @property
    def speed_mps(self) -> FloatArray:
        """How fast each is, shape (bots,)."""
        return self._bodies[:, contact.PACE].copy()

    @property
    def nose_along_m(self) -> list[float]:
        """How far along the centre line the front of each is, in [0, length)."""
        noses = (self._rows[:, going.ALONG] + self._rows[:, going.HALF_LENGTH]) % self._length_m
        return [float(nose) for nose in noses]

    def state_bytes(self) -> bytes:
        """Exact bytes of everything about them that evolves."""
        return going.evolved(self._rows, self._bodies)

    def set_off(self, params: FloatArray, state: FloatArray, measured: FloatArray) -> None:
        """Say how far each goes in the tick to come.

        Args:
            params: The cars' parameter rows.
            state: Their state rows.
            measured: What was measured of them last.
        """
        cars = going.heed_cars(params, state, measured, self._heeded)
        rest = self._lines, self._rows, self._bodies, self._boxes, self._heeded
        going.set_off(*rest, cars, self._tick_s, self._substeps)

    def arrive(self) -> None:
        """Take note of how far each has come in the tick that is over."""
        going.arrive(self._rows, self._bodies, self._substeps)


def stands_of(circuit: Circuit, boxes: Sequence[Box]) -> FloatArray:
    """What bots heed of boxes, a row each."""
    rows = np.zeros((len(boxes), going.HEEDED))
    for row, box in zip(rows, boxes, strict=True):
        seen = circuit.project((box.x_m, box.y_m))
        q, c = sine_cosine(box.yaw_rad - float(seen.heading_rad))
        place = float(seen.along_m), float(seen.offset_m)
        going.heed(row, *place, q, c, box.length_m / 2, box.width_m / 2)
    return rows
