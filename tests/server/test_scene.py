"""What viewers are shown: places, gaps, laps and flags of a heat."""

from __future__ import annotations

from typing import Any

from stadium import follow, make_heat

from league.racing.heat import Heat
from league.server.race.scene import Scene
from league.server.race.watch import Broadcast


class Feed(Broadcast):
    """A broadcast that keeps everything, and always has a viewer who wants a frame."""

    def __init__(self) -> None:
        super().__init__({"type": "hello"})
        self.shown: list[dict[str, Any]] = []

    def publish(self, message: Any) -> None:
        self.shown.append(dict(message))

    def wants_frame(self) -> bool:
        return True

    def wants_snap(self) -> bool:
        return False

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.shown if message["type"] == kind]


def drive(heat: Heat, scene: Scene, ticks: int, speeds: tuple[float, ...]) -> None:
    for _ in range(ticks):
        if heat.finished:
            return
        answers = [
            None if seen is None else follow(seen, speed)
            for seen, speed in zip(heat.observe(), speeds, strict=True)
        ]
        scene.show(heat.advance(answers))


def raced(ticks: int = 10_000) -> tuple[Heat, Feed]:
    heat, feed = make_heat(cars=2, laps=2), Feed()
    feed.viewers.add(object())  # type: ignore[arg-type]
    scene = Scene(heat, feed)
    scene.announce("running")
    drive(heat, scene, ticks, (1.6, 1.2))
    scene.announce("finished")
    return heat, feed


def test_a_snap_has_everything_that_the_tower_shows() -> None:
    heat, feed = raced()
    first, last = feed.of("snap")[0], feed.of("snap")[-1]
    assert (first["k"], first["laps"], first["hz"]) == (0, 2, 15)
    assert first["car"] == {"length_m": heat.car.length_m, "width_m": heat.car.width_m}
    assert [seat["status"] for seat in first["seats"]] == ["racing", "racing"]
    result = heat.result()
    for seat in last["seats"]:
        entry = result.of(seat["entry"])
        assert entry is not None
        assert (seat["place"], seat["status"], seat["lap"]) == (entry.place, entry.status, len(entry.laps))
        assert seat["total_us"] == round(entry.total_s * 1e6)
        assert seat["best_us"] == round(entry.fastest_lap_s * 1e6)
        assert seat["off_tracks"] == entry.off_tracks


def test_the_gap_is_the_time_behind_the_first_at_the_same_place() -> None:
    _, feed = raced()
    first, second = sorted(feed.of("snap")[-1]["seats"], key=lambda seat: seat["place"])
    assert first["gap_us"] == 0
    assert second["gap_us"] == second["total_us"] - first["total_us"] > 0


def test_every_tick_is_a_frame_of_whole_numbers() -> None:
    _, feed = raced(ticks=20)
    frames = feed.of("frame")
    assert [frame["k"] for frame in frames] == list(range(1, 21))
    for frame in frames:
        assert len(frame["cars"]) == 2 * 8
        assert all(type(number) is int for number in frame["cars"])
    assert frames[-1]["cars"][0::8] == [0, 1]


def test_every_fact_is_told_and_names_its_heat() -> None:
    heat, feed = raced()
    events = feed.of("event")
    assert [event["kind"] for event in events] == [fact.kind for fact in heat.facts]
    assert {event["heat"] for event in events} == {heat.plan.id}


def test_without_viewers_no_picture_is_drawn() -> None:
    heat, feed = make_heat(cars=2, laps=1), Feed()
    scene = Scene(heat, feed)
    drive(heat, scene, 30, (1.5, 1.2))
    assert feed.of("frame") == []
    assert feed.of("snap") == []


def test_boxes_and_bots_are_shown_in_snaps_and_bots_in_frames() -> None:
    heat, feed = make_heat(cars=1, laps=1, box_places=("4,left",), bots=2, bot_speed_mps=0.5), Feed()
    feed.viewers.add(object())  # type: ignore[arg-type]
    scene = Scene(heat, feed)
    scene.announce("running")
    drive(heat, scene, 15, (1.0,))
    (snap, *_), frame = feed.of("snap"), feed.of("frame")[-1]
    (box,) = heat.boxes
    assert snap["boxes"] == [[round(1000 * figure) for figure in box]]
    assert snap["bots"][:5:5] == [0]
    for number, (x, y, _, speed) in enumerate(heat.bot_frame().tolist()):
        shown = frame["bots"][5 * number : 5 * number + 5]
        assert shown[:3] == [number, round(1000 * x), round(1000 * y)]
        assert shown[4] == round(1000 * speed) == 500
    assert len(frame["cars"]) == 8


def test_a_heat_without_objects_sends_none() -> None:
    _, feed = raced(ticks=3)
    assert feed.of("snap")[0]["boxes"] == feed.of("snap")[0]["bots"] == []
    assert "bots" not in feed.of("frame")[-1]
