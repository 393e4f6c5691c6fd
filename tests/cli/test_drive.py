"""`league drive`: programs that drive from elsewhere, are killed, and come back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from served import Program, at_home, program, serving

from league.cli.resuming import Sessions
from league.wire.messages import Resume


def league(home: Path, *arguments: object) -> str:
    """What a command prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "league", *map(str, arguments)],
        env=at_home(home), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return ran.stdout


def driving(home: Path, url: str, name: str) -> AbstractContextManager[Program]:
    """`league drive` of a house driver."""
    return program("drive", "tutorial", "--event", "cup", "--as", name, "--server", url, env=at_home(home))


@pytest.mark.slow
@pytest.mark.parametrize("returns", [True, False])
def test_a_killed_driver_is_lost_or_comes_back_and_the_other_finishes(tmp_path: Path, returns: bool) -> None:
    settings = tmp_path / "league.toml"
    # Programs take their time to start on a busy machine.
    settings.write_text(f"[server]\nresume_s = {60 if returns else 5}\nready_s = 60\nbank_s = 60\n")
    with serving(tmp_path, "--config", settings) as (url, _):
        league(
            tmp_path, "event", "create", "Cup", "--circuit", "clubhouse-loop", "--format", "head-to-head",
            "--laps", 2, "--autostart", 2, "--pace", 6, "--server", url,
        )  # fmt: skip
        with driving(tmp_path, url, "Ada") as ada, driving(tmp_path, url, "Bob") as bob:
            ada.wait_for("go|green|started")
            bob.wait_for("lap 1")
            assert ada.stop(signal.SIGKILL) == -signal.SIGKILL
            if returns:
                with driving(tmp_path, url, "Ada") as again:
                    assert again.wait() == 0, again.lines
            assert bob.wait() == 0, bob.lines
        board = json.loads(league(tmp_path, "leaderboard", "cup", "--server", url, "--json", "-"))
    entries = {entry["name"]: entry for entry in board["entries"]}
    assert entries["Bob"]["status"] == "FIN"
    if returns:
        assert entries["Ada"]["status"] == "FIN"
    else:
        assert entries["Ada"]["status"] == "DNF-disconnect"
        assert "did not return within 5 s" in entries["Ada"]["reason"]


def test_a_session_is_kept_privately_until_it_is_over(tmp_path: Path) -> None:
    file = tmp_path / "state" / "sessions.json"
    sessions = Sessions(file)
    assert sessions.find("url", "cup", "Ada") is None
    sessions.keep(Resume("s", "t"), "url", "cup", "Ada")
    sessions.keep(Resume("s2", "t2"), "url", "cup", "Bob")
    assert Sessions(file).find("url", "cup", "Ada") == Resume("s", "t")
    assert file.stat().st_mode & 0o777 == 0o600
    sessions.forget("url", "cup", "Ada")
    assert Sessions(file).find("url", "cup", "Ada") is None
    assert Sessions(file).find("url", "cup", "Bob") == Resume("s2", "t2")


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', '{"url\\ncup\\nAda": ["only one"]}'])
def test_a_damaged_file_of_sessions_is_as_good_as_none(tmp_path: Path, content: str) -> None:
    file = tmp_path / "sessions.json"
    file.write_text(content)
    assert Sessions(file).find("url", "cup", "Ada") is None
    Sessions(file).keep(Resume("s", "t"), "url", "cup", "Ada")
    assert Sessions(file).find("url", "cup", "Ada") == Resume("s", "t")


def test_a_session_in_which_a_program_still_drives_is_left_to_it(tmp_path: Path) -> None:
    file = tmp_path / "sessions.json"
    Sessions(file).keep(Resume("s", "t"), "url", "cup", "Ada")
    other = subprocess.Popen(["sleep", "60"])
    try:
        content = file.read_text().replace(f'"{os.getpid()}"', f'"{other.pid}"')
        file.write_text(content)
        assert Sessions(file).find("url", "cup", "Ada") is None
    finally:
        other.kill()
        other.wait()
    assert Sessions(file).find("url", "cup", "Ada") == Resume("s", "t")


def test_only_so_many_sessions_are_kept(tmp_path: Path) -> None:
    sessions = Sessions(tmp_path / "sessions.json")
    for number in range(60):
        sessions.keep(Resume("s", "t"), "url", "cup", str(number))
    assert sessions.find("url", "cup", "0") is None
    assert sessions.find("url", "cup", "59") is not None
