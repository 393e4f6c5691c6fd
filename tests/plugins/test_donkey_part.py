"""The part for a Donkeycar's program: it drives while it is told to, and stands otherwise."""

from __future__ import annotations

import io
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from league_plugins.on_car import donkey_part
from league_plugins.on_car.donkey_part import LeaguePart

STANDING = (0.0, 0.0, "user")


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(donkey_part, "time", made)
    return made


@pytest.fixture
def part() -> Iterator[LeaguePart]:
    made = LeaguePart(port=0)
    yield made
    made._server.server_close()


def ask(part: LeaguePart, who: object, **words: Any) -> dict[str, Any]:
    return part.answer(who, json.dumps(words).encode() + b"\n")[0]


def test_it_drives_for_the_one_that_armed_it(part: LeaguePart, clock: Clock) -> None:
    assert ask(part, "bridge", arm=True)["armed"] is True
    assert part.run_threaded() == STANDING
    assert ask(part, "bridge", seq=1, angle=-0.5, throttle=0.25)["armed"] is True
    assert part.run_threaded() == (-0.5, 0.25, "user")


def test_silence_stops_it_and_later_commands_do_not_move_it(part: LeaguePart, clock: Clock) -> None:
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
    clock.now_s += part.hold_s - 0.001
    assert part.run_threaded()[1] == 0.5
    clock.now_s += 0.002
    assert part.run_threaded() == STANDING
    assert "not armed" in ask(part, "bridge", seq=2, angle=0.0, throttle=0.5)["error"]
    assert part.run_threaded() == STANDING
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=3, angle=0.0, throttle=0.5)
    assert part.run_threaded()[1] == 0.5


def test_a_command_that_comes_too_late_is_noticed_before_the_loop_turns(
    part: LeaguePart, clock: Clock
) -> None:
    ask(part, "bridge", arm=True)
    clock.now_s += part.hold_s + 0.001
    assert "error" in ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
    assert part.run_threaded() == STANDING


def test_a_connection_that_ends_takes_its_permission_with_it(part: LeaguePart, clock: Clock) -> None:
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
    part.leave("another", "gone")
    assert part.run_threaded()[1] == 0.5
    part.leave("bridge", "gone")
    assert part.run_threaded() == STANDING


def test_only_one_may_drive_and_anybody_may_stop(part: LeaguePart, clock: Clock) -> None:
    ask(part, "bridge", arm=True)
    assert "another connection" in ask(part, "thief", arm=True)["error"]
    assert "not armed" in ask(part, "thief", seq=9, angle=0.0, throttle=1.0)["error"]
    ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
    assert ask(part, "guardian", stop="frozen")["stopped"] is False, "no loop turned meanwhile"
    assert part.run_threaded() == STANDING
    assert "stopped: frozen" in ask(part, "bridge", seq=2, angle=0.0, throttle=0.5)["error"]


def test_zeros_are_welcome_before_arming_and_move_nothing(part: LeaguePart, clock: Clock) -> None:
    assert ask(part, "bridge", seq=1, angle=0.5, throttle=0.0) == {"seq": 1, "turn": 0, "armed": False}
    assert part.run_threaded() == STANDING


def test_an_old_command_changes_nothing(part: LeaguePart, clock: Clock) -> None:
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=5, angle=0.0, throttle=0.5)
    assert "error" in ask(part, "bridge", seq=5, angle=0.0, throttle=0.1)
    assert part.run_threaded()[1] == 0.5


BAD = st.one_of(
    st.none(), st.text(), st.booleans(), st.lists(st.floats()), st.just(float("nan")), st.just(float("inf")),
    st.floats(min_value=1.0, exclude_min=True), st.floats(max_value=-1.0, exclude_max=True),
)  # fmt: skip


@given(bad=BAD, field=st.sampled_from(["angle", "throttle", "seq"]))
def test_a_bad_command_takes_the_permission_away(bad: object, field: str) -> None:
    part = LeaguePart(port=0)
    try:
        ask(part, "bridge", arm=True)
        ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
        command = {"seq": 2, "angle": 0.0, "throttle": 0.5} | {field: bad}
        assert "error" in ask(part, "bridge", **command)
        assert part.run_threaded() == STANDING
        assert "error" in ask(part, "bridge", seq=3, angle=0.0, throttle=0.5)
    finally:
        part._server.server_close()


@given(line=st.binary(max_size=200))
def test_whatever_is_said_it_answers_and_nobody_moves_unarmed(line: bytes) -> None:
    part = LeaguePart(port=0)
    try:
        answer, _ = part.answer("anybody", line)
        assert isinstance(answer, dict)
        assert part.run_threaded()[1] == 0.0
    finally:
        part._server.server_close()


def test_the_cap_of_the_car_holds_whatever_the_bridge_says(clock: Clock) -> None:
    part = LeaguePart(port=0, throttle_cap=0.2)
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=1, angle=0.0, throttle=0.9)
    assert part.run_threaded()[1] == 0.2
    ask(part, "bridge", seq=2, angle=0.0, throttle=-0.9)
    assert part.run_threaded()[1] == -0.2
    part._server.server_close()


@pytest.mark.parametrize("options", [{"hold_s": 0.05}, {"hold_s": 0.6}, {"throttle_cap": 1.5}])
def test_limits_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="expected"):
        LeaguePart(port=0, **options)


def test_over_a_socket_a_lost_bridge_stops_the_car_at_once() -> None:
    part = LeaguePart(port=0, hold_s=0.5)
    thread = threading.Thread(target=part.update)
    thread.start()
    try:
        port = part._server.server_address[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link, link.makefile("rwb") as talk:

            def say(line: bytes) -> dict[str, Any]:
                talk.write(line + b"\n")
                talk.flush()
                return json.loads(talk.readline())

            assert say(b'{"hello": 1}')["hold_s"] == 0.5
            say(b'{"arm": true}')
            picture = np.zeros((120, 160, 3), np.uint8)
            picture[:, :, 0] = 200
            say(b'{"seq": 1, "angle": 0, "throttle": 0.5}')
            assert part.run_threaded(picture)[1] == 0.5
            size = say(b'{"frame": 1}')["frame"]
            seen = np.asarray(Image.open(io.BytesIO(talk.read(size))))
            assert seen.shape == (120, 160, 3)
            assert abs(int(seen[60, 80, 0]) - 200) < 6
        # The handler notices the end in its own thread, long before the last pulse has grown too old.
        until_s = time.monotonic() + 30
        while part.run_threaded()[1] != 0.0:
            assert time.monotonic() < until_s
        assert "no command for" not in part.answer(object(), b'{"hello": 1}')[0]["why"]
    finally:
        part.shutdown()
        thread.join(5)


def test_a_line_without_end_is_cut_off() -> None:
    part = LeaguePart(port=0)
    thread = threading.Thread(target=part.update)
    thread.start()
    try:
        port = part._server.server_address[1]
        with socket.create_connection(("127.0.0.1", port), timeout=5) as link:
            link.sendall(b"x" * 2000)
            with pytest.raises((ConnectionResetError, AssertionError)):
                assert link.recv(100)
    finally:
        part.shutdown()
        thread.join(5)


BRAKE = """from pathlib import Path
def brake():
    with Path("braked").open("a") as log:
        log.write("x")
"""


@pytest.fixture
def braking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder like a car's, with a brake; gives the file that it writes."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "neutral.py").write_text(BRAKE)
    return tmp_path / "braked"


def test_a_drive_loop_that_hangs_is_braked_and_one_that_turns_is_not(braking: Path) -> None:
    part = LeaguePart(port=0, brake="neutral:brake")
    assert part._brake is not None
    try:
        assert not braking.exists(), "nothing has turned yet"
        part.run_threaded()
        while not braking.exists():
            assert part._brake.poll() is None
    finally:
        part._server.server_close()
        assert part._brake.stdin is not None
        part._brake.stdin.close()
        assert part._brake.wait(5) == 0
    assert len(braking.read_text()) >= 6


def test_a_program_that_is_gone_is_braked(braking: Path) -> None:
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[1]); from donkey_part import LeaguePart; "
        "part = LeaguePart(port=0, brake='neutral:brake'); part.run_threaded(); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    folder = Path(donkey_part.__file__).parent
    assert subprocess.run([sys.executable, "-c", code, str(folder)]).returncode == -signal.SIGKILL
    while not braking.exists() or len(braking.read_text()) < 5:
        assert braking.parent.exists()


def test_without_the_brake_that_was_asked_for_nobody_drives(braking: Path) -> None:
    part = LeaguePart(port=0, brake="neutral:brake")
    assert part._brake is not None
    part._brake.kill()
    part._brake.wait(5)
    ask(part, "bridge", arm=True)
    ask(part, "bridge", seq=1, angle=0.0, throttle=0.5)
    assert part.run_threaded() == STANDING
    assert "brake" in ask(part, "bridge", hello=1)["why"]
    part._server.server_close()
    assert part._brake.stdin is not None
    part._brake.stdin.close()


def test_a_brake_that_does_not_exist_is_said_at_the_start(braking: Path) -> None:
    with pytest.raises(RuntimeError, match="MODULE:FUNCTION"):
        LeaguePart(port=0, brake="nowhere:brake")
