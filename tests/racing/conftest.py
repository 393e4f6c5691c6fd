"""A heat that many tests look at."""

from __future__ import annotations

import pytest
from stadium import follow, make_heat, run

from league.racing.heat import Heat


@pytest.fixture(scope="session")
def three_laps() -> Heat:
    """Three clean laps at 1 m/s, alone."""
    return run(make_heat(), lambda _, seen: follow(seen))
