"""Limits of a car: their ranges, what a car's own limits become, and speeds as drives."""

from __future__ import annotations

from dataclasses import replace

import pytest

from league import Capabilities, ConfigError
from league.gate.limits import GateLimits, drive_for, speed_for

TINY = 1e-9
RANGES = [
    ("drive_max", 0.0, 100.0), ("drive_cap", 0.0, 1.0),
    ("steer_max_rad", 0.0, 1.6), ("steer_cap_rad", 0.0, 0.42),
    ("hold_s", 0.1, 0.5), ("pulse_s", 0.02, 0.15), ("neutral_s", 1.0, 60.0), ("ready_s", 1.0, 600.0),
    ("rise_per_s", 0.01, 1000.0), ("steer_per_s", 0.01, 1000.0), ("centre_after_s", 0.0, 5.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "least", "most"), RANGES)
def test_every_limit_has_a_range_with_exact_ends(name: str, least: float, most: float) -> None:
    base = GateLimits(drive_cap=0.0, steer_cap_rad=0.0)
    for good in (least, most, (least + most) / 2):
        assert getattr(replace(base, **{name: good}), name) == good
    for bad in (least - TINY, most + 1e-7, float("nan"), float("inf"), -float("inf")):
        with pytest.raises(ConfigError, match=f"^{name}: found"):
            replace(base, **{name: bad})


def test_the_defaults_are_those_of_the_handbook() -> None:
    limits = GateLimits()
    assert (limits.drive_cap, limits.drive_max, limits.reverse) == (0.25, 1.0, False)
    assert (limits.steer_cap_rad, limits.steer_max_rad) == (0.42, 0.42)
    assert (limits.hold_s, limits.pulse_s, limits.neutral_s, limits.ready_s) == (0.25, 0.15, 1.0, 600.0)
    assert (limits.rise_per_s, limits.steer_per_s, limits.centre_after_s) == (2.0, 8.0, 0.3)


def test_the_message_says_what_was_found_and_what_was_expected() -> None:
    with pytest.raises(ConfigError, match=r"^hold_s: found 0\.6, expected a number from 0\.1 to 0\.5$"):
        GateLimits(hold_s=0.6)


def test_limits_follow_from_what_a_car_can() -> None:
    car = Capabilities(steer_max_rad=0.3, reverse=True)
    limits = GateLimits.of(car)
    assert (limits.drive_cap, limits.drive_max, limits.steer_cap_rad, limits.steer_max_rad) == (
        0.25,
        1.0,
        0.3,
        0.3,
    )
    assert limits.reverse
    assert limits.hold_s == 0.25
    assert GateLimits.of(car, cap=0.6, hold_s=0.4) == replace(limits, drive_cap=0.6, hold_s=0.4)


@pytest.mark.parametrize(
    ("asked_s", "lag_s", "held_s"), [(0.25, 0.05, 0.2), (0.12, 0.05, 0.1), (0.1, 0.05, 0.1), (0.5, 0.0, 0.5)]
)
def test_what_a_car_takes_to_obey_is_part_of_the_time_that_a_command_is_good_for(
    asked_s: float, lag_s: float, held_s: float
) -> None:
    assert GateLimits.of(Capabilities(lag_s=lag_s), hold_s=asked_s).hold_s == pytest.approx(held_s)


@pytest.mark.parametrize("hold_s", [0.09, 0.56])
def test_a_hold_time_out_of_range_is_refused_whatever_the_car_takes(hold_s: float) -> None:
    with pytest.raises(ConfigError, match="hold_s"):
        GateLimits.of(Capabilities(lag_s=0.05), hold_s=hold_s)


def test_a_car_that_knows_speeds_is_capped_in_metres_per_second() -> None:
    assert GateLimits.of(Capabilities(drive_unit="mps", drive_max=5.0)).drive_cap == 1.5
    assert GateLimits.of(Capabilities(drive_unit="mps", drive_max=1.2)).drive_cap == 1.2
    assert GateLimits.of(Capabilities(drive_max=0.2)).drive_cap == 0.2


@pytest.mark.parametrize(
    ("car", "speed_mps", "drive"),
    [
        (Capabilities(full_speed_mps=5.0), 2.0, 0.4),
        (Capabilities(full_speed_mps=4.0, drive_max=0.5), 2.0, 0.25),
        (Capabilities(drive_unit="mps", drive_max=6.0, full_speed_mps=1.0), 2.0, 2.0),
    ],
)
def test_speeds_become_drives_and_back(car: Capabilities, speed_mps: float, drive: float) -> None:
    assert drive_for(speed_mps, car) == pytest.approx(drive)
    assert speed_for(drive, car) == pytest.approx(speed_mps)


@pytest.mark.parametrize(
    ("car", "cap", "unit"),
    [
        (Capabilities(), 25.0, "a share of full throttle, from 0 to 1"),
        (Capabilities(), -0.1, "a share of full throttle, from 0 to 1"),
        (Capabilities(drive_unit="mps", drive_max=5.0), 6.0, "a speed in m/s, from 0 to 5"),
    ],
)
def test_a_cap_that_the_car_cannot_have_is_refused_in_the_cars_unit(
    car: Capabilities, cap: float, unit: str
) -> None:
    with pytest.raises(ConfigError, match=f"^cap: found {cap:g}, expected {unit}$"):
        GateLimits.of(car, cap=cap)


@pytest.mark.parametrize("cap", [0.0, 0.4])
def test_a_cap_may_be_all_that_the_car_has_or_nothing(cap: float) -> None:
    assert GateLimits.of(Capabilities(drive_max=0.4), cap=cap).drive_cap == cap
