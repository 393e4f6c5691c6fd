"""Loss of grip by chance: off by default, seeded, as often and as far as its figures say."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stadium import make_heat, run, stadium

from league import DEEPRACER, Command, InputError, World
from league.sim import grip, kernel
from league.sim.batch import Batch
from league.sim.episode import Episode

ROAD = stadium()
FOR_EVER = Episode(off_track="ignore", immobilised="ignore", reversed="ignore", time_limit_s=1e6)
STRAIGHT = DEEPRACER.changed(steer_bias_rad=0.0)
SUBSTEPS, STEP_S = 8, 1 / 120
HARD = [(0.4, 4.0)]


def drive(orders, *, spins, key=1, car=STRAIGHT):
    """Drive by commands; a row after each physics step: x, y, yaw, speed, slip, losses of grip expected."""
    p = kernel.parameters(car, STEP_S)
    p[kernel.SPINS : kernel.SCRUB + 1] = grip.figures(grip.GRIP, spins)
    p[kernel.KEY] = key
    s = np.zeros(kernel.COMMANDS + 2 * kernel.history(car, STEP_S, SUBSTEPS))
    rows = []
    for steer_rad, speed_mps in orders:
        kernel.take(p, s, float(steer_rad), float(speed_mps))
        for number in range(SUBSTEPS):
            grips = p[kernel.GROWING] == 0.0
            kernel.substep(p, s, number, SUBSTEPS)
            expected = spins * kernel.onset_per_s(p, s) * STEP_S if grips else 0.0
            lost = grips and p[kernel.GROWING] != 0.0
            rows.append((*s[: kernel.SPEED + 1], p[kernel.SLIP], expected, lost))
    return np.array(rows)


def orders_for(batch, tick):
    random = np.random.default_rng(tick)
    orders = np.stack((random.uniform(-0.5, 0.5, 64), random.uniform(1.0, 4.0, 64)), axis=1)
    return np.ascontiguousarray(orders[: batch.worlds, None])


def test_without_spins_every_byte_is_as_if_there_were_none() -> None:
    plain, off = (World(ROAD, [DEEPRACER] * 2, **more) for more in ({}, {"spins": 0.0, "seed": 7}))
    for world in (plain, off):
        world.place(0, 1.0, speed_mps=3.0)
        world.place(1, 3.0)
        for _ in range(60):
            world.step(HARD * 2)
    assert plain.state_bytes() == off.state_bytes()
    assert (plain.arrays.params[:, kernel.SPINS :] == 0.0).all()


def test_a_heat_keeps_its_hash_without_spins_and_has_another_with_them() -> None:
    def raced(**rules):
        heat = run(make_heat(laps=1, time_limit_s=4, **rules), lambda _, __: Command(0.2, 4.0))
        return heat.result().state_hash

    assert raced() == raced(spins=0.0)
    assert raced(spins=20.0) == raced(spins=20.0)
    assert raced(spins=20.0) != raced()


def test_the_same_seed_gives_the_same_bytes_at_any_batch_size_and_thread_count() -> None:
    seeds = list(range(100, 121))
    with ThreadPoolExecutor(3) as crew:
        batches = [
            Batch(ROAD, DEEPRACER, worlds=21, episode=FOR_EVER, vary={"spins": 20.0}, crew=crew, parts=3),
            Batch(ROAD, DEEPRACER, worlds=21, episode=FOR_EVER, vary={"spins": 20.0}),
            Batch(ROAD, DEEPRACER, worlds=4, episode=FOR_EVER, vary={"spins": 20.0}),
        ]
        for batch in batches:
            batch.reset(seed=seeds[: batch.worlds])
            for tick in range(90):
                batch.step(orders_for(batch, tick))
        bytes_ = [[batch.state_bytes(world) for world in range(4)] for batch in batches]
    assert bytes_[0] == bytes_[1] == bytes_[2]
    assert len(set(bytes_[0])) == 4
    slips = np.array([np.frombuffer(batches[1].state_bytes(w)[-40:])[2] for w in range(21)])
    assert (slips != 0.0).any()


def test_one_car_and_many_slide_alike() -> None:
    batch = Batch(ROAD, DEEPRACER, worlds=5, episode=FOR_EVER, vary={"spins": 20.0})
    batch.reset(seed=[1, 2, 3, 4, 5])
    worlds = [World(ROAD, [DEEPRACER], spins=20.0, seed=seed) for seed in (1, 2, 3, 4, 5)]
    for world in worlds:
        world.place(0, 0.0)
    for tick in range(60):
        orders = orders_for(batch, tick)
        batch.step(orders)
        for number, world in enumerate(worlds):
            world.step(orders[number])
    assert [world.state_bytes() for world in worlds] == [batch.state_bytes(number) for number in range(5)]


def test_every_episode_slides_in_its_own_way_and_one_seed_always_in_the_same() -> None:
    batch = Batch(ROAD, DEEPRACER, worlds=2, episode=FOR_EVER, vary={"spins": 20.0, "lateral_mps2": 0.1})

    def driven() -> list[bytes]:
        for tick in range(60):
            batch.step(orders_for(batch, tick))
        return [batch.state_bytes(world)[-40:] for world in range(2)]

    batch.reset(seed=5)
    first = driven()
    batch.reset()
    assert driven() != first
    batch.reset(seed=5)
    assert driven() == first


@given(
    orders=st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.5, 4.0)), min_size=10, max_size=60),
    key=st.integers(1, 2**50),
)
@settings(max_examples=40, deadline=None)
def test_mirrored_commands_with_the_same_draws_give_the_mirrored_path(orders, key) -> None:
    left = drive(orders, spins=20.0, key=key)
    right = drive([(-steer, speed) for steer, speed in orders], spins=20.0, key=key)
    right[:, [1, 2, 4]] *= -1.0
    assert left == pytest.approx(right, abs=1e-9)


@given(
    steers=st.lists(st.floats(-0.5, 0.5), min_size=5, max_size=40),
    key=st.integers(1, 2**50),
)
@settings(max_examples=40, deadline=None)
def test_energy_never_grows_without_throttle(steers, key) -> None:
    rows = drive(HARD * 45 + [(steer, 0.0) for steer in steers], spins=20.0, key=key)
    # The speed command of the last tick with throttle acts for a moment longer.
    rolling = rows[46 * SUBSTEPS :]
    assert (np.diff(rolling[:, 3]) <= 0.0).all()
    moved = np.hypot(*np.diff(rolling[:, :2], axis=0).T)
    assert (moved <= rolling[:-1, 3] * STEP_S + 1e-9).all()


@pytest.mark.parametrize("spins", [1.0, 5.0])
def test_grip_is_lost_as_often_as_the_figures_say(spins) -> None:
    orders = ([(0.4, 1.0)] * 6 + HARD * 9) * 10
    runs = [drive(orders, spins=spins, key=key) for key in range(1, 41)]
    expected, found = (sum(float(run[:, column].sum()) for run in runs) for column in (5, 6))
    assert expected > 20
    assert abs(found - expected) < 4 * np.sqrt(expected)


def test_a_slide_goes_on_for_a_while_and_then_the_car_grips_again() -> None:
    key = next(key for key in range(1, 200) if drive(HARD * 45, spins=1.0, key=key)[-1, 4] != 0.0)
    rows = drive(HARD * 45 + [(0.0, 0.5)] * 90, spins=1.0, key=key)
    slip = np.abs(rows[:, 4])
    began = int(np.flatnonzero(slip)[0])
    assert slip[began : began + int(grip.GRIP.least_s * 120)].max() > 0.04
    assert slip.max() < kernel.MOST_SLIP_RAD + 0.1
    assert slip[-1] == 0.0


def test_a_car_that_stands_is_held_or_is_put_back_slides_no_more() -> None:
    world = World(ROAD, [DEEPRACER], spins=20.0, seed=3)
    world.place(0, 0.0, speed_mps=3.0)
    for _ in range(200):
        world.step(HARD)
        if world.arrays.params[0, kernel.SLIP] != 0.0:
            break
    assert world.arrays.params[0, kernel.SLIP] != 0.0
    drawn = world.arrays.params[0, kernel.DRAWN]
    world.place(0, 0.0)
    assert world.arrays.params[0, kernel.SLIP] == 0.0
    assert world.arrays.params[0, kernel.DRAWN] == drawn


@pytest.mark.parametrize("spins", [-1.0, 21.0, float("nan"), float("inf")])
def test_what_is_no_share_of_spins_is_refused(spins) -> None:
    with pytest.raises(InputError, match=r"spins is .*, expected 0"):
        World(ROAD, [DEEPRACER], spins=spins)
    with pytest.raises(InputError, match=r"spins is .*, expected 0"):
        Batch(ROAD, DEEPRACER, worlds=1, vary={"spins": spins})


def test_a_grip_of_other_figures_is_read_in_their_order() -> None:
    row = grip.figures(replace(grip.GRIP, scrub_mps2=9.0), 2.0)
    assert (row[0], row[-1], len(row)) == (2.0, 9.0, kernel.SCRUB - kernel.SPINS + 1)
