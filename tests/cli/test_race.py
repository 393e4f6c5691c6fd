"""`league race`, `replay`, `verify`, `plugins`: results, files and errors as a user meets them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import run_league

from league import RaceError, replay
from league.quick import race

SHORT = ("a-to-z-speedway", "pure-pursuit", "--laps", 1)


def test_the_same_race_twice_prints_identical_bytes(data_folder: Path) -> None:
    """Two processes, so that nothing of the first one's memory can help."""
    circuit = data_folder / "circuits" / "reInvent2019_wide_cw.npy"
    command = [sys.executable, "-m", "league", "race", str(circuit), "pure-pursuit", "--laps", "3"]
    first, second = (
        subprocess.run([*command, "--seed", "1", "--json", "-"], capture_output=True, check=True).stdout
        for _ in range(2)
    )
    assert first == second
    result = json.loads(first)
    (entry,) = result["entries"]
    assert (entry["status"], len(entry["laps"]), entry["off_tracks"]) == ("FIN", 3, 0)
    assert entry["total_s"] == pytest.approx(sum(lap["time_s"] for lap in entry["laps"]))
    assert result["circuit"]["length_m"] == pytest.approx(16.6, abs=0.01)


def test_the_result_has_the_form_that_the_contract_promises(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "result.json"
    ran = run_league(capsys, "race", *SHORT, "--json", file, "--seed", 3)
    assert ran.code == 0
    result = json.loads(file.read_text())
    assert {"circuit", "laps", "seed", "behavior", "clock", "entries", "state_hash"} <= set(result)
    assert set(result["circuit"]) == {"id", "length_m", "sha256"}
    assert result["seed"] == 3
    wanted = {"place", "name", "agent", "status", "total_s", "gap_s", "laps", "fastest_lap_s"}
    wanted |= {"fastest_lap_off_tracks", "off_tracks", "resets", "collisions", "progress_pct"}
    assert wanted <= set(result["entries"][0])
    assert set(result["entries"][0]["laps"][0]) >= {"time_s", "off_tracks", "resets", "collisions", "valid"}


def test_people_get_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys, "--no-color", "race", *SHORT)
    assert "pure-pursuit" in ran.out
    assert "FIN" in ran.out
    assert "\x1b" not in ran.out


def test_two_of_the_same_agent_get_names_of_their_own(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(
        capsys, "race", "a-to-z-speedway", "pure-pursuit", "pure-pursuit", "--laps", 1, "--json", "-"
    )
    assert {entry["name"] for entry in json.loads(ran.out)["entries"]} == {"pure-pursuit", "pure-pursuit 2"}


def test_a_recording_is_proved_replayed_and_exported(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, table = tmp_path / "final.heat", tmp_path / "positions.csv"
    assert run_league(capsys, "race", *SHORT, "--record", file).code == 0
    assert run_league(capsys, "verify", file).out.startswith("genuine")
    ran = run_league(capsys, "replay", file, "--csv", table, "--facts")
    assert ran.code == 0
    assert "finish" in ran.out
    rows = table.read_text().splitlines()
    assert rows[0].startswith("time_s,seat,name,x_m,y_m")
    assert len(rows) > 100


def test_boxes_and_bots_are_raced_shown_and_recorded(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    heat, result = tmp_path / "o.heat", tmp_path / "o.json"
    options = ("--boxes", 2, "--box", "50%,inner", "--bots", 2, "--bot-speed", 0.5, "--bot-lane-changes")
    ran = run_league(
        capsys,
        "--no-color",
        "race",
        *SHORT,
        *options,
        "--collision-penalty",
        3,
        "--json",
        result,
        "--record",
        heat,
    )
    assert ran.code == 0
    assert "3 boxes · 2 bots" in ran.out
    told = json.loads(result.read_text())
    assert (told["boxes"], told["bots"]) == (3, 2)
    recorded = replay(heat)
    assert (len(recorded.boxes), [bot.speed_mps for bot in recorded.bots]) == (3, [0.5, 0.5])
    assert recorded.plan.rules.collision_penalty_s == 3.0
    assert "genuine" in run_league(capsys, "verify", heat).out


def test_rules_may_come_from_a_file_and_options_go_first(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file, heat = tmp_path / "club.toml", tmp_path / "o.heat"
    file.write_text(
        '[rules]\nlaps = 9\nbox_places = ["50%,inner"]\nbots = 1\nbot_speed_mps = 0.4\nsectors = 2\n'
    )
    ran = run_league(capsys, "race", *SHORT, "--rules", file, "--bots", 2, "--record", heat)
    assert ran.code == 0
    rules = replay(heat).plan.rules
    assert (rules.laps, rules.bots, rules.bot_speed_mps, rules.sectors) == (1, 2, 0.4, 2)
    assert rules.box_places == ("50%,inner",)
    for content, said in (
        ("[rules]\nlaps = 0\n", "laps"),
        ("laps = 3\n", "expected a table [rules]"),
        ("[rules\n", "not TOML"),
        ("[rules]\nlap = 1\n", "lap"),
    ):
        file.write_text(content)
        ran = run_league(capsys, "race", "a-to-z-speedway", "pure-pursuit", "--rules", file)
        assert (ran.code, ran.out) == (2, "")
        assert said in ran.err
        assert str(file) in ran.err


def test_a_recording_whose_result_was_changed_is_not_genuine(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from dataclasses import replace

    recording = race("a-to-z-speedway", ["pure-pursuit"], laps=1).recordings[0]
    first = recording.result.entries[0].model_copy(update={"total_s": 5.0})
    file = tmp_path / "forged.heat"
    file.write_bytes(
        replace(recording, result=recording.result.model_copy(update={"entries": (first,)})).to_bytes()
    )
    ran = run_league(capsys, "verify", file, "--json", "-")
    assert ran.code == 1
    assert json.loads(ran.out)["genuine"] is False


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("race", "monza", "pure-pursuit"), "no circuit is called 'monza'"),
        (("race", "a-to-z-spedway", "pure-pursuit"), "did you mean 'a-to-z-speedway'"),
        (("race", "gone.npy", "pure-pursuit"), "gone.npy: no such file"),
        (("race", "a-to-z-speedway", "pure-persuit"), "did you mean 'pure-pursuit'"),
        (("race", "a-to-z-speedway"), "AGENT"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--laps", "0"), "laps"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--laps", "many"), "'many' is not a valid integer"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--hz", "61"), "control_hz"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--seed", "-1"), "seed is -1"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--car", "tank"), "no car is called 'tank'"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--format", "rally"), "no format is called 'rally'"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--sensor", "sonar"), "no sensor is called 'sonar'"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--off-track-penalty", "nan"), "off_track_penalty_s"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--boxes", "8"), "boxes"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--boxes", "6", "--bots", "1"), "find no place"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--box", "here"), "expected METRES,SIDE"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--box", "0.2,left"), "stands on the grid"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--bots", "-1"), "bots"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--bots", "1", "--bot-speed", "0"), "bot_speed_mps"),
        (("race", "a-to-z-speedway", *["pure-pursuit"] * 9), "9 agents given, expected 1 to 8"),
        (("race", "a-to-z-speedway", "gone.onnx"), "gone.onnx: no such file"),
        (("race", "a-to-z-speedway", "no_module:Mine"), "cannot import 'no_module'"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--json", "/no/such/folder/x"), "cannot be written"),
        (("replay", "gone.heat"), "gone.heat: cannot be read"),
        (("verify", "pyproject.toml"), "pyproject.toml: not a recording"),
        (("dance",), "No such command 'dance'"),
        (("race", "a-to-z-speedway", "pure-pursuit", "--fast"), "No such option"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(__file__).parents[2])
    ran = run_league(capsys, *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert ran.err.startswith("league: ")
    assert ran.err.count("\n") == 1
    assert "Traceback" not in ran.err


def test_an_agent_that_raises_ends_the_race_with_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "bad_driver.py").write_text(
        "from league import Agent\nclass Bad(Agent):\n    def act(self, seen):\n        return 1 / 0\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    ran = run_league(capsys, "race", "a-to-z-speedway", "bad_driver:Bad")
    assert (ran.code, ran.err) == (
        1,
        "league: agent 'Bad' raised ZeroDivisionError: division by zero (bad_driver.py:4)\n",
    )


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("(0.1, 1.0)", "act returned tuple, expected a Command"),
        ("None", "act returned NoneType, expected a Command"),
        ("Command('left', 1.0)", "act returned Command('left', 1.0), expected two plain numbers"),
    ],
)
def test_an_answer_that_is_no_command_ends_the_race_with_one_line(
    answer: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "odd_driver.py").write_text(
        "from league import Agent, Command\n"
        f"class Odd(Agent):\n    def act(self, seen):\n        return {answer}\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "odd_driver", raising=False)
    ran = run_league(capsys, "race", "a-to-z-speedway", "odd_driver:Odd")
    monkeypatch.delitem(sys.modules, "odd_driver", raising=False)
    assert (ran.code, ran.err) == (1, f"league: agent 'Odd': {said}\n")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("lonely.py", "expected lonely:CLASS, in the file's folder"),
        ("lonely.py:Mine", "expected lonely:Mine, in the file's folder"),
        ("./lonely.py", "expected lonely:CLASS, in the file's folder"),
        ("lonely:Mine", "cannot import 'lonely': it needs 'no_such_package', not installed"),
        ("nobody:Mine", "cannot import 'nobody': there is no nobody.py in this folder, and no such package"),
    ],
)
def test_a_class_that_cannot_be_had_is_told_what_to_write(
    given: str,
    said: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    (tmp_path / "lonely.py").write_text("import no_such_package\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    ran = run_league(capsys, "race", "a-to-z-speedway", given)
    assert ran.code == 2
    assert said in ran.err


def test_the_folder_of_a_run_is_told_where_its_model_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.onnx").touch()
    ran = run_league(capsys, "race", "a-to-z-speedway", tmp_path)
    assert ran.code == 2
    assert ran.err.endswith(f"expected a model.onnx; there is one in {tmp_path / 'model'}\n")


def test_a_notebook_gets_the_same_error() -> None:
    from league import Agent, Command, Observation

    class Bad(Agent):
        def act(self, seen: Observation) -> Command:
            raise ValueError("no grip")

    with pytest.raises(RaceError, match="no grip"):
        race("a-to-z-speedway", [Bad()])


def test_plugins_are_listed_with_what_they_offer(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys, "plugins", "--json", "-")
    listed = json.loads(ran.out)
    assert "pure-pursuit" in listed["offers"]["agents"]
    assert all(plugin["status"] == "loaded" for plugin in listed["plugins"])
    assert "a-to-z-speedway" in run_league(capsys, "plugins").out


def test_help_shows_every_command_and_examples(capsys: pytest.CaptureFixture[str]) -> None:
    from league.cli import COMMANDS

    overview = run_league(capsys, "--help").out
    for name in COMMANDS:
        assert name in overview
        shown = run_league(capsys, name, "--help")
        assert shown.code == 0
        assert "Usage: league" in shown.out
