"""Recorded slides: found, and fitted as they were driven."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest

from league import DEEPRACER, InputError
from league.sim.grip import GRIP
from league.testing.fit import chosen_files, read_episodes
from league.testing.fitting import Episode
from league.testing.slides import (
    LOOK_TICKS,
    driven_slip,
    fit_grip,
    fit_shape,
    interval,
    main,
    run_of,
    slides,
    soon,
    table,
)


def circle(slip_rad):
    """A recording of a car that drives a circle at 2 m/s, its body ahead of its motion by each slip."""
    ticks = np.arange(len(slip_rad) + 1)
    course = 1.0 * ticks / 15
    axle = 2.0 * np.stack((np.sin(course), 1 - np.cos(course)), axis=1)
    # Slip is measured between rows.
    yaw = course + np.interp(ticks, ticks[1:] - 0.5, slip_rad)
    nose = axle + 0.2217 * np.stack((np.cos(yaw), np.sin(yaw)), axis=1)
    commands = np.tile((0.2, 2.0), (len(ticks), 1))
    return Episode(ticks / 15, np.column_stack((nose, yaw)), commands, False)


def test_a_slide_is_found_where_it_is_and_driving_without_one_is_none() -> None:
    slip = np.zeros(60)
    slip[30:40] = np.radians([5, 10, 15, 20, 25, 25, 20, 15, 10, 5])
    (found,) = slides(run_of(0, circle(slip), DEEPRACER))
    assert (found.first, found.last) == (pytest.approx(29, abs=1), pytest.approx(39, abs=1))
    assert found.first < found.peak < found.last
    assert list(slides(run_of(0, circle(np.zeros(60)), DEEPRACER))) == []


def test_what_a_recording_does_not_show_the_end_of_is_not_known() -> None:
    slip = np.zeros(20)
    slip[10] = 1.0
    ahead, known = soon(slip, 30.0)
    assert np.flatnonzero(ahead).tolist() == list(range(2, 10))
    assert np.flatnonzero(known).tolist() == [*range(10), 11]
    assert len(slip) - LOOK_TICKS == 12


def test_recordings_without_a_slide_are_refused() -> None:
    with pytest.raises(InputError, match="no slides"):
        fit_shape([run_of(0, circle(np.zeros(60)), DEEPRACER)])


def test_the_model_slides_by_its_key_and_only_when_asked_to() -> None:
    commands = np.tile((0.4, 4.0), (300, 1))

    def driven(key: int, spins: float):
        return driven_slip(DEEPRACER, GRIP, commands, speed_mps=0.0, key=key, spins=spins)

    assert (driven(1, 0.0) == 0.0).all()
    assert (driven(1, 5.0) == driven(1, 5.0)).all()
    assert (driven(1, 5.0) != driven(2, 5.0)).any()


@pytest.fixture(scope="module")
def runs(data_folder):
    folder = data_folder / "traces"
    if not folder.is_dir():
        pytest.skip(f"no test data at {folder}")
    return [
        run_of(number, episode, DEEPRACER)
        for number, path in enumerate(chosen_files(folder, "classic"))
        for episode in read_episodes(path)
        if len(episode.pose) > LOOK_TICKS
    ]


@pytest.mark.slow
def test_the_car_slides_as_the_recordings_say(runs) -> None:
    fitted = astuple(fit_grip(runs, DEEPRACER))
    assert astuple(GRIP) == pytest.approx(fitted, rel=0.05)


@pytest.mark.slow
def test_the_model_gets_as_much_slip_as_recorded_cars_within_chance(runs) -> None:
    _, *classes, every = table(runs, [GRIP] * len(runs), DEEPRACER, times=20)
    number, least, most, model = slides_in(every)
    assert (number, least < model < most) == (49, True)
    for part in every.split("|")[2:]:
        recorded, driven = (float(share) for share in part.replace("%", "").split()[1:])
        # Steps of one slide are not independent: it is slides that count.
        assert abs(recorded - driven) < 2 * recorded / np.sqrt(number)
    # One class in twenty is outside of its interval by chance, and these are 28.
    outside = [line for line in classes if not slides_in(line)[1] <= slides_in(line)[3] <= slides_in(line)[2]]
    assert len(classes) > 25
    assert len(outside) <= 3, outside


def slides_in(line: str) -> tuple[float, float, float, float]:
    """Slides of a line of the table: recorded, from and to which is likely, and the model's."""
    words = line.split("|")[1].replace("(", " ").replace(")", " ").replace("to", " ").rstrip("* ").split()
    recorded, least, most, model = map(float, words)
    return recorded, least, most, model


@pytest.mark.parametrize(("count", "least", "most"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.39)])
def test_an_interval_of_rare_events_is_the_one_of_the_tables(count: int, least: float, most: float) -> None:
    assert interval(count) == pytest.approx((least, most), abs=5e-3)


def test_a_folder_without_an_index_is_refused(tmp_path) -> None:
    with pytest.raises(InputError, match=r"no index\.csv"):
        main([str(tmp_path)])
