from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from league.sim.angles import cos, direction, sin, tan
from league.sim.decay import decayed
from league.track.exact import arctan2


@given(st.floats(-1e5, 1e5))
@example(0.0)
@example(-0.0)
@example(math.pi / 2)
@example(math.pi / 4)
@example(-math.pi)
@example(5e-324)
def test_angles_are_those_of_the_mathematics_library(angle):
    wide = np.longdouble(angle)
    for ours, theirs, units in ((sin, np.sin, 2.5), (cos, np.cos, 2.5), (tan, np.tan, 4.5)):
        true = float(theirs(wide))
        assert abs(ours(angle) - true) <= units * np.spacing(abs(true)), ours


@given(st.floats(-1e5, 1e5))
def test_a_mirrored_angle_gives_the_mirrored_bits(angle):
    assert sin(-angle) == -sin(angle)
    assert cos(-angle) == cos(angle)
    assert tan(-angle) == -tan(angle)


@given(st.floats(-100, 100))
def test_sine_and_cosine_lie_on_the_circle(angle):
    assert sin(angle) ** 2 + cos(angle) ** 2 == pytest.approx(1.0, abs=1e-15)


WAYS = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300, -1e-300, 5e-324])


@given(WAYS, WAYS)
def test_a_direction_is_the_mathematics_librarys_and_the_same_for_arrays(y, x):
    found = direction(y, x)
    if x or y:
        assert found == pytest.approx(math.atan2(y, x), rel=5e-16, abs=0.0)
    array = arctan2([y], [x])
    assert array.tobytes() == np.array([found]).tobytes()


@given(WAYS, WAYS)
def test_a_mirrored_vector_has_the_mirrored_direction(y, x):
    assert direction(-y, x) == -direction(y, x)


@given(st.floats(0.0, 80.0))
@example(0.0)
@example(math.inf)
def test_decay_is_that_of_the_mathematics_library(times):
    assert decayed(times) == pytest.approx(-math.expm1(-times), abs=2.3e-16)
