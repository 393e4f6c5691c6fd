"""Circuits written to files and read back."""

from __future__ import annotations

import numpy as np
import pytest
from shapely.geometry import LinearRing, Point

from league import League
from league.errors import CircuitError
from league.track.circuit import Circuit
from league.track.write import square_widths, write_circuit

LEAGUE = League()


def apart_m(first: np.ndarray, second: np.ndarray) -> float:
    """The furthest that a row of either closed line is from the other line."""
    one, other = LinearRing(first), LinearRing(second)
    return max(
        max(other.distance(Point(row)) for row in first), max(one.distance(Point(row)) for row in second)
    )


@pytest.mark.parametrize("ending", ["toml", "npy", "csv"])
@pytest.mark.parametrize("ref", ["a-to-z-speedway", "old-town:reversed", "switchback-hill"])
def test_a_circuit_survives_being_written_and_read(tmp_path, ref, ending):
    circuit = LEAGUE.circuit(ref)
    file = tmp_path / f"copy.{ending}"
    write_circuit(circuit, file)
    copy = LEAGUE.circuit(str(file))
    assert copy.id == "copy"
    assert copy.direction == circuit.direction
    assert len(copy.centre) == len(circuit.centre)
    assert np.abs(copy.centre - circuit.centre).max() < 1e-6
    for side in ("left", "right"):
        assert apart_m(getattr(copy, side), getattr(circuit, side)) < 1e-3
    if ending == "npy":
        assert copy.sha256 == circuit.sha256
    if ending == "toml":
        assert (copy.name, copy.about, copy.facts) == (circuit.name, circuit.about, circuit.facts)


def test_writing_the_same_circuit_gives_the_same_bytes(tmp_path):
    for ending in ("toml", "npy", "csv"):
        for name in ("one", "two"):
            write_circuit(LEAGUE.circuit("clover"), tmp_path / f"{name}.{ending}")
        assert (tmp_path / f"one.{ending}").read_bytes() == (tmp_path / f"two.{ending}").read_bytes()


def test_words_that_toml_must_quote_come_back(tmp_path):
    circuit = LEAGUE.circuit("clover")
    name = 'The "Loop" \\ of\tÅrhus ∞'
    quoted = Circuit("x", circuit.centre, circuit.left, circuit.right, name=name)
    write_circuit(quoted, tmp_path / "x.toml")
    assert LEAGUE.circuit(str(tmp_path / "x.toml")).name == 'The "Loop" \\ of Århus ∞'


def test_widths_are_measured_square_to_the_road():
    block = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 0], [4, 4], [0, 4]], dtype=float)
    circuit = Circuit.from_widths("block", block, 0.5, 0.5)
    askew = circuit.left.copy()
    askew[2] += (0.8, 0.0)  # along the border: the road is no wider for it
    left_m, right_m = square_widths(Circuit("askew", circuit.centre, askew, circuit.right))
    assert np.hypot(*(askew[2] - block[2])) > 0.9
    assert left_m[2] == pytest.approx(0.5)
    assert right_m[2] == pytest.approx(0.5)


def test_an_ending_nobody_writes_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(CircuitError, match=r"'\.kml' \(known: \.csv, \.npy, \.toml\)"):
        write_circuit(LEAGUE.circuit("clover"), tmp_path / "x.kml")


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with pytest.raises(CircuitError, match="cannot be written: No such file"):
        write_circuit(LEAGUE.circuit("clover"), tmp_path / "no" / "x.toml")
