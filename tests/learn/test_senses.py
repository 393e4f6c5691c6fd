from __future__ import annotations

from math import atan2

import numpy as np
import pytest
from tiny import league

from league import Batch, Box, ConfigError, Episode, Starts, World
from league.learn.ground.senses import Eyes, make_senses, sights, state_noise, state_scale

ANYWHERE = Episode(starts=Starts(on_line=0.0))


def batch(worlds: int = 6) -> Batch:
    roads = [league().circuit(ref) for ref in ("clubhouse-loop", "paperclip")]
    return Batch(roads, league().car("deepracer"), worlds=worlds, episode=ANYWHERE, seed=3, again="never")


@pytest.mark.parametrize("name", ["state", "lidar", "lidar-sectors", "lidar-discretized", "camera"])
def test_a_batch_is_seen_as_a_world_is(name: str) -> None:
    cars = batch()
    (sense,) = make_senses(league(), [name])
    places = [(0.7 * number, 0.02 * number, 0.1 * number) for number in range(cars.worlds)]
    for number, place in enumerate(places):
        cars.place(number, 0, *place)
    seen = sense.look(cars)
    for number, place in enumerate(places):
        world = World(cars.circuits[number % 2], [cars.car])
        world.place(0, *place)
        assert np.array_equal(seen[number].reshape(-1), league().sensor(name).sense(world)[0])


@pytest.mark.parametrize("name", ["lidar", "camera"])
def test_the_boxes_of_every_world_are_seen_there_and_nowhere_else(name: str) -> None:
    roads = [league().circuit(ref) for ref in ("a-to-z-speedway", "paperclip")]
    cars = Batch(roads, league().car("deepracer"), worlds=4, episode=ANYWHERE, seed=3, random_boxes=2)
    (sense,) = make_senses(league(), [name])
    boxes = [
        [Box(float(x), float(y), atan2(q, c)) for x, y, c, q in world] for world in cars.boxes_at.tolist()
    ]
    assert boxes[0] != boxes[2]  # the same road
    places = []
    for number, (box, _) in enumerate(boxes):
        road = roads[number % 2]
        behind_m = float(road.project((box.x_m, box.y_m)).along_m) - 1.2
        places.append((behind_m, 0.0, 0.0))
        cars.place(number, 0, *places[-1])
    seen = sense.look(cars)
    for number, place in enumerate(places):
        with_boxes, without = (
            World(roads[number % 2], [cars.car], boxes=standing) for standing in (boxes[number], [])
        )
        for world in (with_boxes, without):
            world.place(0, *place)
        looked, empty = (league().sensor(name).sense(world)[0] for world in (with_boxes, without))
        assert np.allclose(seen[number].reshape(-1), looked, atol=1e-4 if name == "lidar" else 2)
        assert not np.allclose(looked, empty, atol=0.1)


def test_eyes_without_noise_or_age_see_what_is_there() -> None:
    cars = batch()
    eyes = Eyes(make_senses(league(), ["state"]), 6, random=np.random.default_rng(0))
    assert np.array_equal(eyes.look([cars]), cars.seen[:, 0])


def test_noise_has_the_size_that_each_number_deserves() -> None:
    cars = batch()
    eyes = Eyes(make_senses(league(), ["state"]), 6, noise=2.0, random=np.random.default_rng(0))
    seen = np.stack([eyes.look([cars]) for _ in range(2000)])
    spread = (seen - cars.seen[:, 0]).std(axis=(0, 1))
    assert spread == pytest.approx(2.0 * state_noise(), rel=0.1, abs=1e-6)
    assert spread[70:].max() == 0.0


def test_a_second_look_in_a_tick_leaves_the_others_as_late_as_they_were() -> None:
    cars = batch()
    eyes = Eyes(make_senses(league(), ["state"]), 6, latency_ticks=1, random=np.random.default_rng(1))
    eyes.look([cars], np.ones(6, dtype=bool))
    for _ in range(3):
        cars.step(np.full((6, 1, 2), (0.1, 2.0)))
        seen = eyes.look([cars])
    begun = np.array([True] + 5 * [False])
    assert np.array_equal(eyes.look([cars], begun)[1:], seen[1:])
    assert not np.array_equal(seen, cars.seen[:, 0])


def test_late_eyes_see_what_was_there_and_never_another_episode() -> None:
    cars = batch()
    eyes = Eyes(make_senses(league(), ["state"]), 6, latency_ticks=2, random=np.random.default_rng(4))
    began = np.ones(6, dtype=bool)
    shown = [eyes.look([cars], began)]
    real = [cars.seen[:, 0].copy()]
    assert np.array_equal(shown[0], real[0])
    for tick in range(8):
        cars.step(np.full((6, 1, 2), (0.1, 1.0 + 0.2 * tick)))
        real.append(cars.seen[:, 0].copy())
        shown.append(eyes.look([cars]))
    ages = [
        next(age for age in range(3) if np.array_equal(shown[-1][car], real[-1 - age][car]))
        for car in range(6)
    ]
    assert len(set(ages)) > 1
    first = began & (np.arange(6) == 0)
    cars.reset(worlds=first)
    assert np.array_equal(eyes.look([cars], first)[0], cars.seen[0, 0])


def test_several_sensors_lie_one_behind_the_other() -> None:
    senses = make_senses(league(), ["lidar", "state"])
    first, second = sights(senses)
    assert (first.start, first.size, second.start, second.size) == (0, 64, 64, 105)
    cars = batch()
    eyes = Eyes(senses, 6, random=np.random.default_rng(0))
    assert np.array_equal(eyes.look([cars])[:, 64:], cars.seen[:, 0])


def test_sensors_that_training_cannot_use_are_refused() -> None:
    with pytest.raises(ConfigError, match="pose"):
        make_senses(league(), ["pose"])
    with pytest.raises(ConfigError, match="vary"):
        make_senses(league(), ["state?latency=1"])


def test_what_networks_see_of_the_state_is_of_the_order_of_one() -> None:
    cars = batch(200)
    for _ in range(30):
        cars.step(np.tile((0.05, 2.0), (200, 1, 1)))
    shares = np.abs(cars.seen[:, 0] / state_scale())
    assert np.quantile(shares[:, :70], 0.99) < 3.0
