"""`league reward check`."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent

import pytest

from league.cli import main

PLAIN = """
    def reward_function(params):
        if params["is_offtrack"] or not params["all_wheels_on_track"]:
            return 1e-3
        return 1.0 - params["distance_from_center"] / params["track_width"]
"""


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def check(code: str, *options: str) -> int:
    Path("f.py").write_text(dedent(code))
    with pytest.raises(SystemExit) as left:
        main(
            [
                "reward",
                "check",
                "f.py",
                "a-to-z-speedway",
                "--driver",
                "pure-pursuit",
                "--laps",
                "1",
                *options,
            ]
        )
    assert isinstance(left.value.code, int)
    return left.value.code


def report(code: str, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, object]:
    assert check(code, "--json", "-", *options) == 0
    found: dict[str, object] = json.loads(capsys.readouterr().out)
    return found


def test_a_valid_function_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(PLAIN) == 0
    out = capsys.readouterr().out
    assert "pure-pursuit" in out
    assert "astray" in out
    assert "a second on one core" in out
    assert "it reads all_wheels_on_track, distance_from_center, track_width, is_offtrack" in out
    assert "note:" not in out


def test_the_same_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(PLAIN, capsys)
    assert found["valid"] is True
    assert found["calls"] > 300  # type: ignore[operator]
    assert found["calls_per_s"] > 1000  # type: ignore[operator]
    reward = found["reward"]
    assert isinstance(reward, dict)
    assert reward["min"] == 1e-3 < reward["mean"] < reward["max"] <= 1.0
    (lap,) = found["laps"]  # type: ignore[misc]
    assert lap["driver"] == "pure-pursuit"
    assert 5 < lap["time_s"] < 20
    assert lap["reward"] / lap["steps"] > 0.5
    assert len(found["along_lap"]) == 40  # type: ignore[arg-type]
    assert found["episodes"] > 0  # type: ignore[operator]
    assert found["warnings"] == []


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("def reward_function(params):\n    return params['sped']\n", "f.py: line 2: KeyError: 'sped'"),
        (
            "def reward_function(params):\n    return float('nan')\n",
            "f.py: line 2: reward_function returned nan",
        ),
        ("def reward(params):\n    return 1\n", "f.py: defines reward, expected reward_function(params)"),
        ("def reward_function(params):\n    print 1\n", "f.py: line 2: is not Python 3"),
    ],
)
def test_an_invalid_function_ends_with_code_2_and_one_line(
    code: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(code) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_a_missing_file_and_an_unknown_circuit_end_with_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.py").write_text("def reward_function(params):\n    return 1\n")
    for arguments in (["none.py"], ["f.py", "nowhere"], ["f.py", "--driver", "nobody"]):
        with pytest.raises(SystemExit) as left:
            main(["reward", "check", *arguments])
        assert left.value.code == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_what_is_odd_is_noted(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(
        """
        import os
        last = None

        def reward_function(params):
            global last
            last, before = params["steps"], last
            return 1.0 if before is None else 2.0 + 0 * params.get("nothing", 0)
        """,
        capsys,
    )
    notes = " ".join(found["warnings"])  # type: ignore[arg-type]
    assert "line 2 imports os" in notes
    assert "looks up 'nothing', which DeepRacer does not give" in notes
    assert "it keeps something between calls" in notes
    assert "every step is paid the same, 3" in " ".join(
        report("reward_function = lambda params: 3", capsys)["warnings"]  # type: ignore[arg-type]
    )


def test_a_function_that_looks_at_objects_gets_some(capsys: pytest.CaptureFixture[str]) -> None:
    found = report(
        """
        def reward_function(params):
            ahead = params["closest_objects"][1]
            print("gap", len(params["objects_speed"]))
            return params["objects_distance"][ahead] / params["track_length"]
        """,
        capsys,
    )
    assert found["said"][-1] == "gap 2"  # type: ignore[index]
    assert any("needs objects, and fails in a time trial" in one for one in found["warnings"])  # type: ignore[attr-defined]


def test_the_form_for_many_cars_must_pay_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
        def reward_function(params):
            return params["speed"]

        def reward_batch(params):
            return params["speed"]{}
    """
    assert report(code.format(""), capsys)["vectorised"] is True
    assert check(code.format(" * 1.1")) == 2
    assert "reward_batch pays" in capsys.readouterr().err


def test_a_strangers_function_is_run_apart(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(PLAIN, capsys, "--untrusted")["valid"] is True
    assert check("def reward_function(params):\n    open('taken', 'w').write('x')\n", "--untrusted") == 2
    assert "line 2: " in capsys.readouterr().err
    assert not Path("taken").exists() or not Path("taken").read_text()


def test_house_drivers_drive_unless_others_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    Path("f.py").write_text(dedent(PLAIN))
    with pytest.raises(SystemExit) as left:
        main(["reward", "check", "f.py", "--laps", "1", "--json", "f.json"])
    assert left.value.code == 0
    found = json.loads(Path("f.json").read_text())
    assert {lap["driver"] for lap in found["laps"]} == {"pure-pursuit", "racing-line"}
    assert "racing-line" in capsys.readouterr().out


def test_every_lap_is_an_episode_that_begins_standing(capsys: pytest.CaptureFixture[str]) -> None:
    code = """
        def reward_function(params):
            if params["steps"] == 1.0 and params["progress"] > 1.2:
                raise ValueError("a flying start")
            return params["speed"]
    """
    assert report(code, capsys, "--laps", "2")["valid"] is True
