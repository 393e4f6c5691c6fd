"""Limits kept beside circuits: the shipped ones fit their circuits, and damaged files are told apart."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import league_tracks
from league.errors import CircuitError
from league.racing import BEHAVIOR
from league.sim.car import DEEPRACER, F1TENTH
from league.track.circuit import Circuit
from league.track.limit import (
    COLUMNS,
    FORMAT,
    Limit,
    car_print,
    limit_file,
    limit_of,
    limit_s,
    limits_text,
    read_limits,
    share_of_limit,
    with_limit,
)
from league.track.toml_file import read_toml_circuit

FILES = sorted(Path(str(file)) for file in league_tracks.register_circuits().values())
LINE = np.array(
    [[0.0, 0.0, 0.1, 1.0, 0.0, 0.0], [1.0, 0.5, 0.2, 1.5, 0.1, 1.0], [1.0, 1.0, 0.3, 2.0, 0.2, -1.0]]
)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_every_circuit_of_ours_has_the_limit_of_the_deepracer_both_ways(file):
    circuit = read_toml_circuit(file)
    for road in (circuit, circuit.reversed()):
        found = limit_of(road, DEEPRACER, behavior=BEHAVIOR)
        assert found is not None, "compute it: league tracks limit --all"
        assert found.lap_s > 0.7 * road.length_m / DEEPRACER.top_speed_mps
        assert found.lap_s < road.length_m / 1.0
        origin, speed = found.line[:, :2], found.line[:, 3]
        assert np.abs(road.project(origin).offset_m).max() < max(road.width_left_m.max(), 0.3) + 0.15
        assert speed.max() <= DEEPRACER.top_speed_mps + 1e-6
        step_m = np.hypot(*(np.roll(origin, -1, axis=0) - origin).T)
        assert (step_m / speed).sum() == pytest.approx(found.lap_s, rel=0.02)


@pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])
def test_a_limit_file_is_small(file):
    assert limit_file(read_toml_circuit(file)).stat().st_size < 20_000


@pytest.fixture
def circuit(tmp_path: Path) -> Circuit:
    angle = np.arange(40) * 2 * np.pi / 40
    ring = np.stack((np.cos(angle), np.sin(angle)), axis=1)
    return Circuit("ring", 2 * ring, 1.6 * ring, 2.4 * ring, source=str(tmp_path / "ring.npy"))


def known(circuit: Circuit, lap_s: float = 5.0) -> Limit:
    return Limit(
        circuit=circuit.id,
        sha256=circuit.sha256,
        car=DEEPRACER.id,
        car_sha256=car_print(DEEPRACER),
        behavior=BEHAVIOR,
        lap_s=lap_s,
        line=LINE,
    )


def keep(circuit: Circuit, *limits: Limit) -> Path:
    path = limit_file(circuit)
    path.write_text(limits_text(limits), encoding="utf-8")
    return path


def test_a_limit_lies_beside_its_circuit_or_in_the_folder_there(circuit, tmp_path):
    assert limit_file(circuit) == tmp_path / "ring.limit.json"
    (tmp_path / "limits").mkdir()
    assert limit_file(circuit) == tmp_path / "limits" / "ring.limit.json"
    assert limit_file(replace(circuit, source="")) is None


def test_what_was_written_is_read_again(circuit):
    path = keep(circuit, known(circuit), known(circuit.reversed(), 6.0))
    back, other = read_limits(path)
    assert back.as_dict() == known(circuit).as_dict()
    assert other.circuit == "ring:reversed"
    assert np.array_equal(back.line, LINE)
    assert limit_s(circuit.reversed(), DEEPRACER, behavior=BEHAVIOR) == 6.0


def test_a_share_is_of_what_is_possible(circuit):
    keep(circuit, known(circuit))
    assert share_of_limit(circuit, DEEPRACER, 5.0, behavior=BEHAVIOR) == 1.0
    assert share_of_limit(circuit, DEEPRACER, 10.0, behavior=BEHAVIOR) == 0.5
    assert share_of_limit(circuit, DEEPRACER, None, behavior=BEHAVIOR) is None


def test_another_car_geometry_or_version_has_no_limit_yet(circuit):
    keep(circuit, known(circuit))
    moved = replace(circuit, centre=circuit.centre + 1e-9)
    assert limit_of(circuit, DEEPRACER, behavior=BEHAVIOR) is not None
    assert limit_of(circuit, F1TENTH, behavior=BEHAVIOR) is None
    assert limit_of(circuit, DEEPRACER.changed(lateral_mps2=3.0), behavior=BEHAVIOR) is None
    assert limit_of(circuit, DEEPRACER.changed(source="elsewhere"), behavior=BEHAVIOR) is not None
    assert limit_of(circuit, DEEPRACER, behavior=BEHAVIOR + 1) is None
    assert limit_of(moved, DEEPRACER, behavior=BEHAVIOR) is None
    assert share_of_limit(moved, DEEPRACER, 5.0, behavior=BEHAVIOR) is None


def test_a_circuit_without_a_file_has_no_limit(circuit):
    assert limit_of(circuit, DEEPRACER, behavior=BEHAVIOR) is None
    assert limit_of(replace(circuit, source=""), DEEPRACER, behavior=BEHAVIOR) is None


def test_a_new_limit_replaces_the_one_for_the_same_direction_and_car(circuit):
    old, other = known(circuit), known(circuit.reversed())
    limits = with_limit((other, old), known(circuit, 4.9))
    assert [(one.circuit, one.lap_s) for one in limits] == [("ring", 4.9), ("ring:reversed", 5.0)]


def damaged(**changes: object) -> str:
    entry = {
        **dict.fromkeys(("circuit", "sha256", "car", "car_sha256"), "x"),
        "behavior": 1,
        "lap_s": 5.0,
        "columns": list(COLUMNS),
        "line": LINE.tolist(),
    }
    return json.dumps({"format": FORMAT, "limits": [{**entry, **changes}]})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("not json", "is not JSON"),
        ("[]", "has the format 'list'"),
        ('{"format": "league-limit-9"}', "'league-limit-9', expected 'league-limit-1'"),
        (f'{{"format": "{FORMAT}"}}', "no list of limits"),
        (damaged(columns=["x_m"]), "expected the columns"),
        (damaged(line=[[0.0] * 6]), "a line of shape"),
        (damaged(line=[[0.0] * 5] * 9), "a line of shape"),
        (damaged(line=[[float("nan")] * 6] * 9), "a line of shape"),
        (damaged(lap_s=-1), "a lap of -1.0 s"),
        (damaged(lap_s=float("inf")), "a lap of inf s"),
        (damaged(behavior=None), "incomplete"),
        (damaged(line="x"), "incomplete"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(circuit, text, says):
    path = limit_file(circuit)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CircuitError, match=r"ring\.limit\.json") as found:
        limit_of(circuit, DEEPRACER, behavior=BEHAVIOR)
    assert says in str(found.value)
