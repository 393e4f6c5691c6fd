"""The missing-answer policy."""

from __future__ import annotations

from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.agent import Command
from league.racing.driving import HOLD_TICKS, PARK_TICKS, REFUSED_LIMIT, Driving, usable
from league.sim.car import DEEPRACER

GO = Command(0.1, 2.0)


def driving(hz: int = 15) -> Driving:
    return Driving(DEEPRACER, hz)


def test_a_usable_command_is_driven() -> None:
    driver = driving()
    assert driver.take(GO) == GO
    assert driver.streak == 0
    assert driver.missed == 0


def test_steering_beyond_the_cars_reach_is_clamped() -> None:
    driver = driving()
    assert driver.take(Command(-1.2, 1.0)) == Command(-DEEPRACER.max_steer_rad, 1.0)


@pytest.mark.parametrize(
    "command",
    [
        Command(nan, 1.0),
        Command(0.0, nan),
        Command(inf, 1.0),
        Command(0.0, inf),
        Command(0.0, -0.1),
        Command(0.0, 4.01),
        Command(1.58, 1.0),
        Command(-1.58, 1.0),
    ],
)
def test_a_command_that_is_not_finite_or_out_of_range_counts_as_missing(command: Command) -> None:
    driver = driving()
    driver.take(GO)
    assert not usable(command, DEEPRACER)
    assert driver.take(command) == GO
    assert (driver.refused, driver.missed, driver.streak) == (1, 1, 1)


@pytest.mark.parametrize("speed_mps", [0.0, 4.0])
def test_the_limits_themselves_are_allowed(speed_mps: float) -> None:
    assert usable(Command(0.0, speed_mps), DEEPRACER)


def test_the_last_command_is_held_for_two_ticks_then_the_car_brakes_and_holds_its_steering() -> None:
    driver = driving()
    driver.take(GO)
    assert [driver.take(None) for _ in range(HOLD_TICKS)] == [GO] * HOLD_TICKS
    assert driver.take(None) == Command(GO.steer_rad, 0.0)
    assert driver.take(None) == Command(GO.steer_rad, 0.0)
    assert driver.take(GO) == GO


def test_a_driver_that_never_answered_stands() -> None:
    assert driving().take(None) == Command(0.0, 0.0)


def test_sixty_missed_ticks_park_the_car_until_an_answer_comes() -> None:
    driver = driving()
    for _ in range(PARK_TICKS - 1):
        driver.take(None)
    assert not driver.parked
    driver.take(None)
    assert driver.parked
    driver.take(GO)
    assert not driver.parked


def test_ten_seconds_of_silence_end_the_drive() -> None:
    driver = driving(hz=15)
    for _ in range(149):
        driver.take(None, away=True)
    assert driver.verdict() is None
    driver.take(None, away=True)
    assert driver.verdict() == ("DNF-timeout", "did not answer for 10 s")


def test_more_than_fifteen_percent_late_ends_the_drive_but_not_at_once() -> None:
    driver = driving()
    for tick in range(149):
        driver.take(None if tick % 5 == 0 else GO)
    assert driver.verdict() is None
    driver.take(GO)
    verdict = driver.verdict()
    assert verdict is not None
    assert verdict[0] == "DNF-timeout"
    assert "20 %" in verdict[1]


def test_being_disconnected_is_not_being_late() -> None:
    driver = driving()
    for _ in range(100):
        driver.take(GO)
    for _ in range(60):
        driver.take(None, away=True)
    for _ in range(100):
        driver.take(GO)
    assert driver.verdict() is None


def test_twenty_refused_commands_disqualify() -> None:
    driver = driving()
    for _ in range(REFUSED_LIMIT - 1):
        driver.take(Command(nan, 0.0))
        driver.take(GO)
    assert driver.verdict() is None
    driver.take(Command(nan, 0.0))
    verdict = driver.verdict()
    assert verdict is not None
    assert verdict[0] == "DSQ"


@given(st.lists(st.one_of(st.none(), st.tuples(st.floats(), st.floats())), max_size=200))
def test_whatever_comes_the_car_gets_a_command_it_can_drive(
    answers: list[tuple[float, float] | None],
) -> None:
    driver = driving()
    for answer in answers:
        given_command = driver.take(None if answer is None else Command(*answer))
        assert usable(given_command, DEEPRACER)
        assert abs(given_command.steer_rad) <= DEEPRACER.max_steer_rad
