"""Boxes and bots in training: what recipes ask for, what is paid, seen and counted."""

from __future__ import annotations

from math import atan2
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from stadium import stadium
from tiny import CIRCUIT, league, recipe, train

from league import DEEPRACER, Batch, ConfigError, Episode, Rules, Starts, Traffic, race
from league.learn.ground.field import Field
from league.learn.ground.hurdles import hurdles_of
from league.learn.ground.senses import ROAD_SIZE, make_senses
from league.learn.results.evaluation import evaluate
from league.learn.results.testdrive import TestDrive
from league.learn.reward.paying import built_in
from league.learn.reward.rewards import Rewards
from league.learn.reward.telemetry import Telemetry
from league.learn.settings.actions import Answers
from league.learn.settings.recipe import Objects
from league.learn.settings.settling import actions_of
from league.learn.training.policies import Watching, seen_of
from league.sim import marshal

# In the manner of DeepRacer's own example: stay on the road, and off the lane of a box that is near ahead.
AVOIDING = """
import math

def reward_function(params):
    reward = 1e-3
    if params["all_wheels_on_track"] and not params["is_crashed"]:
        reward = 1.0
    _, ahead = params["closest_objects"]
    x, y = params["objects_location"][ahead]
    gap = math.hypot(params["x"] - x, params["y"] - y)
    if params["objects_left_of_center"][ahead] == params["is_left_of_center"] and gap < 0.8:
        reward *= 0.2
    assert len(params["objects_speed"]) == len(params["objects_heading"]) == len(params["objects_distance"])
    return reward
"""


def test_places_of_boxes_and_bots_become_those_of_a_batch() -> None:
    assert hurdles_of(Objects(), [stadium()], DEEPRACER) == {}
    drawn = hurdles_of(Objects(boxes=2, bots=1, bot_speed_mps=(0.3, 0.8)), [stadium()], DEEPRACER)
    assert drawn == {"random_boxes": 2, "bots": Traffic(1, (0.3, 0.8), changes=False)}
    (box,) = hurdles_of(Objects(box_places=("50%,left",)), [stadium()], DEEPRACER)["boxes"]
    place = stadium().project((box.x_m, box.y_m))
    assert float(place.along_m) == pytest.approx(stadium().length_m / 2, abs=0.01)
    assert float(place.offset_m) > 0.0
    with pytest.raises(ConfigError, match="box_places on 2 circuits, expected one"):
        hurdles_of(Objects(box_places=("50%,left",)), [stadium(), stadium()], DEEPRACER)


@pytest.mark.parametrize(
    ("objects", "expected"),
    [
        ({"boxes": 9}, "objects.boxes"),
        ({"boxes": 1, "box_places": ["50%,left"]}, "expected one of the two"),
        ({"box_places": ["half way"]}, "box_places"),
        ({"bots": 1, "bot_speed_mps": [1.0, 0.5]}, "expected the slower one first"),
        ({"seen": 8}, "objects.seen"),
    ],
)
def test_objects_that_cannot_be_are_named_in_one_line(objects: dict[str, Any], expected: str) -> None:
    with pytest.raises(ConfigError, match=expected) as refused:
        recipe(objects=objects)
    assert "\n" not in str(refused.value)


def test_a_collision_ends_an_episode_and_is_charged() -> None:
    made = recipe(
        objects={"box_places": ["3,left"]},
        reward={"per_m": 1.0, "collision": -7.0},
        episode={"on_line": 1.0},
        learning={"cars": 2},
    )
    road = league().circuit(CIRCUIT)
    cars = Field(made, [road], league(), Answers(actions_of(made)), built_in(made.reward, 1.0), seed=1)
    cars.begin()
    box = road.project(cars.batch.boxes_at[0, 0, :2])
    cars.batch.place(0, 0, float(box.along_m) - 0.8, float(box.offset_m), 0.0, 1.0)
    for _ in range(30):
        driven = cars.drive(np.array([[0.0, -0.5]] * 2, dtype=np.float32))
        if driven.ended[0]:
            break
    assert cars.batch.happened[0, 0] & marshal.COLLISION == 0, "the next episode has begun"
    assert driven.ended[0]
    assert not driven.cut[0]
    assert driven.paid[0] < -6.0


@pytest.mark.parametrize("reverse", [False, True])
def test_boxes_and_bots_are_objects_as_deepracer_tells_of_them(reverse: bool) -> None:
    circuit = stadium().reversed() if reverse else stadium()
    batch = Batch(
        circuit,
        DEEPRACER,
        worlds=6,
        episode=Episode(collision="end", starts=Starts(on_line=0.0)),
        seed=3,
        again="never",
        random_boxes=1,
        bots=Traffic(1, (0.5, 0.9)),
    )
    telemetry = Telemetry(batch)
    for _ in range(5):
        batch.step(np.tile((0.0, 0.5), (6, 1, 1)))
        params = telemetry.read(np.tile((0.0, 0.5), (6, 1)))
    for world, told in enumerate(params.dicts()):
        rows = batch.object_rows[world]
        places = [circuit.project((row[0], row[1])) for row in rows]
        assert np.allclose(told["objects_location"], rows[:, :2])
        assert told["objects_left_of_center"] == [bool(place.offset_m > 0.0) for place in places]
        assert told["objects_distance"] == pytest.approx([float(place.along_m) for place in places], abs=0.02)
        assert told["objects_distance_from_center"] == pytest.approx(
            [abs(float(place.offset_m)) for place in places], abs=0.01
        )
        assert told["objects_speed"] == pytest.approx([0.0, batch.bot_speed_mps[world, 0]])
        assert told["objects_heading"] == pytest.approx([0.0, atan2(rows[1, 3], rows[1, 2])])
        assert sorted(told["closest_objects"]) in ([0, 1], [0, 0], [1, 1])
        assert told["is_crashed"] == bool(batch.happened[world, 0] & marshal.COLLISION)
    arrays, dicts = params.arrays(0), list(params.dicts())
    for key in ("objects_location", "objects_speed", "closest_objects", "object_in_camera", "is_crashed"):
        assert np.array_equal(arrays[key], [one[key] for one in dicts])


def test_a_reward_function_of_the_documentations_kind_pays_less_before_a_box(tmp_path: Path) -> None:
    file = tmp_path / "avoiding.py"
    file.write_text(AVOIDING)
    batch = Batch(
        stadium(),
        DEEPRACER,
        worlds=2,
        episode=Episode(collision="end"),
        seed=1,
        again="never",
        **hurdles_of(Objects(box_places=("3,left",)), [stadium()], DEEPRACER),
    )
    box = stadium().project(batch.boxes_at[0, 0, :2])
    for world, side in enumerate((1.0, -1.0)):
        batch.place(world, 0, float(box.along_m) - 0.7, side * float(box.offset_m), 0.0, 1.0)
    telemetry, commands = Telemetry(batch), np.tile((0.0, 1.0), (2, 1))
    with Rewards(file, 2, folder=tmp_path) as rewards:
        batch.step(commands[:, None])
        assert rewards(telemetry.read(commands)) == pytest.approx([0.2, 1.0])
        for _ in range(10):
            if batch.out[0, 0]:
                break
            batch.step(commands[:, None])
            params = telemetry.read(commands)
            paid = rewards(params)
    assert [told["is_crashed"] for told in params.dicts()] == [True, False]
    assert paid[0] < 0.01


def test_a_network_is_shown_where_boxes_lie_on_the_road() -> None:
    circuit = stadium()
    hurdles = hurdles_of(Objects(box_places=("3,left",)), [circuit], DEEPRACER)
    batch = Batch(circuit, DEEPRACER, worlds=1, again="never", **hurdles)
    place = circuit.project(batch.boxes_at[0, 0, :2])
    for before_m in (2.0, 0.7, 6.0):
        batch.place(0, 0, (float(place.along_m) - before_m) % circuit.length_m, 0.1, 0.1, 1.0)
        seen = torch.from_numpy(np.array(batch.seen[:, 0]))
        shown, is_box, far, aside = Watching(2)(seen)[0, ROAD_SIZE : ROAD_SIZE + 4].tolist()
        assert bool(shown) is bool(is_box) is (before_m < 4.0)
        if shown:
            assert 2.0 * far == pytest.approx(before_m, abs=0.3)
            assert 0.3 * aside == pytest.approx(float(place.offset_m), abs=0.03)


def test_whoever_looks_at_objects_is_said_by_the_recipe() -> None:
    assert seen_of(recipe(objects={"boxes": 1})) == 3
    assert seen_of(recipe(objects={"boxes": 1, "seen": 0})) == 0
    assert seen_of(recipe()) == 0
    with pytest.raises(ConfigError, match=r"polish\.share"):
        recipe(objects={"boxes": 1}, polish={"share": 0.5})


def test_test_drives_count_collisions() -> None:
    objects = Objects(box_places=("3,left", "10,right"))
    made = recipe()
    drive = TestDrive(
        [league().circuit(CIRCUIT)],
        [DEEPRACER],
        make_senses(league(), made.sensors),
        Answers(actions_of(made)),
        control_hz=15,
        laps=1,
        objects=objects,
        time_limit_s=20.0,
    )

    def to_the_box(seen: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        steer = np.clip(2.7 * seen[:, 72] / np.maximum(np.abs(seen[:, 71]), 0.1), -1, 1)
        return np.stack((steer, np.full(len(seen), -0.5)), axis=1).astype(np.float32)

    (driven,) = drive(to_the_box)
    assert driven.collisions >= 1


@pytest.mark.slow
def test_a_model_that_was_trained_with_objects_races_among_them(tmp_path: Path) -> None:
    train(tmp_path / "run", recipe(objects={"boxes": 1, "bots": 1}, budget={"steps": 4096}))
    model = str(tmp_path / "run" / "model")
    rules = Rules(laps=1, boxes=1, bots=1, time_limit_s=10.0)
    (entry,) = race(CIRCUIT, [model], rules=rules, league=league()).standings
    assert entry.name
    done = evaluate(league(), model, league().circuit(CIRCUIT), rules=rules, trials=2)
    spread = done.as_dict()["spread"]
    assert spread["collisions"] == sum(trial.entry.collisions for trial in done.trials)
