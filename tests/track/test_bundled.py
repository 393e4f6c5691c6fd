"""The league's own circuits: each closes to the millimetre and passes the check."""

from __future__ import annotations

import re
import tomllib
from cmath import exp
from math import radians
from pathlib import Path

import numpy as np
import pytest
from shapely.geometry import Polygon

import league_tracks
from league.sim.car import DEEPRACER, DEEPRACER_GZSIM
from league.track.check import check_circuit
from league.track.toml_file import read_toml_circuit
from league_plugins.deepracer_route import read_route

FILES = sorted(Path(str(file)) for file in league_tracks.register_circuits().values())
ids = [file.stem for file in FILES]


def written_end(file: Path) -> tuple[complex, float, float]:
    """Place, heading in degrees and length at the end of a file's figures, as written."""
    place, heading, length_m = 0j, 0.0, 0.0
    for segment in tomllib.loads(file.read_text())["segment"]:
        if "straight_m" in segment:
            place += segment["straight_m"] * exp(1j * radians(heading))
            length_m += segment["straight_m"]
        else:
            turn = segment.get("left_deg", 0.0) - segment.get("right_deg", 0.0)
            middle = place + 1j * exp(1j * radians(heading)) * segment["radius_m"] * np.sign(turn)
            place = middle + (place - middle) * exp(1j * radians(turn))
            heading += turn
            length_m += radians(abs(turn)) * segment["radius_m"]
    return place, heading, length_m


def test_there_are_circuits_from_a_club_loop_to_a_grand_prix():
    lengths = {file.stem: read_toml_circuit(file).length_m for file in FILES}
    assert len(lengths) >= 10
    assert min(lengths.values()) == lengths["clubhouse-loop"] == pytest.approx(12, abs=0.1)
    assert max(lengths.values()) == lengths["grand-prix"] == pytest.approx(60, abs=0.1)
    ways = {read_toml_circuit(file).direction for file in FILES}
    assert ways == {"clockwise", "anticlockwise"}


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_the_figures_close_to_a_millimetre_before_and_exactly_after_reading(file):
    place, heading, length_m = written_end(file)
    assert abs(place) < 2e-3
    assert abs(abs(heading) - 360) < 0.05
    circuit = read_toml_circuit(file)
    assert circuit.length_m == pytest.approx(length_m, abs=5e-3)
    # The closing segment is as long as its neighbours and bends no more than they do.
    assert circuit.segment_m[-1] <= 0.2 + 1e-9
    seam = circuit.heading_rad[[-2, -1]] - circuit.heading_rad[[0, 1]]
    assert abs(circuit.heading_rad[-1] - circuit.heading_rad[0]) == pytest.approx(2 * np.pi)
    assert np.isfinite(seam).all()
    end_m = circuit.centre[-1] + circuit.segment_m[-1] * circuit.tangent[-1]
    assert np.hypot(*(end_m - circuit.centre[0])) < 1e-9


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_both_kinds_of_deepracer_can_drive_it_both_ways_without_a_warning(file):
    circuit = read_toml_circuit(file)
    for car in (DEEPRACER, DEEPRACER_GZSIM):
        assert check_circuit(circuit, car=car) == []
        assert check_circuit(circuit.reversed(), car=car) == []


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_its_road_is_one_ring_by_shapely_too(file):
    circuit = read_toml_circuit(file)
    outer, inner = (circuit.left, circuit.right) if circuit.clockwise else (circuit.right, circuit.left)
    road = Polygon(outer, [inner])
    assert road.is_valid
    swept_m2 = float(((circuit.width_left_m + circuit.width_right_m) * circuit.segment_m).sum())
    assert road.area == pytest.approx(swept_m2, rel=0.01)


@pytest.mark.parametrize("file", FILES, ids=ids)
def test_it_says_what_it_is_and_under_which_licence(file):
    circuit = read_toml_circuit(file)
    assert circuit.name
    assert 20 < len(circuit.about) < 160
    assert circuit.facts["licence"] == "Apache-2.0"
    assert circuit.facts["author"]


def test_the_handbooks_examples_are_circuits_that_pass_the_check(tmp_path):
    handbook = (FILES[0].parent.parent / "README.md").read_text(encoding="utf-8")
    examples = re.findall(r"```toml\n(.*?)```", handbook, flags=re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        file = tmp_path / "example.toml"
        file.write_text(example, encoding="utf-8")
        assert check_circuit(read_toml_circuit(file), car=DEEPRACER) == []


def test_a_to_z_speedway_is_the_measured_one(data_folder):
    file = next(file for file in FILES if file.stem == "a-to-z-speedway")
    ours, measured = read_toml_circuit(file), read_route(data_folder / "circuits" / "reInvent2019_wide.npy")
    assert ours.direction == "anticlockwise"
    assert ours.length_m == pytest.approx(measured.length_m, abs=0.02)
    # Laid start line on start line, heading on heading, the centre lines agree within four centimetres.
    moved = measured.centre - measured.centre[0]
    assert np.abs(ours.project(moved).offset_m).max() < 0.04
    assert ours.width_left_m.mean() == pytest.approx(measured.width_left_m.mean(), abs=0.005)
