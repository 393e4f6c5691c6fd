"""How far a race goes, in words."""

from __future__ import annotations

import pytest

from league.racing.distance import MOST_LAPS, distance


@pytest.mark.parametrize(
    ("laps", "words"),
    [(0, "0 laps"), (1, "1 lap"), (3, "3 laps"), (MOST_LAPS, "as many laps as fit")],
)
def test_a_distance_reads_as_one_says_it(laps: int, words: str) -> None:
    assert distance(laps) == words
