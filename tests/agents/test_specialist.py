"""The trained house driver of A to Z Speedway."""

from __future__ import annotations

import pytest

from league import League, race

LEAGUE = League()


@pytest.mark.parametrize("circuit", ["a-to-z-speedway", "a-to-z-speedway:reversed"])
def test_the_specialist_is_faster_than_the_generalist_at_home_and_clean(circuit: str) -> None:
    outcome = race(circuit, ["generalist", "specialist"], format="time-trial", league=LEAGUE)
    first = outcome.standings[0]
    assert first.name == "specialist"
    assert (first.status, first.off_tracks, first.resets) == ("FIN", 0, 0)
