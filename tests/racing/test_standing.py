"""Scores, classification and standings over several heats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.plan import EntryPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.racing.rules import Rules
from league.racing.standing import best_runs, classify, score_s


def laps(*times_s: float, invalid: tuple[int, ...] = ()) -> list[LapResult]:
    return [LapResult(time_s=time_s, valid=index not in invalid) for index, time_s in enumerate(times_s)]


def entry(name: str, score: float | None, status: str = "FIN", progress_pct: float = 100.0) -> EntryResult:
    return EntryResult(
        place=1,
        name=name,
        agent=name,
        status=status,  # type: ignore[arg-type]
        entry_id=name,
        total_s=score,
        score_s=score,
        progress_pct=progress_pct,
    )


def heat(number: int, *entries: EntryResult) -> HeatResult:
    return HeatResult(
        heat=f"heat-{number}",
        circuit=CircuitFacts(id="c", length_m=10, sha256="0"),
        car="deepracer",
        laps=3,
        rank="total",
        seed=1,
        behavior=1,
        clock="lockstep",
        entries=classify(entries),
        state_hash="0",
    )


def test_total_ranks_on_the_time_for_all_laps() -> None:
    assert score_s(Rules(), laps(8, 7, 7), 22.0) == 22.0
    assert score_s(Rules(), laps(8, 7), None) is None


def test_best_lap_looks_at_valid_laps_only() -> None:
    rules = Rules(rank="best_lap")
    assert score_s(rules, laps(8.5, 6.1, 7.2, invalid=(1,)), None) == 7.2
    assert score_s(rules, laps(8.5, invalid=(0,)), None) is None


def test_best_average_needs_consecutive_valid_laps() -> None:
    rules = Rules(rank="best_average", average_laps=2, laps=5)
    assert score_s(rules, laps(9, 8, 7, 6, 10), None) == 6.5
    assert score_s(rules, laps(9, 8, 7, 6, 10, invalid=(2,)), None) == 8.0
    assert score_s(rules, laps(9, 8, 7, invalid=(1,)), None) is None


def test_finishers_come_before_those_that_did_not_and_distance_ranks_the_rest() -> None:
    placed = classify(
        [
            entry("far", None, "DNF-crash", 80.0),
            entry("slow", 30.0),
            entry("dns", None, "DNS", 0.0),
            entry("near", None, "DNF-timeout", 20.0),
            entry("dsq", None, "DSQ", 99.0),
            entry("quick", 20.0),
        ]
    )
    assert [row.name for row in placed] == ["quick", "slow", "far", "near", "dns", "dsq"]
    assert [row.place for row in placed] == [1, 2, 3, 4, 5, 6]
    assert [row.gap_s for row in placed] == [0.0, 10.0, None, None, None, None]


def test_a_penalty_is_inside_the_time_and_never_added_again() -> None:
    slow_but_clean, quick_but_off = entry("clean", 21.0), entry("off", 20.0)
    quick_but_off = quick_but_off.model_copy(update={"off_tracks": 2, "resets": 2})
    assert [row.name for row in classify([slow_but_clean, quick_but_off])] == ["off", "clean"]


def test_the_best_run_of_an_entry_counts_and_who_has_not_raced_comes_last() -> None:
    entries = (
        EntryPlan(id="late", name="late"),
        EntryPlan(id="a", name="a"),
        EntryPlan(id="b", name="b"),
    )
    rows = best_runs(
        entries,
        [
            heat(1, entry("a", 25.0), entry("b", 24.0)),
            heat(2, entry("a", 23.0), entry("b", None, "DNF-crash", 10.0)),
        ],
    )
    assert [(row.place, row.name, row.score_s, row.attempts) for row in rows] == [
        (1, "a", 23.0, 2),
        (2, "b", 24.0, 2),
        (3, "late", None, 0),
    ]
    assert rows[1].gap_s == 1.0


def test_a_void_run_counts_for_nothing() -> None:
    rows = best_runs((EntryPlan(id="a", name="a"),), [heat(1, entry("a", 20.0, "VOID"))])
    assert rows[0].attempts == 0


@given(
    st.lists(
        st.tuples(st.floats(1, 100), st.sampled_from(["FIN", "DNF-crash", "DNS", "DSQ"])),
        min_size=1,
        max_size=8,
    ),
    st.randoms(),
)
def test_classification_does_not_depend_on_the_order_it_was_given(
    rows: list[tuple[float, str]], random: object
) -> None:
    entries = [
        entry(f"e{index}", score if status == "FIN" else None, status, score)
        for index, (score, status) in enumerate(rows)
    ]
    shuffled = entries.copy()
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert classify(entries) == classify(shuffled)
    scores = [row.score_s for row in classify(entries) if row.score_s is not None]
    assert scores == sorted(scores)


@pytest.mark.parametrize("field", ["off_track_penalty_s", "time_limit_s"])
def test_rules_refuse_what_is_not_finite(field: str) -> None:
    from league.errors import ConfigError

    with pytest.raises(ConfigError, match=field):
        Rules.parse({field: float("nan")})


def test_a_misspelt_rule_is_named() -> None:
    from league.errors import ConfigError

    with pytest.raises(ConfigError, match="offtrack"):
        Rules.parse({"offtrack": 3})
