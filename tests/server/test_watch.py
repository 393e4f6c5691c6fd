"""Watching an event: encoded once, and a slow viewer delays nobody."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import msgpack
import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from league.server.race import watch
from league.server.race.watch import Broadcast, frame_cars, frame_message, hello_message, websocket_frame
from league.track.circuit import Circuit

HELLO = {
    "type": "hello",
    "event": {"id": "cup", "name": "Cup", "status": "running"},
    "circuit": {"id": "ring"},
}


class Wire:
    """A connection that remembers what was written; `full` bytes wait to be sent."""

    def __init__(self, *, full: int = 0) -> None:
        self.full = full
        self.closing = False
        self.frames: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.frames.append(data)

    def get_write_buffer_size(self) -> int:
        return self.full

    def is_closing(self) -> bool:
        return self.closing

    @property
    def messages(self) -> list[dict[str, object]]:
        return [unpacked(frame) for frame in self.frames]

    def types(self) -> list[object]:
        return [message["type"] for message in self.messages]


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def unpacked(frame: bytes) -> dict[str, object]:
    """A server frame read the way RFC 6455 says, independently of the code that wrote it."""
    assert frame[0] & 0x80, "the frame is complete"
    assert not frame[1] & 0x80, "a server never masks"
    size, at = frame[1], 2
    if size == 126:
        size, at = int.from_bytes(frame[2:4], "big"), 4
    elif size == 127:
        size, at = int.from_bytes(frame[2:10], "big"), 10
    assert len(frame) == at + size
    return json.loads(frame[at:]) if frame[0] & 0xF == 1 else msgpack.unpackb(frame[at:])


def a_frame(k: int, heat: str = "final-1") -> dict[str, object]:
    return frame_message(heat, k, k * 66_667, [0, 1, 2, 3, 4, 1, k, 0])


def a_snap(k: int, heat: str = "final-1") -> dict[str, object]:
    return {"type": "snap", "heat": heat, "k": k, "t_us": k * 66_667, "seats": [], "cars": []}


async def turns(count: int = 8) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def frame_time() -> None:
    """Let the loop come to the next frame that is due."""
    await asyncio.sleep(1.5 / watch.FRAMES_PER_S)


@pytest.fixture
def clock() -> Clock:
    return Clock()


async def test_a_message_for_two_hundred_viewers_is_encoded_once() -> None:
    feed = Broadcast(HELLO)
    wires = [Wire() for _ in range(200)]
    for wire in wires:
        feed.join(wire)
    assert feed.encoded == 1
    feed.publish({"type": "event", "k": 3, "t_us": 200_000, "kind": "lap", "seat": 0, "data": {}})
    await turns()
    assert feed.encoded == 2
    assert {len(wire.frames) for wire in wires} == {2}
    assert all(wire.frames[1] is wires[0].frames[1] for wire in wires)


async def test_each_codec_is_encoded_once() -> None:
    feed = Broadcast(HELLO)
    for codec in ("json", "msgpack", "json", "msgpack"):
        feed.join(Wire(), codec)
    feed.publish(a_snap(1))
    await turns()
    assert feed.encoded == 4


async def test_nothing_is_encoded_while_nobody_watches() -> None:
    feed = Broadcast(HELLO)
    for k in range(100):
        feed.publish(a_frame(k))
        feed.publish(a_snap(k))
    await turns()
    assert feed.encoded == 0


async def test_a_newcomer_is_told_the_present_state_at_once() -> None:
    feed = Broadcast(HELLO)
    feed.publish({"type": "heat", "heat": "final-1", "phase": "final", "status": "running", "names": ["A"]})
    feed.publish({"type": "board", "standings": [], "heats": []})
    feed.publish({"type": "event", "k": 1, "t_us": 0, "kind": "start", "seat": -1, "data": {}})
    feed.publish(a_snap(30))
    wire = Wire()
    feed.join(wire)
    assert wire.types() == ["hello", "board", "heat", "snap"]


async def test_a_slow_viewer_gets_the_latest_frame_and_never_a_queue() -> None:
    feed = Broadcast(HELLO)
    slow, quick = Wire(), Wire()
    feed.join(slow)
    feed.join(quick)
    slow.full = 10
    for k in range(5):
        feed.publish(a_frame(k))
        await frame_time()
    assert [message["k"] for message in quick.messages if message["type"] == "frame"] == [0, 1, 2, 3, 4]
    assert slow.types() == ["hello"]
    slow.full = 0
    feed.publish(a_frame(5))
    await frame_time()
    assert [message["k"] for message in slow.messages if message["type"] == "frame"] == [5]


async def test_a_viewer_that_falls_far_behind_is_given_the_present_state_instead() -> None:
    feed = Broadcast(HELLO)
    slow = Wire()
    feed.join(slow)
    slow.full = watch.BACKLOG_BYTES
    for k in range(watch.LOG_LENGTH + 50):
        feed.publish({"type": "event", "k": k, "t_us": 0, "kind": "lap", "seat": 0, "data": {}})
    feed.publish(a_snap(900))
    await turns()
    assert slow.types() == ["hello"]
    assert len(feed.log) == watch.LOG_LENGTH
    slow.full = 0
    feed.publish(a_snap(901))
    await turns()
    assert slow.types() == ["hello", "hello", "snap"]
    assert slow.messages[-1]["k"] == 901


async def test_a_viewer_a_little_behind_misses_no_message() -> None:
    feed = Broadcast(HELLO)
    slow = Wire()
    feed.join(slow)
    slow.full = watch.BACKLOG_BYTES
    for k in range(10):
        feed.publish({"type": "event", "k": k, "t_us": 0, "kind": "lap", "seat": 0, "data": {}})
    await turns()
    slow.full = 0
    feed.publish({"type": "event", "k": 10, "t_us": 0, "kind": "lap", "seat": 0, "data": {}})
    await turns()
    assert [message["k"] for message in slow.messages[1:]] == list(range(11))


async def test_frames_are_paced_and_the_last_one_still_arrives() -> None:
    feed = Broadcast(HELLO)
    wire = Wire()
    feed.join(wire)
    for k in range(1000):
        feed.publish(a_frame(k))
    await frame_time()
    assert [message["k"] for message in wire.messages[1:]] == [999]


async def test_a_picture_of_another_heat_is_forgotten_when_the_next_heat_begins() -> None:
    feed = Broadcast(HELLO)
    feed.publish(a_snap(70, heat="qualifying-1"))
    feed.publish({"type": "heat", "heat": "final-1", "phase": "final", "status": "starting", "names": []})
    wire = Wire()
    feed.join(wire)
    assert wire.types() == ["hello", "heat"]


async def test_a_snap_replaces_an_older_frame() -> None:
    feed = Broadcast(HELLO)
    wire = Wire()
    feed.join(wire)
    feed.publish(a_frame(1))
    feed.publish(a_snap(2))
    await frame_time()
    assert wire.types() == ["hello", "snap"]


async def test_a_board_viewer_is_spared_the_cars() -> None:
    feed = Broadcast(HELLO)
    wire = Wire()
    feed.join(wire, frames=False)
    feed.publish(a_snap(1))
    feed.publish(a_frame(2))
    feed.publish({"type": "board", "standings": [], "heats": []})
    await frame_time()
    assert wire.types() == ["hello", "board"]


async def test_viewers_are_served_in_slices_and_a_message_in_between_reaches_everybody() -> None:
    feed = Broadcast(HELLO)
    wires = [Wire() for _ in range(watch.SLICE * 3)]
    for wire in wires:
        feed.join(wire)
    feed.publish({"type": "event", "k": 0})
    await turns(2)
    served = sum(len(wire.frames) == 2 for wire in wires)
    assert watch.SLICE <= served < len(wires), "the loop got its turn in between"
    feed.publish({"type": "event", "k": 1})
    await turns(12)
    assert all([message.get("k") for message in wire.messages[1:]] == [0, 1] for wire in wires)


async def test_a_closed_connection_is_written_to_no_more() -> None:
    feed = Broadcast(HELLO)
    gone, here = Wire(), Wire()
    feed.join(gone)
    feed.join(here)
    gone.closing = True
    feed.publish({"type": "event", "k": 0})
    await turns()
    assert (len(gone.frames), len(here.frames)) == (1, 2)


async def test_frames_and_snaps_are_wanted_only_when_due(clock: Clock) -> None:
    feed = Broadcast(HELLO, clock=clock)
    assert not feed.wants_frame()
    assert feed.wants_snap()
    feed.publish(a_snap(0))
    assert not feed.wants_snap()
    feed.join(Wire())
    feed.publish({"type": "board"})
    await turns()
    assert not feed.wants_frame()
    clock.now_s += 0.04
    assert feed.wants_frame()
    clock.now_s += 1
    assert feed.wants_snap()


def test_cars_travel_as_flat_whole_numbers() -> None:
    cars = frame_cars(
        [[1.2344, -0.5, 3.14159], [0, 0, -1]], [2.5, 0], lap=[1, 3], along_m=[7.0, 0.001], flags=[0, 5]
    )
    assert cars == [0, 1234, -500, 3142, 2500, 1, 7000, 0, 1, 0, 0, -1000, 0, 3, 1, 5]
    assert all(type(figure) is int for figure in cars)


def test_a_circuit_travels_as_lines_to_the_millimetre() -> None:
    centre = np.array([[0, 0], [4, 0], [4, 3.00049]])
    message = hello_message({"id": "cup"}, Circuit("tri", centre, centre * 0.9, centre * 1.1))
    assert message["circuit"]["centre"] == [[0, 0], [4, 0], [4, 3.0]]
    assert message["circuit"]["direction"] == "anticlockwise"
    json.dumps(message, allow_nan=False)


@given(
    st.dictionaries(st.text(), st.text() | st.integers(0, 2**40) | st.lists(st.integers(0, 9)), max_size=5)
)
def test_any_message_survives_both_codecs(message: dict[str, object]) -> None:
    assert unpacked(websocket_frame(message, "json")) == message
    assert unpacked(websocket_frame(message, "msgpack")) == message


@pytest.mark.parametrize("size", [10, 125, 126, 127, 65_000, 65_535, 65_536, 70_000])
def test_frames_of_every_length_form_are_well_formed(size: int) -> None:
    message = {"x": "a" * (size - len('{"x":""}'))} if size > 10 else {}
    assert unpacked(websocket_frame(message, "json")) == message


def test_a_number_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        websocket_frame({"x": float("nan")}, "json")


async def test_a_message_that_cannot_be_encoded_is_left_out_and_the_rest_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    feed = Broadcast(HELLO)
    wire = Wire()
    feed.join(wire)
    feed.publish({"type": "event", "k": float("nan")})
    feed.publish({"type": "event", "k": 2})
    await turns()
    assert [message.get("k") for message in wire.messages[1:]] == [2]
    assert "cannot be encoded" in caplog.text


# -- over a real socket ------------------------------------------------------------------------


class Stand:
    def __init__(self, feed: Broadcast) -> None:
        self.feed = feed

    async def broadcast(self, event_id: str) -> Broadcast | None:
        return self.feed if event_id == "cup" else None


async def open_stand(feed: Broadcast) -> TestClient[web.Request, web.Application]:
    app = web.Application()
    app[watch.GRANDSTAND] = Stand(feed)
    app.router.add_get("/ws/watch", watch.watch_socket)
    client = TestClient(TestServer(app))
    await client.start_server()
    return client


async def test_a_browser_is_served_json_and_a_program_msgpack() -> None:
    feed = Broadcast(HELLO)
    client = await open_stand(feed)
    browser = await client.ws_connect("/ws/watch?event=cup", protocols=("league.v1.json",))
    program = await client.ws_connect("/ws/watch?event=cup", protocols=("league.v1",))
    assert await browser.receive_json() == HELLO
    first = await program.receive()
    assert first.type is aiohttp.WSMsgType.BINARY
    assert msgpack.unpackb(first.data) == HELLO
    feed.publish(a_snap(4))
    assert (await browser.receive_json())["k"] == 4
    await browser.close()
    await program.close()
    await client.close()
    assert not feed.viewers


async def test_more_viewers_than_allowed_are_asked_to_come_back_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(watch, "MOST_VIEWERS", 1)
    client = await open_stand(Broadcast(HELLO))
    first = await client.ws_connect("/ws/watch?event=cup")
    await first.receive()
    answer = await client.get("/ws/watch", params={"event": "cup"})
    assert answer.status == 503
    assert (await answer.json())["error"]["code"] == "full"
    await first.close()
    await client.close()


async def test_an_unknown_event_is_answered_in_words() -> None:
    client = await open_stand(Broadcast(HELLO))
    answer = await client.get("/ws/watch", params={"event": "<b>none</b>"})
    assert answer.status == 404
    assert (await answer.json())["error"]["code"] == "unknown_event"
    await client.close()


async def test_a_viewer_that_talks_is_sent_away_and_the_others_see_nothing_of_it() -> None:
    feed = Broadcast(HELLO)
    client = await open_stand(feed)
    loud = await client.ws_connect("/ws/watch?event=cup")
    calm = await client.ws_connect("/ws/watch?event=cup")
    await loud.receive()
    await calm.receive()
    await loud.send_str("x" * 900)
    assert (await loud.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
    feed.publish(a_snap(1))
    assert (await calm.receive_json())["k"] == 1
    await calm.close()
    await client.close()


async def test_viewers_are_sent_away_when_the_server_shuts_down() -> None:
    feed = Broadcast(HELLO)
    client = await open_stand(feed)
    viewer = await client.ws_connect("/ws/watch?event=cup")
    await viewer.receive()
    closing = asyncio.create_task(feed.close())
    said = await viewer.receive()
    assert (said.type, said.data) == (aiohttp.WSMsgType.CLOSE, 4012)
    await closing
    await client.close()


async def test_a_viewer_that_reads_nothing_delays_nobody_and_costs_bounded_memory() -> None:
    feed = Broadcast(HELLO)
    client = await open_stand(feed)
    stuck = await client.ws_connect("/ws/watch?event=cup")
    assert stuck._response.connection is not None
    stuck._response.connection.transport.pause_reading()
    quick = await client.ws_connect("/ws/watch?event=cup")
    await quick.receive()
    note = "n" * 200_000
    for k in range(60):  # 12 MB, far beyond what a kernel keeps for a socket that nobody reads
        feed.publish({"type": "event", "k": k, "note": note})
        assert (await quick.receive_json())["k"] == k
    waiting = [viewer._line.get_write_buffer_size() for viewer in feed.viewers]
    assert max(waiting) < watch.BACKLOG_BYTES + len(note) + 1000
    await quick.close()
    stuck._response.close()
    await client.close()
