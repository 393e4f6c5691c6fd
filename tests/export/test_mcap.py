"""MCAP: the format's own reader and Foxglove's own schemas read it back."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from typing import Any

import numpy as np
import pytest
from foxglove_schemas_protobuf.FrameTransforms_pb2 import FrameTransforms
from foxglove_schemas_protobuf.Log_pb2 import Log
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from foxglove_schemas_protobuf.SceneUpdate_pb2 import SceneUpdate
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from jsonschema import Draft202012Validator
from mcap.reader import make_reader
from mcap.records import Message
from mcap.stream_reader import StreamReader
from mcap_protobuf.decoder import DecoderFactory
from tiny import CIRCUIT, league

from league import Rules, race
from league.export import mcap as exporting
from league.export.mcap import mcap
from league.racing.recording import Recording

MAGIC = b"\x89MCAP0\r\n"
FOXGLOVE = {
    "/circuit": SceneUpdate,
    "/cars": SceneUpdate,
    "/tf": FrameTransforms,
    "/log": Log,
    "/car/0/pose": PoseInFrame,
    "/car/1/pose": PoseInFrame,
}


@pytest.fixture(scope="module")
def recording() -> Recording:
    rules = Rules(laps=1, boxes=1, bots=1)
    agents = ["pure-pursuit", "pure-pursuit"]
    return race(CIRCUIT, agents, rules=rules, format="head-to-head", league=league()).recordings[-1]


@pytest.fixture(scope="module")
def read(recording: Recording) -> list[tuple[Any, Any, Any, Any]]:
    """Schema, channel, message and content of everything in the file."""
    reader = make_reader(
        io.BytesIO(mcap(recording)), decoder_factories=[DecoderFactory()], validate_crcs=True
    )
    found = []
    for schema, channel, message in reader.iter_messages():
        if channel.message_encoding == "json":
            content: Any = json.loads(message.data)
        else:
            content = DecoderFactory().decoder_for("protobuf", schema)(message.data)  # type: ignore[misc]
        found.append((schema, channel, message, content))
    return found


def test_every_tick_is_there_on_every_topic(read: list[Any], recording: Recording) -> None:
    counted = Counter(channel.topic for _, channel, _, _ in read)
    ticks = len(recording.frames)
    assert counted["/circuit"] == 1
    assert counted["/log"] == len(recording.facts)
    topics = ("/cars", "/tf", "/car/0/pose", "/car/1/pose", "/car/0/state", "/car/1/state")
    assert {counted[topic] for topic in topics} == {ticks}


def test_schemas_are_foxgloves_own(read: list[Any]) -> None:
    for schema, channel, _, _ in read:
        if channel.topic in FOXGLOVE:
            ours = FileDescriptorSet.FromString(schema.data)
            kind = FOXGLOVE[channel.topic].DESCRIPTOR
            assert (schema.name, schema.encoding) == (kind.full_name, "protobuf")
            described = {message.name for file in ours.file for message in file.message_type}
            assert kind.name in described


def test_poses_are_where_the_cars_were(read: list[Any], recording: Recording) -> None:
    seen = [content for _, channel, _, content in read if channel.topic == "/car/1/pose"]
    where = np.array([(pose.pose.position.x, pose.pose.position.y) for pose in seen])
    assert where == pytest.approx(recording.frames[:, 1, :2])
    turned = np.array([2 * np.arctan2(pose.pose.orientation.z, pose.pose.orientation.w) for pose in seen])
    assert np.cos(turned) == pytest.approx(np.cos(recording.frames[:, 1, 2]))
    assert np.sin(turned) == pytest.approx(np.sin(recording.frames[:, 1, 2]))


def test_states_keep_to_their_own_schema(read: list[Any]) -> None:
    states = [(schema, content) for schema, channel, _, content in read if channel.topic == "/car/0/state"]
    validator = Draft202012Validator(json.loads(states[0][0].data))
    for _, content in states:
        validator.validate(content)
    assert states[-1][1]["lap"] >= 1


def test_the_scene_has_the_road_the_box_the_bot_and_cars_by_name(read: list[Any]) -> None:
    (road,) = [content for _, channel, _, content in read if channel.topic == "/circuit"]
    assert len(road.entities[0].lines) == 4
    assert len(road.entities[0].cubes) == 1
    last = [content for _, channel, _, content in read if channel.topic == "/cars"][-1]
    texts = [entity.texts[0].text for entity in last.entities if entity.texts]
    assert len(texts) == 2
    assert sum(entity.id.startswith("bot/") for entity in last.entities) == 1


def test_messages_are_in_order_and_times_count_from_the_green_light(
    read: list[Any], recording: Recording
) -> None:
    cars = [message.log_time for _, channel, message, _ in read if channel.topic == "/cars"]
    assert cars[0] == 0
    assert cars == sorted(cars)
    assert cars[-1] == (len(recording.frames) - 1) * 1_000_000_000 // recording.plan.rules.control_hz


def test_a_file_is_whole_in_order_and_says_all_of_itself(recording: Recording) -> None:
    content = mcap(recording)
    assert content.startswith(MAGIC)
    assert content.endswith(MAGIC)
    records = StreamReader(io.BytesIO(content), validate_crcs=True, emit_chunks=False).records
    messages = [record for record in records if isinstance(record, Message)]
    times = [message.log_time for message in messages]
    assert times == sorted(times), "players that read from the start never go back"
    summary = make_reader(io.BytesIO(content), validate_crcs=True).get_summary()
    assert summary is not None
    assert summary.statistics is not None
    said = summary.statistics
    assert (said.message_count, said.channel_count) == (len(messages), len(summary.channels))
    assert (said.message_start_time, said.message_end_time) == (times[0], times[-1])
    assert said.channel_message_counts == Counter(message.channel_id for message in messages)
    assert said.chunk_count == len(summary.chunk_indexes) >= 1
    for channel in summary.channels.values():
        schema = summary.schemas[channel.schema_id]
        assert (channel.message_encoding, schema.encoding) in {
            ("protobuf", "protobuf"),
            ("json", "jsonschema"),
        }


def test_schemas_need_nothing_that_the_file_does_not_hold(read: list[Any]) -> None:
    described = {schema.name: schema.data for schema, channel, _, _ in read if channel.topic in FOXGLOVE}
    for name, data in described.items():
        pool = DescriptorPool()
        for file in FileDescriptorSet.FromString(data).file:
            pool.Add(file)  # files come after those that they import, or this fails
        assert pool.FindMessageTypeByName(name).fields


def test_the_same_recording_gives_the_same_bytes_and_carries_its_result(recording: Recording) -> None:
    content = mcap(recording)
    assert content == mcap(recording)
    reader = make_reader(io.BytesIO(content))
    (attached,) = reader.iter_attachments()
    assert json.loads(attached.data)["state_hash"] == recording.result.state_hash


def test_without_its_packages_it_says_what_to_install(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "mcap.writer", None)
    with pytest.raises(exporting.ConfigError, match=r"racing-league\[mcap\]"):
        mcap(recording)
