"""What `league race --video` and `league replay` write of a heat."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from mcap.reader import make_reader
from terminal import run_league

from league.export.mcap import mcap
from league.learn.results.simtrace import COLUMNS
from league.quick import replay

RACE = ("race", "clubhouse-loop", "pure-pursuit", "--laps", 1)


def test_one_replay_writes_every_form(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    heat = tmp_path / "a.heat"
    assert run_league(capsys, *RACE, "--record", heat).code == 0
    files = {form: tmp_path / f"a.{form}" for form in ("mcap", "csv", "gif", "txt")}
    ran = run_league(
        capsys, "replay", heat, "--mcap", files["mcap"], "--csv", files["csv"], "--video", files["gif"],
        "--simtrace", files["txt"], "--speed", 20,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert "pure-pursuit" in ran.out
    recording = replay(heat)
    assert files["mcap"].read_bytes() == mcap(recording)
    with files["mcap"].open("rb") as file:
        assert make_reader(file).get_summary() is not None
    with files["csv"].open(newline="") as file:
        assert sum(1 for _ in csv.DictReader(file)) == len(recording.frames)
    with files["txt"].open(newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    assert files["gif"].read_bytes().startswith(b"GIF89a")


def test_any_recorder_can_be_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    heat, table = tmp_path / "a.heat", tmp_path / "table"
    assert run_league(capsys, *RACE, "--record", heat).code == 0
    ran = run_league(capsys, "replay", heat, "--as", "simtrace?seat=0", table)
    assert ran.code == 0, ran.err
    with table.open(newline="") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS


def test_a_race_is_filmed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    film = tmp_path / "race.gif"
    assert run_league(capsys, *RACE, "--video", film).code == 0
    assert film.read_bytes().startswith(b"GIF89a")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("--video", "race.avi"), "expected .mp4 or .gif"),
        (("--video", "nowhere/race.gif"), "cannot be written"),
        (("--simtrace", "trace.csv", "--seat", 3), "seat is 3, expected 0 to 0"),
        (("--mcap", "nowhere/race.mcap"), "cannot be written"),
        (("--video", "race.mp4", "--as", "nothing", "race.txt"), "no recorder is called 'nothing'"),
        (("--as", "mcap?seat=1", "race.mcap"), "has no option 'seat'"),
    ],
)
def test_what_cannot_be_written_is_one_line(
    arguments: tuple[object, ...],
    reason: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_league(capsys, *RACE, "--record", "a.heat").code == 0
    ran = run_league(capsys, "replay", "a.heat", *arguments)
    assert ran.code == 2
    assert reason in ran.err
    assert len(ran.err.strip().splitlines()) == 1


def test_a_race_that_could_not_be_filmed_is_not_driven(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys, *RACE, "--video", "race.avi")
    assert (ran.code, ran.out) == (2, "")
