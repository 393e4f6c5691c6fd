"""The command line's front door: what `league` alone says, misspelt commands, outputs nobody could write."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from terminal import run_league

from league.cli import COMMANDS, show


def test_league_alone_shows_every_command_and_what_to_begin_with(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys)
    assert ran.code == 0
    assert ran.err == ""
    assert [name for name in COMMANDS if f"\n  {name} " not in ran.out] == []
    assert "Begin with:\n    league demo --headless" in ran.out


def test_a_group_without_a_command_shows_its_help_as_it_is_and_is_bad_input(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = run_league(capsys, "tracks")
    assert ran.code == 2
    assert ran.out == ""
    assert ran.err.startswith("Usage: league tracks")
    assert "\n  check    Check that" in ran.err


@pytest.mark.parametrize(("given", "meant"), [("leader", "leaderboard"), ("evalute", "evaluate")])
def test_a_misspelt_command_is_told_the_right_one(
    given: str, meant: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ran = run_league(capsys, given)
    assert ran.code == 2
    assert ran.err == (f"league: No such command {given!r}; did you mean {meant!r}? (see league --help)\n")


def test_lists_of_commands_do_not_break_off_in_mid_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    for group in ("people", "token", "event", "season", "steward", "timing"):
        shown = run_league(capsys, group, "--help").out
        listed = shown.partition("Commands:\n")[2].partition("\n\n")[0]
        assert "..." not in listed


@pytest.mark.parametrize("option", ["--json", "--record", "--video"])
def test_an_output_that_nobody_could_write_is_told_before_the_race(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "none" / "file.mp4"
    ran = run_league(capsys, "race", "a-to-z-speedway", "pure-pursuit", "--laps", 100, option, missing)
    assert ran.code == 2
    assert ran.err == (
        f"league: {missing}: cannot be written: there is no folder {str(tmp_path / 'none')!r}\n"
    )
    ran = run_league(capsys, "race", "a-to-z-speedway", "pure-pursuit", "--laps", 100, option, tmp_path)
    assert ran.err == f"league: {tmp_path}: is a folder, expected a file to write\n"


def test_a_command_that_talks_to_a_server_needs_no_server_to_be_loaded() -> None:
    code = "import sys, league.cli.leaderboard, league.cli.enter; print('sqlalchemy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_terminal_without_utf8_is_no_reason_to_fail(encoding: str, tmp_path: Path) -> None:
    name = "Läufer – ☂"
    code = (
        "from league.cli import main, show; show.forgive();"
        f"show.console().print({name!r}); show.write_json('-', {{'name': {name!r}}});"
        "main(['tracks', 'show', 'Läufer ☂'])"
    )
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert ran.returncode == 2
    shown, _, written = ran.stdout.decode(encoding).partition("\n")
    assert shown.startswith("L")
    assert json.loads(written) == {"name": name}
    assert b"Traceback" not in ran.stderr
    assert ran.stderr.decode(encoding).startswith("league: no circuit is called 'L")


@pytest.mark.parametrize("command", ["backup", "export"])
def test_a_copy_that_nobody_could_write_is_bad_input(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "none" / "copy"
    ran = run_league(capsys, command, target)
    assert ran.code == 2
    assert ran.err == f"league: {target}: cannot be written: there is no folder {str(target.parent)!r}\n"


def test_a_box_that_is_no_place_is_told_in_our_own_words(capsys: pytest.CaptureFixture[str]) -> None:
    ran = run_league(capsys, "race", "clover", "tutorial", "--box", "3")
    assert ran.code == 2
    assert ran.err.startswith("league: options: box_places: box '3': expected METRES,SIDE or PERCENT%,SIDE")


def test_a_file_of_rules_that_is_not_there_is_told_in_one_plain_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ran = run_league(capsys, "race", "clover", "tutorial", "--rules", "none.toml")
    assert ran.err == "league: none.toml: cannot be read: No such file or directory\n"


def test_a_narrow_terminal_loses_no_figure() -> None:
    from rich.console import Console

    out = io.StringIO()
    Console(file=out, width=24).print(
        show.table("", ["entry", ">total", ">gap"], [("Longname", "123.456", "7.890")])
    )
    assert "…" not in out.getvalue()
