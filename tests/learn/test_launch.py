"""The limit of a race from a standing start: what must hold of it."""

from __future__ import annotations

import pytest
from stadium import stadium

from league import DEEPRACER
from league.errors import ConfigError
from league.learn.limit.fastest import FastestLap, fastest_lap
from league.learn.limit.launch import race_limit_s

casadi = pytest.importorskip("casadi", reason="casadi is not installed (extra: limit)")

ROAD = stadium(straight_m=2.0, radius_m=1.0, half_m=0.45)


@pytest.fixture(scope="module")
def lap() -> FastestLap:
    return fastest_lap(ROAD, DEEPRACER)


@pytest.fixture(scope="module")
def three(lap: FastestLap) -> float:
    return race_limit_s(lap, 3)


def test_a_standing_start_costs_something_and_less_than_reaching_top_speed_twice(
    lap: FastestLap, three: float
) -> None:
    to_top_s = DEEPRACER.top_speed_mps / DEEPRACER.accelerate_mps2
    # Half of the time to top speed would be lost by a car that keeps to its flying line at top speed.
    assert 0.2 * to_top_s < three - 3 * lap.lap_s < to_top_s


def test_every_further_lap_is_a_flying_one(lap: FastestLap, three: float) -> None:
    assert race_limit_s(lap, 4) - three == pytest.approx(lap.lap_s)


def test_a_weaker_motor_loses_more_at_the_start(lap: FastestLap, three: float) -> None:
    weak = fastest_lap(ROAD, DEEPRACER.changed(accelerate_mps2=DEEPRACER.accelerate_mps2 * 0.6))
    assert race_limit_s(weak, 1) - weak.lap_s > three - 3 * lap.lap_s


def test_no_laps_are_refused(lap: FastestLap) -> None:
    with pytest.raises(ConfigError, match="laps is 0, expected 1 or more"):
        race_limit_s(lap, 0)
