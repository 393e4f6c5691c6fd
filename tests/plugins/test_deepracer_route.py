"""DeepRacer routes: the real files, their oddities, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from shapely.geometry import Point, Polygon

from league import CircuitError
from league.sim.car import DEEPRACER
from league.track.check import findings
from league_plugins.deepracer_route import read_route, register_track_readers


def oval(rows: int = 80, *, clockwise: bool = False, half_m: float = 0.4) -> np.ndarray:
    """A closed route around an ellipse."""
    angle = np.arange(rows) * 2 * np.pi / rows * (-1 if clockwise else 1)
    centre = np.stack((3 * np.cos(angle), 2 * np.sin(angle)), axis=-1)
    out = np.stack((2 * np.cos(angle), 3 * np.sin(angle)), axis=-1)
    out /= np.hypot(*out.T)[:, None]
    route = np.hstack((centre, centre - half_m * out, centre + half_m * out))
    return np.vstack((route, route[:1]))


def saved(folder: Path, route: np.ndarray, name: str = "route.npy") -> Path:
    np.save(folder / name, route, allow_pickle=True)
    return folder / name


def problem(path: Path) -> str:
    with pytest.raises(CircuitError) as caught:
        read_route(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def test_it_reads_npy():
    assert register_track_readers() == {".npy": read_route}


@pytest.mark.parametrize("clockwise", [False, True])
def test_inside_and_outside_become_left_and_right(tmp_path, clockwise):
    route = oval(clockwise=clockwise)
    circuit = read_route(saved(tmp_path, route))
    assert circuit.clockwise == clockwise
    assert np.array_equal(circuit.centre, route[:-1, :2])
    assert np.array_equal(circuit.right if clockwise else circuit.left, route[:-1, 2:4])
    assert np.array_equal(circuit.left if clockwise else circuit.right, route[:-1, 4:6])
    assert circuit.id == "route"


def test_repeated_rows_and_more_columns_are_read_as_meant(tmp_path):
    route = oval()
    doubled = np.insert(route, (5, 40), route[[5, 40]], axis=0)
    doubled = np.hstack((doubled, np.ones((len(doubled), 2))))
    assert read_route(saved(tmp_path, doubled)).sha256 == read_route(saved(tmp_path, route)).sha256
    first_twice = np.vstack((route[:1], route))
    assert read_route(saved(tmp_path, first_twice)).sha256 == read_route(saved(tmp_path, route)).sha256


def test_numbers_of_another_kind_are_read(tmp_path):
    assert read_route(saved(tmp_path, oval().astype(np.float32))).length_m == pytest.approx(15.86, abs=0.1)
    assert (
        read_route(saved(tmp_path, np.asfortranarray(oval()))).sha256
        == read_route(saved(tmp_path, oval())).sha256
    )
    assert (
        read_route(saved(tmp_path, oval().astype(">f8"))).sha256 == read_route(saved(tmp_path, oval())).sha256
    )


def test_borders_that_change_columns_are_put_on_their_sides_row_by_row(tmp_path):
    route = oval()
    swapped = route.copy()
    swapped[20:37, 2:4], swapped[20:37, 4:6] = route[20:37, 4:6], route[20:37, 2:4]
    assert read_route(saved(tmp_path, swapped)).sha256 == read_route(saved(tmp_path, route)).sha256


def test_border_rows_that_lag_behind_are_paired_again_and_no_line_moves(tmp_path):
    route = oval()
    lagging = route[:-1].copy()
    lagging[:, 2:4] = np.roll(lagging[:, 2:4], 7, axis=0)
    lagging[:, 4:6] = np.roll(lagging[:, 4:6], -3, axis=0)
    lagging = np.vstack((lagging, lagging[:1]))
    circuit, plain = read_route(saved(tmp_path, lagging)), read_route(saved(tmp_path, route))
    assert circuit.length_m == pytest.approx(plain.length_m, abs=1e-9)
    assert np.allclose(circuit.centre[circuit.facts["waypoints"]], route[:-1, :2])
    for side in ("left", "right"):
        assert Polygon(getattr(circuit, side)).symmetric_difference(Polygon(getattr(plain, side))).area < 1e-6
    assert circuit.width_left_m.max() < 0.45
    assert np.hypot(*(lagging[:, 2:4] - lagging[:, :2]).T).max() > 1.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r[:-1], "is an open road: its ends are"),
        (lambda r: r[:, :5], "has shape (81, 5), expected (rows, 6)"),
        (lambda r: r[:, 0], "has shape (81,)"),
        (lambda r: r[:0], "has 0 rows"),
        (lambda r: r[[0, 1, 0]], "has 3 rows"),
        (lambda r: np.repeat(r[:1], 9, axis=0), "holds 0 different centre points"),
        (lambda r: np.where(r == r[7, 3], np.nan, r), "row 7: is not a finite number"),
        (lambda r: np.where(r == r[7, 3], np.inf, r), "row 7: is not a finite number"),
        (lambda r: r * 1e9, "row 0: is not a finite number of metres"),
        (lambda r: r.astype(object), "holds Python objects"),
        (lambda r: r.astype(str), "expected numbers"),
        (lambda r: r.astype(complex), "holds complex128 values"),
        (lambda r: np.array([("a", 1.0)], dtype=[("x", "U1"), ("y", "f8")]), "expected numbers"),
        (lambda r: np.array(3.0), "has shape ()"),
        (lambda r: np.hstack((r[:, :2], r[:, 2:4], r[:, 2:4])), "both borders lie to the left"),
        (lambda r: np.zeros((30000, 6)), "has 30000 rows"),
    ],
)
def test_an_array_that_is_no_route_is_refused_in_one_line(tmp_path, change, says):
    assert says in problem(saved(tmp_path, change(oval())))


def test_a_file_that_is_no_array_is_refused_in_one_line(tmp_path):
    file = tmp_path / "x.npy"
    whole = saved(tmp_path, oval()).read_bytes()
    huge = whole.replace(b"(81, 6)", b"(9999999999999, 6)")
    for content in (b"", b"\x93NUMPY", whole[:50], whole[:-8], b"PK\x03\x04" + whole, b"x,y\n1,2\n", huge):
        file.write_bytes(content)
        assert "is not a whole NumPy .npy array" in problem(file)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_random_bytes_are_a_circuit_error(tmp_path, content):
    (tmp_path / "x.npy").write_bytes(content)
    with pytest.raises(CircuitError):
        read_route(tmp_path / "x.npy")


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@example(at=10, put=b"\x00")
@given(st.integers(0, 127), st.binary(min_size=1, max_size=6))
def test_a_damaged_head_is_a_circuit_or_a_circuit_error(tmp_path, at, put):
    whole = saved(tmp_path, oval()).read_bytes()
    (tmp_path / "x.npy").write_bytes(whole[:at] + put + whole[at + len(put) :])
    try:
        found = read_route(tmp_path / "x.npy").id
    except CircuitError as error:
        found = str(error)
    assert "\n" not in found


# -- the real files ------------------------------------------------------------------------------


def test_all_closed_files_load_as_stored_and_pass_the_check(data_folder):
    files = sorted((data_folder / "circuits").glob("*.npy"))
    closed = [file for file in files if file.stem != "Straight_track"]
    assert len(closed) == 29
    for file in closed:
        stored = np.load(file)
        circuit = read_route(file)
        steps = np.hypot(*np.diff(stored[:, :2], axis=0).T)
        assert circuit.length_m == pytest.approx(steps.sum(), abs=1e-6), file.name
        inner, outer = (circuit.right, circuit.left) if circuit.clockwise else (circuit.left, circuit.right)
        for ours, theirs in ((inner, stored[:-1, 2:4]), (outer, stored[:-1, 4:6])):
            assert Polygon(ours).symmetric_difference(Polygon(theirs)).area < 1e-4, file.name
        errors = [one for one in findings(circuit, car=DEEPRACER) if one.severity == "error"]
        assert errors == [], file.name
        assert (circuit.project(circuit.left).offset_m > 0).all(), file.name
        assert (circuit.project(circuit.right).offset_m < 0).all(), file.name


def test_the_road_of_a_real_file_is_its_outer_ring_less_its_inner_ring(data_folder):
    stored = np.load(data_folder / "circuits" / "Tokyo_Training_track.npy")
    circuit = read_route(data_folder / "circuits" / "Tokyo_Training_track.npy")
    road = Polygon(stored[:-1, 4:6], [stored[:-1, 2:4]])
    where = np.random.default_rng(5).uniform(circuit.right.min(axis=0), circuit.right.max(axis=0), (4000, 2))
    wrong = [
        point
        for point, on in zip(where, circuit.on_road(where), strict=True)
        if on != road.contains(Point(point)) and road.boundary.distance(Point(point)) > 1e-3
    ]
    assert wrong == []
    # As stored its border rows are up to 1.1 m from their centre rows; the road is never that wide.
    assert circuit.width_left_m.max() < 0.45


def test_the_open_file_gets_one_clear_line(data_folder):
    assert problem(data_folder / "circuits" / "Straight_track.npy") == (
        "is an open road: its ends are 5.71 m apart; a circuit's last row repeats its first exactly"
    )
