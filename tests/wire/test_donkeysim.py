"""The Donkey simulator's protocol, from the simulator's side."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from league.errors import ProtocolError
from league.wire.donkeysim import Control, DonkeySimSession, Seen

SEEN = Seen(1.5, 2.0, 3.0, np.pi / 2, 1.2, 0.5, -0.1, np.full((120, 160), 200.0, np.float32))


def told(data: bytes) -> list[dict]:
    assert not data or data.endswith(b"\n")
    return [json.loads(line) for line in data.splitlines()]


def say(**message: object) -> bytes:
    return json.dumps(message).encode()


def loaded() -> DonkeySimSession:
    session = DonkeySimSession()
    session.receive(say(msg_type="load_scene", scene_name="warehouse"))
    return session


def picture_of(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(told(data)[0]["image"])))


def test_the_handshake_is_the_simulators() -> None:
    session = DonkeySimSession()
    assert told(session.greeting()) == [{"msg_type": "scene_selection_ready"}]
    (names,) = told(session.receive(say(msg_type="get_scene_names")))
    assert "generated_track" in names["scene_names"]
    answers = told(session.receive(say(msg_type="load_scene", scene_name="generated_track")))
    assert [answer["msg_type"] for answer in answers] == ["scene_loaded", "car_loaded"]
    session.receive(say(msg_type="car_config", body_style="donkey", car_name="Blue Donkey", font_size="50"))
    assert session.loaded
    assert session.car_name == "Blue Donkey"


def test_controls_come_as_text_and_the_newest_counts() -> None:
    session = loaded()
    session.receive(
        say(msg_type="control", steering="-0.5", throttle="0.25", brake="0.0")
        + say(msg_type="control", steering="0.75", throttle="9", brake="0.0")
    )
    assert session.control == Control(0.75, 1.0, 0.0)
    assert session.controls == 2


@pytest.mark.parametrize("throttle", ["nan", "inf", "full", None, [], {}, "1e999"])
def test_a_throttle_that_is_no_number_is_none(throttle: object) -> None:
    session = loaded()
    session.receive(say(msg_type="control", steering="0", throttle=throttle, brake="0"))
    assert session.control.throttle == 0.0


def test_a_client_that_leaves_the_scene_drives_no_more() -> None:
    session = loaded()
    session.receive(say(msg_type="control", steering="0", throttle="1", brake="0"))
    session.receive(say(msg_type="exit_scene"))
    assert session.control == Control()
    assert not session.loaded


def test_telemetry_turns_the_axes_and_leaves_a_blank_after_each_colon() -> None:
    data = loaded().telemetry(SEEN)
    (shown,) = told(data)
    assert (shown["pos_x"], shown["pos_y"], shown["pos_z"]) == (2.0, 0.0, 3.0)
    assert shown["yaw"] == pytest.approx(0.0)
    assert (shown["vel_x"], shown["vel_z"]) == (pytest.approx(0.0, abs=1e-4), pytest.approx(1.2))
    assert shown["gyro_y"] == -0.5
    assert shown["cte"] == -0.1
    assert b'":' not in data.replace(b'": ', b"")


def test_pictures_have_the_size_depth_and_encoding_that_the_client_asked_for() -> None:
    session = loaded()
    first = picture_of(session.telemetry(SEEN))
    assert (first.size, first.mode, first.format) == ((160, 120), "RGB", "JPEG")
    assert abs(int(np.asarray(first)[60, 80, 0]) - 200) < 3
    session.receive(say(msg_type="cam_config", img_w="64", img_h="48", img_d="1", img_enc="PNG", fov="0"))
    second = picture_of(session.telemetry(SEEN))
    assert (second.size, second.mode, second.format) == ((64, 48), "L", "PNG")
    session.receive(say(msg_type="cam_config", img_w="0", img_h="0", img_d="0", img_enc="0", fov="0"))
    assert picture_of(session.telemetry(SEEN)).size == (64, 48)


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(1, 4))
def test_messages_may_be_cut_anywhere(cuts: list[int], count: int) -> None:
    stream = b"".join(
        say(msg_type="control", steering="0.5", throttle=str(number / 10), brake="0")
        for number in range(count)
    )
    session = loaded()
    for size in [*cuts, len(stream)]:
        session.receive(stream[:size])
        stream = stream[size:]
    assert session.controls == count
    assert session.control.throttle == pytest.approx((count - 1) / 10)


@given(st.binary(max_size=300))
def test_whatever_arrives_is_read_or_refused(data: bytes) -> None:
    session = loaded()
    try:
        session.receive(data)
    except ProtocolError as error:
        assert "expected a JSON object" in str(error)  # noqa: PT017


def test_a_message_without_end_is_refused() -> None:
    session = loaded()
    with pytest.raises(ProtocolError):
        session.receive(b'{"msg_type": "' + b"x" * 70_000)
