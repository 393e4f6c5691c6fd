"""A car's nose over the line, from places and times."""

from __future__ import annotations

from math import cos, pi, sin

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league import League
from league.racing.linetimer import UNSURE, Crossed, LineTimer, Seen

CIRCUIT = League().circuit("clubhouse-loop")


def along(at_m: float, time_s: float, offset_m: float = 0.0) -> Seen:
    x, y = CIRCUIT.at(at_m % CIRCUIT.length_m, offset_m)
    return Seen(round(time_s * 1e9), float(x), float(y), float(CIRCUIT.heading_at(at_m)))


def crossings(timer: LineTimer, seen: list[Seen]) -> list[Crossed]:
    return [hit for hit in map(timer.see, seen) if hit]


@settings(max_examples=50)
@given(
    speed_mps=st.floats(0.3, 5),
    hz=st.sampled_from([15, 20, 30, 60]),
    phase=st.floats(0, 1),
    offset_m=st.floats(-0.3, 0.3),
)
def test_a_lap_at_constant_speed_is_timed(speed_mps: float, hz: int, phase: float, offset_m: float) -> None:
    timer = LineTimer(CIRCUIT, nose_m=0.14)
    seen = []
    for index in range(int((CIRCUIT.length_m + 2) / speed_mps * hz)):
        time_s = (index + phase) / hz
        at_m = -1.0 + speed_mps * time_s
        if -0.8 < at_m < 0.5 or at_m > CIRCUIT.length_m - 0.8:
            seen.append(along(at_m, time_s, offset_m))
    hits = crossings(timer, seen)
    assert len(hits) == 2
    assert (hits[1].ts_ns - hits[0].ts_ns) / 1e9 == pytest.approx(CIRCUIT.length_m / speed_mps, abs=1e-3)
    assert hits[0].speed_mps == pytest.approx(speed_mps, rel=1e-3)


def test_backwards_over_the_line_is_no_crossing() -> None:
    timer = LineTimer(CIRCUIT)
    assert crossings(timer, [along(at / 10, index / 10) for index, at in enumerate((3, 2, 1, -1, -2))]) == []


def test_the_other_side_of_the_circuit_is_not_the_line() -> None:
    timer = LineTimer(CIRCUIT)
    middle = CIRCUIT.centre[0]
    heading = float(CIRCUIT.heading_at(0.0))
    far = [
        middle + 1.5 * np.array((-sin(heading), cos(heading))) + step * np.array((cos(heading), sin(heading)))
        for step in (-0.1, 0.1)
    ]
    assert (
        crossings(timer, [Seen(i * 10**7, float(x), float(y), heading) for i, (x, y) in enumerate(far)]) == []
    )


def test_a_car_that_was_out_of_sight_is_timed_with_doubt_or_not_at_all() -> None:
    (hit,) = crossings(LineTimer(CIRCUIT), [along(-0.5, 0.0), along(0.5, 1.0)])
    assert hit.confidence == UNSURE
    assert crossings(LineTimer(CIRCUIT), [along(-0.5, 0.0), along(0.5, 3.0)]) == []


def test_sightings_out_of_order_are_left_out() -> None:
    timer = LineTimer(CIRCUIT)
    seen = [along(-0.2, 1.0), along(0.3, 0.5), along(0.1, 1.1)]
    (hit,) = crossings(timer, seen)
    assert hit.ts_ns == pytest.approx(1.0667e9, rel=1e-3)


def test_the_nose_counts_and_not_the_middle() -> None:
    seen = [along(-0.5, 0.0), along(0.5, 0.2)]
    (middle,) = crossings(LineTimer(CIRCUIT), seen)
    (nose,) = crossings(LineTimer(CIRCUIT, nose_m=0.2), seen)
    assert (middle.ts_ns - nose.ts_ns) / 1e9 == pytest.approx(0.04, abs=1e-6)
    assert abs(float(CIRCUIT.heading_at(0.0))) < pi
