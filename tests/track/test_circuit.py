"""The circuit: projection against shapely, the seam, borders, direction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from shapely.geometry import LinearRing, Point, Polygon

from league.errors import CircuitError
from league.track.circuit import Circuit
from league.track.segments import arc, lay, straight

coordinate = st.floats(-5, 5, allow_nan=False, width=32)
rings = st.integers(3, 14).flatmap(lambda rows: arrays(np.float64, (rows, 2), elements=coordinate))


@st.composite
def stars(draw):
    """Simple closed lines around the origin, either way round."""
    radii = np.array(draw(st.lists(st.floats(0.5, 5.0), min_size=4, max_size=14)))
    angle = np.arange(len(radii)) * 2 * np.pi / len(radii) + draw(st.floats(0, 6))
    rows = np.stack((radii * np.cos(angle), radii * np.sin(angle)), axis=-1)
    return rows[:: draw(st.sampled_from((1, -1)))]


points = arrays(np.float64, (7, 2), elements=st.floats(-8, 8, width=32))


def line(rows: np.ndarray) -> Circuit:
    """A circuit of which only the centre line matters."""
    step = np.hypot(*(np.roll(rows, -1, axis=0) - rows).T)
    assume(step.min() > 1e-3)
    return Circuit("line", rows, rows, rows)


def oval(*, radius_m: float = 1.0, half_m: float = 0.4) -> Circuit:
    road = lay(
        [
            straight(3.0, left_m=half_m, right_m=half_m),
            arc(radius_m, np.pi, left_m=half_m, right_m=half_m),
            straight(3.0, left_m=half_m, right_m=half_m),
            arc(radius_m, np.pi, left_m=half_m, right_m=half_m),
        ],
        source="oval",
        start_m=1.0,
    )
    return Circuit("oval", road.centre, road.left, road.right)


@given(rings, points)
def test_projection_finds_the_same_nearest_point_as_shapely(rows, where):
    circuit = line(rows)
    ring = LinearRing(circuit.centre)
    found = circuit.project(where)
    for point, along_m, offset_m in zip(where, found.along_m, found.offset_m, strict=True):
        distance = ring.distance(Point(point))
        assert abs(abs(offset_m) - distance) < 1e-9
        # Two places may be equally near; ours must be as near as the nearest.
        assert np.hypot(*(circuit.at(along_m) - point)) < distance + 1e-9
        assert 0 <= along_m < circuit.length_m


@given(stars(), points)
def test_a_point_is_left_of_a_simple_line_exactly_when_it_is_inside_an_anticlockwise_one(rows, where):
    circuit = line(rows)
    ring = Polygon(circuit.centre)
    found = circuit.project(where)
    for point, offset_m in zip(where, found.offset_m, strict=True):
        if abs(offset_m) > 1e-6:
            assert (offset_m > 0) == (ring.contains(Point(point)) != circuit.clockwise)


@given(st.lists(st.floats(-1e-3, 20.0), min_size=1, max_size=9), st.floats(-0.9, 0.7))
def test_a_place_given_and_projected_comes_back_within_the_radius_of_curvature(along_m, offset_m):
    circuit = oval()
    wanted = np.mod(along_m, circuit.length_m)
    found = circuit.project(circuit.at(along_m, offset_m))
    # Beside a row the squares of two segments leave a wedge outside and overlap inside the corner.
    slack_m = (
        circuit.segment_m[circuit.segment_m < 0.1].max() / 2 * max(1.0, offset_m / (1.0 - offset_m)) + 1e-3
    )
    apart = np.abs(found.along_m - wanted)
    assert np.minimum(apart, circuit.length_m - apart).max() < slack_m
    assert np.abs(found.offset_m - offset_m).max() < 2e-3


@given(st.floats(-1e-9, 1e-9), st.floats(-0.3, 0.3))
def test_the_seam_is_no_place_of_its_own(step_m, offset_m):
    circuit = oval()
    found = circuit.project(circuit.at(step_m, offset_m))
    from_line = min(float(found.along_m), circuit.length_m - float(found.along_m))
    assert from_line < 2e-9
    assert abs(float(found.offset_m) - offset_m) < 1e-9
    assert abs(float(found.heading_rad)) < 1e-6
    assert 0 <= float(found.along_m) < circuit.length_m


def test_distance_wraps_around():
    circuit = oval()
    assert np.allclose(circuit.at(circuit.length_m + 0.5, 0.2), circuit.at(0.5, 0.2), atol=1e-12)
    assert np.allclose(circuit.at(-0.5), circuit.at(circuit.length_m - 0.5), atol=1e-12)


def test_projection_keeps_the_shape_of_the_points_and_works_in_blocks():
    circuit = oval()
    where = np.random.default_rng(1).uniform(-2, 5, (40, 300, 2))
    whole = circuit.project(where)
    assert whole.along_m.shape == (40, 300)
    part = circuit.project(where[7, 11])
    assert part.along_m == whole.along_m[7, 11]
    assert part.offset_m == whole.offset_m[7, 11]


@given(st.floats(0, 16), st.floats(-0.35, 0.35))
def test_the_reversed_road_mirrors_every_place(along_m, offset_m):
    circuit = oval()
    back = circuit.reversed()
    assert back.id == "oval:reversed"
    assert back.reversed().id == "oval"
    assert np.array_equal(back.reversed().centre, circuit.centre)
    assert back.clockwise != circuit.clockwise
    point = circuit.at(along_m, offset_m)
    there, again = circuit.project(point), back.project(point)
    sum_m = float(there.along_m + again.along_m) % circuit.length_m
    assert min(sum_m, circuit.length_m - sum_m) < 1e-7  # nearer rows tie within rounding
    assert abs(float(there.offset_m + again.offset_m)) < 1e-9
    turn = float(there.heading_rad - again.heading_rad) % (2 * np.pi)
    assert abs(turn - np.pi) < 1e-6


def test_a_reversed_road_starts_on_the_same_line():
    circuit = oval()
    back = circuit.reversed()
    assert np.array_equal(back.centre[0], circuit.centre[0])
    assert np.array_equal(back.left[0], circuit.right[0])


@given(points)
def test_the_road_is_the_outer_border_less_the_inner_one(where):
    circuit = oval()
    road = Polygon(circuit.right, [circuit.left])
    inside = circuit.on_road(where)
    for point, on in zip(where, inside, strict=True):
        if road.exterior.distance(Point(point)) > 1e-9 and road.interiors[0].distance(Point(point)) > 1e-9:
            assert on == road.contains(Point(point))


def test_a_point_on_a_border_is_off_the_road():
    circuit = oval()
    on_borders = np.concatenate((circuit.left, circuit.right, circuit.at([0.3, 0.9], 0.4)))
    assert not circuit.on_road(on_borders).any()


def test_curvature_and_heading_are_those_of_the_arcs():
    circuit = oval(radius_m=1.25)
    assert np.allclose(circuit.curvature_at([2.0 + 1.0, 2.0 + 2.5]), 0.8, rtol=1e-3)
    assert np.allclose(circuit.curvature_at([0.5, 1.5]), 0.0, atol=1e-9)
    assert np.isclose(circuit.heading_at(2.0 + 1.25 * np.pi / 2), np.pi / 2, atol=1e-3)
    assert np.isclose(circuit.heading_rad[-1] - circuit.heading_rad[0], 2 * np.pi)


@given(stars(), st.lists(st.floats(0.01, 0.99), min_size=1, max_size=5))
def test_rows_added_inside_segments_change_neither_heading_nor_curvature(rows, parts):
    circuit = line(rows)
    assume(np.abs(circuit.heading_rad).max() < 1e3)
    extra = np.array([circuit.at(circuit.along_m[1] * part) for part in sorted(set(parts))])
    fuller = np.vstack((rows[:1], extra, rows[1:]))
    assume(np.hypot(*np.diff(fuller, axis=0).T).min() > 1e-3)
    added = Circuit("line", fuller, fuller, fuller)
    keep = np.r_[0, 1 + len(extra) : len(fuller)]
    turns = np.abs(circuit._turn_rad)
    assume(((turns > 1e-5) & (turns < 3.1)).all())  # straight on, or straight back, is a matter of rounding
    assert np.allclose(added.curvature_per_m[keep], circuit.curvature_per_m, atol=1e-6)
    turned = added.heading_rad[:-1][keep] - circuit.heading_rad[:-1]
    assert np.allclose(turned, 2 * np.pi * np.round(turned[0] / (2 * np.pi)), atol=1e-6)


def test_the_fingerprint_follows_the_geometry_only():
    circuit = oval()
    renamed = Circuit("other", circuit.centre, circuit.left, circuit.right, name="Other")
    assert renamed.sha256 == circuit.sha256
    moved = circuit.left.copy()
    moved[3, 0] = np.nextafter(moved[3, 0], 9.0)
    assert Circuit("oval", circuit.centre, moved, circuit.right).sha256 != circuit.sha256


@pytest.mark.parametrize(
    ("centre", "says"),
    [
        (np.zeros((2, 2)), "expected"),
        (np.zeros((4, 3)), "expected"),
        (np.array([[0, 0], [1, 0], [1, np.nan]]), "row 2"),
        (np.array([[0, 0], [1, 0], [1, 0], [0, 1]]), "row 1"),
        (np.array([[0, 0], [1, 0], [1, 1], [0, 0]]), "row 3"),
    ],
)
def test_arrays_that_are_no_road_are_refused_with_their_place(centre, says):
    with pytest.raises(CircuitError, match=says):
        Circuit("broken", centre, centre, centre, source="broken.file")


def test_borders_must_have_as_many_rows():
    rows = oval().centre
    with pytest.raises(CircuitError, match="as many"):
        Circuit("broken", rows, rows[:-1], rows)
