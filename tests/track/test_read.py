"""Choosing a reader by a file's ending."""

from __future__ import annotations

from pathlib import Path

import pytest

from league.errors import CircuitError
from league.track.read import read_circuit
from league.track.toml_file import read_toml_circuit


def test_a_missing_file_a_folder_and_an_unknown_ending_are_one_line_each(tmp_path):
    with pytest.raises(CircuitError, match="no such file"):
        read_circuit(tmp_path / "none.toml", {".toml": read_toml_circuit})
    with pytest.raises(CircuitError, match="no such file"):
        read_circuit(tmp_path, {".toml": read_toml_circuit})
    (tmp_path / "x.kml").touch()
    with pytest.raises(CircuitError, match=r"no reader for files ending in '\.kml' \(known: \.toml\)"):
        read_circuit(tmp_path / "x.kml", {".toml": read_toml_circuit})


def test_a_picture_without_its_map_is_told_how_it_is_read(tmp_path):
    (tmp_path / "map.png").touch()
    with pytest.raises(CircuitError, match=r"a picture is read through the map \.yaml beside it"):
        read_circuit(tmp_path / "map.png", {".toml": read_toml_circuit})


def test_a_name_that_no_file_can_have_is_one_line():
    with pytest.raises(CircuitError, match="cannot be read"):
        read_circuit(Path("x" * 5000 + ".toml"), {".toml": read_toml_circuit})


def test_an_ending_in_capitals_is_the_same_ending(tmp_path):
    (tmp_path / "X.TOML").write_text("width_m = 1\npoints = [[0, 0], [4, 0], [4, 4]]")
    assert read_circuit(tmp_path / "X.TOML", {".toml": read_toml_circuit}).id == "X"


def test_a_reader_that_meets_a_broken_disk_is_one_line(tmp_path):
    def broken(path: Path):
        raise OSError(5, "Input/output error")

    (tmp_path / "x.toml").touch()
    with pytest.raises(CircuitError, match="cannot be read: Input/output error"):
        read_circuit(tmp_path / "x.toml", {".toml": broken})
