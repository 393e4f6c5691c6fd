"""Whether a car can drive a circuit: closed, wide enough, free of crossings, not too tight.

Pure: numpy only.

What is an error and what a warning: an error makes racing impossible or wrong (a road that crosses
itself, a corner no steering can follow); a warning is something that a careful author would look at (a
border that folds, a place where two cars cannot pass). Circuits measured in the world pass with warnings.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import pi, tan
from typing import Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError
from league.track.circuit import Circuit
from league.track.crossing import crossings, self_crossings

FloatArray = NDArray[np.float64]

CAR_MARGIN_M = 0.05
"""Room that a car needs on either side."""
_OPEN_TIMES = 4.0
_FOLD_TIMES = pi
_SNUG = 1.25


class Turning(Protocol):
    """What the check needs to know of a car; every `CarSpec` has it."""

    @property
    def id(self) -> str:
        """The car's id."""

    @property
    def width_m(self) -> float:
        """Width of the body."""

    @property
    def max_steer_rad(self) -> float:
        """Largest steering angle."""

    @property
    def steer_bias_rad(self) -> float:
        """What the steering adds of its own."""

    @property
    def base_m(self) -> float:
        """Effective wheelbase at rest and straight."""

    @property
    def base_per_tan(self) -> float:
        """Effective wheelbase added per tangent of the steering angle."""


class Finding(NamedTuple):
    """One thing that the check noticed."""

    severity: Literal["error", "warning"]
    place: str
    """Such as "7.2 m from the start line"; empty for the whole circuit."""
    message: str


def smallest_radius_m(car: Turning) -> float:
    """The tightest circle that the car can follow at walking pace, in both directions.

    From the model's steady turn at low speed: R = (base + base_per_tan · t) / t with
    t = tan(max_steer − |bias|).
    """
    t = tan(car.max_steer_rad - abs(car.steer_bias_rad))
    return (car.base_m + car.base_per_tan * t) / t


def findings(circuit: Circuit, *, car: Turning) -> list[Finding]:
    """Everything that the check notices, errors first."""
    found: list[Finding] = []
    # Each look makes sense only on a road that passed the ones before it.
    looks = (_open, _crossed, _inside_out, partial(_narrow, car=car), partial(_tight, car=car))
    for look in looks:
        found += look(circuit)
        if any(finding.severity == "error" for finding in found):
            break
    return sorted(found, key=lambda finding: finding.severity != "error")


def check_circuit(circuit: Circuit, *, car: Turning) -> list[Finding]:
    """Make sure that a car can drive a circuit.

    Returns:
        The warnings.

    Raises:
        CircuitError: The first error, with the file and the place.
    """
    found = findings(circuit, car=car)
    if found and found[0].severity == "error":
        raise CircuitError(circuit.source or circuit.id, found[0].message, place=found[0].place)
    return found


# -- what is looked at -------------------------------------------------------------------------


def _open(circuit: Circuit) -> Iterator[Finding]:
    closing_m = float(circuit.segment_m[-1])
    longest_m = float(circuit.segment_m[:-1].max())
    if closing_m > _OPEN_TIMES * longest_m:
        yield Finding(
            "error",
            "",
            f"is not closed: the last row is {closing_m:.2f} m from the first, "
            f"the other rows are {longest_m:.2f} m apart at most",
        )


def _crossed(circuit: Circuit) -> Iterator[Finding]:
    pairs = self_crossings(circuit.centre)
    if pairs:
        yield _crossing(circuit, "the centre line crosses itself", *pairs[0])
        return
    for side in ("left", "right"):
        yield from _crossed_border(circuit, side)
    for one, other in (("left", "right"), ("centre", "left"), ("centre", "right")):
        pair = crossings(getattr(circuit, one), getattr(circuit, other))
        if pair:
            names = [f"{name} line" if name == "centre" else f"{name} border" for name in (one, other)]
            yield _crossing(circuit, f"the {names[0]} crosses the {names[1]}", *pair)


def _crossed_border(circuit: Circuit, side: str) -> Iterator[Finding]:
    """A border that crosses itself: inside one corner it only folds, between two it is a crossing road."""
    width_m = circuit.width_left_m if side == "left" else circuit.width_right_m
    folds: list[tuple[int, int]] = []
    for i, j in self_crossings(getattr(circuit, side)):
        span_m = circuit.along_m[j] - circuit.along_m[i]
        span_m = min(span_m, circuit.length_m - span_m)
        if span_m > _FOLD_TIMES * max(width_m[i], width_m[j]):
            yield _crossing(circuit, f"the {side} border crosses itself", i, j)
            return
        folds.append((i, j))
    if folds:
        yield Finding("warning", _place(circuit, folds[0][0]), f"the {side} border folds over itself")


def _inside_out(circuit: Circuit) -> Iterator[Finding]:
    """Borders that cross nothing and yet do not enclose the road between them."""
    way = -1 if circuit.clockwise else 1
    inner_side = "right" if circuit.clockwise else "left"
    rings = (circuit.left, circuit.centre, circuit.right)[::way]
    inner, middle, outer = (way * _area(ring) for ring in rings)
    if inner <= 0:
        yield Finding("error", "", f"the {inner_side} border runs backwards: the road overlaps itself")
    elif not inner < middle < outer:
        yield Finding(
            "error", "", "the borders are exchanged: the left one lies to the right of the centre line"
        )


def _narrow(circuit: Circuit, car: Turning) -> Iterator[Finding]:
    clear_m = np.minimum(_distance(circuit.left, circuit.right), _distance(circuit.right, circuit.left))
    row = int(clear_m.argmin())
    need_m = car.width_m + 2 * CAR_MARGIN_M
    if clear_m[row] < need_m:
        yield Finding(
            "error",
            _place(circuit, row),
            f"the road is {clear_m[row]:.2f} m wide, expected at least {need_m:.2f} m for the car {car.id!r}",
        )
    elif clear_m[row] < 2 * car.width_m + 2 * CAR_MARGIN_M:
        yield Finding(
            "warning",
            _place(circuit, row),
            f"the road is {clear_m[row]:.2f} m wide: two cars {car.id!r} cannot pass there",
        )


def _tight(circuit: Circuit, car: Turning) -> Iterator[Finding]:
    """The widest radius that the road allows in each corner, against the car's tightest circle.

    A corner is judged by its mean curvature over a stretch as long as that circle is wide, so a kink
    that a car cuts across does not count as a corner of no radius.
    """
    reach_m = smallest_radius_m(car)
    here = circuit.along_m[:-1]
    curvature = (_heading(circuit, here + reach_m) - _heading(circuit, here - reach_m)) / (2 * reach_m)
    outside_m = np.where(curvature > 0, circuit.width_right_m, circuit.width_left_m)
    with np.errstate(divide="ignore"):
        widest_m = 1 / np.abs(curvature) + outside_m - car.width_m / 2
    row = int(widest_m.argmin())
    if widest_m[row] < reach_m:
        yield Finding(
            "error",
            _place(circuit, row),
            f"the corner is too tight: the road allows a radius of {widest_m[row]:.2f} m, "
            f"the car {car.id!r} needs {reach_m:.2f} m",
        )
    elif widest_m[row] < _SNUG * reach_m:
        yield Finding(
            "warning",
            _place(circuit, row),
            f"the corner is tight: the road allows a radius of {widest_m[row]:.2f} m, "
            f"the car {car.id!r} needs {reach_m:.2f} m",
        )


# -- inside ------------------------------------------------------------------------------------


def _crossing(circuit: Circuit, what: str, i: int, j: int) -> Finding:
    return Finding("error", _place(circuit, i), f"{what} ({circuit.along_m[j]:.1f} m from the start line)")


def _place(circuit: Circuit, row: int) -> str:
    return f"{circuit.along_m[row]:.1f} m from the start line"


def _area(ring: FloatArray) -> float:
    following = np.roll(ring, -1, axis=0)
    return float((ring[:, 0] * following[:, 1] - following[:, 0] * ring[:, 1]).sum() / 2)


def _heading(circuit: Circuit, along_m: FloatArray) -> FloatArray:
    """Direction of the road at distances that may lie in the lap before or after, unwrapped."""
    laps = np.floor(along_m / circuit.length_m)
    turn_rad = circuit.heading_rad[-1] - circuit.heading_rad[0]
    inside = np.interp(along_m - laps * circuit.length_m, circuit.along_m, circuit.heading_rad)
    return np.asarray(inside + laps * turn_rad, dtype=np.float64)


def _distance(points: FloatArray, ring: FloatArray) -> FloatArray:
    """Distance of each point from a closed line."""
    step = np.roll(ring, -1, axis=0) - ring
    size = np.maximum((step * step).sum(axis=1), 1e-300)
    nearest = np.empty(len(points))
    block = max(1, 1_000_000 // len(ring))
    for start in range(0, len(points), block):
        away = points[start : start + block, None, :] - ring[None, :, :]
        part = np.clip((away * step).sum(axis=-1) / size, 0.0, 1.0)
        gap = away - part[..., None] * step
        nearest[start : start + block] = np.sqrt((gap * gap).sum(axis=-1).min(axis=1))
    return nearest
