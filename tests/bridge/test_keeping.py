"""What is kept beside a car: it outlives the program, and one bridge at a time holds it."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from league import CarError
from league.bridge.keeping import Logbook, calibration_of


def test_an_emergency_stop_and_sign_tests_outlive_the_program(tmp_path: Path) -> None:
    with Logbook("udp:car", tmp_path) as book:
        assert book.estop == ""
        assert not book.signs_tested("a")
        book.keep_estop("somebody shouted")
        book.keep_signs("a")
    with Logbook("udp:car?cap=1", tmp_path) as book:
        assert book.estop == "somebody shouted"
        assert book.signs_tested("a")
        assert not book.signs_tested("b")
        book.keep_estop("")
    with Logbook("udp:car", tmp_path) as book:
        assert book.estop == ""


def test_one_bridge_at_a_time_holds_a_car(tmp_path: Path) -> None:
    with Logbook("udp:car", tmp_path):
        with (
            pytest.raises(CarError, match="another bridge on this computer drives udp:car already"),
            Logbook("udp:car?cap=1", tmp_path),
        ):
            pass
        with Logbook("udp:other", tmp_path):
            pass
    with Logbook("udp:car", tmp_path):
        pass


@pytest.mark.parametrize("spelt", ["127.0.0.1", "localhost", "127.0.0.2"])
def test_another_spelling_or_another_users_folder_is_the_same_car(tmp_path: Path, spelt: str) -> None:
    port = 40_000 + os.getpid() % 20_000  # tests beside this one claim cars of their own
    with Logbook("udp:localhost", tmp_path / "a", place=("localhost", port)):
        with (
            pytest.raises(CarError, match=f"drives the car at {spelt}:{port} already"),
            Logbook(f"udp:{spelt}", tmp_path / "b", place=(spelt, port)),
        ):
            pass
        with Logbook("udp:192.0.2.7", tmp_path / "b", place=("192.0.2.7", port)):
            pass
    with Logbook(f"udp:{spelt}", tmp_path / "b", place=(spelt, port)):
        pass


def test_a_host_that_nobody_knows_is_still_one_car(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    place = (f"Nowhere-{os.getpid()}.invalid", 1)
    with (
        Logbook("udp:a", tmp_path, place=place),
        pytest.raises(CarError, match="already"),
        Logbook("udp:b", tmp_path, place=(place[0].lower(), 1)),
    ):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"signs": 3}', "\x00"])
def test_a_damaged_file_is_an_emergency_stop(tmp_path: Path, text: str) -> None:
    book = Logbook("udp:car", tmp_path)
    book.path.write_text(text)
    with book:
        assert "could not be read" in book.estop
        assert not book.signs_tested("a")
        book.keep_estop("")
    with Logbook("udp:car", tmp_path) as again:
        assert again.estop == ""


def test_the_address_with_its_options_and_the_cars_own_calibration_decide() -> None:
    one = calibration_of("udp:car?steer_sign=1", "7")
    assert one == calibration_of("udp:car?steer_sign=1", "7")
    assert (
        len({one, calibration_of("udp:car?steer_sign=-1", "7"), calibration_of("udp:car?steer_sign=1", "8")})
        == 3
    )
