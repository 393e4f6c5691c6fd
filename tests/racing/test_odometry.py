"""A car's own odometry, wherever and however it was switched on."""

from __future__ import annotations

from math import cos, pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import League
from league.racing.odometry import Odometry

CIRCUIT = League().circuit("clubhouse-loop")


@given(
    x=st.floats(-50, 50), y=st.floats(-50, 50), yaw=st.floats(-pi, pi), forward_m=st.floats(-5, 5),
    turned=st.floats(-1, 1),
)  # fmt: skip
def test_what_a_car_drove_it_drove_from_the_line_on(
    x: float, y: float, yaw: float, forward_m: float, turned: float
) -> None:
    odometry = Odometry(CIRCUIT, back_m=0.2)
    heading = float(CIRCUIT.heading_at(0.0))
    line_x, line_y = (float(value) for value in CIRCUIT.at(0.0))
    begun = odometry.place((x, y, yaw))
    assert begun[:2] == pytest.approx((line_x - 0.2 * cos(heading), line_y - 0.2 * sin(heading)))
    later = odometry.place((x + forward_m * cos(yaw), y + forward_m * sin(yaw), yaw + turned))
    assert later[0] == pytest.approx(line_x + (forward_m - 0.2) * cos(heading), abs=1e-6)
    assert later[1] == pytest.approx(line_y + (forward_m - 0.2) * sin(heading), abs=1e-6)
    assert (later[2] - heading - turned + pi) % (2 * pi) - pi == pytest.approx(0.0, abs=1e-9)
