"""Bots in a batch: as in a world where their places are given, and drawn for every episode where not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import combinations

import numpy as np
import pytest

from league import DEEPRACER, Batch, Bot, Box, Episode, InputError, Starts, StateSensor, Traffic, World
from league.sim import contact, marshal
from league.sim.contact import overlap

FOR_EVER = Episode(time_limit_s=1e6, off_track="ignore", immobilised="ignore", reversed="ignore")
STANDING = [[(0.0, 0.0)]]


def test_bots_at_given_places_drive_and_are_seen_as_in_a_world(club):
    bots = [Bot(2.5, True, 1.0, True, seed=5), Bot(5.0, False, 0.7, True, seed=5)]
    boxes = [Box(*map(float, club.at(4.4, -0.25)), float(club.heading_at(4.4)))]
    batch = Batch(club, DEEPRACER, worlds=2, bots=bots, boxes=boxes, episode=FOR_EVER)
    world, sensor = World(club, [DEEPRACER], bots=bots, boxes=boxes), StateSensor()
    world.place(0, 0.2, 0.25)
    batch.place(1, 0, 0.2, 0.25)
    changed = False
    for tick in range(400):
        order = (0.25 * np.sin(tick / 9), 1.6)
        batch.step([[order]] * 2)
        world.step([order])
        assert batch.state_bytes(1) == world.state_bytes()
        assert batch.seen[1].tobytes() == sensor.sense(world).tobytes()
        assert bool(batch.happened[1, 0] & marshal.COLLISION) <= bool(world.contacts)
        changed = changed or float(club.project(world.bots.pose[1, :2]).offset_m) > 0.2
    assert changed


def test_a_bot_is_touched_as_in_a_world(airfield):
    bots = [Bot(5.0, True, 0.2)]
    batch = Batch(airfield, DEEPRACER, worlds=2, bots=bots, episode=FOR_EVER)
    world = World(airfield, [DEEPRACER], bots=bots)
    world.place(0, 3.5, 2.0)
    batch.place(0, 0, 3.5, 2.0)
    touched = 0
    for _ in range(40):
        batch.step([[(0.0, 2.0)]] * 2)
        world.step([(0.0, 2.0)])
        assert batch.state_bytes(0) == world.state_bytes()
        assert bool(batch.happened[0, 0] & marshal.COLLISION) == bool(world.contacts)
        touched += bool(world.contacts)
    assert touched > 0


def test_what_is_drawn_depends_on_nothing_but_the_worlds_own_stream(club):
    traffic, episode = Traffic(3, (0.4, 1.6), changes=True), Episode(time_limit_s=4.0)
    with ThreadPoolExecutor(1) as crew:
        few = Batch(club, DEEPRACER, worlds=3, bots=traffic, episode=episode, seed=7)
        many = Batch(club, DEEPRACER, worlds=40, bots=traffic, episode=episode, seed=7, crew=crew, parts=2)
        for tick in range(100):
            orders = np.full((40, 1, 2), (0.1 * np.sin(tick), 1.0))
            few.step(orders[:3])
            many.step(orders)
            assert [few.state_bytes(w) for w in range(3)] == [many.state_bytes(w) for w in range(3)]
    assert (few.episodes > 0).all()


def test_places_lanes_and_speeds_differ_and_nobody_starts_inside_another(club):
    anywhere = Episode(starts=Starts(on_line=0.0, standing=1.0), collision="ignore")
    batch = Batch(
        club, DEEPRACER, worlds=200, bots=Traffic(3, (0.5, 2.0)), random_boxes=2, episode=anywhere, seed=1
    )
    assert batch.bots_at.shape == (200, 3, 4)
    seen = club.project(batch.bots_at[:, :, :2].reshape(-1, 2))
    along = np.asarray(seen.along_m).reshape(200, 3)
    assert (np.diff(along, axis=1) > 0.6).all()
    assert along.min() > 1.95
    assert 0.3 < np.mean(np.asarray(seen.offset_m) > 0) < 0.7
    assert len(np.unique(along[:, 0])) > 150
    for rows in batch.object_rows:
        for one, other in combinations(rows, 2):
            assert overlap(one, other)[0] == 0.0
    batch.step(STANDING * 200)
    assert not (batch.happened & marshal.COLLISION).any()
    speeds = batch.bot_speed_mps[batch.bot_speed_mps > 0]
    assert len(speeds) > 300
    assert 0.5 <= speeds.min() < 0.7
    assert 1.8 < speeds.max() <= 2.0
    assert batch.object_rows[0, :, contact.KIND].tolist() == [contact.BOX] * 2 + [contact.BOT] * 3


def test_an_episode_draws_them_anew_and_a_seed_repeats_them(club):
    short = Episode(time_limit_s=0.2, off_track="ignore")
    batch = Batch(club, DEEPRACER, worlds=1, bots=Traffic(2), episode=short, seed=4)
    first = batch.bots_at.copy()
    for _ in range(3):
        batch.step(STANDING)
    assert batch.episodes[0] == 1
    assert not np.array_equal(batch.bots_at, first)
    batch.reset(seed=4)
    assert np.array_equal(batch.bots_at, first)


def test_of_a_bot_and_a_car_the_one_behind_is_to_blame(airfield):
    given = {"worlds": 1, "episode": FOR_EVER, "again": "never"}
    ahead = Batch(airfield, DEEPRACER, bots=[Bot(5.0, True, 0.3)], **given)
    ahead.place(0, 0, 3.5, 2.0)
    for _ in range(30):
        ahead.step([[(0.0, 2.0)]])
    assert ahead.card(0, 0)["collisions"] > 0
    # It comes from the side, just ahead of what the bot heeds, and is met by the bot.
    behind = Batch(airfield, DEEPRACER, bots=[Bot(5.0, True, 3.5)], **given)
    behind.place(0, 0, 6.0, 2.4, -1.3, 1.2)
    stopped = False
    for _ in range(12):
        behind.step([[(-0.2, 1.2)]])
        stopped = stopped or behind.bot_speed_mps[0, 0] == 0.0
    assert stopped
    assert behind.card(0, 0)["collisions"] == 0


def test_a_car_that_served_its_penalty_waits_for_a_bot_to_pass(club):
    """Sent back in front of a bot, it is let go once the bot has gone by, or after two seconds."""
    episode = Episode(off_track="reset", off_track_penalty_s=0.2, immobilised="ignore")
    given = {"worlds": 1, "episode": episode, "again": "never"}
    waits = []
    for bots in ([], [Bot(11.5, True, 0.5)]):
        batch = Batch(club, DEEPRACER, bots=bots, **given)
        batch.place(0, 0, 0.4, 0.2, 1.4, 1.0)
        standing = 0
        for _ in range(60):
            batch.step([[(0.0, 1.0)]])
            standing += bool(batch.speed_mps[0, 0] == 0.0 and batch.card(0, 0)["resets"] == 1)
        waits.append(standing)
    assert batch.card(0, 0)["resets"] >= 1
    assert waits[1] > waits[0] + 5


@pytest.mark.parametrize(
    ("bots", "message"),
    [
        (Traffic(8), "8 bots, expected 0 to 7"),
        (Traffic(-1), "-1 bots"),
        (Traffic(7, length_m=2.0), "find no room"),
        (Traffic(2, (2.0, 1.0)), "the slower one first"),
        (Traffic(2, (0.0, 1.0)), "a speed and a size above 0"),
        (Traffic(2, (1.0, float("nan"))), "the slower one first"),
        ([Bot(float("nan"), True)], "bot 0"),
    ],
)
def test_bots_that_cannot_be_are_refused(club, bots, message):
    with pytest.raises(InputError, match=message):
        Batch(club, DEEPRACER, worlds=1, bots=bots)


def test_bots_at_given_places_need_one_circuit(club, airfield):
    with pytest.raises(InputError, match="expected one circuit, or Traffic"):
        Batch([club, airfield], DEEPRACER, worlds=2, bots=[Bot(2.0, True)])
    batch = Batch([club, airfield], DEEPRACER, worlds=4, bots=Traffic(2))
    for world, at in enumerate(batch.bots_at[:, :, :2]):
        assert np.abs(batch.circuits[world % 2].project(at).offset_m).max() < 2.1
