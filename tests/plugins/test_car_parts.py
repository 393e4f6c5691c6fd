"""What the drivers of Donkeycars and ROS 2 cars are made of."""

from __future__ import annotations

import asyncio
import io
import json
import math

import aiohttp
import cbor2
import numpy as np
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from league import ConfigError, League, Sample
from league_plugins import _ros_messages as messages
from league_plugins._mjpeg import read_jpeg, watch
from league_plugins._newest import Newest
from league_plugins.on_car.ros_deadman import Deadman


def jpeg(shade: int) -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (16, 12), (shade, shade, shade)).save(held, "JPEG")
    return held.getvalue()


# -- addresses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ref", "problem"),
    [
        ("donkey:", "expected HOST"),
        ("donkey:car?via=radio", "expected one of web, part"),
        ("donkey:car?camera=perhaps", "expected yes or no"),
        ("donkey:car?speed=3", "no option 'speed'"),
        ("ros2:car?message=joy", "expected one of ackermann, twist"),
        ("ros2:car?max_steer_rad=9", "expected a number from"),
        ("ros2:car:notaport", "expected HOST"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused_in_one_line(ref: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem):
        League().car_driver(ref)


def test_each_address_makes_its_driver_and_touches_nothing() -> None:
    league = League()
    assert league.car_driver("donkey:car").name == "Donkeycar at car:8887"
    assert league.car_driver("donkey:car?via=part&camera=yes").name == "Donkeycar at car:8891"
    assert league.car_driver("ros2:[::1]:9091?message=twist").name == "ROS 2 car at ::1:9091"


@pytest.mark.parametrize(
    ("ref", "place"),
    [
        ("donkey:car", ("car", 8887)),
        ("donkey:car?via=part", ("car", 8891)),
        ("ros2:[::1]:9091", ("::1", 9091)),
        ("udp:192.168.4.1", ("192.168.4.1", 4210)),
    ],
)
def test_each_driver_tells_where_its_car_is_driven(ref: str, place: tuple[str, int]) -> None:
    assert League().car_place(ref) == place


# -- what a car told last ------------------------------------------------------------------------------


async def test_a_picture_does_not_hide_behind_a_speed() -> None:
    newest = Newest()
    picture = np.zeros((2, 2, 3), np.uint8)
    newest.put(Sample(1.0, camera=picture))
    newest.put(Sample(2.0, speed_mps=3.0))
    async for sample in newest:
        assert (sample.at_s, sample.speed_mps) == (2.0, 3.0)
        assert sample.camera is picture
        newest.close()


async def test_a_scan_keeps_its_angles_when_a_speed_follows() -> None:
    newest = Newest()
    newest.put(Sample(1.0, scan=np.ones(3, np.float32), scan_from_rad=-2.3, scan_step_rad=0.1))
    newest.put(Sample(2.0, speed_mps=3.0))
    async for sample in newest:
        assert (sample.scan_from_rad, sample.scan_step_rad) == (-2.3, 0.1)
        newest.close()


async def test_who_waits_hears_the_end() -> None:
    newest = Newest()

    async def listen() -> list[Sample]:
        return [sample async for sample in newest]

    listening = asyncio.create_task(listen())
    await asyncio.sleep(0)
    newest.close()
    assert await asyncio.wait_for(listening, 5) == []
    assert [sample async for sample in newest] == []


# -- pictures ------------------------------------------------------------------------------------------


async def see(body: bytes, hz: float = 60.0) -> tuple[list[int], str]:
    """The shades of the pictures in an answer, and how it ended."""

    async def video(request: web.Request) -> web.Response:
        return web.Response(body=body)

    app = web.Application()
    app.router.add_get("/video", video)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    shades: list[int] = []
    try:
        async with aiohttp.ClientSession() as http:
            said = await watch(
                http, f"http://127.0.0.1:{port}/video", hz, lambda seen: shades.append(int(seen[0, 0, 0]))
            )
    finally:
        await runner.cleanup()
    return shades, said


def part(data: bytes, length: object = None) -> bytes:
    return (
        b"--boundarydonotcross\nContent-type: image/jpeg\r\nContent-length: %s\r\n\r\n"
        % str(len(data) if length is None else length).encode()
        + data
    )


async def test_pictures_are_read_one_after_the_other() -> None:
    shades, said = await see(b"".join(part(jpeg(shade)) for shade in (10, 20, 30)), hz=1e6)
    assert shades == [10, 20, 30]
    assert said == "the camera ended"


async def test_pictures_that_come_too_fast_are_dropped() -> None:
    shades, _ = await see(b"".join(part(jpeg(shade)) for shade in (10, 20, 30)), hz=0.1)
    assert shades == [10]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (part(b"no picture"), "no JPEG"),
        (part(jpeg(9), length=10**9), "a picture of 1000000000 bytes"),
        (part(jpeg(9), length="long"), "as the length"),
        (b"line\n" * 40, "no length"),
        (part(jpeg(9))[:-20], "no camera"),
    ],
)
async def test_a_camera_that_talks_nonsense_is_given_up(body: bytes, problem: str) -> None:
    _, said = await see(body)
    assert problem in said


def test_a_picture_too_large_to_hold_is_refused() -> None:
    held = io.BytesIO()
    Image.new("L", (4000, 2000)).save(held, "JPEG")
    with pytest.raises(ValueError, match="4000 × 2000"):
        read_jpeg(held.getvalue())


# -- ROS messages --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ackermann", "twist"])
def test_a_command_holds_its_stamp_and_speed(name: str) -> None:
    kind, stamp = messages.MESSAGES[name], messages.Stamp(5, 6)
    made = json.loads(json.dumps(kind.make(stamp, 0.1, 1.5, 0.4)))
    assert messages.stamp_of(made) == stamp
    assert messages.speed_of(kind, made) == 1.5
    assert math.isnan(messages.speed_of(kind, {"drive": "fast", "twist": []}))


def odometry(**changed: object) -> dict[str, object]:
    place = {"position": {"x": 1.0, "y": 2.0, "z": 0.0}, "orientation": {"x": 0, "y": 0, "z": 1.0, "w": 1.0}}
    motion = {"linear": {"x": 1.5}, "angular": {"z": 0.25}}
    return {"pose": {"pose": place}, "twist": {"twist": motion}} | changed


def test_odometry_becomes_speed_and_pose() -> None:
    sample = messages.read_odometry(odometry(), 7.0)
    assert sample is not None
    assert (sample.at_s, sample.speed_mps, sample.yaw_rate_radps) == (7.0, 1.5, 0.25)


@pytest.mark.parametrize(
    "changed",
    [
        {"pose": None},
        {"twist": {}},
        {"twist": {"twist": {"linear": {"x": float("nan")}, "angular": {"z": 0}}}},
    ],
)
def test_odometry_with_something_missing_is_none(changed: dict[str, object]) -> None:
    assert messages.read_odometry(odometry(**changed), 7.0) is None


@pytest.mark.parametrize("wire", ["json", "cbor"])
def test_a_scan_comes_over_either_wire(wire: str) -> None:
    head = {"angle_min": -1.0, "angle_increment": 0.5, "range_max": 30.0}
    if wire == "json":
        told = json.loads(json.dumps(head | {"ranges": [1.0, None, 2.0]}))
    else:
        ranges = cbor2.CBORTag(85, np.asarray([1.0, np.inf, 2.0], "<f4").tobytes())
        told = cbor2.loads(cbor2.dumps(head | {"ranges": ranges}))
    sample = messages.read_scan(told, 3.0)
    assert sample is not None
    assert sample.scan is not None
    assert sample.scan.tolist() == [1.0, 30.0, 2.0]
    assert (sample.scan_from_rad, sample.scan_step_rad) == (-1.0, 0.5)


@given(st.binary(max_size=200))
def test_whatever_rosbridge_sends_is_read_or_passed_over(data: bytes) -> None:
    for kind, value in ((aiohttp.WSMsgType.BINARY, data), (aiohttp.WSMsgType.TEXT, data.decode("latin-1"))):
        told = messages.heard(aiohttp.WSMessage(kind, value, None))
        assert told is None or isinstance(told, dict)


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["pose", "twist", "linear", "x", "ranges", "header", "stamp", "sec", "range_max"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_message_holds_is_read_or_passed_over(message: object) -> None:
    told = message if isinstance(message, dict) else {"ranges": message, "header": message}
    messages.read_odometry(told, 0.0)
    messages.read_scan(told, 0.0)
    messages.stamp_of(told)


# -- the dead-man node ---------------------------------------------------------------------------------


def test_the_node_opens_on_a_zero_and_passes_commands_on_while_they_come() -> None:
    deadman = Deadman(0.2)
    assert deadman.pass_on(1.0, 10.0) is False
    assert deadman.pass_on(0.0, 10.05) is True
    assert deadman.pass_on(1.0, 10.1) is True
    assert deadman.look(10.29) is False


def test_silence_closes_the_node_until_a_zero_comes() -> None:
    deadman = Deadman(0.2)
    deadman.pass_on(0.0, 10.0)
    deadman.pass_on(1.0, 10.05)
    assert deadman.look(10.26) is True
    assert deadman.look(12.0) is False, "it does not talk for ever"
    assert deadman.pass_on(1.0, 12.0) is False
    assert deadman.pass_on(0.0, 12.05) is True
    assert deadman.pass_on(1.0, 12.1) is True


def test_a_late_command_closes_the_node_even_if_nobody_looked() -> None:
    deadman = Deadman(0.2)
    deadman.pass_on(0.0, 10.0)
    assert deadman.pass_on(1.0, 10.21) is False


@pytest.mark.parametrize("speed", [math.nan, math.inf, -math.inf])
def test_a_speed_that_is_no_number_closes_the_node(speed: float) -> None:
    deadman = Deadman(0.2)
    deadman.pass_on(0.0, 10.0)
    assert deadman.pass_on(speed, 10.05) is False
    assert deadman.pass_on(1.0, 10.1) is False
