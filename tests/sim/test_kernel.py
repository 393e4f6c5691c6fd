from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league import DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, F1TENTH, World
from league.sim.kernel import drive_open_loop

CARS = [DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, F1TENTH]


def by_the_book(car, commands, control_hz, speed=0.0):
    """The published equations, written again and step by step: nose, yaw, speed, yaw rate, wheel angle."""
    substeps = math.ceil(120 / control_hz)
    h = 1 / (control_hz * substeps)
    x, y, yaw, v, r, d2, d1, cs = -car.base_to_nose_m, 0.0, 0.0, speed, 0.0, 0.0, 0.0, 0.0
    orders = np.repeat(np.asarray(commands, dtype=float), substeps, axis=0)
    late_steer, late_speed = round(car.steer_dead_s / h), round(car.speed_dead_s / h)
    rows = [(x + car.base_to_nose_m, y, yaw, v, r, d1)]
    for k in range(len(orders)):
        steer = orders[k - late_steer][0] if k >= late_steer else 0.0
        cv = orders[k - late_speed][1] if k >= late_speed else 0.0
        if steer != cs:
            d2 += car.steer_kick * (steer - cs)
            cs = steer
        d2 += (cs - d2) * (1 - math.exp(-h / car.steer_slow_s)) - car.steer_aligning_per_m * v * d2 * h
        d1 += (d2 - d1) * (1 - math.exp(-h / car.steer_fast_s))
        vt = min(car.speed_gain * cv, car.top_speed_mps) / (1 + car.corner_drag * abs(v * r))
        a = float(np.clip((vt - v) / car.speed_lag_s, -car.brake_mps2, car.accelerate_mps2))
        v = max(0.0, v + h * a)
        t = math.tan(d1 + car.steer_bias_rad)
        base = car.base_m + car.base_per_v2 * v**2 + car.base_per_tan * abs(t) + car.base_per_push * a
        rs = v * t / max(base, 0.05)
        rs /= (1 + (abs(v * rs) / (car.lateral_mps2 + car.lateral_per_push * a)) ** 4) ** 0.25
        r += (rs - r) * (1 - math.exp(-h / car.yaw_lag_s))
        yaw += r * h
        x += v * math.cos(yaw) * h
        y += v * math.sin(yaw) * h
        if (k + 1) % substeps == 0:
            nose = car.base_to_nose_m
            rows.append((x + nose * math.cos(yaw), y + nose * math.sin(yaw), yaw, v, r, d1))
    return np.array(rows)


def commands_for(car):
    steer = st.floats(-car.max_steer_rad, car.max_steer_rad)
    speed = st.one_of(st.just(0.0), st.floats(car.min_speed_mps, car.max_speed_mps))
    return st.lists(st.tuples(steer, speed), min_size=1, max_size=40)


@pytest.mark.parametrize("car", CARS, ids=lambda car: car.id)
@settings(max_examples=60)
@given(data=st.data())
def test_a_car_moves_by_the_published_equations(car, data):
    commands = data.draw(commands_for(car))
    hz = data.draw(st.sampled_from([1, 10, 15, 20, 30, 45, 60, 120]))
    speed = data.draw(st.floats(0, 3))
    path = drive_open_loop(car, commands, control_hz=hz, speed_mps=speed)
    np.testing.assert_allclose(path, by_the_book(car, commands, hz, speed), atol=1e-7)


def test_speed_settles_at_the_gain_times_the_command_and_at_the_top():
    car = DEEPRACER.changed(steer_bias_rad=0.0, speed_gain=1.065, top_speed_mps=3.65)
    for command, settled in ((1.0, 1.065), (2.0, 2.13), (4.0, 3.65)):
        path = drive_open_loop(car, [(0.0, command)] * 90)
        assert path[-1, 3] == pytest.approx(settled, abs=1e-3)
        assert path[-1, 1] == 0.0


def test_a_standing_start_reaches_the_limit_of_acceleration():
    path = drive_open_loop(DEEPRACER, [(0.0, 4.0)] * 8)
    assert (path[8, 3] - path[3, 3]) * 15 / 5 == pytest.approx(DEEPRACER.accelerate_mps2, rel=1e-6)


@pytest.mark.parametrize("steer", [-0.5, -0.2, 0.2, 0.5])
def test_a_slow_circle_has_the_radius_of_the_effective_wheelbase(steer):
    car = DEEPRACER.changed(steer_aligning_per_m=0.292)
    path = drive_open_loop(car, [(steer, 0.5)] * 300)
    v = 0.5 * car.speed_gain
    wheel = steer / (1 + car.steer_slow_s * 0.292 * v)
    t = math.tan(wheel + car.steer_bias_rad)
    base = car.base_m + car.base_per_v2 * v**2 + car.base_per_tan * abs(t)
    assert path[-1, 3] / path[-1, 4] == pytest.approx(base / t, rel=0.02)


def test_a_car_cannot_corner_faster_than_its_grip():
    for car in CARS:
        grip = car.lateral_mps2 + abs(car.lateral_per_push) * max(car.accelerate_mps2, car.brake_mps2)
        path = drive_open_loop(car, [(0.4, car.max_speed_mps)] * 100)
        assert np.abs(path[:, 3] * path[:, 4]).max() < grip * 1.1


def test_throttle_tightens_the_turn_of_the_car_of_2022_and_brakes_open_it():
    def turning(speed):
        return drive_open_loop(DEEPRACER_2022, [(0.25, 1.5)] * 30 + [(0.25, speed)] * 3)[-1]

    fast, held, slow = (turning(speed) for speed in (2.5, 1.5, 0.5))
    assert fast[4] / fast[3] > 1.1 * held[4] / held[3]
    assert held[4] / held[3] > 1.05 * slow[4] / slow[3]


def test_a_command_takes_effect_after_its_dead_time_at_any_control_rate():
    # 0.035 s are 4.2, so 4, steps of 1/120 s: two ticks of 60 Hz, half a tick of 15 Hz.
    path = drive_open_loop(DEEPRACER, [(0.0, 2.0)] * 4, control_hz=60)
    assert path[2, 3] == 0.0
    assert path[3, 3] > 0.0
    speed = drive_open_loop(DEEPRACER, [(0.0, 2.0)], control_hz=15)[1, 3]
    assert speed == pytest.approx(4 / 120 * DEEPRACER.accelerate_mps2)
    # 0.018 s are 2.16, so 2, steps: one tick of 60 Hz.
    path = drive_open_loop(DEEPRACER, [(0.4, 0.0)] * 2, control_hz=60)
    assert path[1, 5] == 0.0
    assert path[2, 5] > 0.0


def test_zero_brakes_to_an_exact_stand_and_leaves_exact_zeros():
    path = drive_open_loop(DEEPRACER, [(0.3, 3.0)] * 30 + [(0.0, 0.0)] * 300)
    assert path[30, 3] > 2.5
    assert (path[-1, 3:] == 0.0).all()
    assert (path[-2] == path[-1]).all()
    assert (path[-1, 3:].view(np.uint64) == 0).all()


def test_nothing_in_a_standing_cars_state_decays_for_ever(airfield):
    # Numbers that only ever halve end up denormal, on which a processor is many times slower.
    world = World(airfield, CARS)
    for car in range(len(CARS)):
        world.place(car, 3.0 * car, speed_mps=2.0)
    for _ in range(10):
        world.step([[0.3, 3.0]] * len(CARS))
    for _ in range(400):
        world.step([[0.0, 0.0]] * len(CARS))
    still = world.state_bytes()
    numbers = np.abs(np.frombuffer(still[8:]))
    assert numbers[numbers > 0].min() > 1e-6
    world.step([[0.0, 0.0]] * len(CARS))
    assert world.state_bytes()[8:] == still[8:]


def test_a_crawl_below_the_least_speed_is_driven_at_the_least_speed():
    crawl = drive_open_loop(DEEPRACER, [(0.0, 0.001)] * 60)
    assert (crawl == drive_open_loop(DEEPRACER, [(0.0, 0.1)] * 60)).all()
    assert crawl[-1, 3] == pytest.approx(0.1 * DEEPRACER.speed_gain, rel=1e-3)


def test_commands_beyond_the_limits_are_driven_as_the_limits():
    wild = drive_open_loop(DEEPRACER, [(9.0, 99.0)] * 20 + [(-9.0, -1.0)] * 20)
    tame = drive_open_loop(DEEPRACER, [(math.radians(30), 4.0)] * 20 + [(-math.radians(30), 0.0)] * 20)
    assert (wild == tame).all()


@settings(max_examples=60)
@given(commands=commands_for(DEEPRACER), car=st.sampled_from(CARS))
def test_speed_never_grows_beyond_what_was_asked(commands, car):
    path = drive_open_loop(car, commands)
    asked = max(max(speed for _, speed in commands), car.min_speed_mps)
    assert path[:, 3].max() <= car.speed_gain * asked + 1e-12
    coast = drive_open_loop(car, [(steer, 0.0) for steer, _ in commands], speed_mps=3.0)
    assert (np.diff(coast[:, 3]) <= 0.0).all()


@pytest.mark.parametrize("hz", [15, 60])
def test_races_and_open_loop_runs_drive_the_very_same_kernel(airfield, hz):
    rng = np.random.default_rng(5)
    commands = np.stack((rng.uniform(-0.5, 0.5, 60), rng.uniform(0.0, 4.0, 60)), axis=1)
    world = World(airfield, [DEEPRACER], control_hz=hz)
    world.place(0, 2.0, 0.3)
    path = drive_open_loop(
        DEEPRACER, commands, nose=tuple(world.nose[0]), yaw_rad=world.pose[0, 2], control_hz=hz
    )
    for k, command in enumerate(commands):
        world.step([command])
        np.testing.assert_allclose(world.nose[0], path[k + 1, :2], atol=1e-12)
        assert world.speed_mps[0] == path[k + 1, 3]
        assert world.yaw_rate_radps[0] == path[k + 1, 4]
        assert world.steer_rad[0] == path[k + 1, 5]


def test_no_commands_make_a_path_of_one_row():
    assert drive_open_loop(DEEPRACER, []).shape == (1, 6)
