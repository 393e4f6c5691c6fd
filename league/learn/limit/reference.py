"""A smooth closed line along a road, with the room to either side of it: the axis of a minimum-time problem.

The line is the one of least bending between the borders. It is near the fastest line already, so offsets
from it stay small, and its bends are wide where the road is narrow on the inside: the coordinates "distance
along, distance aside" stay well defined in corners tighter than the road is wide, where those of the centre
line break down.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError
from league.track.circuit import Circuit

FloatArray = NDArray[np.float64]

_FINE_M = 0.03
_SMOOTH_M = 0.15
"""The centre line is smoothed over this distance first: measured circuits have kinks of a few centimetres."""
_CLEAR_M = 0.06
"""How far the line keeps from the borders."""
_FOLD = 0.8
"""Offsets stay below this share of the distance at which neighbouring normals would meet."""
_LOOKS = 8
"""Rays to each border per node; the shortest counts, so that no tip of a border hides between nodes."""
_BLOCK = 2_000_000


@dataclass(frozen=True, eq=False)
class Reference:
    """A closed line from the start line on, by nodes a constant distance apart."""

    step_m: float
    """Distance from node to node along the line."""
    curve: Any
    """A function of the distance along: point (2,), and with `nu` its derivatives."""
    along_m: FloatArray
    left_m: FloatArray
    """Room to the left border square to the line around each node, shape (N,)."""
    right_m: FloatArray

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return len(self.along_m)

    @property
    def length_m(self) -> float:
        """Length of the line."""
        return self.step_m * self.nodes

    def points(self, along_m: FloatArray, offset_m: FloatArray | float = 0.0) -> FloatArray:
        """Points at distances along and to the left of the line, shape (..., 2)."""
        slope = self.curve(along_m, 1)
        normal = np.stack((-slope[..., 1], slope[..., 0]), axis=-1) / np.hypot(*slope.T).T[..., None]
        return np.asarray(self.curve(along_m) + np.asarray(offset_m)[..., None] * normal)

    def heading_rad(self, along_m: FloatArray) -> FloatArray:
        """Direction of the line, in (-pi, pi]."""
        slope = self.curve(along_m, 1)
        return np.asarray(np.arctan2(slope[..., 1], slope[..., 0]))

    def bend_per_m(self, along_m: FloatArray) -> FloatArray:
        """Curvature of the line, positive to the left."""
        slope, bend = self.curve(along_m, 1), self.curve(along_m, 2)
        cross = slope[..., 0] * bend[..., 1] - slope[..., 1] * bend[..., 0]
        return np.asarray(cross / np.hypot(slope[..., 0], slope[..., 1]) ** 3)

    def room_m(self, ahead_m: float) -> tuple[FloatArray, FloatArray]:
        """Room to the left and to the right at places a little ahead of the nodes."""
        at = self.along_m + ahead_m
        ring = np.append(self.along_m, self.length_m)
        left, right = (np.append(side, side[0]) for side in (self.left_m, self.right_m))
        at = np.mod(at, self.length_m)
        return np.interp(at, ring, left), np.interp(at, ring, right)


def reference(circuit: Circuit, ca: Any, *, step_m: float) -> Reference:
    """The line of least bending along a circuit.

    Args:
        circuit: Whose road it follows.
        ca: The casadi module.
        step_m: Distance between nodes, roughly.

    Raises:
        CircuitError: The borders leave no room for a line.
    """
    ring = _smoothed(circuit)
    for _ in range(2):  # offsets are linearised about the line before; the second pass starts near the end
        curve, length_m = _spline(ring)
        count = max(60, round(length_m / step_m))
        at_m = np.arange(count) * length_m / count
        line = Reference(length_m / count, curve, at_m, *_rooms(circuit, curve, length_m, count))
        ring = line.points(at_m, _least_bending(circuit, line, ca))
    curve, length_m = _spline(ring)
    count = max(60, round(length_m / step_m))
    at_m = np.arange(count) * length_m / count
    return Reference(length_m / count, curve, at_m, *_rooms(circuit, curve, length_m, count))


def _smoothed(circuit: Circuit) -> FloatArray:
    """The centre line, smoothed by a Gaussian."""
    sigma_m = max(_SMOOTH_M, 0.4 * float(circuit.segment_m.max()))
    count = max(256, int(circuit.length_m / _FINE_M))
    fine = circuit.at(np.arange(count) * circuit.length_m / count)
    waves = np.fft.fftfreq(count, circuit.length_m / count)
    spectrum = np.fft.fft(fine, axis=0) * np.exp(-2 * (np.pi * waves * sigma_m) ** 2)[:, None]
    return np.asarray(np.fft.ifft(spectrum, axis=0).real)


def _spline(ring: FloatArray) -> tuple[Any, float]:
    """A periodic cubic spline through the points, by distance along it, and its length."""
    from scipy.interpolate import CubicSpline

    closed = np.vstack((ring, ring[:1]))
    at_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    curve = CubicSpline(at_m, closed, bc_type="periodic")
    # A spline by chord length runs slightly longer than its parameter: measure it, and place it anew.
    fine = np.linspace(0.0, at_m[-1], 8 * len(closed))
    run_m = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(curve(fine), axis=0).T))))
    even = np.interp(np.linspace(0.0, run_m[-1], len(closed)), run_m, fine)
    closed = curve(even)
    closed[-1] = closed[0]
    return CubicSpline(np.linspace(0.0, run_m[-1], len(closed)), closed, bc_type="periodic"), float(run_m[-1])


def _rooms(circuit: Circuit, curve: Any, length_m: float, count: int) -> tuple[FloatArray, FloatArray]:
    """Room to the left and right border around each of evenly spaced nodes."""
    at_m = np.arange(count * _LOOKS) * length_m / (count * _LOOKS)
    xy, slope = curve(at_m), curve(at_m, 1)
    normal = np.stack((-slope[:, 1], slope[:, 0]), axis=1) / np.hypot(*slope.T)[:, None]
    left, right = _reach(xy, normal, circuit.left), _reach(xy, -normal, circuit.right)
    near = np.arange(-_LOOKS // 2, _LOOKS // 2 + 1)
    rows = (np.arange(count)[:, None] * _LOOKS + near) % len(at_m)
    return left[rows].min(axis=1), right[rows].min(axis=1)


def _reach(xy: FloatArray, ray: FloatArray, border: FloatArray) -> FloatArray:
    """How far it is from points to a border along rays."""
    edge = np.roll(border, -1, axis=0) - border
    found = np.empty(len(xy))
    block = max(1, _BLOCK // len(border))
    for start in range(0, len(xy), block):
        rows = slice(start, start + block)
        gap = border - xy[rows, None]
        rx, ry = ray[rows, 0:1], ray[rows, 1:2]
        with np.errstate(divide="ignore", invalid="ignore"):
            across = rx * edge[:, 1] - ry * edge[:, 0]
            away_m = (gap[..., 0] * edge[:, 1] - gap[..., 1] * edge[:, 0]) / across
            part = (gap[..., 0] * ry - gap[..., 1] * rx) / across
        hit = (part >= -1e-9) & (part <= 1 + 1e-9) & (away_m > 0)
        found[rows] = np.where(hit, away_m, np.inf).min(axis=1)
    return found


def _least_bending(circuit: Circuit, line: Reference, ca: Any) -> FloatArray:
    """Offsets from a line that make it bend least between the borders, shape (N,)."""
    bend = line.bend_per_m(line.along_m)
    high = np.minimum(line.left_m - _CLEAR_M, _FOLD / np.maximum(bend, 1e-6))
    low = -np.minimum(line.right_m - _CLEAR_M, _FOLD / np.maximum(-bend, 1e-6))
    bad = np.flatnonzero(~(high - low > 0.01))
    if bad.size:
        place = f"{line.along_m[bad[0]]:.1f} m from the start line"
        raise CircuitError(circuit.source or circuit.id, "the borders leave no room for a line", place=place)
    offset = ca.MX.sym("offset", line.nodes)
    xy = line.points(line.along_m)
    normal = line.points(line.along_m, 1.0) - xy
    cost = 0.0
    for axis in range(2):
        ring = xy[:, axis] + normal[:, axis] * offset
        second = ca.vertcat(ring[1:], ring[0]) - 2 * ring + ca.vertcat(ring[-1], ring[:-1])
        cost += ca.sumsqr(second) / line.step_m**3
    solver = ca.nlpsol("bend", "ipopt", {"x": offset, "f": cost}, QUIET)
    answer = solver(x0=np.clip(0.0, low + 1e-3, high - 1e-3), lbx=low, ubx=high)
    return np.asarray(answer["x"]).ravel()


QUIET = {"ipopt.print_level": 0, "ipopt.sb": "yes", "print_time": False}
"""IPOPT says nothing."""
