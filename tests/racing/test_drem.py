"""DREM's rules, and what is none of them."""

from __future__ import annotations

from typing import Any

import pytest

from league.errors import ConfigError
from league.racing.drem import drem_rules


def test_a_club_evening_is_three_runs_of_two_minutes_for_the_best_lap() -> None:
    rules = drem_rules()
    assert (rules.runs, rules.time_limit_s, rules.rank, rules.min_lap_s) == (3, 120, "best_lap", 3)
    assert rules.lap_may_finish
    assert rules.max_resets_per_lap is None


@pytest.mark.parametrize(
    "changes",
    [
        {"time_limit_s": 60.0},
        {"time_limit_s": 600.0, "max_resets_per_lap": 10},
        {"rank": "best_average", "average_laps": 7, "runs": 5},
        {"rank": "total", "laps": 5},
    ],
)
def test_what_drem_has_can_be_asked_for(changes: dict[str, Any]) -> None:
    rules = drem_rules(**changes)
    assert rules.min_lap_s == 3
    assert {name: getattr(rules, name) for name in changes} == changes


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"time_limit_s": 59.0}, "a run of 0.983333 minutes: expected 1 to 10"),
        ({"time_limit_s": 601.0}, "a run of 10.0167 minutes: expected 1 to 10"),
        ({"rank": "best_average", "average_laps": 2}, "an average of 2 laps: expected 3 to 7"),
        ({"max_resets_per_lap": 11}, "a lap of 11 resets: expected 0 to 10"),
        ({"rank": "total"}, "expected a number of laps as well"),
        ({"runs": 6}, "runs"),
    ],
)
def test_what_drem_has_not_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        drem_rules(**changes)
