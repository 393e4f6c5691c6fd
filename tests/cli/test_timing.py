"""`league timing` and events of real cars, from the command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import cv2
import pytest
from overhead import TAG_M, Overhead
from terminal import Run

SURVEY = """tag_m = 0.1
tag = [
  { number = 10, x_m = -0.8, y_m = 0.5 },
  { number = 11, x_m = 0.8, y_m = 0.5, turn_deg = 90 },
  { number = 12, x_m = -0.8, y_m = -0.5 },
  { number = 13, x_m = 0.8, y_m = -0.5 },
]
"""


def test_an_event_of_real_cars_has_drems_rules(run: Run) -> None:
    made = run(
        "event", "create", "Real", "--circuit", "clubhouse-loop", "--physical", "--runs", 2,
        "--resets-per-lap", 4, "--sensor", "lidar",
    )  # fmt: skip
    assert made.code == 0, made.err
    said = " ".join(made.out.split())
    assert "league event invite real NAME --physical" in said
    assert "league bridge CAR --event real --token TOKEN" in said
    assert "league enter" not in said
    invited = run("event", "invite", "real", "Anna", "--physical")
    assert (invited.code, "clock" in invited.out) == (0, False)
    shown = run("event", "show", "real", "--json", "-")
    event = json.loads(shown.out)
    rules = event["rules"]
    assert event["format"] == "physical-time-trial"
    assert (rules["runs"], rules["max_resets_per_lap"], rules["rank"]) == (2, 4, "best_lap")
    assert (rules["time_limit_s"], rules["min_lap_s"], rules["lap_clock"]) == (120, 3, "line")
    assert rules["clock"] == "realtime"
    assert rules["sensors"] == ["state", "pose", "lidar"]
    assert [entry["kind"] for entry in event["entries"]] == ["physical"]


def test_a_real_car_in_an_event_in_lockstep_is_worth_a_line(run: Run) -> None:
    line = "clock lockstep: only for runs without a real car; those with one go by the clock on the wall"
    made = run("event", "create", "Mixed", "--circuit", "clubhouse-loop", "--physical", "--clock", "lockstep")
    assert made.out.splitlines()[-1] == line, made.err
    assert run("event", "create", "Simulated", "--circuit", "clubhouse-loop").code == 0
    assert line not in run("event", "invite", "simulated", "Ada").out
    assert run("event", "invite", "simulated", "Anna", "--physical").out.splitlines()[-1] == line


def test_options_that_drem_has_not_are_refused(run: Run) -> None:
    ran = run("event", "create", "Long", "--circuit", "clubhouse-loop", "--physical", "--time-limit", 900)
    assert (ran.code, ran.err) == (2, "league: a run of 15 minutes: expected 1 to 10\n")


def test_a_timekeepers_token_comes_with_the_address_of_the_page(run: Run, server: str) -> None:
    run("event", "create", "Paged", "--circuit", "clubhouse-loop", "--physical")
    ran = run("timing", "token", "paged", "--role", "timekeeper", "--name", "Ann")
    assert ran.code == 0, ran.err
    token = re.search(r"token: ([0-9a-f]{64})\n", ran.out)
    assert token is not None
    assert f"page: {server}/events/paged/timekeeper#{token[1]}\n" in ran.out


def test_enter_is_a_crossing(run: Run, server: str) -> None:
    run("event", "create", "Pressed", "--circuit", "clubhouse-loop", "--physical")
    token = run("timing", "token", "pressed", "--name", "keyboard").out.split()[1]
    command = [sys.executable, "-m", "league", "timing", "press", "--server", server, "--token", token]
    done = subprocess.run(command, input="\n\n", capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("not counted: no run is under way") == 2


@pytest.mark.parametrize(
    "command",
    [
        ("press",),
        ("odometry", "udp:127.0.0.1", "--circuit", "clubhouse-loop"),
    ],
)
def test_a_slip_in_a_cars_name_is_found_at_once(run: Run, command: tuple[str, ...]) -> None:
    run("event", "create", "Named", "--circuit", "clubhouse-loop", "--physical")
    run("event", "invite", "named", "Anna's car", "--physical")
    token = run("timing", "token", "named", "--name", "clock").out.split()[1]
    ran = run("timing", *command, "--car", "Ana's car", "--token", token)
    assert ran.code == 2
    assert 'no entry of this event is called "Ana\'s car"; did you mean "Anna\'s car"?' in ran.err


def test_a_wrong_token_is_one_line(run: Run, server: str) -> None:
    run("event", "create", "Shut", "--circuit", "clubhouse-loop", "--physical")
    ran = run("timing", "press", "--event", "shut", "--token", "0" * 64)
    assert ran.code == 1
    assert "the token is not good" in ran.err
    assert run("timing", "press", "--event", "shut").err.startswith("league: expected --token")


def test_tags_are_drawn_and_a_camera_is_calibrated_with_them(run: Run, tmp_path: Path) -> None:
    drawn = run("timing", "tags", "3,10-12", "--out", tmp_path / "tags", "--board")
    assert drawn.code == 0, drawn.err
    assert sorted(path.name for path in (tmp_path / "tags").iterdir()) == [
        "board.png", "tag-003.png", "tag-010.png", "tag-011.png", "tag-012.png",
    ]  # fmt: skip
    camera = Overhead((0.0, -1.0, 2.5), (0.0, 0.0), focal_px=914.0, distortion=(0.0,) * 5)
    ground = [(10, -0.8, 0.5, 0.0), (11, 0.8, 0.5, 1.5708), (12, -0.8, -0.5, 0.0), (13, 0.8, -0.5, 0.0)]
    picture = camera.draw([(tag, x, y, 0.0, yaw) for tag, x, y, yaw in ground])
    cv2.imwrite(str(tmp_path / "above.png"), picture)
    (tmp_path / "survey.toml").write_text(SURVEY)
    ran = run(
        "timing", "calibrate", tmp_path / "above.png", "--ground", tmp_path / "survey.toml",
        "--fov", 70, "--out", tmp_path / "camera.json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    found = re.search(r"camera at (-?[\d.]+), (-?[\d.]+), ([\d.]+) m", ran.out)
    assert found is not None
    assert [float(value) for value in found.groups()] == pytest.approx([0.0, -1.0, 2.5], abs=0.1)
    assert TAG_M == 0.1


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("number = 13", "number = 10"), "names a tag twice"),
        (("tag_m = 0.1", "tag_m = -1"), "tag_m"),
        (("tag_m = 0.1", "tag_m ="), "not TOML"),
        ((SURVEY[SURVEY.index("  { number = 12") :], "]"), "found 2 [[tag]], expected at least 4"),
    ],
)
def test_a_survey_that_cannot_be_is_refused(
    run: Run, tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    (tmp_path / "survey.toml").write_text(SURVEY.replace(*change))
    (tmp_path / "above.png").write_bytes(b"")
    picture, survey = tmp_path / "above.png", tmp_path / "survey.toml"
    ran = run("timing", "calibrate", picture, "--ground", survey, "--fov", 70)
    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize("numbers", ["a", "3-", "600", ","])
def test_tags_that_there_are_not_are_refused(run: Run, tmp_path: Path, numbers: str) -> None:
    assert run("timing", "tags", numbers, "--out", tmp_path).code == 2
