"""What a car knows of itself: the state vector and the pose.

Pure: it follows from the world alone; nothing is random.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim import contact, kernel, road, tick
from league.sim.angles import direction, sine_cosine
from league.sim.compiled import compiled, inlined, lean
from league.sim.layout import (
    AHEAD_M,
    AHEAD_START,
    BOX,
    OPPONENTS,
    OPPONENTS_START,
    RACING,
    STANDING,
    STATE_ID,
    STATE_SIZE,
)
from league.sim.world import World

FloatArray = NDArray[np.float64]
Seen = NDArray[np.float32]

_AHEAD = np.array(AHEAD_M)


class StateSensor:
    """Speed, place on the road, the road ahead and who is around, as `Observation` describes them."""

    name = "state"
    id = STATE_ID
    size = STATE_SIZE

    def sense(self, world: World) -> Seen:
        """The state vectors, shape (cars, 105); zeros for a car that is not on the circuit."""
        seen = np.zeros((world.n, self.size), dtype=np.float32)
        arrays = world.arrays
        _state(arrays.road, arrays.state, arrays.measured, seen)
        if len(arrays.boxes):
            _add_objects(arrays.state, arrays.measured, arrays.boxes, seen)
        return seen

    def describe(self) -> dict[str, Any]:
        """Shape, units and layout."""
        return {
            "id": self.id,
            "shape": [self.size],
            "dtype": "float32",
            "units": "m, rad, s",
            "ahead_m": list(AHEAD_M),
            "ahead_start": AHEAD_START,
            "opponents": OPPONENTS,
            "opponents_start": OPPONENTS_START,
        }


class PoseSensor:
    """Where the chassis origin is: x, y, yaw, and its distance from the start line."""

    name = "pose"
    id = "pose.v1"
    size = 4

    def sense(self, world: World) -> Seen:
        """x, y (m), yaw (rad, in (-pi, pi]) and distance along (m), shape (cars, 4)."""
        seen = np.empty((world.n, self.size), dtype=np.float32)
        seen[:, :3] = world.pose
        seen[:, 3] = world.origin_along_m
        seen[~world.present] = 0.0
        return seen

    def describe(self) -> dict[str, Any]:
        """Shape, units and layout."""
        return {
            "id": self.id,
            "shape": [self.size],
            "dtype": "float32",
            "fields": ["x_m", "y_m", "yaw_rad", "along_m"],
        }


# -- the state vector ------------------------------------------------------------------------------


@compiled
def _state(rows: FloatArray, state: FloatArray, measured: FloatArray, seen: Seen) -> None:
    """Fill the state vectors of all cars that are present; `seen` starts as zeros."""
    for i in range(len(state)):
        if state[i, kernel.STATUS] <= kernel.HELD:
            see_state(rows, state, measured, i, seen[i])


@lean
def see_state(rows: FloatArray, state: FloatArray, measured: FloatArray, i: int, out: Seen) -> None:
    """Fill the state vector of car i; the entries for opponents start as zeros."""
    m = measured[i]
    segment, reach = int(m[tick.ORIGIN_SEGMENT]), m[tick.ORIGIN_REACH]
    out[0], out[1], out[2] = m[tick.SPEED], m[tick.YAW_RATE], m[tick.STEER]
    out[3] = m[tick.ORIGIN_OFFSET]
    out[4], out[5] = sine_cosine(m[tick.HEADING_ERROR])
    out[6], out[7] = state[i, kernel.COMMANDS], state[i, kernel.COMMANDS + 1]
    out[8] = road.between(rows, road.LEFT, segment, reach)
    out[9] = road.between(rows, road.RIGHT, segment, reach)
    _look_ahead(rows, m, segment, reach, out)
    if len(state) > 1:
        _look_around(state, measured, i, out)


@inlined
def _look_ahead(rows: FloatArray, m: FloatArray, segment: int, reach: float, out: Seen) -> None:
    q, c = sine_cosine(m[tick.YAW])
    here, length = rows[segment, road.ALONG] + reach, road.length_of(rows)
    for k in range(len(_AHEAD)):
        along = here + _AHEAD[k]
        while along >= length:
            along -= length
        segment = road.find(rows, along)
        on = along - rows[segment, road.ALONG]
        dx = rows[segment, road.CENTRE_X] + on * rows[segment, road.TANGENT_X] - m[tick.ORIGIN_X]
        dy = rows[segment, road.CENTRE_Y] + on * rows[segment, road.TANGENT_Y] - m[tick.ORIGIN_Y]
        at = AHEAD_START + 5 * k
        out[at], out[at + 1] = dx * c + dy * q, dy * c - dx * q
        out[at + 2] = road.between(rows, road.CURVATURE, segment, on)
        out[at + 3] = road.between(rows, road.LEFT, segment, on)
        out[at + 4] = road.between(rows, road.RIGHT, segment, on)


@lean
def _look_around(state: FloatArray, measured: FloatArray, i: int, out: Seen) -> None:
    """The nearest opponents, nearest first, the lower index first where two are as near."""
    m = measured[i]
    q, c = sine_cosine(m[tick.YAW])
    last, last_index = -1.0, -1
    for k in range(min(OPPONENTS, len(state) - 1)):
        best, best_index = np.inf, -1
        for j in range(len(state)):
            if j == i or state[j, kernel.STATUS] > kernel.HELD:
                continue
            dx, dy = (
                measured[j, tick.ORIGIN_X] - m[tick.ORIGIN_X],
                measured[j, tick.ORIGIN_Y] - m[tick.ORIGIN_Y],
            )
            gap = dx * dx + dy * dy
            if gap < best and (gap > last or (gap == last and j > last_index)):
                best, best_index = gap, j
        if best_index < 0:
            return
        last, last_index = best, best_index
        other = measured[best_index]
        dx, dy = other[tick.ORIGIN_X] - m[tick.ORIGIN_X], other[tick.ORIGIN_Y] - m[tick.ORIGIN_Y]
        at = OPPONENTS_START + 5 * k
        out[at] = STANDING if state[best_index, kernel.STATUS] != 0.0 else RACING
        out[at + 1], out[at + 2] = dx * c + dy * q, dy * c - dx * q
        out[at + 3] = road.wrapped(other[tick.YAW] - m[tick.YAW])
        out[at + 4] = other[tick.SPEED]


@compiled
def _add_objects(state: FloatArray, measured: FloatArray, boxes: FloatArray, seen: Seen) -> None:
    """Sort boxes and bots in among the opponents that a state vector shows."""
    for i in range(len(state)):
        if state[i, kernel.STATUS] <= kernel.HELD:
            for k in range(len(boxes)):
                sort_in(measured[i], boxes[k], seen[i])


@lean
def sort_in(m: FloatArray, row: FloatArray, out: Seen) -> None:
    """Put a box or bot where it belongs by its distance; whoever was last may fall off the end."""
    q, c = sine_cosine(m[tick.YAW])
    dx, dy = row[contact.AT_X] - m[tick.ORIGIN_X], row[contact.AT_Y] - m[tick.ORIGIN_Y]
    x, y = dx * c + dy * q, dy * c - dx * q
    place = OPPONENTS_START + 5 * OPPONENTS
    while place > OPPONENTS_START:
        before = place - 5
        if out[before] != 0.0 and out[before + 1] ** 2 + out[before + 2] ** 2 <= x * x + y * y:
            break
        if place < len(out):
            for k in range(5):
                out[place + k] = out[before + k]
        place = before
    if place == len(out):
        return
    out[place] = RACING if row[contact.KIND] == contact.BOT else BOX
    out[place + 1], out[place + 2] = x, y
    along, across = row[contact.COS], row[contact.SIN]
    out[place + 3] = direction(across * c - along * q, along * c + across * q)
    out[place + 4] = row[contact.PACE]
