"""Laying out roads: exact shapes, closing, sampling, widths."""

from __future__ import annotations

from cmath import exp
from math import degrees, hypot, pi, radians

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.errors import CircuitError
from league.track import segments
from league.track.circuit import Circuit
from league.track.segments import GAP_M, Segment, arc, close, lay, straight


def road(*pieces: tuple[float, ...], left_m: float = 0.4, right_m: float = 0.4) -> list[Segment]:
    """Straights (length,) and arcs (radius, degrees to the left)."""
    return [
        straight(piece[0], left_m=left_m, right_m=right_m)
        if len(piece) == 1
        else arc(piece[0], radians(piece[1]), left_m=left_m, right_m=right_m)
        for piece in pieces
    ]


def end(laid: list[Segment]) -> tuple[complex, float]:
    """Where a chain of segments ends: an independent integration with complex numbers."""
    place, heading = 0j, 0.0
    for segment in laid:
        if segment.curvature_per_m:
            to_middle = 1j * exp(1j * heading) / segment.curvature_per_m
            place += to_middle * (1 - exp(1j * segment.turn_rad))
            heading += segment.turn_rad
        else:
            place += segment.length_m * exp(1j * heading)
    return place, heading


OVAL = ((3.0,), (1.0, 180.0), (3.0,), (1.0, 180.0))


def test_an_exact_loop_is_left_as_it_is():
    before = road(*OVAL)
    assert [one.length_m for one in close(before, source="oval")] == pytest.approx(
        [one.length_m for one in before], abs=1e-12
    )


@given(st.lists(st.floats(-0.004, 0.004), min_size=6, max_size=6))
def test_rounded_figures_close_exactly_with_small_changes_and_the_same_radii(errors):
    exact = road((3.0,), (1.0, 120.0), (3.0,), (1.0, 120.0), (3.0,), (1.0, 120.0))
    written = [
        Segment(one.length_m + error, one.curvature_per_m, one.left_m, one.right_m)
        for one, error in zip(exact, errors, strict=True)
    ]
    closed = close(written, source="loop")
    place, heading = end(closed)
    assert abs(place) < 1e-9
    assert abs(heading - 2 * pi) < 1e-9
    assert [one.curvature_per_m for one in closed] == [one.curvature_per_m for one in written]
    assert max(abs(a.length_m - b.length_m) for a, b in zip(closed, written, strict=True)) < 0.03


def test_a_loose_end_beyond_the_tolerance_names_the_file_the_gap_and_the_heading():
    with pytest.raises(CircuitError) as caught:
        close(road((3.2,), (1.0, 180.0), (3.0,), (1.0, 180.0)), source="my.toml")
    message = str(caught.value)
    assert message.startswith("my.toml: the loop does not close: the last segment ends 0.200 m")
    assert "+0.00°" in message
    with pytest.raises(CircuitError, match=r"-1\.50° off"):
        close(road((3.0,), (1.0, 180.0), (3.0,), (1.0, 178.5)), source="my.toml")


def test_a_loop_without_freedom_to_close_is_refused_in_one_line():
    with pytest.raises(CircuitError, match="no small change") as caught:
        close(road((1.0, 180.0), (1.02, 180.0)), source="egg.toml")
    assert "\n" not in str(caught.value)


def test_a_loop_may_turn_either_way_and_start_anywhere():
    for way in (1, -1):
        pieces = road((3.0,), (1.0, way * 180.0), (3.0,), (1.0, way * 180.0))
        for start_m in (0.0, 1.7, 4.0, 100.0):
            laid = lay(pieces, start_m=start_m, source="oval")
            circuit = Circuit("oval", laid.centre, laid.left, laid.right)
            assert circuit.length_m == pytest.approx(6 + 2 * pi, abs=1e-3)
            assert np.allclose(circuit.centre[0], 0)
            assert np.allclose(circuit.left[0], (0, 0.4))
            assert circuit.clockwise == (way < 0)


def test_rows_lie_on_the_arc_and_the_line_between_them_within_a_tenth_of_a_millimetre():
    laid = lay(road(*OVAL), source="oval")
    middle = np.array([3.0, 1.0])
    # Rows of the first half circle have x beyond the straight.
    on_arc = laid.centre[laid.centre[:, 0] > 3.0 + 1e-9]
    assert np.allclose(np.hypot(*(on_arc - middle).T), 1.0, atol=1e-9)
    between = (on_arc[:-1] + on_arc[1:]) / 2
    assert np.abs(np.hypot(*(between - middle).T) - 1.0).max() < segments.SAGITTA_M


@pytest.mark.parametrize("radius_m", [0.4, 0.65, 1.0, 5.0])
def test_the_polyline_is_hardly_shorter_than_the_road(radius_m):
    laid = lay(road((3.0,), (radius_m, 180.0), (3.0,), (radius_m, 180.0)), source="oval")
    exact_m = 6 + 2 * pi * radius_m
    length_m = Circuit("oval", laid.centre, laid.left, laid.right).length_m
    assert 0 <= exact_m - length_m < 1e-4 * exact_m


def test_widths_change_smoothly_between_segments_and_hold_in_their_middle():
    pieces = road(*OVAL)
    pieces[0] = straight(3.0, left_m=0.8, right_m=0.3)
    laid = lay(pieces, start_m=1.5, source="oval")
    circuit = Circuit("oval", laid.centre, laid.left, laid.right)
    assert circuit.width_left_m[0] == pytest.approx(0.8)
    assert circuit.width_right_m[0] == pytest.approx(0.3)
    assert circuit.width_left_at(1.5) == pytest.approx(0.6, abs=0.01)  # half-way at the joint
    assert circuit.width_left_at(1.5 + 0.76) == pytest.approx(0.4, abs=1e-6)
    slope = np.diff(circuit.width_left_m) / circuit.segment_m[:-1]
    assert np.abs(slope).max() < 1.6 * 0.4 / segments.BLEND_M


def test_short_segments_blend_over_their_own_length():
    pieces = road(*OVAL)
    pieces[0:1] = [
        straight(1.4, left_m=0.4, right_m=0.4),
        straight(0.2, left_m=0.6, right_m=0.6),
        straight(1.4, left_m=0.4, right_m=0.4),
    ]
    laid = lay(pieces, source="oval")
    width_m = Circuit("oval", laid.centre, laid.left, laid.right).width_left_m
    assert width_m.max() == pytest.approx(0.6, abs=0.02)
    assert width_m.min() == pytest.approx(0.4, abs=1e-6)


def test_a_road_too_long_to_sample_is_refused():
    with pytest.raises(CircuitError, match="too long"):
        lay(road((900.0,), (500.0, 180.0), (900.0,), (500.0, 180.0)), source="moon.toml")


def test_the_smallest_start_offset_makes_no_double_row():
    for start_m in (1e-12, 1e-7, 3.0 - 1e-9, 6 + 2 * pi - 1e-9):
        laid = lay(road(*OVAL), start_m=start_m, source="oval")
        assert Circuit("oval", laid.centre, laid.left, laid.right).segment_m.min() > 1e-7


def test_the_gap_is_measured_where_the_message_says():
    pieces = road(
        (3.0,), (1.0, 90.0), (2.0,), (1.0, 90.0), (3.0 - 2 * GAP_M,), (1.0, 90.0), (2.0,), (1.0, 90.0)
    )
    place, heading = end(pieces)
    with pytest.raises(CircuitError, match=f"{hypot(place.real, place.imag):.3f} m") as caught:
        close(pieces, source="loop")
    assert f"{degrees(heading) - 360:+.2f}°" in str(caught.value)
