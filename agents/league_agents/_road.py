"""A circuit's road as coordinates: how far along a smooth axis, in nodes, and how far to its left."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, floor, pi, sin
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league import Circuit

FloatArray = NDArray[Any]

STEP_M = 0.085
"""So close that bends a metre across are planned as they are driven; 0.15 m cost up to 3 % of a lap."""
MOST_NODES = 400
"""On longer circuits they are further apart, so that planning takes no longer."""
SMOOTH_M = 0.15
"""The centre line is smoothed over this distance before it serves as the axis."""
BEHIND_M, AHEAD_M = 0.9, 2.4
"""How far around its last place a car is looked for first."""


class Spot(NamedTuple):
    """Where something is on a road."""

    place: float
    """How far along, in nodes."""
    offset_m: float
    """How far to the left of the axis."""
    error_rad: float
    """Its direction less the road's."""


@dataclass(frozen=True)
class Road:
    """A road as a smooth closed axis with room to either side, one entry per node."""

    xy: FloatArray
    heading_rad: FloatArray
    turn_rad: FloatArray
    """Change of heading to the next node."""
    step_m: FloatArray
    """Distance to the next node."""
    left_m: FloatArray
    right_m: FloatArray

    @property
    def bend_per_m(self) -> FloatArray:
        """Curvature from each node to the next."""
        return np.asarray(self.turn_rad / self.step_m)

    @classmethod
    def along(cls, circuit: Circuit) -> Road:
        """The road of a circuit: its centre line, smoothed, with its borders seen from there."""
        sigma_m = max(SMOOTH_M, 0.4 * float(circuit.segment_m.max()))
        count = max(256, int(circuit.length_m / 0.03))
        fine = circuit.at(np.arange(count) * circuit.length_m / count) @ (1, 1j)
        waves = np.fft.fftfreq(count, circuit.length_m / count)
        fine = np.fft.ifft(np.fft.fft(fine) * np.exp(-2 * (np.pi * waves * sigma_m) ** 2))
        ring = np.append(fine, fine[0])
        along_m = np.concatenate(([0.0], np.cumsum(np.abs(np.diff(ring)))))
        nodes = max(40, min(MOST_NODES, round(along_m[-1] / STEP_M)))
        at_m = np.arange(nodes) * along_m[-1] / nodes
        axis = np.interp(at_m, along_m, ring.real) + 1j * np.interp(at_m, along_m, ring.imag)
        chord, across = np.roll(axis, -1) - axis, np.roll(axis, -1) - np.roll(axis, 1)
        xy, heading = np.stack((axis.real, axis.imag), axis=1), np.angle(across)
        return cls(
            xy=xy,
            heading_rad=heading,
            turn_rad=np.angle(np.roll(across, -1) / across),
            step_m=np.abs(chord),
            left_m=_room(xy, heading + np.pi / 2, circuit.left),
            right_m=_room(xy, heading - np.pi / 2, circuit.right),
        )

    def stretch(self, first: int, nodes: int) -> Road:
        """A part of it, which may go round more than once; its last node is no neighbour of its first."""
        at = (first + np.arange(nodes)) % len(self.xy)
        return Road(*(getattr(self, name)[at] for name in self.__dataclass_fields__))

    def locate(self, x_m: float, y_m: float, yaw_rad: float, near: float | None = None) -> Spot:
        """Where a point lies that moves in a direction.

        Args:
            x_m: Coordinates of the point.
            y_m: The other one.
            yaw_rad: Direction of its motion.
            near: Where it was a moment ago; without it the whole road is searched, as it is when the point is
                nowhere near.
        """
        nodes = len(self.xy)
        window = np.arange(nodes)
        if near is not None:
            step_m = float(self.step_m[floor(near) % nodes])
            window = (round(near) + np.arange(-round(BEHIND_M / step_m), round(AHEAD_M / step_m))) % nodes
        away = self.xy[window] - (x_m, y_m)
        square = (away * away).sum(axis=1)
        nearest = int(square.argmin())
        if near is not None and square[nearest] > 1.0:
            return self.locate(x_m, y_m, yaw_rad)
        node = int(window[nearest])
        heading = self.heading_rad[node]
        dx, dy = -away[nearest]
        forward, left = dx * cos(heading) + dy * sin(heading), dy * cos(heading) - dx * sin(heading)
        behind = node if forward >= 0 else node - 1
        step_m = self.step_m[behind] - left * self.turn_rad[behind]
        place = node + float(min(max(forward / max(step_m, 0.02), -1.0), 1.0))
        index, part = floor(place) % nodes, place - floor(place)
        heading = float(self.heading_rad[index] + part * self.turn_rad[index])
        foot = self.xy[index] * (1 - part) + self.xy[(index + 1) % nodes] * part
        offset_m = float((y_m - foot[1]) * cos(heading) - (x_m - foot[0]) * sin(heading))
        return Spot(place % nodes, offset_m, (yaw_rad - heading + pi) % (2 * pi) - pi)

    def after(self, place: float, distance_m: float) -> float:
        """The place a distance on."""
        return place + distance_m / float(self.step_m[floor(place) % len(self.xy)])

    def ahead_m(self, place: float, other: float) -> float:
        """How far another place is ahead, the shorter way round; negative behind."""
        nodes = len(self.xy)
        return ((other - place + nodes / 2) % nodes - nodes / 2) * float(self.step_m.mean())

    def room_m(self, place: float) -> tuple[float, float]:
        """How far the borders are from the axis at a place, left and right."""
        index, part = floor(place) % len(self.xy), place - floor(place)
        following = (index + 1) % len(self.xy)
        left_m, right_m = self.left_m, self.right_m
        return (
            float(left_m[index] * (1 - part) + left_m[following] * part),
            float(right_m[index] * (1 - part) + right_m[following] * part),
        )


def _room(xy: FloatArray, direction_rad: FloatArray, border: FloatArray) -> FloatArray:
    """How far it is from points to a border in given directions; never much more than to its nearest row."""
    ray = np.stack((np.cos(direction_rad), np.sin(direction_rad)), axis=1)[:, None]
    edge = np.roll(border, -1, axis=0) - border
    gap = border - xy[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        across = ray[..., 0] * edge[:, 1] - ray[..., 1] * edge[:, 0]
        away_m = (gap[..., 0] * edge[:, 1] - gap[..., 1] * edge[:, 0]) / across
        part = (gap[..., 0] * ray[..., 1] - gap[..., 1] * ray[..., 0]) / across
    hit = (part >= 0) & (part <= 1) & (away_m > 0)
    nearest = np.hypot(gap[..., 0], gap[..., 1]).min(axis=1)
    return np.asarray(np.minimum(np.where(hit, away_m, np.inf).min(axis=1), 1.5 * nearest + 0.05))
