from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league import DEEPRACER, DEEPRACER_GZSIM, F1TENTH, Box, Circuit, InputError, World


def mirrored(circuit: Circuit) -> Circuit:
    """The circuit seen in a mirror that lies along the x axis."""
    flip = np.array([1.0, -1.0])
    return Circuit(circuit.id, circuit.centre * flip, circuit.right * flip, circuit.left * flip)


def drive(world, seed, ticks):
    """Random commands, with a few cars held, replaced and removed on the way; yields the state bytes."""
    rng = np.random.default_rng(seed)
    for car in range(world.n):
        world.place(car, 0.4 * car, 0.1 * (-1) ** car)
    for tick in range(ticks):
        if tick == 20 and world.n > 1:
            world.hold(1, True)
        if tick == 40 and world.n > 1:
            world.hold(1, False)
            world.place(0, 3.0, 0.2)
        if tick == 60 and world.n > 2:
            world.remove(2)
        world.step(np.stack((rng.uniform(-0.5, 0.5, world.n), rng.uniform(0, 4, world.n)), axis=1))
        yield world.state_bytes()


def test_the_same_calls_give_the_same_bytes_whatever_else_runs(club):
    cars = [DEEPRACER, DEEPRACER_GZSIM, F1TENTH, DEEPRACER]
    boxes = [Box(*map(float, club.at(6.0)), 0.1)]
    alone = list(drive(World(club, cars, boxes=boxes), 1, 90))
    assert len(set(alone)) == 90
    other = drive(World(club, [F1TENTH] * 3, control_hz=60), 2, 90)
    beside = []
    for state in drive(World(club, cars, boxes=boxes), 1, 90):
        next(other)
        beside.append(state)
    assert beside == alone
    assert list(drive(World(club, cars, boxes=boxes), 3, 90)) != alone


@pytest.mark.parametrize(
    ("change", "act"),
    [
        ("a command", lambda world: world.step([[0.1, 1.0], [0.0, 1.0000001]])),
        ("a place", lambda world: world.place(1, 2.0000001)),
        ("a hold", lambda world: world.hold(0, True)),
        ("a removal", lambda world: world.remove(1)),
    ],
)
def test_state_bytes_tell_every_difference(club, change, act):
    one, two = World(club, [DEEPRACER] * 2), World(club, [DEEPRACER] * 2)
    for world in (one, two):
        world.place(0, 1.0)
        world.place(1, 2.0)
    assert one.state_bytes() == two.state_bytes()
    act(two)
    if two.tick:
        one.step([[0.1, 1.0], [0.0, 1.0]])
    assert one.state_bytes() != two.state_bytes(), change


@settings(max_examples=40)
@given(
    commands=st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0, 4)), min_size=1, max_size=30),
    offset=st.floats(-0.3, 0.3),
    error=st.floats(-1, 1),
    car=st.sampled_from([DEEPRACER, DEEPRACER_GZSIM, F1TENTH]),
)
def test_in_a_mirror_everything_happens_mirrored(club, commands, offset, error, car):
    straight = car.changed(steer_bias_rad=0.0)
    world, mirror = World(club, [straight]), World(mirrored(club), [straight])
    world.place(0, 1.0, offset, error)
    mirror.place(0, 1.0, -offset, -error)
    for steer, speed in commands:
        world.step([[steer, speed]])
        mirror.step([[-steer, speed]])
        np.testing.assert_allclose(mirror.pose[0, :2], world.pose[0, :2] * (1, -1), atol=1e-9)
        assert mirror.speed_mps[0] == pytest.approx(world.speed_mps[0], abs=1e-12)
        assert mirror.yaw_rate_radps[0] == pytest.approx(-world.yaw_rate_radps[0], abs=1e-9)
        assert mirror.along_m[0] == pytest.approx(world.along_m[0], abs=1e-6)
        assert mirror.offset_m[0] == pytest.approx(-world.offset_m[0], abs=1e-9)


@settings(max_examples=60)
@given(along=st.floats(-30, 30), offset=st.floats(-0.3, 0.3), error=st.floats(-4, 4), speed=st.floats(0, 4))
def test_a_car_is_placed_with_its_nose_where_one_says(club, along, offset, error, speed):
    world = World(club, [DEEPRACER])
    world.place(0, along, offset, error, speed)
    np.testing.assert_allclose(world.nose[0], club.at(along, offset), atol=1e-9)
    heading = world.pose[0, 2] - club.heading_at(along)
    assert math.cos(heading - error) == pytest.approx(1.0)
    assert -math.pi < world.pose[0, 2] <= math.pi
    assert world.speed_mps[0] == speed
    assert world.yaw_rate_radps[0] == world.steer_rad[0] == 0.0
    assert (world.trace_m[:, 0] == world.along_m[0]).all()
    gap = abs(world.along_m[0] - along % club.length_m)
    assert min(gap, club.length_m - gap) < 0.06


def test_the_trace_holds_the_start_and_every_physics_step_of_a_tick(club):
    for hz, substeps in ((15, 8), (20, 6), (60, 2), (50, 3), (120, 1), (240, 1), (1, 120)):
        world = World(club, [DEEPRACER, F1TENTH], control_hz=hz)
        assert world.substeps == substeps
        world.place(0, 0.5, speed_mps=2.0)
        world.place(1, 3.0, speed_mps=2.0)
        before = world.along_m.copy()
        world.step([[0.0, 2.0]] * 2)
        assert world.trace_m.shape == (substeps + 1, 2)
        assert (world.trace_m[0] == before).all()
        assert (world.trace_m[-1] == world.along_m).all()
        assert world.tick == 1


def test_a_held_car_stands_and_starts_afresh_when_let_go(club):
    world = World(club, [DEEPRACER])
    world.place(0, 1.0)
    for _ in range(20):
        world.step([[0.2, 2.0]])
    world.hold(0, True)
    where = world.pose[0].tolist()
    assert world.speed_mps[0] == world.yaw_rate_radps[0] == world.steer_rad[0] == 0.0
    for _ in range(5):
        world.step([[0.5, 4.0]])
        assert (world.trace_m[:, 0] == world.along_m[0]).all()
    assert world.pose[0].tolist() == where
    assert world.last_commands[0].tolist() == [0.0, 0.0]
    assert world.held.tolist() == [True]
    world.hold(0, False)
    world.step([[0.0, 0.0]])
    assert world.pose[0].tolist() == where
    world.step([[0.0, 2.0]])
    assert world.speed_mps[0] > 0.0


def test_a_placed_car_remembers_nothing_of_its_earlier_drive(club):
    world, fresh = World(club, [DEEPRACER]), World(club, [DEEPRACER])
    world.place(0, 1.0)
    for _ in range(20):
        world.step([[0.2, 2.0]])
    world.place(0, 7.0, 0.1)
    fresh.place(0, 7.0, 0.1)
    assert world.state_bytes()[8:] == fresh.state_bytes()[8:]


def test_a_held_car_can_be_placed_and_stays_held(club):
    world = World(club, [DEEPRACER])
    world.place(0, 1.0)
    world.hold(0, True)
    world.place(0, 4.0, 0.2, speed_mps=2.0)
    world.step([[0.0, 4.0]])
    assert world.along_m[0] == pytest.approx(4.0, abs=0.06)
    assert world.speed_mps[0] == 0.0
    assert world.held.tolist() == [True]


def test_a_car_is_absent_until_placed_and_after_its_removal(club):
    world = World(club, [DEEPRACER] * 2)
    assert world.present.tolist() == [False, False]
    world.step([[0.0, 2.0]] * 2)
    world.place(0, 1.0)
    world.place(1, 2.0)
    assert world.present.tolist() == [True, True]
    world.remove(0)
    assert world.present.tolist() == [False, True]
    world.hold(0, False)
    world.step([[0.0, 2.0]] * 2)
    assert world.speed_mps[0] == 0.0
    with pytest.raises(InputError, match="car 0 was removed"):
        world.place(0, 1.0)


def test_last_commands_are_those_that_the_car_could_take(club):
    world = World(club, [DEEPRACER] * 3)
    for car in range(3):
        world.place(car, 2.0 * car)
    world.step([[2.0, 9.0], [-0.1, 0.05], [0.0, -3.0]])
    np.testing.assert_allclose(world.last_commands, [[math.radians(30), 4.0], [-0.1, 0.1], [0.0, 0.0]])


def test_a_place_is_free_until_somebody_stands_there(club):
    world = World(club, [DEEPRACER] * 3, boxes=[Box(*map(float, club.at(6.0)), 0.0)])
    assert world.fits(0, 1.0, 0.0)
    world.place(0, 1.0)
    world.place(1, 8.0)
    assert world.fits(0, 1.0, 0.0)
    assert not world.fits(1, 1.2, 0.0)
    assert world.fits(1, 1.2, 0.25)
    assert world.fits(1, 1.4, 0.0)
    assert not world.fits(1, 6.0, 0.1)
    world.hold(0, True)
    assert not world.fits(1, 1.2, 0.0)
    world.remove(0)
    assert world.fits(1, 1.2, 0.0)


def test_what_is_measured_cannot_be_written(club):
    world = World(club, [DEEPRACER])
    for array in (
        world.along_m,
        world.pose,
        world.nose,
        world.wheels_off,
        world.trace_m,
        world.last_commands,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("column", [0, 1])
def test_a_command_that_is_not_finite_is_refused_by_the_cars_number(club, bad, column):
    world = World(club, [DEEPRACER] * 3)
    for car in range(3):
        world.place(car, 2.0 * car)
    commands = np.ones((3, 2))
    commands[2, column] = bad
    before = world.state_bytes()
    with pytest.raises(ValueError, match="car 2"):
        world.step(commands)
    assert world.state_bytes() == before


def test_commands_of_another_shape_are_refused(club):
    world = World(club, [DEEPRACER] * 2)
    with pytest.raises(ValueError, match=r"\(2,\), expected \(2, 2\)"):
        world.step([0.0, 1.0])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda c: World(c, []), "0 cars, expected 1 to 64"),
        (lambda c: World(c, [DEEPRACER] * 65), "65 cars, expected 1 to 64"),
        (lambda c: World(c, [DEEPRACER] * 10_000), "10000 cars"),
        (lambda c: World(c, [DEEPRACER], control_hz=0), "control_hz is 0"),
        (lambda c: World(c, [DEEPRACER], control_hz=1000), "control_hz is 1000"),
        (lambda c: World(c, [DEEPRACER], control_hz=7.5), "control_hz is 7.5"),
        (lambda c: World(c, [DEEPRACER], boxes=[Box(math.nan, 0, 0)]), "box 0"),
        (lambda c: World(c, [DEEPRACER], boxes=[Box(0, 0, 0, 0.0)]), "box 0"),
        (lambda c: World(c, [DEEPRACER.changed(width_m=2.0)]), "1.000 m wide at its narrowest"),
    ],
)
def test_a_world_that_cannot_be_is_refused_in_one_line(club, build, message):
    with pytest.raises(InputError, match=message):
        build(club)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda w: w.place(1, 0.0), "no car 1, expected 0 to 0"),
        (lambda w: w.place(-1, 0.0), "no car -1"),
        (lambda w: w.place(0, math.nan), "expected finite numbers"),
        (lambda w: w.place(0, 0.0, 0.0, math.inf), "expected finite numbers"),
        (lambda w: w.place(0, 0.0, speed_mps=-1.0), "speed_mps is -1.0"),
        (lambda w: w.hold(5, True), "no car 5"),
        (lambda w: w.fits(0, math.inf, 0.0), "expected finite numbers"),
    ],
)
def test_a_car_that_cannot_be_placed_is_refused_in_one_line(club, act, message):
    with pytest.raises(InputError, match=message):
        act(World(club, [DEEPRACER]))


def test_sixty_four_cars_fit_into_a_world(airfield):
    world = World(airfield, [DEEPRACER] * 64)
    for car in range(64):
        world.place(car, car * 2.0)
    world.step([[0.0, 2.0]] * 64)
    assert np.isfinite(world.pose).all()
    assert not world.contacts
