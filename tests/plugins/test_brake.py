"""The brake that runs beside a car's programs: it puts the motor to neutral when they are gone or frozen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from league.testing.programs import Program
from league_plugins.on_car import brake

NEUTRAL = """from pathlib import Path
def brake():
    with Path("braked").open("a") as log:
        log.write("x")
"""


@pytest.fixture
def car(tmp_path: Path) -> Path:
    """A folder like a car's, with an owner's brake; what it wrote stands in `braked`."""
    (tmp_path / "neutral.py").write_text(NEUTRAL)
    return tmp_path


def drives(car: Path) -> subprocess.Popen[bytes]:
    """A program of the car's, whose command line nobody else's has."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)", f"{car}/manage.py drive"])


@pytest.fixture
def program(car: Path) -> Iterator[subprocess.Popen[bytes]]:
    started = drives(car)
    yield started
    started.kill()
    started.wait(5)


@pytest.fixture
def braking(car: Path, program: subprocess.Popen[bytes]) -> Iterator[Program]:
    started = Program("", sys.executable, brake.__file__, "neutral:brake", f"{car}/manage.py drive", cwd=car)
    started.wait_for(f"watching process {program.pid}")
    yield started
    started.end()


def times(car: Path, at_least: int) -> int:
    """How often it has braked, once it did so often."""
    until_s = time.monotonic() + 30.0
    while (done := len((car / "braked").read_text())) < at_least:
        assert time.monotonic() < until_s
        time.sleep(0.01)
    return done


def test_a_killed_program_is_braked_and_one_that_runs_is_not(
    car: Path, program: subprocess.Popen[bytes], braking: Program
) -> None:
    assert times(car, 1) == 1, "it was tried once, at the start"
    program.kill()
    braking.wait_for(f"process {program.pid} is gone: motor to neutral")
    assert times(car, 1 + brake.AGAIN) == 1 + brake.AGAIN


def test_a_program_that_was_started_again_is_watched_as_well(
    car: Path, program: subprocess.Popen[bytes], braking: Program
) -> None:
    program.kill()
    program.wait(5)
    again = drives(car)
    try:
        braking.wait_for(f"watching process {again.pid}")
        again.terminate()
        braking.wait_for(f"process {again.pid} is gone: motor to neutral")
    finally:
        again.kill()
        again.wait(5)


def test_a_frozen_program_is_braked_until_it_goes_on(
    car: Path, program: subprocess.Popen[bytes], braking: Program
) -> None:
    program.send_signal(signal.SIGSTOP)
    braking.wait_for(f"process {program.pid} is frozen: motor to neutral")
    times(car, 10)
    program.send_signal(signal.SIGCONT)
    program.kill()
    braking.wait_for(f"process {program.pid} is gone")


def test_a_brake_that_fails_later_says_so_and_is_tried_again(
    car: Path, program: subprocess.Popen[bytes], braking: Program
) -> None:
    (car / "braked").unlink()
    (car / "braked").mkdir()
    program.kill()
    braking.wait_for(rf"process {program.pid} is gone, and the brake fails: IsADirectoryError.*neutral$")
    assert braking.process.poll() is None


def chip(folder: Path) -> Path:
    (folder / "pwm0").mkdir(parents=True)
    return folder


def brakes_deepracer(pwm: Path, calibration: Path) -> int:
    """What stands in the PWM file after a DeepRacer's brake was started."""
    words = ("deepracer", f"{pwm}/nothing", "--pwm", pwm, "--calibration", calibration)
    started = Program("", sys.executable, brake.__file__, *words)
    started.wait_for("watching for")
    started.end()
    return int((pwm / "pwm0" / "duty_cycle").read_text())


def test_a_deepracers_motor_gets_the_middle_of_its_calibration(tmp_path: Path) -> None:
    calibration = tmp_path / "calibration.json"
    calibration.write_text(json.dumps({"Calibration": {"Motor": {"mid": 1_460_000}, "Servo": {}}}))
    assert brakes_deepracer(chip(tmp_path / "a"), calibration) == 1_460_000
    assert brakes_deepracer(chip(tmp_path / "b"), tmp_path / "none.json") == brake.NEUTRAL_NS
    calibration.write_text("{")
    assert brakes_deepracer(chip(tmp_path / "c"), calibration) == brake.NEUTRAL_NS


def test_a_deepracers_controller_is_found_by_its_place_on_the_bus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brake, "PWM_FOLDER", tmp_path)
    assert brake._pwmchip() == tmp_path / "pwmchip0"
    for number, place in ((0, "0000:00:16.0"), (3, brake.PWM_DEVICE)):
        (tmp_path / "devices" / place / "pwm").mkdir(parents=True)
        (tmp_path / f"pwmchip{number}").symlink_to(tmp_path / "devices" / place / "pwm")
    assert brake._pwmchip() == tmp_path / "pwmchip3"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["neutral:brake"], "expected a piece of its command line"),
        (["nowhere:brake", "manage.py"], "found 'nowhere:brake', expected \"deepracer\" or MODULE:FUNCTION"),
        (["neutral:stop", "manage.py"], "found 'neutral:stop', expected"),
        (["deepracer", "--pwm", "nowhere"], "the brake fails: FileNotFoundError"),
    ],
)
def test_what_cannot_brake_is_said_in_one_line_at_the_start(car: Path, words: list[str], said: str) -> None:
    ended = subprocess.run([sys.executable, brake.__file__, *words], cwd=car, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("brake.py: ")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_brake_does_not_watch_another_brake_or_itself(car: Path, braking: Program) -> None:
    running = {pid: words for pid, _, words in brake._running()}
    assert os.getpid() in running
    assert braking.process.pid not in running
