"""The circuit: a closed road, and where a point lies on it.

Pure: numpy only. No files, no clocks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from league.errors import CircuitError
from league.track.borders import normals, offset_borders
from league.track.exact import arctan2, length

FloatArray = NDArray[np.float64]

# Points times segments that one projection pass may hold at once (about 64 MB of float64).
_PROJECTION_BLOCK = 2_000_000


# A turn below this is a row in the middle of a segment, off its line by rounding.
_STRAIGHT_RAD = 1e-7
# How far from a row its turn is felt at most.
_BEND_REACH_M = 0.6


class _Bends(NamedTuple):
    """The bends behind and before each row: turn, share felt in [0, 1], reach."""

    behind_rad: FloatArray
    behind: FloatArray
    behind_m: FloatArray
    before_rad: FloatArray
    before: FloatArray
    before_m: FloatArray


class Projection(NamedTuple):
    """Where points lie along a circuit; every field has the shape of the points less the last axis."""

    along_m: FloatArray
    """Distance from the start line along the centre line, in [0, length)."""
    offset_m: FloatArray
    """Signed distance from the centre line, positive to the left of the direction of travel."""
    heading_rad: FloatArray
    """Direction of the road there, smoothed over neighbouring segments, in (-pi, pi]."""
    segment: NDArray[np.intp]
    """Index of the nearest centre-line segment; segment i runs from row i to row i + 1."""


@dataclass(frozen=True, eq=False)
class Circuit:
    """A closed road: a centre line with a border on either side, driven in the order of its rows.

    The three arrays are float64 of shape (N, 2), in metres, aligned row by row and *without* a repeated
    closing row; row N - 1 joins row 0. Row 0 is the start line. `left` and `right` are as seen by a
    driver. The length is that of the centre line as a polyline, which is how DeepRacer measures it.

    Raises:
        CircuitError: The arrays do not describe a closed road (too few rows, non-finite numbers,
            repeated centre points).
    """

    id: str
    centre: FloatArray = field(repr=False)
    left: FloatArray = field(repr=False)
    right: FloatArray = field(repr=False)
    name: str = ""
    about: str = ""
    source: str = ""
    """The file it came from; errors name it."""
    facts: dict[str, Any] = field(default_factory=dict)
    """Whatever else its author wrote down: author, licence, opened."""

    def __post_init__(self) -> None:
        for what in ("centre", "left", "right"):
            rows = np.array(getattr(self, what), dtype=np.float64, order="C")
            if rows.ndim != 2 or rows.shape[1] != 2 or len(rows) < 3:
                raise CircuitError(
                    self.source or self.id, f"the {what} line has shape {rows.shape}, expected (N ≥ 3, 2)"
                )
            bad = np.flatnonzero(~np.isfinite(rows).all(axis=1))
            if bad.size:
                raise CircuitError(
                    self.source or self.id, f"the {what} line is not finite", place=f"row {bad[0]}"
                )
            rows.setflags(write=False)
            object.__setattr__(self, what, rows)
        if not len(self.centre) == len(self.left) == len(self.right):
            raise CircuitError(
                self.source or self.id,
                f"centre, left and right have {len(self.centre)}, {len(self.left)} and "
                f"{len(self.right)} rows, expected as many in each",
            )
        still = np.flatnonzero(self.segment_m <= 1e-9)
        if still.size:
            raise CircuitError(
                self.source or self.id, "two centre points coincide", place=f"row {int(still[0])}"
            )
        if not self.name:
            object.__setattr__(self, "name", self.id.replace("-", " ").replace("_", " ").title())

    @classmethod
    def from_widths(
        cls,
        id: str,  # noqa: A002 - the field that it fills
        centre: ArrayLike,
        left_m: ArrayLike,
        right_m: ArrayLike,
        **words: Any,
    ) -> Circuit:
        """A circuit from its centre line and the width to either side of it.

        Borders are offset half-way between the segments that meet at a row, and gathered in one point
        where they would fold over themselves inside a corner tighter than the road is wide.

        Args:
            id: The circuit's id.
            centre: Shape (N, 2), in the order of travel, without a repeated closing row.
            left_m: Width to the left at each row, shape (N,) or a single number; `right_m` likewise.
            right_m: Width to the right.
            words: `name`, `about`, `source`, `facts`.

        Raises:
            CircuitError: As the class does.
        """
        bare = cls(id, *(np.asarray(centre, dtype=np.float64),) * 3, **words)
        widths = [
            np.broadcast_to(np.asarray(side, dtype=np.float64), len(bare.centre))
            for side in (left_m, right_m)
        ]
        left, right = offset_borders(bare.centre, normals(bare.centre), *widths)
        return cls(id, bare.centre, left, right, **words)

    # -- shape ---------------------------------------------------------------------------------

    @cached_property
    def segment_m(self) -> FloatArray:
        """Length of each centre-line segment, shape (N,)."""
        step = np.roll(self.centre, -1, axis=0) - self.centre
        return _frozen(length(step))

    @cached_property
    def along_m(self) -> FloatArray:
        """Distance of each row from the start line, shape (N + 1,); the last one is the length."""
        return _frozen(np.concatenate(([0.0], np.cumsum(self.segment_m))))

    @property
    def length_m(self) -> float:
        """Length of the centre line."""
        return float(self.along_m[-1])

    @cached_property
    def tangent(self) -> FloatArray:
        """Unit direction of each segment, shape (N, 2)."""
        step = np.roll(self.centre, -1, axis=0) - self.centre
        return _frozen(step / self.segment_m[:, None])

    @cached_property
    def heading_rad(self) -> FloatArray:
        """Direction of the road at each row, unwrapped, shape (N + 1,); the last is one full turn on.

        Where the line bends it is the direction half-way between the segments that meet; the turn is
        spread over the neighbourhood that `curvature_per_m` describes. So a row added in the middle of a
        segment changes nothing.
        """
        shape = self._bends
        first = float(arctan2(self.tangent[0, 1], self.tangent[0, 0]))
        ahead = first + np.concatenate(([0.0], np.cumsum(self._turn_rad[1:])))
        heading = ahead - shape.behind_rad * shape.behind**2 / 2 + shape.before_rad * shape.before**2 / 2
        full_turn = float(self._turn_rad.sum())
        return _frozen(np.append(heading, heading[0] + full_turn))

    @cached_property
    def curvature_per_m(self) -> FloatArray:
        """Curvature at each row, positive to the left, shape (N,).

        The turn at a row is spread as a tent that reaches the nearer of the two rows before and after at
        which the line bends, 0.6 m at most. On an evenly sampled line that is the turn over the spacing.
        """
        shape = self._bends
        return _frozen(
            shape.behind_rad * shape.behind / shape.behind_m
            + shape.before_rad * shape.before / shape.before_m
        )

    @cached_property
    def width_left_m(self) -> FloatArray:
        """Distance from the centre line to the left border at each row, shape (N,)."""
        return _frozen(length(self.left - self.centre))

    @cached_property
    def width_right_m(self) -> FloatArray:
        """Distance from the centre line to the right border at each row, shape (N,)."""
        return _frozen(length(self.right - self.centre))

    @property
    def clockwise(self) -> bool:
        """Whether the loop is driven clockwise, seen from above."""
        return bool(_signed_area(self.centre) < 0)

    @property
    def direction(self) -> str:
        """The word for the direction of travel: "clockwise" or "anticlockwise"."""
        return "clockwise" if self.clockwise else "anticlockwise"

    @cached_property
    def sha256(self) -> str:
        """Fingerprint of the geometry: equal if and only if every coordinate is."""
        digest = hashlib.sha256()
        for rows in (self.centre, self.left, self.right):
            digest.update(np.ascontiguousarray(rows, dtype="<f8").tobytes())
        return digest.hexdigest()

    # -- places --------------------------------------------------------------------------------

    def at(self, along_m: ArrayLike, offset_m: ArrayLike = 0.0) -> FloatArray:
        """Points at a distance along the centre line and to the left of it.

        Args:
            along_m: Any shape; wraps around the circuit.
            offset_m: Broadcasts against `along_m`; positive is left.

        Returns:
            Coordinates of shape (..., 2).
        """
        index, part = self._locate(along_m)
        tangent = self.tangent[index]
        normal = np.stack((-tangent[..., 1], tangent[..., 0]), axis=-1)
        offset = np.asarray(offset_m, dtype=np.float64)[..., None]
        reach = (part * self.segment_m[index])[..., None]
        return np.asarray(self.centre[index] + reach * tangent + offset * normal, dtype=np.float64)

    def heading_at(self, along_m: ArrayLike) -> FloatArray:
        """Smoothed direction of the road, in (-pi, pi], at distances along it."""
        index, part = self._locate(along_m)
        return _wrapped(self._between(self.heading_rad, index, part))

    def curvature_at(self, along_m: ArrayLike) -> FloatArray:
        """Curvature at distances along the road, in 1/m, positive to the left."""
        return self._at_rows(self.curvature_per_m, along_m)

    def width_left_at(self, along_m: ArrayLike) -> FloatArray:
        """Width from the centre line to the left border at distances along the road, in m."""
        return self._at_rows(self.width_left_m, along_m)

    def width_right_at(self, along_m: ArrayLike) -> FloatArray:
        """Width from the centre line to the right border at distances along the road, in m."""
        return self._at_rows(self.width_right_m, along_m)

    def project(self, points: ArrayLike) -> Projection:
        """Find where points lie: distance along, offset, heading of the road.

        Exact on the polyline: the nearest point over all segments, the closing one included, with the
        lower index winning ties. Cost is points times segments.

        Args:
            points: Coordinates in metres, shape (..., 2).
        """
        where = np.asarray(points, dtype=np.float64)
        flat = where.reshape(-1, 2)
        index = np.empty(len(flat), dtype=np.intp)
        reach = np.empty(len(flat))
        block = max(1, _PROJECTION_BLOCK // len(self.centre))
        for start in range(0, len(flat), block):
            rows = slice(start, start + block)
            away = flat[rows, None, :] - self.centre[None, :, :]
            on = np.clip((away * self.tangent).sum(axis=-1), 0.0, self.segment_m)
            gap = ((away - on[..., None] * self.tangent) ** 2).sum(axis=-1)
            nearest = gap.argmin(axis=1)
            index[rows] = nearest
            reach[rows] = np.take_along_axis(on, nearest[:, None], axis=1)[:, 0]
        foot = self.centre[index] + reach[:, None] * self.tangent[index]
        away_from_foot = flat - foot
        tangent = self._side_tangent(index, reach)
        side = tangent[:, 0] * away_from_foot[:, 1] - tangent[:, 1] * away_from_foot[:, 0]
        offset = np.copysign(length(away_from_foot), side)
        along = self.along_m[index] + reach
        along = np.where(along >= self.length_m, 0.0, along)
        heading = _wrapped(self._between(self.heading_rad, index, reach / self.segment_m[index]))
        shape = where.shape[:-1]
        return Projection(
            along.reshape(shape), offset.reshape(shape), heading.reshape(shape), index.reshape(shape)
        )

    def on_road(self, points: ArrayLike) -> NDArray[np.bool_]:
        """Whether points lie strictly between the borders; a point on a border is off the road.

        The road is what the outer border encloses and the inner one does not, by winding number, so a
        border that folds over itself in a hairpin opens no hole in the road.

        Args:
            points: Coordinates in metres, shape (..., 2).
        """
        where = np.asarray(points, dtype=np.float64)
        flat = where.reshape(-1, 2)
        outer, inner = (self.left, self.right) if self.clockwise else (self.right, self.left)
        around = -1 if self.clockwise else 1
        in_outer, on_outer = _winding(outer, flat)
        in_inner, on_inner = _winding(inner, flat)
        road = (in_outer * around > 0) & (in_inner * around <= 0) & ~on_outer & ~on_inner
        return np.asarray(road.reshape(where.shape[:-1]), dtype=np.bool_)

    def reversed(self) -> Circuit:
        """The same road driven the other way, from the same start line; its id gains or loses ":reversed"."""
        plain = self.id.removesuffix(":reversed")
        order = np.r_[0, len(self.centre) - 1 : 0 : -1]
        return Circuit(
            id=plain if plain != self.id else f"{self.id}:reversed",
            centre=self.centre[order],
            left=self.right[order],
            right=self.left[order],
            name=self.name.removesuffix(" (reversed)")
            if self.name.endswith(" (reversed)")
            else f"{self.name} (reversed)",
            about=self.about,
            source=self.source,
            facts=self.facts,
        )

    # -- inside --------------------------------------------------------------------------------

    @cached_property
    def _turn_rad(self) -> FloatArray:
        """How far the line turns at each row, shape (N,)."""
        incoming = np.roll(self.tangent, 1, axis=0)
        cross = incoming[:, 0] * self.tangent[:, 1] - incoming[:, 1] * self.tangent[:, 0]
        return _frozen(arctan2(cross, (incoming * self.tangent).sum(axis=1)))

    @cached_property
    def _bends(self) -> _Bends:
        """For each row, the bends between which it lies and how much of each it feels."""
        bends = np.flatnonzero(np.abs(self._turn_rad) > _STRAIGHT_RAD)
        place = self.along_m[bends]
        gap = np.diff(place, append=place[0] + self.length_m)
        reach = np.minimum(np.minimum(gap, np.roll(gap, 1)), _BEND_REACH_M)
        here = self.along_m[:-1]
        last = np.searchsorted(place, here, side="right") - 1
        following = (last + 1) % len(bends)
        since = np.mod(here - place[last], self.length_m)
        until = np.mod(place[following] - here, self.length_m)
        until = np.where(until == 0.0, self.length_m, until)
        return _Bends(
            self._turn_rad[bends][last],
            np.maximum(1 - since / reach[last], 0.0),
            reach[last],
            self._turn_rad[bends][following],
            np.maximum(1 - until / reach[following], 0.0),
            reach[following],
        )

    def _side_tangent(self, index: NDArray[np.intp], reach: FloatArray) -> FloatArray:
        """The direction that tells left from right: at a row, the sum of those of the segments that meet.

        In the wedge outside a sharp corner the nearest point is the row itself, and either segment's own
        direction would call a part of the wedge the wrong side.
        """
        tangent = self.tangent
        neighbour = np.where(reach <= 0.0, index - 1, (index + 1) % len(tangent))
        at_row = (reach <= 0.0) | (reach >= self.segment_m[index])
        both = tangent[index] + tangent[neighbour]
        return np.asarray(np.where(at_row[:, None], both, tangent[index]), dtype=np.float64)

    def _locate(self, along_m: ArrayLike) -> tuple[NDArray[np.intp], FloatArray]:
        along = np.mod(np.asarray(along_m, dtype=np.float64), self.length_m)
        index = np.clip(np.searchsorted(self.along_m, along, side="right") - 1, 0, len(self.centre) - 1)
        part = np.clip((along - self.along_m[index]) / self.segment_m[index], 0.0, 1.0)
        return index, part

    @staticmethod
    def _between(rows: FloatArray, index: NDArray[np.intp], part: FloatArray) -> FloatArray:
        return np.asarray(rows[index] * (1 - part) + rows[index + 1] * part, dtype=np.float64)

    def _at_rows(self, rows: FloatArray, along_m: ArrayLike) -> FloatArray:
        index, part = self._locate(along_m)
        following = (index + 1) % len(rows)
        return np.asarray(rows[index] * (1 - part) + rows[following] * part, dtype=np.float64)


def _frozen(array: FloatArray) -> FloatArray:
    array.setflags(write=False)
    return array


def _wrapped(angle: FloatArray) -> FloatArray:
    """Angles brought into (-pi, pi]."""
    return np.asarray(np.pi - np.mod(np.pi - angle, 2 * np.pi), dtype=np.float64)


def _signed_area(ring: FloatArray) -> float:
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum() / 2)


def _winding(ring: FloatArray, points: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Winding number of a closed ring around each point, and whether the point lies on the ring."""
    number = np.empty(len(points), dtype=np.intp)
    touching = np.empty(len(points), dtype=np.bool_)
    following = np.roll(ring, -1, axis=0)
    block = max(1, _PROJECTION_BLOCK // len(ring))
    for start in range(0, len(points), block):
        rows = slice(start, start + block)
        px, py = points[rows, 0:1], points[rows, 1:2]
        ax, ay, bx, by = ring[:, 0], ring[:, 1], following[:, 0], following[:, 1]
        side = (bx - ax) * (py - ay) - (px - ax) * (by - ay)
        up = (ay <= py) & (by > py) & (side > 0)
        down = (ay > py) & (by <= py) & (side < 0)
        number[rows] = up.sum(axis=1) - down.sum(axis=1)
        inside_box = (np.minimum(ax, bx) <= px) & (px <= np.maximum(ax, bx))
        inside_box &= (np.minimum(ay, by) <= py) & (py <= np.maximum(ay, by))
        touching[rows] = ((side == 0) & inside_box).any(axis=1)
    return number, touching
