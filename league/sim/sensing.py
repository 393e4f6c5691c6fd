"""The sensors that come with the league: the state vector, the pose and the LIDAR.

Pure: what they see follows from the world alone; nothing is random.
"""

from __future__ import annotations

from math import atan2, ceil, cos, floor, pi, radians, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.sim import kernel, road, tick
from league.sim.angles import sine_cosine
from league.sim.compiled import allocating, compiled, inlined
from league.sim.contact import shape_car
from league.sim.layout import AHEAD_M, AHEAD_START, OPPONENTS, OPPONENTS_START, STATE_ID, STATE_SIZE
from league.sim.world import World

FloatArray = NDArray[np.float64]
Seen = NDArray[np.float32]

_AHEAD = np.array(AHEAD_M)


class StateSensor:
    """Speed, place on the road, the road ahead and the opponents, as `Observation` describes them."""

    name = "state"
    id = STATE_ID
    size = STATE_SIZE

    def sense(self, world: World) -> Seen:
        """The state vectors, shape (cars, 105); zeros for a car that is not on the circuit."""
        seen = np.zeros((world.n, self.size), dtype=np.float32)
        arrays = world.arrays
        _state(arrays.road, arrays.state, arrays.measured, _AHEAD, seen)
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


class LidarSensor:
    """Distances around the car to the borders of the road, to boxes and to other cars.

    The beams of DeepRacer's LIDAR: 64 over ±150°, 0.15 to 12 m, from a point 0.029 m ahead of the
    origin; but with no noise, not rounded to its resolution of 0.01 m, and with borders that it sees as
    walls. Beam 0 points to the right and backwards, the last one to the left and backwards; angles grow
    evenly to the left. What is nearer than the least distance reads as that, nothing in reach reads as
    the greatest.
    """

    name = "lidar"
    id = "lidar.v1"
    beams = 64
    size = beams
    half_angle_rad = radians(150.0)
    ahead_m = 0.029
    nearest_m = 0.15
    farthest_m = 12.0

    @property
    def angles_rad(self) -> FloatArray:
        """Direction of every beam in the car's frame, positive to the left, shape (64,)."""
        return np.linspace(-self.half_angle_rad, self.half_angle_rad, self.beams)

    def sense(self, world: World) -> Seen:
        """Distances in m, shape (cars, 64); zeros for a car that is not on the circuit."""
        seen = np.zeros((world.n, self.size), dtype=np.float32)
        arrays = world.arrays
        _lidar(
            arrays.road,
            arrays.params,
            arrays.state,
            arrays.measured,
            arrays.boxes,
            self.ahead_m,
            self.half_angle_rad,
            self.nearest_m,
            self.farthest_m,
            seen,
        )
        return seen

    def describe(self) -> dict[str, Any]:
        """Shape, units, directions and reach."""
        return {
            "id": self.id,
            "shape": [self.size],
            "dtype": "float32",
            "units": "m",
            "angle_first_rad": -self.half_angle_rad,
            "angle_last_rad": self.half_angle_rad,
            "ahead_m": self.ahead_m,
            "nearest_m": self.nearest_m,
            "farthest_m": self.farthest_m,
        }


# -- the state vector ------------------------------------------------------------------------------


@compiled
def _state(rows: FloatArray, state: FloatArray, measured: FloatArray, ahead: FloatArray, seen: Seen) -> None:
    """Fill the state vectors of all cars that are present; `seen` starts as zeros."""
    for i in range(len(state)):
        if state[i, kernel.STATUS] <= kernel.HELD:
            see_state(rows, state, measured, i, ahead, seen[i])


@compiled
def see_state(
    rows: FloatArray, state: FloatArray, measured: FloatArray, i: int, ahead: FloatArray, out: Seen
) -> None:
    """Fill the state vector of car i; the entries for opponents start as zeros."""
    m = measured[i]
    segment, reach = int(m[tick.ORIGIN_SEGMENT]), m[tick.ORIGIN_REACH]
    out[0], out[1], out[2] = m[tick.SPEED], m[tick.YAW_RATE], m[tick.STEER]
    out[3] = m[tick.ORIGIN_OFFSET]
    out[4], out[5] = sine_cosine(m[tick.HEADING_ERROR])
    out[6], out[7] = state[i, kernel.COMMANDS], state[i, kernel.COMMANDS + 1]
    out[8] = road.between(rows, road.LEFT, segment, reach)
    out[9] = road.between(rows, road.RIGHT, segment, reach)
    _look_ahead(rows, m, segment, reach, ahead, out)
    _look_around(state, measured, i, out)


@inlined
def _look_ahead(
    rows: FloatArray, m: FloatArray, segment: int, reach: float, ahead: FloatArray, out: Seen
) -> None:
    q, c = sine_cosine(m[tick.YAW])
    here, length = rows[segment, road.ALONG] + reach, road.length_of(rows)
    for k in range(len(ahead)):
        along = here + ahead[k]
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


@compiled
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
        out[at] = 1.0
        out[at + 1], out[at + 2] = dx * c + dy * q, dy * c - dx * q
        out[at + 3] = road.wrapped(other[tick.YAW] - m[tick.YAW])
        out[at + 4] = other[tick.SPEED]


# -- LIDAR -----------------------------------------------------------------------------------------


@allocating
def _lidar(
    rows: FloatArray,
    params: FloatArray,
    state: FloatArray,
    measured: FloatArray,
    boxes: FloatArray,
    ahead: float,
    half_angle: float,
    nearest: float,
    farthest: float,
    seen: Seen,
) -> None:
    """Fill the scans of all cars that are present; `seen` starts as zeros."""
    body = np.empty(boxes.shape[1])
    scan = np.empty(seen.shape[1])
    for i in range(len(state)):
        if state[i, kernel.STATUS] > kernel.HELD:
            continue
        yaw = measured[i, tick.YAW]
        x = measured[i, tick.ORIGIN_X] + ahead * cos(yaw)
        y = measured[i, tick.ORIGIN_Y] + ahead * sin(yaw)
        scan[:] = farthest
        for column in (road.OUTER_X, road.INNER_X):
            last = len(rows) - 1
            ax, ay = rows[last, column], rows[last, column + 1]
            for k in range(last + 1):
                bx, by = rows[k, column], rows[k, column + 1]
                _sweep(scan, half_angle, x, y, yaw, ax, ay, bx, by)
                ax, ay = bx, by
        for k in range(len(boxes)):
            _sweep_body(scan, half_angle, x, y, yaw, boxes[k])
        for j in range(len(state)):
            if j != i and state[j, kernel.STATUS] <= kernel.HELD:
                shape_car(body, params[j], state[j])
                _sweep_body(scan, half_angle, x, y, yaw, body)
        for k in range(len(scan)):
            seen[i, k] = max(scan[k], nearest)


@compiled
def _sweep_body(
    scan: FloatArray, half_angle: float, x: float, y: float, yaw: float, body: FloatArray
) -> None:
    """Shorten the beams that meet a rectangle, given as a body row of `league.sim.contact`."""
    lx, ly = body[2] * body[4], body[3] * body[4]
    wx, wy = -body[3] * body[5], body[2] * body[5]
    ax, ay = body[0] + lx - wx, body[1] + ly - wy
    for corner in range(4):
        lead = 1.0 if corner in (0, 3) else -1.0
        side = 1.0 if corner < 2 else -1.0
        bx, by = body[0] + lead * lx + side * wx, body[1] + lead * ly + side * wy
        _sweep(scan, half_angle, x, y, yaw, ax, ay, bx, by)
        ax, ay = bx, by


@compiled
def _sweep(
    scan: FloatArray,
    half_angle: float,
    x: float,
    y: float,
    yaw: float,
    ax: float,
    ay: float,
    bx: float,
    by: float,
) -> None:
    """Shorten the beams that meet the segment ab: only those between the directions of its ends."""
    ax, ay, bx, by = ax - x, ay - y, bx - x, by - y
    first = atan2(ay, ax)
    span = atan2(ax * by - ay * bx, ax * bx + ay * by)
    if span < 0.0:
        first, span = first + span, -span
    if span == pi:
        # The sensor stands on the segment: whichever way a beam points, it meets it at once.
        scan[:] = 0.0
        return
    step = 2.0 * half_angle / (len(scan) - 1)
    # Half a thousandth of a beam to either side makes up for rounding of the angles.
    first = road.wrapped(first - yaw) + half_angle
    for turn in range(-1, 1):  # a segment behind the car meets the first beams as well as the last
        low = max(ceil((first + turn * 2.0 * pi) / step - 5e-4), 0)
        high = min(floor((first + turn * 2.0 * pi + span) / step + 5e-4), len(scan) - 1)
        for k in range(low, high + 1):
            angle = yaw - half_angle + k * step
            distance = _meet(cos(angle), sin(angle), ax, ay, bx, by)
            scan[k] = min(scan[k], distance)


@compiled
def _meet(ux: float, uy: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Distance from (0, 0) in the direction u to the segment ab; infinite if it does not meet it."""
    ex, ey = bx - ax, by - ay
    cross = ux * ey - uy * ex
    if cross == 0.0:
        # The beam runs along the segment's line; its ends belong to its neighbours or to nothing.
        return np.inf
    along = (ax * uy - ay * ux) / cross
    distance = (ax * ey - ay * ex) / cross
    if distance < 0.0 or along < -1e-9 or along > 1.0 + 1e-9:
        return np.inf
    return distance
