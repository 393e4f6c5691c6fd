from __future__ import annotations

import math

import numpy as np
import pytest

from league import DEEPRACER, DEEPRACER_2021, DEEPRACER_2022, DEEPRACER_GZSIM, InputError
from league.testing import fidelity
from league.testing.fit import Recording, generation, main, read_recordings
from league.testing.fitting import Episode, cut, drives, errors, fit, joined, likeliest, sizes, weights


@pytest.fixture(scope="module")
def recordings(data_folder) -> list[Recording]:
    folder = data_folder / "traces"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}")
    return read_recordings(folder)


def score(car, windows):
    """Median and 90th percentile of place (cm) and yaw (degrees) after 1 s; median place of a launch."""
    path = drives(car, windows)
    found = errors(path, windows, 15)
    seen = ~np.isnan(found[:, 0])
    place, yaw = sizes(found)
    running, launch = seen & (windows.warm > 0), seen & (windows.warm == 0)
    return (
        np.median(place[running]),
        np.percentile(place[running], 90),
        np.median(yaw[running]),
        np.percentile(yaw[running], 90),
        np.median(place[launch]),
    )


# What was measured, and 5 % on top.
@pytest.mark.parametrize(
    ("car", "simulator", "made", "reached"),
    [
        (DEEPRACER_2021, "classic", "2021", (7.1, 20.1, 4.4, 11.8, 12.2)),
        (DEEPRACER_2022, "classic", "2022", (12.3, 33.9, 5.1, 14.8, 12.5)),
        (DEEPRACER, "classic", None, (9.0, 32.5, 5.4, 17.2, 13.0)),
        (DEEPRACER_GZSIM, "gzsim_ros2", None, (9.7, 23.2, 3.5, 9.8, 21.0)),
    ],
    ids=["2021", "2022", "classic", "gzsim"],
)
def test_each_car_drives_like_its_recordings(recordings, car, simulator, made, reached):
    windows = joined(
        [
            item.windows
            for item in recordings
            if item.simulator == simulator and made in (None, generation(item.name))
        ]
    )
    assert (np.array(score(car, windows)) <= 1.05 * np.array(reached)).all()


def test_each_generation_is_driven_better_by_its_own_car(recordings):
    classic = [item for item in recordings if item.simulator == "classic"]
    cars = (("2021", DEEPRACER_2021, DEEPRACER_2022), ("2022", DEEPRACER_2022, DEEPRACER_2021))
    for made, own, other in cars:
        windows = joined([item.windows for item in classic if generation(item.name) == made])
        assert (np.array(score(own, windows))[:4] < np.array(score(other, windows))[:4]).all()


def test_a_kinematic_bicycle_drives_circles_of_its_wheelbase():
    steps = 30
    x, y, yaw = fidelity.kinematic(
        1.0, 2.0, 0.5, 1.0, np.full(steps, 20.0), np.full(steps, 1.0), np.full(steps, 1 / 15)
    )
    assert (x[0], y[0], yaw[0]) == pytest.approx((1.0, 2.0, 0.5))
    rear = DEEPRACER.nose_m + DEEPRACER.rear_axle_m
    centre = np.stack((x - rear * np.cos(yaw), y - rear * np.sin(yaw)), axis=1)
    turned, way = yaw[-1] - yaw[5], np.hypot(*np.diff(centre[5:], axis=0).T).sum()
    assert way / turned == pytest.approx(DEEPRACER.wheelbase_m / math.tan(math.radians(20)), rel=0.02)


def test_a_drive_can_be_turned_and_moved(recordings):
    rng = np.random.default_rng(3)
    steer, speed, dt = rng.uniform(-30, 30, 40), rng.uniform(1, 4, 40), np.full(40, 1 / 15)
    here = np.array(fidelity.deepracer(0.0, 0.0, 0.0, 1.0, steer, speed, dt))
    there = np.array(fidelity.deepracer(3.0, -1.0, 1.2, 1.0, steer, speed, dt))
    c, q = math.cos(1.2), math.sin(1.2)
    moved = np.stack((3 + c * here[0] - q * here[1], -1 + q * here[0] + c * here[1], here[2] + 1.2))
    np.testing.assert_allclose(there, moved, atol=1e-9)


@pytest.mark.parametrize("dt", [[1 / 15, 1 / 10], [0.0, 0.0], [0.3, 0.3], [-1.0, 1.0]])
def test_steps_that_the_kernel_cannot_take_are_refused(dt):
    with pytest.raises(InputError, match="expected one length"):
        fidelity.deepracer(0, 0, 0, 0, [0.0, 0.0], [1.0, 1.0], dt)


def driven(car, seed, ticks=80):
    """An episode as a car itself would have been recorded."""
    rng = np.random.default_rng(seed)
    commands = np.stack(
        (np.repeat(rng.uniform(-0.5, 0.5, ticks // 4), 4), np.repeat(rng.uniform(1, 3, ticks // 8), 8)), 1
    )
    x, y, yaw = fidelity.simulate(
        car, 0, 0, 0, 0, np.degrees(commands[:, 0]), commands[:, 1], np.full(len(commands), 1 / 15)
    )
    return Episode(np.arange(len(x) - 1) / 15, np.stack((x, y, yaw), axis=1)[:-1], commands, True)


def test_a_car_has_no_error_on_its_own_launches_and_a_fit_finds_its_servo():
    windows = joined(
        [cut([driven(DEEPRACER, k)], k, stride=5, most=20, most_starts=5, seed=0) for k in range(12)]
    )
    own = errors(drives(DEEPRACER, windows), windows, 15)[windows.warm == 0]
    assert np.abs(own).max() < 1e-9
    start = DEEPRACER.changed(steer_kick=0.6, speed_lag_s=0.25)
    keep = ["top_speed_mps", "brake_mps2", "corner_drag", "base_per_push", "lateral_per_push"]
    found, cost = fit(start, windows.where(windows.warm == 0), rounds=30, fixed=keep)
    assert found.steer_kick == pytest.approx(DEEPRACER.steer_kick, abs=0.06)
    assert found.speed_lag_s == pytest.approx(DEEPRACER.speed_lag_s, abs=0.03)
    assert cost < 0.01


def test_recordings_weigh_alike_however_long_they_are():
    episodes = [driven(DEEPRACER, 0)], [driven(DEEPRACER, 1)] * 3
    windows = joined(
        [cut(some, k, stride=5, most=99, most_starts=9, seed=0) for k, some in enumerate(episodes)]
    )
    weight = weights(windows)
    assert weight.sum() == pytest.approx(1.0)
    assert weight[windows.source == 0].sum() == pytest.approx(0.5)


def test_the_car_of_a_recording_is_told_by_how_it_drives():
    cars = fidelity.GENERATIONS
    made = [0, 1, 1, 0]
    windows = joined(
        [
            cut([driven(cars[car], k)], k, stride=5, most=20, most_starts=5, seed=0)
            for k, car in enumerate(made)
        ]
    )
    assert likeliest(cars, windows).tolist() == np.array(made)[windows.source].tolist()


def test_recorded_generations_are_told_by_how_they_drive(recordings):
    classic = [item for item in recordings if item.simulator == "classic"]
    windows = joined([item.windows for item in classic])
    own = likeliest(fidelity.GENERATIONS, windows)
    for item in classic:
        told = {("2021", "2022")[k] for k in own[windows.source == item.windows.source[0]]}
        assert told == {generation(item.name)}


def test_loyalty_keeps_a_fit_near_its_start():
    windows = cut([driven(DEEPRACER, 0)], 0, stride=5, most=20, most_starts=5, seed=0)
    start = DEEPRACER.changed(speed_lag_s=0.25)
    free, loyal = (fit(start, windows, rounds=5, loyalty=cost)[0].speed_lag_s for cost in (0.0, 1e3))
    assert abs(loyal - 0.25) < 0.01 < abs(free - 0.25)


def test_a_fit_may_start_from_any_car():
    windows = cut([driven(DEEPRACER, 0)], 0, stride=5, most=10, most_starts=2, seed=0)
    found, _ = fit(fidelity.KINEMATIC, windows, rounds=2)
    assert found.id == "kinematic"


def test_gaps_leaps_and_stuck_cars_are_left_out():
    good = driven(DEEPRACER, 1)
    count = len(cut([good], 0, stride=5, most=99, most_starts=9, seed=0).warm)
    leap = good.pose.copy()
    leap[40:] += 5.0
    late = good.time_s.copy()
    late[40:] += 1.0
    stuck = good._replace(pose=np.zeros_like(good.pose), from_stand=False)
    assert 0 < len(cut([good._replace(pose=leap)], 0, stride=5, most=99, most_starts=9, seed=0).warm) < count
    assert (
        0 < len(cut([good._replace(time_s=late)], 0, stride=5, most=99, most_starts=9, seed=0).warm) < count
    )
    assert len(cut([stuck], 0, stride=5, most=99, most_starts=9, seed=0).warm) == 0


@pytest.mark.slow
def test_the_fitting_command_prints_the_table(recordings, data_folder, capsys):
    main(
        [
            str(data_folder / "traces"),
            "--generation",
            "2022",
            "--rounds",
            "1",
            "--folds",
            "2",
            "--by",
            "track",
            "--own",
        ]
    )
    printed = capsys.readouterr().out
    assert "held out by track" in printed
    assert "each by its own car" in printed
    assert printed.count("launch") == 4


def test_a_folder_without_an_index_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"no index\.csv"):
        read_recordings(tmp_path)
