"""Detectors: what stewards are shown, from recordings made by hand and from races."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stadium import stadium

from league import DEEPRACER, EntryPlan, HeatPlan, Incident, League, Recording, Rules
from league.racing.fact import Fact
from league.racing.incident import clip_at
from league.racing.result import CircuitFacts, HeatResult
from league.track.circuit import Circuit
from league_plugins import detectors

ROAD = stadium()
HZ = 15
Path = Callable[[float], tuple[float, float]]
"""Distance along in m and offset in m at a time in s."""


def on_road(circuit: Circuit, along_m: float, offset_m: float) -> tuple[float, float, float]:
    rows = len(circuit.centre)
    at = (along_m / circuit.length_m * rows) % rows
    low = int(at)
    here, there = circuit.centre[low], circuit.centre[(low + 1) % rows]
    way = (there - here) / np.hypot(*(there - here))
    x, y = here + (there - here) * (at - low) + offset_m * np.array((-way[1], way[0]))
    return float(x), float(y), float(np.arctan2(way[1], way[0]))


def recorded(*paths: Path, seconds: float = 6.0, facts: tuple[Fact, ...] = ()) -> Recording:
    """A heat in which every car was where its path says."""
    ticks = round(seconds * HZ)
    frames = np.zeros((ticks + 1, len(paths), 7))
    for tick in range(ticks + 1):
        for seat, path in enumerate(paths):
            along_m, offset_m = path(tick / HZ)
            x, y, yaw = on_road(ROAD, along_m, offset_m)
            before_m, _ = path((tick - 1) / HZ)
            speed_mps = abs(along_m - before_m) * HZ
            frames[tick, seat] = (x, y, yaw, speed_mps, along_m % ROAD.length_m, 0, 0)
    grid = tuple(EntryPlan(id=f"car-{seat}", name=f"Car {seat}") for seat in range(len(paths)))
    plan = HeatPlan(id="h", phase="p", circuit="c", car="deepracer", rules=Rules(), seed=1, grid=grid)
    result = HeatResult(
        heat="h", circuit=CircuitFacts(id="c", length_m=ROAD.length_m, sha256="0"), car="deepracer", laps=3,
        rank="total", seed=1, behavior=1, clock="lockstep", entries=(), state_hash="0",
    )  # fmt: skip
    answers = np.zeros((ticks, len(paths), 2))
    bots = np.zeros((ticks + 1, 0, 4))
    return Recording(plan, ROAD, DEEPRACER, (), (), answers, (), (), frames, bots, facts, result)


def steady(speed_mps: float = 1.0, *, start_m: float = 0.0, offset_m: float = 0.0) -> Path:
    return lambda time_s: (start_m + speed_mps * time_s, offset_m)


def found(recording: Recording) -> list[Incident]:
    return [incident for name in detectors.DETECTORS for incident in detectors.DETECTORS[name](recording)]


def test_cars_that_keep_to_themselves_are_left_alone() -> None:
    assert found(recorded(steady(2.0), steady(1.0, start_m=4.0, offset_m=0.3), seconds=20.0)) == []


def test_a_heat_to_which_nobody_came_has_nothing_to_look_at() -> None:
    assert found(recorded(steady(), seconds=0.0)) == []


def test_a_contact_says_how_fast_it_was_and_one_blow_is_one_incident() -> None:
    blows = [(30, 0.4), (32, 1.3), (33, 0.2), (80, 0.3)]
    facts = tuple(
        Fact(tick, tick * 66_667, "contact", 0, {"with": 1, "closing_mps": mps, "charged": True})
        for tick, mps in blows
    )
    first, second = detectors.contact(recorded(steady(), steady(start_m=2), facts=facts))
    assert (first.tick, first.seen["closing_mps"]) == (32, 1.3)
    assert (first.entry, first.other, second.tick) == ("car-0", "car-1", 80)
    assert first.text == "runs into Car 1 at 1.30 m/s, penalised"


def test_a_contact_with_a_box_names_no_entry() -> None:
    fact = Fact(9, 600_000, "contact", 0, {"with": -1, "closing_mps": 0.5, "charged": True})
    (incident,) = detectors.contact(recorded(steady(), facts=(fact,)))
    assert (incident.other, incident.text) == ("", "runs into an object at 0.50 m/s, penalised")


def test_a_short_cut_gains_more_than_was_driven() -> None:
    across = 4.0

    def path(time_s: float) -> tuple[float, float]:
        return time_s + (across if time_s > 3 else 0.0), 0.0

    recording = recorded(path)
    frames = recording.frames.copy()
    frames[:, 0, :2] = recorded(steady()).frames[:, 0, :2]  # driven as if the road went on as before
    (incident,) = detectors.cut(Recording(**{**vars(recording), "frames": frames}))
    # The jump comes in the tick after 3 s; that much is what it gained, to within a tick of driving.
    assert incident.tick == pytest.approx(45, abs=1)
    assert incident.seen["gained_m"] == pytest.approx(across, abs=0.2)


def test_the_inside_of_a_bend_is_no_short_cut() -> None:
    assert list(detectors.cut(recorded(steady(3.0, offset_m=0.45), seconds=12.0))) == []


def test_driving_against_the_race_is_seen_after_half_a_second() -> None:
    def turned(time_s: float) -> tuple[float, float]:
        return (time_s if time_s < 2 else 2 - (time_s - 2) if time_s < 2.8 else 1.2 + (time_s - 2.8)), 0.0

    (incident,) = detectors.wrong_way(recorded(turned))
    assert incident.seen["lasted_s"] == pytest.approx(0.8, abs=0.07)
    assert (
        list(detectors.wrong_way(recorded(lambda t: (t if t < 2 else 2 - 0.3 * (t - 2), 0), seconds=2.3)))
        == []
    )


def test_moving_over_twice_in_front_of_another_is_blocking() -> None:
    def weaves(time_s: float) -> tuple[float, float]:
        return 0.7 + time_s, 0.3 if time_s % 2 < 1 else -0.3

    def looks_for_a_way(time_s: float) -> tuple[float, float]:
        return time_s, 0.3 if (time_s + 0.2) % 2 < 1 else -0.3

    (incident,) = detectors.blocking(recorded(weaves, looks_for_a_way))
    assert (incident.entry, incident.other) == ("car-0", "car-1")
    assert incident.seen["moves"] >= 2
    assert list(detectors.blocking(recorded(steady(start_m=0.7, offset_m=0.3), looks_for_a_way))) == []


def test_moving_before_the_light_is_a_jump_start() -> None:
    light = Fact(15, 1_000_000, "start", -1)
    (incident,) = detectors.jump_start(recorded(steady(), facts=(light,)))
    assert incident.seen["moved_m"] == pytest.approx(1.0, abs=0.01)
    waits: Path = lambda time_s: (max(0.0, time_s - 1.0), 0.0)  # noqa: E731
    assert list(detectors.jump_start(recorded(waits, facts=(light,)))) == []


@pytest.mark.parametrize(
    ("fact", "kind"),
    [
        (Fact(20, 1, "off_track", 0, {"along_m": 3.25}), "off-track"),
        (Fact(20, 1, "immobilised", 0), "stalled"),
        (Fact(20, 1, "parked", 0, {"reason": "its driver does not answer"}), "stalled"),
    ],
)
def test_what_the_referee_saw_is_filed(fact: Fact, kind: str) -> None:
    (incident,) = found(recorded(steady(), facts=(fact,)))
    assert (incident.kind, incident.entry, incident.tick) == (kind, "car-0", 20)


@settings(max_examples=50)
@given(st.integers(0, 5000), st.integers(0, 200), st.integers(1, 60), st.integers(1, 5000))
def test_a_clip_lies_within_its_recording(tick: int, lasts: int, hz: int, ticks: int) -> None:
    tick = min(tick, ticks - 1)
    until = min(tick + lasts, ticks - 1)
    clip = clip_at(tick, until=until, hz=hz, ticks=ticks)
    assert 0 <= clip.from_tick <= tick <= until <= clip.to_tick < ticks
    assert clip.from_tick == max(0, tick - 5 * hz)
    assert clip.to_tick == min(ticks - 1, until + 2 * hz)


def test_an_adviser_has_an_opinion_and_a_confidence() -> None:
    recording = recorded(steady())
    cut = Incident(
        heat="h", kind="cut", source="cut", entry="car-0", seen={"gained_m": 8.0, "speed_mps": 2.0}
    )
    (opinion,) = League().advise(cut, recording)
    assert (opinion.adviser, opinion.advice, opinion.seconds) == ("rule-book", "penalty", 4.0)
    assert 0 < opinion.confidence < 1
    assert League().advise(cut.model_copy(update={"kind": "litter"}), recording) == ()


class Clumsy:
    """A plugin whose detector and adviser fail."""

    def register_detectors(self) -> dict[str, Any]:
        return {"clumsy": self._fail, "fine": detectors.stalled}

    def register_advisers(self) -> dict[str, Any]:
        return {"clumsy": self._fail}

    @staticmethod
    def _fail(*_: object) -> Any:
        raise RuntimeError("no glasses")


def test_a_detector_or_adviser_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    from league import hookimpl

    for name in ("register_detectors", "register_advisers"):
        hookimpl(getattr(Clumsy, name))
    opened = League(extra=[Clumsy()], installed=False)
    fact = Fact(20, 1, "immobilised", 0)
    recording = recorded(steady(), facts=(fact, fact))
    (incident,) = opened.detect(recording)
    assert incident.source == "fine"
    assert opened.advise(incident, recording) == ()
    assert "detector clumsy failed" in caplog.text
    assert "adviser clumsy failed" in caplog.text
