"""The tie-break chain, link by link, worked by hand."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from paper import event, result

from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import HeatResult, Status
from league.racing.tiebreak import cards, counts, rank, share_beaten


def heat(number: int, **times: float) -> HeatResult:
    plan = event("x", 0)
    grid = tuple(EntryPlan(id=name, name=name) for name in times)
    made = HeatPlan(id=f"h{number}", phase="p", circuit="c", car="d", rules=plan.rules, seed=1, grid=grid)
    return result(made, lambda _, entry: times[entry.id])


def changed(made: HeatResult, entry_id: str, status: Status) -> HeatResult:
    rows = tuple(
        row.model_copy(update={"status": status}) if row.entry_id == entry_id else row for row in made.entries
    )
    return made.model_copy(update={"entries": rows})


def test_points_come_first() -> None:
    heats = [heat(1, a=30, b=20), heat(2, a=30, b=21)]
    assert rank(["a", "b"], heats) == ("b", "a")


def test_a_point_is_the_share_of_opponents_beaten() -> None:
    three = heat(1, a=20, b=21, c=22)
    assert [share_beaten(three, entry) for entry in "abc"] == [1, Fraction(1, 2), 0]
    assert share_beaten(three, "d") == 0


def test_wins_break_level_points() -> None:
    # a: 1 + 0; b: 1/2 + 1/2.
    heats = [heat(1, a=20, b=21, c=22), heat(2, c=20, b=21, a=22)]
    assert rank(["b", "a", "c"], heats)[2] == "b"


def test_the_median_three_lap_time_breaks_level_wins() -> None:
    # One win each; medians are 22.0 and 22.5, though b drove the best lap.
    heats = [heat(1, a=20, b=26), heat(2, a=24, b=19)]
    assert cards("ab", heats)["a"].median_s == 22.0
    assert cards("ab", heats)["b"].best_lap_s < cards("ab", heats)["a"].best_lap_s
    assert rank(["b", "a"], heats) == ("a", "b")
    assert rank(["a", "b"], [heats[0], heat(2, a=24, b=17)]) == ("b", "a")


def test_the_best_lap_breaks_level_medians() -> None:
    heats = [heat(1, a=20, b=21), heat(2, a=24, b=23)]
    quick = heats[1].model_copy(
        update={
            "entries": tuple(
                row.model_copy(update={"fastest_lap_s": 5.0}) if row.entry_id == "b" else row
                for row in heats[1].entries
            )
        }
    )
    assert rank(["a", "b"], heats) == ("a", "b")
    assert rank(["a", "b"], [heats[0], quick]) == ("b", "a")


def test_head_to_head_is_among_those_who_are_level() -> None:
    # b and a each beat c once and have the same times; the one heat they shared goes to b.
    shared = [heat(1, b=20.0, a=21.0)]
    alone = [heat(2, a=20.0, c=30), heat(3, b=21.0, c=30)]
    level = [*shared, *alone, heat(4, a=20.5, d=40), heat(5, d=19.0, b=20.5)]
    made = cards("ab", level)
    assert made["a"].key == made["b"].key
    assert rank(["a", "b"], level) == ("b", "a")


def test_whoever_was_disqualified_scores_nothing_and_a_void_result_is_not_there() -> None:
    three = heat(1, a=20, b=21, c=22)
    assert share_beaten(changed(three, "a", "DSQ"), "a") == 0
    assert share_beaten(changed(three, "a", "VOID"), "b") == 1
    one, two = changed(three, "a", "VOID"), changed(changed(three, "a", "VOID"), "b", "VOID")
    assert counts(one)
    assert counts(two)
    assert not counts(changed(two, "c", "VOID"))


@given(st.permutations(range(6)), st.permutations("abcd"))
def test_neither_the_order_of_heats_nor_that_of_entries_matters(heats: list[int], entries: list[str]) -> None:
    raced = [heat(n, **{e: 20 + (n * 7 + i * 3) % 5 for i, e in enumerate("abcd")}) for n in range(6)]
    assert rank(entries, [raced[n] for n in heats]) == rank("abcd", raced)
