"""Borders made from widths: straight where they can be, gathered where they would fold."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import LinearRing, Point, Polygon

from league.track.circuit import Circuit


def wavy(*, rows: int = 300, bumps: int = 5, depth: float = 0.4) -> np.ndarray:
    angle = np.arange(rows) * 2 * np.pi / rows
    radius = 3 + depth * np.sin(bumps * angle)
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=-1)


def test_borders_keep_their_distance_from_a_gentle_line():
    circuit = Circuit.from_widths("wavy", wavy(), 0.3, 0.5)
    ring = LinearRing(circuit.centre)
    assert max(abs(ring.distance(Point(point)) - 0.3) for point in circuit.left) < 2e-3
    assert max(abs(ring.distance(Point(point)) - 0.5) for point in circuit.right) < 2e-3
    assert (circuit.project(circuit.left).offset_m > 0).all()
    assert (circuit.project(circuit.right).offset_m < 0).all()


@pytest.mark.parametrize("way", [1, -1])
def test_a_border_inside_a_corner_tighter_than_the_road_does_not_fold(way):
    centre = wavy(depth=0.9)[::way]
    circuit = Circuit.from_widths("folds", centre, 0.6, 0.6)
    bare = LinearRing(centre + np.stack((-circuit.tangent[:, 1], circuit.tangent[:, 0]), -1) * 0.6 * -way)
    assert not bare.is_simple, "the plain offset was meant to fold"
    for border in (circuit.left, circuit.right):
        kept = border[(border != np.roll(border, 1, axis=0)).any(axis=1)]
        assert LinearRing(kept).is_simple
        # Never further than asked; in the corner nearer.
        assert max(LinearRing(circuit.centre).distance(Point(point)) for point in border) < 0.61
    outer, inner = (circuit.right, circuit.left) if way == 1 else (circuit.left, circuit.right)
    assert Polygon(outer, [inner]).is_valid


def test_widths_may_differ_row_by_row():
    centre = wavy()
    left_m = np.linspace(0.2, 0.6, len(centre))
    circuit = Circuit.from_widths(
        "wavy", centre, left_m, 0.25, name="W", about="a", source="s", facts={"x": 1}
    )
    assert np.allclose(circuit.width_left_m, left_m)
    assert np.allclose(circuit.width_right_m, 0.25)
    assert (circuit.name, circuit.about, circuit.source, circuit.facts) == ("W", "a", "s", {"x": 1})


def test_a_line_that_turns_straight_back_still_has_borders():
    centre = np.array([[0.0, 0.0], [2.0, 0.0], [0.5, 0.0], [0.0, 1.0]])
    assert np.isfinite(Circuit.from_widths("spike", centre, 0.1, 0.1).left).all()
