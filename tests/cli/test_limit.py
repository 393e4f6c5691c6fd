"""`league tracks limit`, through the main command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from stadium import stadium
from terminal import run_league

from league import DEEPRACER, League
from league.learn.limit import fastest as solving
from league.racing import BEHAVIOR
from league.track.limit import limit_of, share_of_limit
from league.track.write import write_circuit


@pytest.fixture
def route(tmp_path: Path) -> Path:
    path = tmp_path / "small.npy"
    write_circuit(stadium(straight_m=1.5, radius_m=1.0), path)
    return path


@pytest.mark.slow
def test_a_limit_is_computed_kept_beside_the_circuit_and_found_again(route, capsys):
    pytest.importorskip("casadi", reason="casadi is not installed (extra: limit)")
    ran = run_league(capsys, "tracks", "limit", route, "--laps", "3", "--json", "-")
    assert ran.code == 0, ran.err
    (fact,) = json.loads(ran.out)["limits"]
    assert Path(fact["file"]) == route.with_name("small.limit.json")
    circuit = League().circuit(str(route))
    found = limit_of(circuit, DEEPRACER, behavior=BEHAVIOR)
    assert found is not None
    assert found.lap_s == fact["limit_s"]
    assert 3 * found.lap_s < fact["race_limit_s"] < 4 * found.lap_s
    assert share_of_limit(circuit, DEEPRACER, 2 * found.lap_s, behavior=BEHAVIOR) == 0.5
    # The other way round goes into the same file and leaves this one alone.
    ran = run_league(capsys, "tracks", "limit", f"{route}:reversed", "--drive", "--laps", "2")
    assert ran.code == 0, ran.err
    assert "2 laps s" in ran.out
    assert "driven s" in ran.out
    assert limit_of(circuit, DEEPRACER, behavior=BEHAVIOR).as_dict() == found.as_dict()
    assert limit_of(circuit.reversed(), DEEPRACER, behavior=BEHAVIOR) is not None


def test_without_casadi_the_command_says_what_to_install(route, capsys, monkeypatch):
    def absent(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(solving, "import_module", absent)
    ran = run_league(capsys, "tracks", "limit", route)
    assert ran.code == 2
    assert "pip install 'racing-league[limit]'" in ran.err
    assert len(ran.err.strip().splitlines()) == 1


@pytest.mark.parametrize("words", [(), ("clover", "--all")])
def test_it_wants_one_circuit_or_all(capsys, words):
    ran = run_league(capsys, "tracks", "limit", *words)
    assert ran.code == 2
    assert "expected a circuit or --all" in ran.err
