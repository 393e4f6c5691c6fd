"""Our own format: what may be written, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from league.errors import CircuitError
from league.track.circuit import Circuit
from league.track.toml_file import read_toml_circuit

OVAL = """\
name = "Test Oval"
about = "Two ends."
author = "A. Nother"
licence = "CC0-1.0"
width_m = 0.8
segment = [
    { straight_m = 3.0 },
    { left_deg = 180, radius_m = 1.0 },
    { straight_m = 3.0 },
    { left_deg = 180, radius_m = 1.0 },
]
"""


def read(folder: Path, text: str | bytes) -> Circuit:
    file = folder / "test-oval.toml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_toml_circuit(file)


def problem(folder: Path, text: str | bytes) -> str:
    with pytest.raises(CircuitError) as caught:
        read(folder, text)
    message = str(caught.value)
    assert message.startswith(f"{folder / 'test-oval.toml'}: ")
    assert "\n" not in message
    assert len(message) < 500
    return message.removeprefix(f"{folder / 'test-oval.toml'}: ")


def test_a_file_of_segments_becomes_a_circuit(tmp_path):
    circuit = read(tmp_path, OVAL)
    assert (circuit.id, circuit.name, circuit.about) == ("test-oval", "Test Oval", "Two ends.")
    assert circuit.facts == {"author": "A. Nother", "licence": "CC0-1.0"}
    assert circuit.source == str(tmp_path / "test-oval.toml")
    assert circuit.length_m == pytest.approx(6 + 2 * np.pi, abs=1e-3)
    assert not circuit.clockwise
    assert np.allclose(circuit.width_left_m, 0.4)


def test_tables_mean_the_same_as_the_list(tmp_path):
    tables = 'name = "Test Oval"\nwidth_m = 0.8\n' + 2 * (
        "[[segment]]\nstraight_m = 3.0\n[[segment]]\nleft_deg = 180.0\nradius_m = 1.0\n"
    )
    assert read(tmp_path, tables).sha256 == read(tmp_path, OVAL).sha256


def test_the_start_line_moves_along_the_road_and_the_shape_stays(tmp_path):
    plain, moved = read(tmp_path, OVAL), read(tmp_path, OVAL.replace("width_m", "start_m = 1.25\nwidth_m"))
    assert moved.length_m == pytest.approx(plain.length_m, abs=1e-3)
    assert np.allclose(moved.centre[0], 0)
    assert moved.heading_at(0) == pytest.approx(0, abs=1e-9)
    assert np.abs(plain.project(moved.centre + np.array([1.25, 0])).offset_m).max() < 2e-4


def test_a_segment_may_have_a_width_of_its_own_or_one_to_each_side(tmp_path):
    text = OVAL.replace("straight_m = 3.0", "straight_m = 3.0, width_left_m = 0.6, width_right_m = 0.2", 1)
    circuit = read(tmp_path, text)
    assert circuit.width_left_at(1.5) == pytest.approx(0.6)
    assert circuit.width_right_at(1.5) == pytest.approx(0.2)
    circuit = read(tmp_path, OVAL.replace("radius_m = 1.0", "radius_m = 1.0, width_m = 1.2", 1))
    assert circuit.width_left_at(3 + np.pi / 2) == pytest.approx(0.6, abs=1e-3)


def test_points_carry_their_widths_or_take_the_common_one(tmp_path):
    rows = "[[0, 0, 0.3, 0.5], [4, 0, 0.3, 0.5], [4, 3, 0.3, 0.5], [0, 3.0, 0.3, 0.5]]"
    circuit = read(tmp_path, f'name = "P"\npoints = {rows}')
    assert circuit.length_m == pytest.approx(14)
    assert np.allclose(circuit.width_left_m, 0.3)
    assert np.allclose(circuit.width_right_m, 0.5)
    circuit = read(tmp_path, "width_m = 0.6\npoints = [[0, 0], [4, 0], [4, 3, 0.2, 0.2], [0, 3]]")
    assert np.allclose(circuit.width_left_m, (0.3, 0.3, 0.2, 0.3))
    assert circuit.name == "Test Oval"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("width_m = 0.8", "width_m = "), "line 5, column 11: is not TOML: Invalid value"),
        (("radius_m = 1.0", "radius_m = -1.0"), "segment 2, radius_m: "),
        (("radius_m = 1.0", "radius_m = 'wide'"), "segment 2, radius_m: "),
        (("radius_m = 1.0", "radius_m = nan"), "segment 2, radius_m: "),
        (("radius_m = 1.0", "radius = 1.0"), "segment 2, radius: this entry is unknown here"),
        ((", radius_m = 1.0", ""), "segment 2: an arc needs radius_m"),
        (("straight_m = 3.0", "straight_m = 3.0, radius_m = 1.0"), "segment 1: a straight has no radius_m"),
        (
            ("straight_m = 3.0", "straight_m = 3.0, left_deg = 3.0"),
            "segment 1: found straight_m and left_deg",
        ),
        (("straight_m = 3.0", "width_m = 3.0"), "segment 1: found neither straight nor arc"),
        (("straight_m = 3.0", "straight_m = 3.0, width_left_m = 1"), "segment 1: expected width_m, or both"),
        (("straight_m = 3.0", "straight_m = true"), "segment 1, straight_m: "),
        (("width_m = 0.8\n", ""), "segment 1: no width"),
        (("name =", "title ="), "title: this entry is unknown here"),
        (('"Test Oval"', "3"), "name: "),
        (("{ straight_m = 3.0 },", "{ straight_m = 2.7 },"), "the loop does not close"),
        (
            ("segment = [", "points = [[0, 0], [1, 0], [1, 1]]\nsegment = ["),
            "found both of segment and points",
        ),
        (("segment = [", "points = ["), "points, row 1: "),
    ],
)
def test_a_mistake_is_named_with_its_place(tmp_path, change, says):
    before, after = change
    assert before in OVAL
    assert says in problem(tmp_path, OVAL.replace(before, after, 1))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "found neither of segment and points"),
        ("segment = []", "segment: "),
        ("segment = 3", "segment: "),
        ("start_m = 1\nwidth_m = 1\npoints = [[0, 0], [1, 0], [1, 1]]", "start_m goes with segments"),
        ("width_m = 1\npoints = [[0, 0], [1, 0]]", "points: "),
        ("width_m = 1\npoints = [[0, 0], [1, 0, 1], [1, 1]]", "points, row 2: found 3 numbers, expected 4"),
        ("points = [[0, 0], [1, 0], [1, 1]]", "points, row 1: found 2 numbers, expected 4"),
        ("points = [[0, 0, 1, 1], [1, 0, 1, 0], [1, 1, 1, 1]]", "points, row 2: a width is 0 m"),
        ("points = [[0, 0, 1, 1], [1, 0, 1, 'x'], [1, 1, 1, 1]]", "points, row 2, entry 4: "),
        ("points = [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 1, 1]]", "two centre points coincide"),
        ("points = [[0, 0, 1, 1], [0, inf, 1, 1], [1, 1, 1, 1]]", "points, row 2, entry 2: "),
        (b"\xff\xfe", "is not UTF-8 text"),
        ("a = " + "[" * 5000, "is not TOML"),
        ("a = " + "9" * 5000, "is not TOML"),
        ("name = 'x' " * 1000, "is not TOML"),
    ],
)
def test_a_file_of_another_shape_is_refused_in_one_line(tmp_path, text, says):
    assert says in problem(tmp_path, text)


def test_a_file_without_end_is_not_read(tmp_path):
    assert "expected at most" in problem(tmp_path, b"#" * 8_000_001)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_random_bytes_are_a_circuit_error(tmp_path, content):
    with pytest.raises(CircuitError):
        read(tmp_path, content)


NAMES = "name width_m start_m segment points straight_m left_deg right_deg radius_m width_left_m other"
words = st.sampled_from(NAMES.split())
values = st.recursive(
    st.one_of(
        st.integers(-3, 400).map(str),
        st.floats().map(repr),
        st.sampled_from(("true", '"x"', "1979-05-27", "1e300", "-0.0")),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda parts: f"[{', '.join(parts)}]"),
        st.dictionaries(words, inner, max_size=3).map(
            lambda table: "{" + ", ".join(f"{key} = {value}" for key, value in table.items()) + "}"
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(words, values, max_size=5))
def test_toml_of_any_content_is_a_circuit_or_a_circuit_error(tmp_path, content):
    try:
        circuit = read(tmp_path, "\n".join(f"{key} = {value}" for key, value in content.items()))
        found = circuit.id
        assert np.isfinite(circuit.left).all()
    except CircuitError as error:
        found = str(error)
    assert "\n" not in found


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(0, len(OVAL) - 1), st.integers(1, 6), st.text("0123456789.-[]{}=,\n\"'# aeinf", max_size=4)
)
def test_a_damaged_file_is_a_circuit_or_a_circuit_error(tmp_path, at, gone, put):
    try:
        found = read(tmp_path, OVAL[:at] + put + OVAL[at + gone :]).id
    except CircuitError as error:
        found = str(error)
    assert "\n" not in found
