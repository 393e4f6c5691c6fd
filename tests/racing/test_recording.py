"""Recordings: round trips, damage, and that nothing can be changed unnoticed."""

from __future__ import annotations

import zlib
from dataclasses import replace

import msgpack
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stadium import follow, make_heat

from league.errors import RecordingError
from league.racing.fact import Fact
from league.racing.heat import Heat
from league.racing.recording import MAGIC, Recording
from league.racing.verify import verify


@pytest.fixture(scope="module")
def recording() -> Recording:
    heat = make_heat(3, laps=1)
    while not heat.finished:
        seen = heat.observe()
        if heat.tick == 60:
            heat.retire(2, "DNF-disconnect", "gone")
        heat.advance(
            [
                None if one is None or (seat == 1 and heat.tick % 20 == 0) else follow(one)
                for seat, one in enumerate(seen)
            ]
        )
    return heat.recording()


def test_a_recording_survives_its_file(recording: Recording) -> None:
    content = recording.to_bytes()
    again = Recording.from_bytes(content)
    assert again.result == recording.result
    assert again.facts == recording.facts
    assert again.to_bytes() == content
    assert np.allclose(again.frames, recording.frames, atol=1e-5)


def test_a_genuine_recording_is_proved(recording: Recording) -> None:
    verdict = verify(Recording.from_bytes(recording.to_bytes()))
    assert verdict.genuine, verdict.problem
    assert verdict.ticks == len(recording.answers)
    assert verdict.state_hash == recording.result.state_hash


@pytest.mark.parametrize("tick", [0, 30, -1])
def test_a_changed_action_is_found(recording: Recording, tick: int) -> None:
    answers = recording.answers.copy()
    answers[tick, np.flatnonzero(~np.isnan(answers[tick, :, 0]))[0], 0] += 1e-9
    verdict = verify(replace(recording, answers=answers))
    assert not verdict.genuine
    assert "states differ" in verdict.problem


def test_an_added_answer_is_found(recording: Recording) -> None:
    answers = recording.answers.copy()
    assert np.isnan(answers[20, 1]).all()
    answers[20, 1] = answers[19, 1]
    assert not verify(replace(recording, answers=answers)).genuine


@pytest.mark.parametrize(
    "change",
    [{"off_track_penalty_s": 2.0}, {"laps": 2}, {"time_limit_s": 181.0}, {"collision_penalty_s": 0.0}],
)
def test_a_changed_rule_is_found(recording: Recording, change: dict[str, float]) -> None:
    plan = recording.plan.model_copy(update={"rules": recording.plan.rules.model_copy(update=change)})
    assert not verify(replace(recording, plan=plan)).genuine


def test_a_changed_seed_car_or_name_is_found(recording: Recording) -> None:
    assert not verify(replace(recording, plan=recording.plan.model_copy(update={"seed": 99}))).genuine
    assert not verify(replace(recording, car=recording.car.changed(lateral_mps2=2.526))).genuine
    grid = tuple(entry.model_copy(update={"name": "Somebody"}) for entry in recording.plan.grid)
    assert not verify(replace(recording, plan=recording.plan.model_copy(update={"grid": grid}))).genuine


def test_a_changed_result_fact_or_frame_is_found(recording: Recording) -> None:
    first = recording.result.entries[0].model_copy(update={"total_s": 1.0})
    result = recording.result.model_copy(update={"entries": (first, *recording.result.entries[1:])})
    assert "result" in verify(replace(recording, result=result)).problem
    facts = (*recording.facts[:-1], Fact(0, 0, "flag", -1))
    assert "facts" in verify(replace(recording, facts=facts)).problem
    frames = recording.frames.copy()
    frames[40, 1, 0] += 0.01
    verdict = verify(replace(recording, frames=frames))
    assert "from tick 40 on, at Car 1" in verdict.problem


def test_a_moved_retirement_is_found(recording: Recording) -> None:
    (item,) = recording.retirements
    assert not verify(replace(recording, retirements=(item._replace(tick=61),))).genuine
    assert not verify(replace(recording, retirements=())).genuine
    assert "seat 7" in verify(replace(recording, retirements=(item._replace(seat=7),))).problem


def test_a_cut_recording_is_found(recording: Recording) -> None:
    verdict = verify(replace(recording, answers=recording.answers[:-5]))
    assert not verdict.genuine


def test_another_behaviour_version_is_refused_by_name(recording: Recording) -> None:
    content = recording.to_bytes()
    raw = msgpack.unpackb(zlib.decompress(content[len(MAGIC) :]))
    raw["behavior"] = 999
    with pytest.raises(RecordingError, match="behaviour version 999"):
        Recording.from_bytes(MAGIC + zlib.compress(msgpack.packb(raw)))


@given(st.binary(max_size=200))
def test_random_bytes_are_not_a_recording(content: bytes) -> None:
    for given_bytes in (content, MAGIC + content, MAGIC + zlib.compress(content)):
        with pytest.raises(RecordingError):
            Recording.from_bytes(given_bytes)


@given(data=st.data())
def test_a_damaged_file_is_one_clear_error_or_not_genuine(recording: Recording, data: st.DataObject) -> None:
    content = bytearray(recording.to_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    with pytest.raises(RecordingError, match=r"x\.heat"):
        Recording.from_bytes(bytes(content[: cut - 1 if cut else 0]), source="x.heat")


def test_a_bomb_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"unpacks to more|damaged"):
        Recording.from_bytes(MAGIC + zlib.compress(b"\x00" * 300 * 1024 * 1024, level=9))


def test_frames_have_one_more_row_than_answers(three_laps: Heat) -> None:
    recorded = three_laps.recording()
    assert len(recorded.frames) == len(recorded.answers) + 1 == three_laps.tick + 1
