"""An evening ends as it would have, however often its server is killed."""

from __future__ import annotations

import pytest

from league.testing.kills import compare


@pytest.mark.slow
async def test_an_evening_whose_server_is_killed_again_and_again_ends_as_an_undisturbed_one() -> None:
    found = await compare(12, drivers=8, laps=1, longest_s=4.0)
    # How many there were before the evening was over depends on the machine.
    assert found.killed.kills >= 1
    assert found.killed.heats == found.quiet.heats
    assert found.killed.standings == found.quiet.standings


@pytest.mark.slow
async def test_ratings_whose_server_is_killed_again_and_again_are_those_of_an_undisturbed_one() -> None:
    found = await compare(6, drivers=4, laps=1, longest_s=4.0, plus_minus=2.5)
    assert found.killed.kills >= 1
    assert len(found.quiet.heats) > 2
    assert found.killed.heats == found.quiet.heats
    assert found.killed.standings == found.quiet.standings
