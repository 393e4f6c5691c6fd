"""Circuits that nobody drew: closed roads without crossings, by the hundred, for drivers who must generalise.

Half of them are straights joined by arcs, the others smooth curves, both through random corners. What
sort a circuit is, its corners, length and width, is drawn once; where the corners are is drawn until the
road can be driven, so that hard circuits are not rarer than easy ones. The same seed gives the same
circuits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from math import acos, ceil, pi, tan

import numpy as np
from numpy.typing import NDArray

from league.errors import CircuitError, ConfigError
from league.sim.car import DEEPRACER
from league.track.check import check_circuit
from league.track.circuit import Circuit

Points = NDArray[np.float64]

GENERATED = "generated:"
MOST = 2000
LENGTHS_M = (12.0, 60.0)
WIDTHS_M = (0.65, 1.25)
TIGHTEST_M = 0.6
"""Least radius of the centre line; DeepRacer's circuits go down to about this."""
STEP_M = 0.15
_FINE_M = 0.02
_CORNERS = (3, 15)
_ROOM_M = 2.6
"""A circuit is at least so long for each of its corners."""
_FOLDED = 0.8
_WIDEST_ARC_M = 4.0
_SPARE_M = 0.08
_TRIES, _KINDS = 150, 50


def generate(ref: str) -> list[Circuit]:
    """The circuits that "generated:COUNT:SEED" names.

    Raises:
        ConfigError: It is not of that form, or asks for too many.
    """
    match = re.fullmatch(rf"{GENERATED}(\d+):(\d+)", ref)
    if not match or not 1 <= int(match[1]) <= MOST:
        raise ConfigError(f"circuits: found {ref!r}, expected generated:COUNT:SEED with 1 to {MOST} circuits")
    return [generated(int(match[2]), number) for number in range(int(match[1]))]


@lru_cache(maxsize=MOST)
def generated(seed: int, number: int) -> Circuit:
    """One generated circuit.

    Raises:
        ConfigError: None was found; no seed is known for which that happens.
    """
    random = np.random.default_rng([seed, number])
    for _ in range(_KINDS):
        kind = _Kind.draw(random)
        for _ in range(_TRIES):
            circuit = _draw(random, kind, f"generated-{seed}-{number}")
            if circuit is not None:
                return circuit
    raise ConfigError(f"no circuit was found for seed {seed} and number {number}")


@dataclass(frozen=True)
class _Kind:
    """What sort of circuit it is to be."""

    corners: int
    folded: bool
    arcs: bool
    length_m: float
    width_m: float
    waves: bool

    @classmethod
    def draw(cls, random: np.random.Generator) -> _Kind:
        corners = int(random.integers(*_CORNERS))
        longest_m, shortest_m = LENGTHS_M[1], max(LENGTHS_M[0], _ROOM_M * corners)
        return cls(
            corners=corners,
            folded=corners > 4 and random.uniform() < _FOLDED,
            arcs=random.uniform() < 0.5,
            length_m=float(np.exp(random.uniform(np.log(shortest_m), np.log(longest_m)))),
            width_m=float(random.uniform(*WIDTHS_M)),
            waves=random.uniform() < 0.3,
        )


def _draw(random: np.random.Generator, kind: _Kind, name: str) -> Circuit | None:
    """A circuit, or None if what was drawn cannot be driven."""
    corners = _corners(random, kind)
    corners *= kind.length_m / _length(corners)
    line = _with_arcs(corners, random) if kind.arcs else _smooth(corners)
    count = ceil(_length(line) / STEP_M)
    line = _even(line, count)
    if random.uniform() < 0.5:
        line = line[::-1].copy()
    line = np.roll(line, -_straightest(line), axis=0)
    half_m = np.full(count, kind.width_m / 2.0)
    if kind.waves:
        waves = np.sin(np.linspace(0.0, 2.0 * pi, count, endpoint=False) + random.uniform(0.0, 2.0 * pi))
        half_m *= 1.0 + 0.15 * waves
    if _tightest(line) < max(TIGHTEST_M, float(half_m.max()) + _SPARE_M):
        return None
    try:
        circuit = Circuit.from_widths(name, line, half_m, half_m)
        check_circuit(circuit, car=DEEPRACER)
    except CircuitError:
        return None
    return circuit


def _corners(random: np.random.Generator, kind: _Kind) -> Points:
    """Corners in an order in which no side crosses another.

    Some lie around a middle. The others are points anywhere, joined by a short tour (2-opt): such loops
    fold back on themselves as real circuits do.
    """
    count = kind.corners
    if kind.folded:
        return _tour(random.uniform(0.0, 1.0, (count, 2)) * (random.uniform(1.0, 1.8), 1.0))
    angles = 2.0 * pi * (np.arange(count) + 0.6 * random.uniform(0.0, 1.0, count)) / count
    radii = 1.0 + random.uniform(0.1, 0.8) * random.uniform(-1.0, 1.0, count)
    stretch = random.uniform(1.0, 2.2)
    return np.stack((stretch * radii * np.cos(angles), radii * np.sin(angles)), axis=1)


def _tour(points: Points) -> Points:
    """The points in an order that no exchange of two sides makes shorter; then no two sides cross."""
    order = list(range(len(points)))
    apart = np.hypot(*(points[:, None] - points[None]).transpose(2, 0, 1))
    better = True
    while better:
        better = False
        for i in range(len(order) - 1):
            for j in range(i + 2, len(order) - (i == 0)):
                a, b, c, d = order[i], order[i + 1], order[j], order[(j + 1) % len(order)]
                if apart[a, c] + apart[b, d] < apart[a, b] + apart[c, d] - 1e-9:
                    order[i + 1 : j + 1] = reversed(order[i + 1 : j + 1])
                    better = True
    return points[order]


def _with_arcs(corners: Points, random: np.random.Generator) -> Points:
    """Straights between the corners, which are cut by arcs of random radius."""
    pieces = []
    behind, ahead = np.roll(corners, 1, axis=0), np.roll(corners, -1, axis=0)
    for before, here, after in zip(behind, corners, ahead, strict=True):
        back, on = before - here, after - here
        back_m, on_m = float(np.hypot(*back)), float(np.hypot(*on))
        back, on = back / back_m, on / on_m
        turn = pi - acos(float(np.clip(back @ on, -1.0, 1.0)))
        if turn < 0.05:
            pieces.append(here[None])
            continue
        most_m = 0.48 * min(back_m, on_m) / tan(turn / 2.0)
        radius = min(float(random.uniform(TIGHTEST_M, _WIDEST_ARC_M)), most_m)
        inwards = back + on
        middle = here + inwards / np.hypot(*inwards) * radius / np.cos(turn / 2.0)
        start = here + back * radius * tan(turn / 2.0) - middle
        side = np.sign(back[1] * on[0] - back[0] * on[1])
        angles = side * np.linspace(0.0, turn, max(2, ceil(radius * turn / _FINE_M)))
        c, s = np.cos(angles), np.sin(angles)
        pieces.append(middle + np.stack((c * start[0] - s * start[1], s * start[0] + c * start[1]), axis=1))
    return np.concatenate(pieces)


def _smooth(corners: Points) -> Points:
    """A smooth closed curve through the corners."""
    # Imported here: scipy is slow to load, and few runs generate circuits.
    from scipy.interpolate import CubicSpline

    closed = np.concatenate((corners, corners[:1]))
    at = np.concatenate(([0.0], np.cumsum(np.sqrt(np.hypot(*np.diff(closed, axis=0).T)))))
    curve = CubicSpline(at, closed, bc_type="periodic")
    found: Points = curve(np.linspace(0.0, at[-1], 3000, endpoint=False))
    return found


def _length(ring: Points) -> float:
    return float(np.hypot(*(np.roll(ring, -1, axis=0) - ring).T).sum())


def _even(ring: Points, count: int) -> Points:
    """The same ring in so many even steps."""
    closed = np.concatenate((ring, ring[:1]))
    at = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))))
    wanted = np.linspace(0.0, at[-1], count, endpoint=False)
    return np.stack([np.interp(wanted, at, closed[:, axis]) for axis in range(2)], axis=1)


def _turns(ring: Points) -> Points:
    """How much the ring turns at each point, in rad."""
    on = np.roll(ring, -1, axis=0) - ring
    angles = np.arctan2(on[:, 1], on[:, 0])
    turned = angles - np.roll(angles, 1)
    return np.asarray((turned + pi) % (2.0 * pi) - pi)


def _tightest(ring: Points) -> float:
    """The least radius, over stretches of a few points."""
    window = np.ones(3) / 3.0
    turns = np.abs(_turns(ring))
    mean = np.convolve(np.concatenate((turns[-1:], turns, turns[:1])), window, mode="valid")
    return STEP_M / max(float(mean.max()), 1e-9)


def _straightest(ring: Points) -> int:
    """Where a start line belongs: the middle of the stretch of 3 m that turns least."""
    reach = max(1, int(1.5 / STEP_M))
    turns = np.abs(_turns(ring))
    around = np.array([np.roll(turns, -k) for k in range(-reach, reach + 1)]).sum(axis=0)
    return int(around.argmin())
