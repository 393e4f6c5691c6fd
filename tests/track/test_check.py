"""The drivability check: what stops a race, and where."""

from __future__ import annotations

from math import pi, radians

import numpy as np
import pytest

from league.errors import CircuitError
from league.sim.car import DEEPRACER, DEEPRACER_GZSIM
from league.track.check import check_circuit, findings, smallest_radius_m
from league.track.circuit import Circuit
from league.track.segments import arc, lay, straight


def oval(
    *, radius_m: float = 1.0, half_m: float = 0.4, length_m: float = 3.0, start_m: float = 0.0
) -> Circuit:
    side = {"left_m": half_m, "right_m": half_m}
    road = lay(
        [
            straight(length_m, **side),
            arc(radius_m, pi, **side),
            straight(length_m, **side),
            arc(radius_m, pi, **side),
        ],
        source="oval.toml",
        start_m=start_m,
    )
    return Circuit("oval", road.centre, road.left, road.right, source="oval.toml")


def errors(circuit: Circuit) -> list[str]:
    return [
        f"{one.place}: {one.message}" for one in findings(circuit, car=DEEPRACER) if one.severity == "error"
    ]


def test_a_good_circuit_has_nothing_to_note():
    assert findings(oval(), car=DEEPRACER) == []
    assert check_circuit(oval().reversed(), car=DEEPRACER_GZSIM) == []


def test_the_smallest_radius_follows_the_fitted_model():
    car = DEEPRACER.changed(base_m=0.136, base_per_tan=0.236, steer_bias_rad=0.0183)
    # 0.136 + 0.236 t over t, with t = tan(30° - 0.0183 rad) = 0.5532
    assert smallest_radius_m(car) == pytest.approx(0.4818, abs=1e-4)


def test_a_road_too_narrow_for_the_car_names_the_place_and_the_widths():
    circuit = oval()
    left, right = circuit.left.copy(), circuit.right.copy()
    for border in (left, right):
        border[10:20] = circuit.centre[10:20] + 0.2 * (border[10:20] - circuit.centre[10:20])
    narrow = Circuit("oval", circuit.centre, left, right, source="narrow.toml")
    with pytest.raises(CircuitError) as caught:
        check_circuit(narrow, car=DEEPRACER)
    assert str(caught.value) == (
        f"narrow.toml: {caught.value.place}: the road is 0.16 m wide, "
        "expected at least 0.29 m for the car 'deepracer'"
    )
    assert circuit.along_m[9] <= float(caught.value.place.split()[0]) + 0.05 <= circuit.along_m[20] + 0.1


def test_a_place_where_two_cars_cannot_pass_is_only_worth_a_warning():
    found = check_circuit(oval(half_m=0.2), car=DEEPRACER)
    assert [one.severity for one in found] == ["warning"]
    assert "cannot pass" in found[0].message


def test_a_corner_tighter_than_the_car_can_turn_is_refused_with_its_place():
    circuit = oval(radius_m=0.25, half_m=0.16, length_m=4.0)
    (problem,) = errors(circuit)
    assert "the corner is too tight" in problem
    assert "needs 0.48 m" in problem
    at_m = float(problem.split()[0])
    assert any(abs(at_m - middle) < 0.5 for middle in (4.4, 9.2))


def test_a_wide_road_lets_the_car_take_a_corner_that_its_centre_line_is_too_tight_for():
    assert errors(oval(radius_m=0.45, half_m=0.4)) == []


def test_a_kink_is_not_a_corner_of_no_radius():
    square = np.array([[0, 0], [2, 0], [4, 0], [4, 2], [4, 4], [2, 4], [0, 4], [0, 2]], dtype=float)
    assert errors(Circuit.from_widths("square", square, 0.4, 0.4)) == []


def test_a_centre_line_that_crosses_itself_is_refused_with_both_places():
    angle = np.arange(200) * 2 * pi / 200
    eight = np.stack((3 * np.sin(angle), 3 * np.sin(angle) * np.cos(angle)), axis=-1)
    (problem,) = errors(Circuit.from_widths("eight", np.roll(eight, 20, axis=0), 0.3, 0.3))
    assert "the centre line crosses itself" in problem
    assert problem.count("from the start line") == 2


def test_roads_that_overlap_are_refused_though_the_centre_line_is_simple():
    side = {"left_m": 0.5, "right_m": 0.5}
    # A hairpin of radius 0.35 brings two straights 0.7 m apart: each lies on the other's road.
    pieces = [
        straight(4.0, **side),
        arc(0.35, pi, **side),
        straight(4.0, **side),
        arc(0.35, pi, **side),
    ]
    road = lay(pieces, source="x")
    (problem,) = errors(Circuit("overlap", road.centre, road.left, road.right))
    assert "the left border runs backwards" in problem


def test_a_folded_border_of_a_measured_circuit_is_a_warning():
    circuit = oval(radius_m=1.0, half_m=0.4)
    left = circuit.left.copy()
    row = int(np.searchsorted(circuit.along_m, 4.5))
    left[[row, row + 1]] = left[[row + 1, row]]
    found = findings(Circuit("folded", circuit.centre, left, circuit.right), car=DEEPRACER)
    assert [(one.severity, one.message) for one in found] == [
        ("warning", "the left border folds over itself")
    ]
    assert found[0].place == "4.5 m from the start line" or found[0].place == "4.4 m from the start line"


def test_borders_on_the_wrong_sides_are_refused():
    circuit = oval()
    (problem,) = errors(Circuit("swapped", circuit.centre, circuit.right, circuit.left))
    assert "exchanged" in problem


def test_borders_that_touch_are_refused():
    circuit = oval()
    left = circuit.left.copy()
    left[15] = circuit.at(circuit.along_m[15], -0.5)
    assert any("crosses" in problem for problem in errors(Circuit("x", circuit.centre, left, circuit.right)))


def test_an_open_road_is_refused_in_one_line():
    angle = np.radians(np.arange(0, 180, 5))
    bow = np.stack((3 * np.cos(angle), 3 * np.sin(angle)), axis=-1)
    problem, *_ = errors(Circuit.from_widths("bow", bow, 0.3, 0.3, source="bow.csv"))
    assert "is not closed" in problem
    assert f"{np.hypot(*(bow[-1] - bow[0])):.2f} m" in problem


def test_reversing_a_circuit_changes_no_verdict():
    for circuit in (oval(), oval(radius_m=0.25, half_m=0.16, length_m=4.0), oval(half_m=0.12)):
        assert len(errors(circuit)) == len(errors(circuit.reversed()))


def test_a_car_with_a_larger_turning_circle_needs_a_wider_corner():
    circuit = oval(radius_m=0.45, half_m=0.25)
    assert errors(circuit) == []
    lorry = DEEPRACER.changed(id="lorry", max_steer_rad=radians(15.0))
    with pytest.raises(CircuitError, match="lorry"):
        check_circuit(circuit, car=lorry)
