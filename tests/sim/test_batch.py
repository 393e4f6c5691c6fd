from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stadium import follow, make_heat, stadium

from league import DEEPRACER, F1TENTH, Circuit, ConfigError, InputError, StateSensor, World
from league.racing.agent import Command, Observation
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.episode import Episode, Starts
from league.sim.lanes import LANES

ANYWHERE = Episode(starts=Starts(on_line=0.2), time_limit_s=8.0)
FOR_EVER = Episode(off_track="ignore", immobilised="ignore", reversed="ignore", time_limit_s=1e6)


def commands(shape, seed):
    rng = np.random.default_rng(seed)
    return np.stack((rng.uniform(-0.5, 0.5, shape), rng.uniform(0.0, 4.0, shape)), axis=-1)


def drive(batch, ticks, seed=0):
    """Random commands that depend on the world's number and the tick alone; yields all there is to see."""
    for tick in range(ticks):
        batch.step(commands((5000, 2), (seed, tick))[: batch.worlds, : batch.cars_per_world])
        yield (
            [batch.state_bytes(world) for world in range(batch.worlds)],
            batch.seen.copy(),
            batch.gained_m.copy(),
            batch.happened.copy(),
        )


def pursue(seen, speed=1.5):
    """Aim at the centre line 0.8 m ahead."""
    x, y = seen[..., 15].astype(float), seen[..., 16].astype(float)
    return np.stack((np.arctan2(0.7 * y, x * x + y * y), np.full(x.shape, speed)), axis=-1)


# -- the same as everything else -------------------------------------------------------------------


@pytest.mark.parametrize("car", [DEEPRACER, F1TENTH])
@pytest.mark.parametrize("hz", [15, 60, 3])
def test_a_batch_gives_the_same_bytes_as_a_world(club, car, hz):
    starts = [(0.4, 0.0, 0.0, 0.0), (3.0, 0.2, -0.4, 1.0), (7.0, -0.3, 2.0, 2.5)]
    batch = Batch(club, car, worlds=3, control_hz=hz, episode=FOR_EVER)
    worlds = [World(club, [car], control_hz=hz) for _ in starts]
    sensor = StateSensor()
    for number, (world, start) in enumerate(zip(worlds, starts, strict=True)):
        world.place(0, *start)
        batch.place(number, 0, *start)
    for tick in range(60):
        orders = commands((3, 1), tick)
        batch.step(orders)
        for number, world in enumerate(worlds):
            world.step(orders[number])
            assert batch.state_bytes(number) == world.state_bytes()
            assert batch.seen[number].tobytes() == sensor.sense(world).tobytes()
            assert batch.along_m[number, 0] == world.along_m[0]
            assert batch.wheels_off[number, 0] == world.wheels_off[0]


def test_cars_that_race_each_other_give_the_same_bytes_as_in_a_world(club):
    batch = Batch(club, DEEPRACER, worlds=2, cars_per_world=4, episode=FOR_EVER)
    world, sensor = World(club, [DEEPRACER] * 4), StateSensor()
    for car in range(4):
        world.place(car, 0.5 * car, 0.05 * (-1) ** car)
        batch.place(1, car, 0.5 * car, 0.05 * (-1) ** car)
    touched = False
    for tick in range(60):
        orders = commands((2, 4), tick) * (0.2, 1.0 if tick > 30 else 0.4)
        orders[:, 0, 1] = 4.0
        batch.step(orders)
        world.step(orders[1])
        touched = touched or bool(world.contacts)
        assert batch.state_bytes(1) == world.state_bytes()
        assert batch.seen[1].tobytes() == sensor.sense(world).tobytes()
    assert touched


@settings(max_examples=10)
@given(
    worlds=st.integers(1, 2 * LANES + 1),
    more=st.integers(1, 40),
    parts=st.integers(1, 5),
    cars=st.integers(1, 2),
    seed=st.integers(0, 2**63 - 1),
)
def test_the_same_seed_gives_the_same_bytes_for_any_size_and_any_threads(
    club, worlds, more, parts, cars, seed
):
    def made(size, **threads):
        return Batch(
            club,
            DEEPRACER,
            worlds=size,
            cars_per_world=cars,
            episode=Episode(starts=Starts(on_line=0.3), time_limit_s=1.0, collision="end"),
            seed=seed,
            **threads,
        )

    with ThreadPoolExecutor(3) as crew:
        small, large = drive(made(worlds), 25), drive(made(worlds + more, crew=crew, parts=parts), 25)
        for (state, *arrays), (other_state, *others) in zip(small, large, strict=True):
            assert state == other_state[:worlds]
            for array, other in zip(arrays, others, strict=True):
                assert array.tobytes() == other[:worlds].tobytes()


@pytest.mark.parametrize("worlds", [255, 512, 513, 3000])
def test_work_cut_into_many_pieces_gives_the_same_bytes(club, worlds):
    episode = Episode(starts=Starts(on_line=0.3), time_limit_s=1.0)
    with ThreadPoolExecutor(3) as crew:
        alone = Batch(club, DEEPRACER, worlds=worlds, episode=episode, seed=4)
        shared = Batch(club, DEEPRACER, worlds=worlds, episode=episode, seed=4, crew=crew, parts=2)
        for (state, *arrays), (other_state, *others) in zip(drive(alone, 20), drive(shared, 20), strict=True):
            assert state == other_state
            assert [array.tobytes() for array in arrays] == [array.tobytes() for array in others]


def test_worlds_with_other_seeds_start_elsewhere(club):
    batch = Batch(club, DEEPRACER, worlds=500, episode=Episode(starts=Starts(on_line=0.0)), seed=5)
    along = batch.along_m[:, 0].copy()
    assert len(np.unique(along)) == 500
    counts, _ = np.histogram(along, bins=10, range=(0, club.length_m))
    assert counts.min() > 25
    batch.reset(seed=6)
    assert not (batch.along_m[:, 0] == along).any()
    batch.reset(seed=5)
    assert (batch.along_m[:, 0] == along).all()
    batch.reset()
    assert not (batch.along_m[:, 0] == along).any()
    one = Batch(club, DEEPRACER, worlds=2, episode=Episode(starts=Starts(on_line=0.0)))
    one.reset(seed=[7, 7])
    assert one.along_m[0, 0] == one.along_m[1, 0]


def test_starts_are_within_what_the_rule_says(club):
    starts = Starts(on_line=0.25, standing=0.5, speed_mps=1.5, spread=0.5, heading_rad=0.2)
    batch = Batch(club, DEEPRACER, worlds=4000, episode=Episode(starts=starts))
    room = (0.5 - DEEPRACER.width_m / 2) * 0.5 + 1e-3
    assert np.abs(batch.offset_m).max() <= room
    assert np.abs(batch.offset_m).max() > 0.9 * room
    speed = batch.speed_mps[:, 0]
    assert 0.9 * 1.5 < speed.max() <= 1.5
    assert 0.55 < (speed == 0).mean() < 0.70
    on_line = (batch.progress_m[:, 0] == 0.0).mean()
    assert 0.2 < on_line < 0.3
    assert np.isfinite(batch.seen).all()


def test_several_circuits_share_a_batch_and_keep_to_themselves(club, airfield):
    both = Batch([club, airfield], DEEPRACER, worlds=6, episode=ANYWHERE, seed=3)
    alone = {
        name: Batch(circuit, DEEPRACER, worlds=6, episode=ANYWHERE, seed=3)
        for name, circuit in (("club", club), ("airfield", airfield))
    }
    for tick in range(40):
        orders = commands((6, 1), tick)
        both.step(orders)
        for batch in alone.values():
            batch.step(orders)
        for world in range(6):
            same = alone["club" if world % 2 == 0 else "airfield"]
            assert both.state_bytes(world) == same.state_bytes(world)
            assert both.seen[world].tobytes() == same.seen[world].tobytes()


# -- the referee -----------------------------------------------------------------------------------


def race_and_batch(answer, ticks, *, cars=1, **rules):
    """Drive a heat and a batch by the same answers; yields both after every tick."""
    circuit = stadium(straight_m=6.0, radius_m=2.5, half_m=1.7)
    heat = make_heat(cars, circuit=circuit, laps=50, time_limit_s=3600, **rules)
    asked = heat.plan.rules
    batch = Batch(
        heat.circuit,
        DEEPRACER,
        worlds=1,
        cars_per_world=cars,
        episode=Episode(
            off_track="reset",
            immobilised="reset",
            reversed="reset",
            collision="reset",
            time_limit_s=1e6,
            off_track_penalty_s=asked.off_track_penalty_s,
            reversed_penalty_s=asked.off_track_penalty_s,
            grid_gap_m=asked.grid_gap_m,
        ),
    )
    for tick in range(ticks):
        seen = heat.observe()
        for seat, one in enumerate(seen):
            assert one is not None
            assert one.state.tobytes() == batch.seen[0, seat].tobytes()
        given = [answer(tick, seat, one) for seat, one in enumerate(seen)]
        batch.step([[(command.steer_rad, command.speed_mps) for command in given]])
        yield heat, batch, heat.advance(given)


def wild(tick, seat, seen):
    """Weave ever more, stand still now and then, turn around at times."""
    if tick % 400 > 360:
        return Command(0.0, 0.0)
    if 500 < tick % 600 < 560:
        # Half a circle, then straight on, the wrong way round.
        return Command(0.5 if tick % 600 < 532 else 0.0, 1.2)
    if 740 < tick % 900 < 800:
        return Command(0.12, 2.0)
    steady = follow(seen, 1.0 + 0.15 * (tick % 13))
    return Command(steady.steer_rad + 0.4 * math.sin(0.11 * tick) * (tick % 900 > 300), steady.speed_mps)


@pytest.mark.parametrize("cars", [1, 3])
def test_laps_and_resets_are_those_of_the_referee_for_the_same_driving(cars):
    seen, laps = set(), []
    times = [[] for _ in range(cars)]
    for heat, batch, facts in race_and_batch(wild, 2400, cars=cars, off_track_penalty_s=1.0):
        seen |= {fact.kind for fact in facts}
        assert batch.state_bytes(0) == heat.world.state_bytes()
        for car in heat.referee.cars:
            spent = batch.lap_time_s[0, car.seat]
            if not np.isnan(spent):
                times[car.seat].append(spent)
            assert times[car.seat] == [lap.time_s for lap in car.laps]
            assert batch.progress_m[0, car.seat] == pytest.approx(car.progress_m, abs=1e-9)
            card = batch.card(0, car.seat)
            assert card["resets"] == car.resets
            assert card["off_tracks"] == car.off_tracks
            assert card["collisions"] == car.collisions
        laps = [len(car.laps) for car in heat.referee.cars]
    assert {"off_track", "immobilised", "reversed", "reset", "released", "lap"} <= seen
    assert max(laps) >= 3
    if cars > 1:
        assert "contact" in seen


def test_a_car_that_starts_anywhere_is_timed_from_the_line_on():
    circuit = stadium()
    batch = Batch(
        circuit, DEEPRACER, worlds=40, episode=Episode(starts=Starts(on_line=0.0), laps=2, time_limit_s=99)
    )
    start = batch.progress_m[:, 0].copy()
    assert (start < 0).all()
    assert (start > -circuit.length_m).all()
    laps = np.zeros(40)
    for _ in range(600):
        batch.step(pursue(batch.seen))
        done = ~np.isnan(batch.lap_time_s[:, 0])
        laps += done
        assert (batch.lap_time_s[done, 0] > 0.9 * circuit.length_m / 1.6).all()
        ended = batch.truncated[:, 0]
        assert (batch.laps[ended, 0] == 2).all()
        if (laps >= 2).all():
            break
    assert (laps >= 2).all()


def test_the_gain_adds_up_to_the_progress(club):
    batch = Batch(club, DEEPRACER, worlds=16, episode=Episode(off_track="reset", immobilised="ignore"))
    start, total = batch.progress_m[:, 0].copy(), np.zeros(16)
    for tick in range(200):
        batch.step(commands((16, 1), tick))
        total += batch.gained_m[:, 0]
    np.testing.assert_allclose(batch.progress_m[:, 0] - start, total, atol=1e-9)
    assert batch.card(0, 0)["resets"] > 0


def test_each_rule_ends_an_episode_ignores_or_sends_back(club):
    def told(orders, ticks, **rules):
        batch = Batch(club, DEEPRACER, worlds=1, episode=Episode(time_limit_s=60, **rules))
        happened = 0
        for _ in range(ticks):
            batch.step([[orders]])
            happened |= int(batch.happened[0, 0])
        return happened

    for what, rule, orders in (
        (marshal.OFF_TRACK, "off_track", (0.3, 2.0)),
        (marshal.IMMOBILISED, "immobilised", (0.0, 0.0)),
    ):
        assert told(orders, 40, **{rule: "end"}) & (what | marshal.TERMINATED) == what | marshal.TERMINATED
        quiet = told(orders, 40, **{rule: "ignore"})
        assert quiet & what
        assert not quiet & (marshal.TERMINATED | marshal.RESET)
        assert told(orders, 40, **{rule: "reset"}) & (what | marshal.RESET) == what | marshal.RESET


# -- starting again --------------------------------------------------------------------------------


def test_in_the_same_step_a_world_shows_the_new_start_and_keeps_the_last_view(club):
    batch = Batch(club, DEEPRACER, worlds=2, episode=Episode(time_limit_s=1.0), again="same_step")
    first = batch.seen.copy()
    for tick in range(1, 31):
        batch.step([[(0.0, 1.0)]] * 2)
        if tick % 15 == 0:
            assert batch.truncated.all()
            assert batch.last_seen[0, 0, 0] > 0.5
            assert (batch.seen == first).all()
            assert batch.episodes.tolist() == [tick // 15] * 2
        else:
            assert not batch.truncated.any()
            assert batch.ticks.tolist() == [tick % 15] * 2
            assert batch.seen[0, 0, 0] > 0.0


def test_in_the_next_step_a_world_starts_again_without_driving(club):
    batch = Batch(club, DEEPRACER, worlds=1, episode=Episode(time_limit_s=1.0), again="next_step")
    first = batch.seen.copy()
    for _ in range(15):
        batch.step([[(0.0, 1.0)]])
    assert batch.truncated.all()
    assert batch.seen[0, 0, 0] > 0.5
    batch.step([[(0.0, 1.0)]])
    assert (batch.seen == first).all()
    assert batch.happened[0, 0] == 0
    assert batch.gained_m[0, 0] == 0.0
    batch.step([[(0.0, 1.0)]])
    assert batch.seen[0, 0, 0] > 0.0


def test_a_world_that_never_starts_again_stays_as_it_is_until_reset(club):
    batch = Batch(club, DEEPRACER, worlds=2, episode=Episode(time_limit_s=1.0), again="never")
    for _ in range(15):
        batch.step([[(0.0, 1.0)]] * 2)
    before = batch.state_bytes(0)
    batch.step([[(0.3, 3.0)]] * 2)
    assert batch.state_bytes(0) == before
    assert not batch.truncated.any()
    assert batch.out.all()
    batch.reset(worlds=np.array([True, False]))
    batch.step([[(0.0, 1.0)]] * 2)
    assert batch.out[:, 0].tolist() == [False, True]
    assert batch.seen[0, 0, 0] > 0.0


def test_a_car_that_is_out_leaves_the_others_to_race_on(club):
    episode = Episode(time_limit_s=3.0, immobilised="ignore")
    batch = Batch(club, DEEPRACER, worlds=1, cars_per_world=2, episode=episode)
    for tick in range(45):
        batch.step([[(0.4, 2.0), (0.0, 0.0)]])
        if batch.terminated[0, 0]:
            out = tick
            assert batch.seen[0, 0].any()
    assert out < 44
    assert batch.episodes[0] == 1
    assert batch.truncated[0].tolist() == [False, True]


# -- physics ---------------------------------------------------------------------------------------


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), speed=st.floats(0.5, 4.0))
def test_energy_never_grows_without_throttle(club, seed, speed):
    straight = DEEPRACER.changed(steer_bias_rad=0.0)
    batch = Batch(club, straight, worlds=8, episode=FOR_EVER)
    for world in range(8):
        batch.place(world, 0, 1.0 + world, 0.0, 0.0, speed)
    orders = commands((8, 1), seed)
    orders[..., 1] = 0.0
    before = batch.speed_mps.copy()
    for tick in range(60):
        orders[..., 0] = commands((8, 1), (seed, tick))[..., 0]
        batch.step(orders)
        assert (batch.speed_mps <= before).all()
        before = batch.speed_mps.copy()
    assert (before < 0.01).all()


@settings(max_examples=15)
@given(seed=st.integers(0, 1000))
def test_a_mirrored_circuit_and_commands_give_the_mirrored_path(club, seed):
    flip = np.array([1.0, -1.0])
    mirror = Circuit("mirror", club.centre * flip, club.right * flip, club.left * flip)
    straight = DEEPRACER.changed(steer_bias_rad=0.0)
    one, other = (
        Batch(circuit, straight, worlds=4, episode=FOR_EVER, seed=seed) for circuit in (club, mirror)
    )
    for tick in range(40):
        orders = commands((4, 1), (seed, tick))
        one.step(orders)
        other.step(orders * [-1.0, 1.0])
        np.testing.assert_allclose(other.pose[..., :2], one.pose[..., :2] * flip, atol=1e-9)
        np.testing.assert_allclose(other.progress_m, one.progress_m, atol=1e-6)
        np.testing.assert_allclose(other.offset_m, -one.offset_m, atol=1e-9)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("parts", [1, 2])
def test_a_command_that_is_not_finite_is_refused_and_nothing_moves(club, bad, parts):
    with ThreadPoolExecutor(2) as crew:
        batch = Batch(club, DEEPRACER, worlds=40, cars_per_world=2, crew=crew, parts=parts)
        before = [batch.state_bytes(world) for world in range(40)]
        orders = np.ones((40, 2, 2), dtype=np.float32)
        orders[33, 1, 0] = bad
        with pytest.raises(ValueError, match="car 1 in world 33"):
            batch.step(orders)
        assert [batch.state_bytes(world) for world in range(40)] == before


def test_commands_of_another_shape_are_refused_and_of_another_kind_accepted(club):
    batch = Batch(club, DEEPRACER, worlds=2)
    with pytest.raises(ValueError, match=r"\(2, 2\), expected \(2, 1, 2\)"):
        batch.step([[0.0, 1.0]] * 2)
    batch.step([[[0, 1]], [[0, 2]]])
    assert np.isfinite(batch.seen).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda c: Batch(c, DEEPRACER, worlds=0), "a batch of 0 worlds"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, cars_per_world=0), "0 cars in each world"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, cars_per_world=65), "65 cars in each world"),
        (lambda c: Batch([], DEEPRACER, worlds=1), "0 circuits"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, control_hz=0), "control_hz is 0"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, seed=-1), "seed is -1"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, again="soon"), "again is 'soon'"),
        (lambda c: Batch(c, DEEPRACER, worlds=1, parts=0), "parts is 0"),
        (lambda c: Batch(c, DEEPRACER.changed(width_m=2.0), worlds=1), "1.000 m wide at its narrowest"),
        (lambda c: Batch(c, DEEPRACER, worlds=2).reset(seed=[1]), "1 seeds"),
        (lambda c: Batch(c, DEEPRACER, worlds=2).reset(worlds=np.ones(3, bool)), r"shape \(3,\)"),
        (lambda c: Batch(c, DEEPRACER, worlds=2).place(2, 0, 0.0), "no car 0 in world 2"),
        (lambda c: Batch(c, DEEPRACER, worlds=2).place(0, 0, math.nan), "expected finite"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_in_one_line(club, build, message):
    with pytest.raises(InputError, match=message):
        build(club)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Episode(time_limit_s=0), "time_limit_s is 0"),
        (lambda: Episode(off_track="stop"), "off_track is 'stop'"),
        (lambda: Episode(laps=-1), "laps is -1"),
        (lambda: Episode(laps_end="maybe"), "laps_end is 'maybe'"),
        (lambda: Episode(sectors=0), "sectors is 0"),
        (lambda: Episode(off_track_penalty_s=-1), "off_track_penalty_s is -1"),
        (lambda: Starts(on_line=1.5), "on_line is 1.5"),
        (lambda: Starts(speed_mps=math.nan), "speed_mps is nan"),
        (lambda: Starts(heading_rad=4), "heading_rad is 4"),
    ],
)
def test_a_rule_that_cannot_be_is_refused_in_one_line(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_ten_thousand_worlds_drive_and_stay_finite(club):
    batch = Batch(club, DEEPRACER, worlds=10_000, episode=ANYWHERE)
    for tick in range(20):
        batch.step(commands((10_000, 1), tick))
    assert np.isfinite(batch.seen).all()
    assert np.isfinite(batch.pose).all()
    assert batch.nbytes < 30_000_000


def test_what_is_measured_cannot_be_written(club):
    batch = Batch(club, DEEPRACER, worlds=1)
    for array in (batch.seen, batch.gained_m, batch.along_m, batch.pose, batch.happened, batch.laps):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


def test_an_observation_of_a_batch_reads_like_that_of_a_heat(club):
    batch = Batch(club, DEEPRACER, worlds=1)
    seen = Observation(tick=0, time_us=0, state=batch.seen[0, 0])
    assert seen.speed_mps == 0.0
    assert seen.width_left_m == pytest.approx(0.5)
