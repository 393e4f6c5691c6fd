from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tiny import league, recipe

from league import DEEPRACER, Batch
from league.learn.ground.field import Driven, Field, episode_of
from league.learn.reward.paying import Tick, built_in, pursuit_reward
from league.learn.settings.actions import Answers
from league.learn.settings.recipe import Recipe
from league.learn.settings.settling import actions_of


def field(made: Recipe, **options: Any) -> Field:
    roads = [league().circuit(ref) for ref in made.circuits]
    reward = options.pop("reward", built_in(made.reward, 1.0))
    return Field(made, roads, league(), Answers(actions_of(made)), reward, seed=options.pop("seed", 1))


def drive(cars: Field, ticks: int, seed: int = 0) -> list[Driven]:
    random = np.random.default_rng(seed)
    cars.begin()
    told = []
    for _ in range(ticks):
        driven = cars.drive(random.uniform(-1, 1, (cars.cars, 2)).astype(np.float32))
        told.append(driven._replace(seen=driven.seen.copy()))  # it follows the batch
    return told


def test_cars_drive_as_they_do_in_a_batch_of_their_own() -> None:
    made = recipe()
    cars = field(made)
    seen = cars.begin()
    plain = Batch(
        league().circuit(made.circuits[0]),
        league().car("deepracer"),
        worlds=16,
        episode=episode_of(made),
        seed=1009,
        again="never",
    )
    plain.reset()
    assert np.array_equal(seen, plain.seen[:, 0])
    answers = np.full((16, 2), 0.25, dtype=np.float32)
    driven = cars.drive(answers)
    orders = actions_of(made).commands(answers)
    plain.step(orders[:, None])
    assert np.array_equal(driven.seen, plain.seen[:, 0])
    assert np.allclose(driven.paid, 5.0 * plain.gained_m[:, 0])


def test_the_same_seed_gives_the_same_training() -> None:
    made = recipe(vary={"car": 0.1, "noise": 1.0, "latency_ticks": 2})
    first, second, other = (drive(field(made, seed=seed), 40) for seed in (5, 5, 6))
    assert all(
        np.array_equal(a.seen, b.seen) and np.array_equal(a.paid, b.paid)
        for a, b in zip(first, second, strict=True)
    )
    assert not np.array_equal(first[-1].seen, other[-1].seen)


def test_an_ended_episode_shows_its_end_and_the_start_of_the_next() -> None:
    cars = field(recipe())
    for driven in drive(cars, 80):
        assert len(driven.last_seen) == driven.ended.sum()
        assert not (driven.cut & ~driven.ended).any()
        fresh = driven.seen[driven.ended]
        assert np.all(fresh[:, 6:8] == 0.0), "no command has been given yet"
    finished = cars.take_finished()
    assert sum(len(episodes.reward) for episodes in finished) > 0
    assert cars.take_finished() == []


@pytest.mark.parametrize(("lap", "cut"), [("bootstrap", True), ("terminal", False)])
def test_once_round_is_the_end_that_the_recipe_wants(lap: str, cut: bool) -> None:
    cars = field(recipe(episode={"lap": lap, "time_limit_s": 60.0, "on_line": 1.0}, learning={"cars": 1}))
    seen = cars.begin()
    for _ in range(15 * 59):
        steer = np.clip(2.7 * seen[:, 16] / seen[:, 15], -1, 1)  # to the centre line, 0.8 m ahead
        driven = cars.drive(np.stack((steer, np.full(1, -0.45)), axis=1))
        seen = driven.seen
        if driven.ended[0]:
            break
    (episodes,) = cars.take_finished()
    assert episodes.completed[0]
    assert episodes.progress_pct[0] == 100.0
    assert bool(driven.cut[0]) is cut


def test_different_cars_drive_on_every_circuit() -> None:
    made = recipe(circuits=["clubhouse-loop", "paperclip", "clover"], vary={"car": 0.1})
    cars = field(made)
    cars.begin()
    driven = [cars.batch.driven(world, 0) for world in range(16)]
    grip = np.array([car.lateral_mps2 for car in driven]) / DEEPRACER.lateral_mps2
    assert len(set(grip)) == 16
    assert (np.abs(grip - 1.0) <= 0.1).all()
    assert {road.id for road in cars.batch.circuits} == set(made.circuits)
    cars.begin()
    assert cars.batch.driven(0, 0) != driven[0], "an episode has a car of its own"


def tick(**entries: Any) -> Tick:
    plain: dict[str, Any] = {
        "gained_m": np.array([0.1, 0.1]),
        "progress_pct": np.array([10.0, 10.0]),
        "steps": np.array([20, 20]),
        "commands": np.array([[0.1, 2.0], [-0.1, 3.0]]),
        "before": np.array([[0.1, 2.0], [0.1, 3.0]]),
        "wheels_off": np.array([0.0, 0.0]),
        "off_track": np.array([False, False]),
        "collision": np.array([False, False]),
    }
    return Tick(**plain | entries)


def test_the_progress_reward_pays_metres_and_charges_departures_and_swings() -> None:
    made = recipe(reward={"per_m": 2.0, "off_track": -3.0, "effort": 0.5})
    paid = built_in(made.reward, 1.0)(tick(off_track=np.array([True, False])))
    assert paid == pytest.approx([0.2 - 3.0, 0.2 - 0.5 * 0.2])


def test_the_pursuit_reward_is_the_storys() -> None:
    assert pursuit_reward(tick()) == pytest.approx([50.0 + 4.0, 50.0 + 9.0])
    assert pursuit_reward(tick(wheels_off=np.array([1.0, 4.0]))) == pytest.approx([0.01, 0.01])
