"""`league demo`: a complete event out of the box."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest
from served import at_home, program
from terminal import run_league


@pytest.mark.slow
def test_the_headless_demo_runs_a_whole_event_and_prints_the_standings(tmp_path: Path) -> None:
    file = tmp_path / "result.json"
    with program("demo", "--headless", "--seed", 3, "--json", file, env=at_home(tmp_path)) as demo:
        assert demo.wait() == 0, demo.lines
    board = json.loads(file.read_text())
    assert (board["status"], board["format"], board["laps"]) == ("finished", "qualifying-final", 3)
    assert board["circuit"]["id"].startswith("a-to-z-speedway")
    assert board["heats"] == 6
    assert len(board["entries"]) == 5
    printed = "\n".join(demo.lines)
    for entry in board["entries"]:
        assert entry["status"] == "FIN", entry
        assert len(entry["laps"]) == 3
        assert f"{entry['total_s']:.3f}" in printed
    assert not [*tmp_path.glob("**/*.sqlite")], "the demo leaves nothing behind"


@pytest.mark.slow
def test_the_demo_that_is_watched_serves_its_live_page_until_it_is_stopped(tmp_path: Path) -> None:
    with program("demo", env=at_home(tmp_path)) as demo:
        url = demo.wait_for(r"live page: (http://\S+/live/demo)")[1]
        assert url.startswith("http://127.0.0.1:")
        demo.wait_for("qualifying-")
        assert demo.stop(signal.SIGINT) == 0
        assert "Traceback" not in "\n".join(demo.lines)


def test_a_demo_of_a_negative_seed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_league(capsys, "demo", "--headless", "--seed", -1).code == 2
