"""A car's own odometry on a circuit: its coordinates begin wherever the car was switched on.

Pure: poses in, poses out.
"""

from __future__ import annotations

from math import cos, pi, sin

from league.track.circuit import Circuit

Pose = tuple[float, float, float]
"""x and y in m, yaw in rad."""


class Odometry:
    """Takes poses of a car to a circuit; the first of them is that of a car that stands at the start.

    Args:
        circuit: Where it drives.
        back_m: How far behind the line the car's origin stands at the start.
    """

    def __init__(self, circuit: Circuit, *, back_m: float) -> None:
        self._heading_rad = float(circuit.heading_at(0.0))
        line_x, line_y = (float(value) for value in circuit.at(0.0))
        self._start_x = line_x - back_m * cos(self._heading_rad)
        self._start_y = line_y - back_m * sin(self._heading_rad)
        self._first: Pose | None = None

    def place(self, pose: Pose) -> Pose:
        """Where the car is on the circuit."""
        first_x, first_y, first_yaw = self._first = self._first or pose
        turn = self._heading_rad - first_yaw
        x, y = pose[0] - first_x, pose[1] - first_y
        return (
            self._start_x + x * cos(turn) - y * sin(turn),
            self._start_y + x * sin(turn) + y * cos(turn),
            (pose[2] + turn + pi) % (2 * pi) - pi,
        )
