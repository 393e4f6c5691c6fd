"""Batches whose worlds differ: in the figures of their cars and in the boxes that stand in the way."""

from __future__ import annotations

import numpy as np
import pytest
from stadium import follow, make_heat, stadium

from league import DEEPRACER, Box, ConfigError, InputError, StateSensor, World
from league.racing.agent import Command
from league.sim import kernel, marshal
from league.sim.batch import Batch
from league.sim.episode import Episode, Starts

FOR_EVER = Episode(off_track="ignore", immobilised="ignore", reversed="ignore", time_limit_s=1e6)
VARY = {"lateral_mps2": 0.2, "steer_bias_rad": 0.5, "speed_gain": 0.1, "steer_dead_s": 0.9}


def commands(shape, seed):
    rng = np.random.default_rng(seed)
    return np.stack((rng.uniform(-0.5, 0.5, shape), rng.uniform(0.0, 3.0, shape)), axis=-1)


@pytest.fixture(scope="module")
def wide():
    return stadium(straight_m=6.0, radius_m=2.5, half_m=1.0)


# -- cars that differ --------------------------------------------------------------------------------


def test_every_world_draws_its_car_anew_with_every_episode(wide):
    batch = Batch(wide, DEEPRACER, worlds=200, vary=VARY, seed=4)
    first = [batch.driven(world, 0) for world in range(200)]
    for name, share in VARY.items():
        parts = np.array([getattr(car, name) for car in first]) / getattr(DEEPRACER, name) - 1.0
        assert np.abs(parts).max() <= share + 1e-12
        assert parts.max() > 0.9 * share
        assert parts.min() < -0.9 * share
    assert all(car.base_m == DEEPRACER.base_m for car in first)
    batch.reset()
    assert all(batch.driven(world, 0) != first[world] for world in range(200))
    batch.reset(seed=4)
    assert [batch.driven(world, 0) for world in range(200)] == first


@pytest.mark.parametrize("cars", [1, 2])
def test_a_car_that_differs_drives_as_that_car_does_in_a_world(wide, cars):
    batch = Batch(wide, DEEPRACER, worlds=20, cars_per_world=cars, vary=VARY, episode=FOR_EVER)
    for number in (0, 19):
        world = World(wide, [batch.driven(number, car) for car in range(cars)])
        depth = batch._arrays.state.shape[2]
        for car in range(cars):
            batch.place(number, car, 3.0 * car)
            world.place(car, 3.0 * car)
        for tick in range(40):
            orders = commands((20, cars), tick)
            batch.step(orders)
            world.step(orders[number])
            np.testing.assert_array_equal(batch.pose[number], world.pose)
            assert batch.seen[number].tobytes() == StateSensor().sense(world).tobytes()
        assert depth >= kernel.COMMANDS + 2


def test_what_a_world_draws_does_not_depend_on_the_others(wide):
    few, many = (Batch(wide, DEEPRACER, worlds=worlds, vary=VARY, random_boxes=2) for worlds in (3, 50))
    for tick in range(30):
        orders = commands((50, 1), tick)
        few.step(orders[:3])
        many.step(orders)
        assert [few.state_bytes(world) for world in range(3)] == [
            many.state_bytes(world) for world in range(3)
        ]


@pytest.mark.parametrize(
    ("vary", "message"),
    [
        ({"length_m": 0.1}, "cannot vary in 'length_m'"),
        ({"lateral_mps2": 1.0}, "a share of 1.0"),
        ({"lateral_mps2": -0.1}, "a share of -0.1"),
        ({"lateral_mps2": float("nan")}, "a share of nan"),
    ],
)
def test_a_figure_that_cannot_vary_is_refused(wide, vary, message):
    with pytest.raises(InputError, match=message):
        Batch(wide, DEEPRACER, worlds=1, vary=vary)


def test_figures_that_would_make_no_car_are_refused(wide):
    car = DEEPRACER.changed(lateral_per_push=0.9 * DEEPRACER.lateral_mps2 / DEEPRACER.brake_mps2)
    with pytest.raises(InputError, match="cannot vary so much"):
        Batch(wide, car, worlds=1, vary={"lateral_mps2": 0.3})


# -- boxes -------------------------------------------------------------------------------------------


def test_boxes_at_given_places_are_met_and_seen_as_in_a_world(wide):
    boxes = [Box(5.0, 0.1, 0.4), Box(7.0, 0.2, 0.5)]
    batch = Batch(wide, DEEPRACER, worlds=2, boxes=boxes, episode=FOR_EVER)
    world, sensor = World(wide, [DEEPRACER], boxes=boxes), StateSensor()
    world.place(0, 0.2)
    batch.place(1, 0, 0.2)
    touched = False
    for _ in range(60):
        batch.step([[(0.0, 1.5)]] * 2)
        world.step([(0.0, 1.5)])
        touched = touched or bool(world.contacts)
        assert batch.state_bytes(1) == world.state_bytes()
        assert batch.seen[1].tobytes() == sensor.sense(world).tobytes()
        assert bool(batch.happened[1, 0] & marshal.COLLISION) == bool(world.contacts)
    assert touched


def test_boxes_at_random_places_keep_the_distances_and_differ_from_world_to_world(wide):
    standing = Episode(starts=Starts(on_line=0.0, standing=1.0))
    batch = Batch(wide, DEEPRACER, worlds=100, random_boxes=4, episode=standing)
    places = batch.boxes_at[:, :, :2]
    assert places.shape == (100, 4, 2)
    seen = wide.project(places.reshape(-1, 2))
    along = np.asarray(seen.along_m).reshape(100, 4)
    assert (np.diff(along, axis=1) >= 0.13 * wide.length_m - 1e-6).all()
    assert along.min() >= 0.07 * wide.length_m - 1e-6
    assert along.max() <= 0.90 * wide.length_m + 1e-6
    np.testing.assert_allclose(np.abs(seen.offset_m), 0.5, atol=1e-3)
    assert len(np.unique(along[:, 0])) == 100
    assert 0.3 < np.mean(np.asarray(seen.offset_m) > 0) < 0.7
    batch.step([[(0.0, 0.0)]] * 100)
    assert not (batch.happened & marshal.COLLISION).any()


def test_a_car_that_runs_into_a_box_ends_its_episode_if_the_rule_says_so(wide):
    batch = Batch(wide, DEEPRACER, worlds=1, boxes=[Box(5.0, 0.0, 0.0)], episode=Episode(collision="end"))
    for _ in range(45):
        batch.step([[(0.0, 2.0)]])
        if batch.terminated[0, 0]:
            assert batch.happened[0, 0] & marshal.COLLISION
            return
    pytest.fail("it went through")


@pytest.mark.parametrize("cars", [1, 2])
def test_laps_and_resets_among_boxes_are_those_of_the_referee(cars):
    circuit = stadium(straight_m=6.0, radius_m=2.5, half_m=1.0)
    heat = make_heat(
        cars, circuit=circuit, laps=50, time_limit_s=3600, box_places=("20%,left", "60%,right"), max_resets=4
    )
    asked = heat.plan.rules
    batch = Batch(
        circuit,
        DEEPRACER,
        worlds=1,
        cars_per_world=cars,
        boxes=heat.world.boxes,
        again="never",
        episode=Episode(
            off_track="reset",
            immobilised="reset",
            reversed="reset",
            collision="reset",
            time_limit_s=1e6,
            off_track_penalty_s=asked.off_track_penalty_s,
            reversed_penalty_s=asked.off_track_penalty_s,
            collision_penalty_s=asked.collision_penalty_s,
            grid_gap_m=asked.grid_gap_m,
            max_resets=4,
        ),
    )
    for tick in range(1500):
        seen = heat.observe()
        given = [
            Command(0.0, 0.0)
            if one is None
            else Command(follow(one, 1.2).steer_rad + 0.25 * np.sin(0.07 * tick + seat), 1.2 + 0.4 * seat)
            for seat, one in enumerate(seen)
        ]
        batch.step([[(command.steer_rad, command.speed_mps) for command in given]])
        heat.advance(given)
        for car in heat.referee.cars:
            card = batch.card(0, car.seat)
            assert card["collisions"] == car.collisions
            assert card["resets"] == car.resets
            if car.racing:
                assert batch.progress_m[0, car.seat] == pytest.approx(car.progress_m, abs=1e-9)
            assert bool(batch.out[0, car.seat]) == (not car.racing)
        if heat.finished:
            break
    assert any(car.collisions for car in heat.referee.cars)
    assert any(not car.racing for car in heat.referee.cars)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"random_boxes": 8}, "8 boxes"),
        ({"random_boxes": -1}, "-1 boxes"),
        ({"boxes": [Box(0.0, 0.0, 0.0)], "random_boxes": 1}, "none at random places"),
        ({"boxes": [Box(0.0, float("nan"), 0.0)]}, "box 0 is"),
    ],
)
def test_boxes_that_cannot_be_are_refused(wide, asked, message):
    with pytest.raises(InputError, match=message):
        Batch(wide, DEEPRACER, worlds=1, **asked)


def test_boxes_that_find_no_room_are_refused():
    with pytest.raises(InputError, match="find no room"):
        Batch(stadium(straight_m=0.5, radius_m=0.8), DEEPRACER, worlds=1, random_boxes=7)
    with pytest.raises(InputError, match="wide"):
        Batch(stadium(half_m=0.3), DEEPRACER, worlds=1, random_boxes=1)


# -- rules -------------------------------------------------------------------------------------------


def test_a_lap_that_is_too_short_or_too_often_reset_is_not_the_best():
    circuit = stadium()
    best = []
    for rule in ({}, {"min_lap_s": 1e3}, {"max_resets_per_lap": 0}):
        batch = Batch(circuit, DEEPRACER, worlds=1, episode=Episode(time_limit_s=99, **rule))
        for _ in range(600):
            x, y = batch.seen[..., 15].astype(float), batch.seen[..., 16].astype(float)
            batch.step(np.stack((np.arctan2(0.7 * y, x * x + y * y), np.full(x.shape, 1.5)), axis=-1))
        assert batch.card(0, 0)["laps"] >= 2
        best.append(batch.card(0, 0)["best_lap_s"])
    assert best[0] > 5.0
    assert best[1:] == [0.0, best[0]]


def test_a_car_that_used_up_its_resets_ends_its_episode(wide):
    batch = Batch(wide, DEEPRACER, worlds=1, episode=Episode(off_track="reset", max_resets=1))
    ended = False
    for _ in range(400):
        batch.step([[(0.4, 2.0)]])
        ended = ended or bool(batch.terminated[0, 0])
        assert batch.card(0, 0)["resets"] <= 2
    assert ended


@pytest.mark.parametrize("rule", [{"max_resets": -1}, {"max_resets_per_lap": 0.5}, {"min_lap_s": -1.0}])
def test_rules_out_of_range_are_refused(rule):
    with pytest.raises(ConfigError, match=next(iter(rule))):
        Episode(**rule)
