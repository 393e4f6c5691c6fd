"""The DeepRacer driver against a console that its real client drives unchanged."""

from __future__ import annotations

import math
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from league import ConfigError, League
from league.testing.cars import CarConformance
from league.testing.deepracer_console import bent, stepped, throttle_of
from league.testing.lines import Wire, may_make_networks
from league.testing.programs import Program
from league.testing.rig import RealCar
from league_plugins._deepracer_console import DRIVE_MIN, console_throttle
from league_plugins.on_car import brake

PASSWORD = "correct horse"
RIVAL = """
import sys, time
from awsdeepracer_control import Client
client = Client(password=sys.argv[1], ip="127.0.0.1")
client.set_manual_mode()
while True:
    client.start_car()
    client.move(0.0, -0.7, 0.5)
    print("rival drives", flush=True)
    time.sleep(0.05)
"""
"""The console's own client, which starts the car again and again, whoever stops it."""


class ConsoleCar(RealCar):
    """A console, the file that holds its motor's pulse, whoever writes it, and the league's brake."""

    cap = 0.5

    def __init__(self, folder: Path) -> None:
        super().__init__()
        password = folder / "password"
        password.write_text(PASSWORD)
        self.ref = f"deepracer:127.0.0.1?password_file={password}"
        self._pwm = folder / "pwmchip0"
        self._duty = self._pwm / "pwm0" / "duty_cycle"
        self._program: Program | None = None
        self._brake: Program | None = None
        self._over = threading.Event()
        self._eye = threading.Thread(target=self._look, daemon=True)

    def start(self, space: str) -> None:
        self._space = space
        self._duty.parent.mkdir(parents=True)
        self._duty.write_text("0")
        self._open()
        words = ("deepracer", f"{PASSWORD} --pwm {self._pwm}", "--pwm", self._pwm)
        self._brake = Program("", sys.executable, brake.__file__, *words)
        self._brake.wait_for("watching process")
        self._eye.start()

    def _open(self, *options: str) -> None:
        module = "league.testing.deepracer_console"
        words = (443, PASSWORD, "--pwm", self._pwm, *options)
        self._program = Program(self._space, sys.executable, "-m", module, *words)
        self._program.wait_for("console at")

    def restart(self) -> None:
        assert self._program is not None
        self._program.end(signal.SIGKILL)
        self._open("--running")

    def stop(self) -> None:
        self._over.set()
        for program in (self._brake, self._program):
            if program is not None:
                program.end(signal.SIGKILL)

    def rival(self, space: str) -> Program:
        pytest.importorskip("awsdeepracer_control")
        return Program(space, sys.executable, "-W", "ignore", "-c", RIVAL, PASSWORD)

    def _look(self) -> None:
        """Read the motor's pulse 500 times a second; a file that is just being written is empty."""
        told = ""
        while not self._over.wait(0.002):
            if (ns := self._duty.read_text()) and ns != told:
                told = ns
                self.take(throttle_of(int(ns)))


class TestDeepRacerCar(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return ConsoleCar(folder)


# -- the maps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("max_speed", "motor"),
    [
        (1.0, (0.552, 0.80, 0.992)),
        (0.5, (0.208, 0.333, 0.501)),
        (0.1, (0.138, 0.225, 0.346)),
        (0.0, (0, 0, 0)),
    ],
)
def test_the_console_bends_throttles_as_it_was_measured(max_speed: float, motor: tuple[float, ...]) -> None:
    for step, expected in zip((0.3, 0.5, 0.8), motor, strict=True):
        assert bent(step, max_speed) == pytest.approx(expected, abs=6e-4)
        assert bent(-step, max_speed) == pytest.approx(-expected, abs=6e-4)


@pytest.mark.parametrize(("max_speed", "motor"), [(1.2, -2.0), (1.5, -1.4), (2.0, -0.4)])
def test_beyond_its_range_the_console_drives_backwards(max_speed: float, motor: float) -> None:
    assert bent(0.5, max_speed) == pytest.approx(motor, abs=1e-6)
    with pytest.raises(ZeroDivisionError):
        bent(0.5, 1.25)


@pytest.mark.parametrize(
    ("value", "step"),
    [
        (0, 0),
        (1e-9, 0.3),
        (0.3, 0.3),
        (0.4999, 0.3),
        (0.5, 0.5),
        (0.79, 0.5),
        (0.8, 0.8),
        (1, 0.8),
        (-0.2, -0.3),
    ],
)
def test_the_console_knows_four_steps(value: float, step: float) -> None:
    assert stepped(value) == step


@pytest.mark.parametrize("value", ["full", None, [1]])
def test_a_text_makes_the_console_fail(value: object) -> None:
    with pytest.raises(TypeError):
        stepped(value)


def test_every_drive_reaches_the_motor_as_it_is_and_max_speed_stays_within_its_range() -> None:
    for thousandth in range(-1000, 1001):
        drive = thousandth / 1000
        throttle, max_speed = console_throttle(drive)
        assert 0 <= max_speed <= 1
        reached = bent(stepped(throttle), max_speed)
        if abs(drive) < DRIVE_MIN:
            assert reached == 0
        else:
            assert reached == pytest.approx(math.copysign(min(abs(drive), 0.992), drive), abs=2e-3)


def test_it_says_what_is_missing_in_its_address(tmp_path: Path) -> None:
    league = League()
    with pytest.raises(ConfigError, match="expected the option password_file"):
        league.car_driver("deepracer:192.0.2.1")
    with pytest.raises(ConfigError, match="No such file"):
        league.car_driver(f"deepracer:192.0.2.1?password_file={tmp_path / 'none'}")
    (tmp_path / "password").write_text("secret")
    with pytest.raises(ConfigError, match=r"steer_sign: found '2', expected one of -1, 1"):
        league.car_driver(f"deepracer:192.0.2.1?password_file={tmp_path / 'password'}&steer_sign=2")


# -- the console is a console ------------------------------------------------------------------------

CLIENT = """
import sys
from awsdeepracer_control import Client
client = Client(password=sys.argv[1], ip="127.0.0.1")
client.set_manual_mode()
client.start_car()
client.move(-0.9, -0.7, 0.5)
client.move(0.0, -0.2, 1.0)
client.stop_car()
client.move(0.0, -0.7, 1.0)
print("battery", client.get_battery_status(), "calibration", client.get_calibration_angle()["mid"])
print("models", client.get_models())
stream = client.get_raw_video_stream()
print("video", stream.status_code, next(stream.iter_content(64))[:4])
"""


@pytest.fixture
def wire() -> Iterator[Wire]:
    if reason := may_make_networks():
        pytest.skip(reason)
    with Wire() as made:
        yield made


@pytest.mark.slow
def test_the_real_client_drives_the_console_unchanged(wire: Wire, tmp_path: Path) -> None:
    pytest.importorskip("awsdeepracer_control")
    car = ConsoleCar(tmp_path)
    car.start(wire.car)
    try:
        client = Program(wire.car, sys.executable, "-W", "ignore", "-c", CLIENT, PASSWORD)
        client.wait_for(r"battery Battery level: 8 calibration -5\.0")
        client.wait_for(r"models \[\]")
        client.wait_for(r"video 200 b'--bo")
        assert client.process.wait(10) == 0, client.lines
        client.end()
        assert car._program is not None
        servo = [line for line in car._program.lines if line.startswith("servo")]
        # Left stick and forward in the client's signs; what comes after the stop reaches nothing.
        assert servo == [
            "servo 0.0000 0.0000", "servo 0.0000 0.0000", "servo 0.8000 0.3333", "servo 0.0000 0.5520",
            "servo 0.0000 0.0000",
        ]  # fmt: skip
    finally:
        car.stop()


@pytest.mark.slow
def test_a_wrong_password_is_refused(wire: Wire, tmp_path: Path) -> None:
    pytest.importorskip("awsdeepracer_control")
    car = ConsoleCar(tmp_path)
    car.start(wire.car)
    try:
        client = Program(wire.car, sys.executable, "-W", "ignore", "-c", CLIENT, "wrong")
        client.wait_for("Log in failed")
        client.end()
    finally:
        car.stop()
