"""The timing tower, fed with facts by hand and with those of whole races."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tiny import CIRCUIT, league

from league import race
from league.racing.fact import Fact
from league.racing.tower import Tower


def sector(seat: int, at_s: float, number: int, spent_s: float) -> Fact:
    return Fact(0, round(at_s * 1e6), "sector", seat, {"sector": number, "time_us": round(spent_s * 1e6)})


def lap(seat: int, at_s: float, number: int, spent_s: float, *, valid: bool = True) -> Fact:
    told = {"lap": number, "time_us": round(spent_s * 1e6), "valid": valid}
    return Fact(0, round(at_s * 1e6), "lap", seat, told)


def heard(*facts: Fact, names: tuple[str, ...] = ("Ann", "Bob", "Cy")) -> Tower:
    tower = Tower(names)
    for fact in facts:
        tower.hear(fact)
    return tower


def test_before_the_first_line_everybody_is_on_the_grid_in_order() -> None:
    rows = heard().rows()
    assert [(row.place, row.name, row.gap_s, row.state) for row in rows] == [
        (1, "Ann", None, "racing"),
        (2, "Bob", None, "racing"),
        (3, "Cy", None, "racing"),
    ]


def test_gaps_are_taken_where_both_were_timed_last() -> None:
    tower = heard(
        sector(1, 3.0, 0, 3.0), sector(0, 3.25, 0, 3.25), sector(1, 5.0, 1, 2.0), sector(2, 4.0, 0, 4.0)
    )
    rows = {row.name: row for row in tower.rows()}
    assert [row.name for row in tower.rows()] == ["Bob", "Ann", "Cy"]
    assert (rows["Bob"].gap_s, rows["Ann"].gap_s, rows["Cy"].gap_s) == (None, 0.25, 1.0)
    assert rows["Cy"].interval_s == 0.75


def test_times_are_best_of_all_best_of_their_own_or_neither() -> None:
    tower = heard(lap(0, 8, 1, 8.0), lap(1, 9, 1, 9.0), lap(1, 17.5, 2, 8.5), lap(0, 17, 2, 9.0))
    ann, bob = (row for row in sorted(tower.rows(), key=lambda row: row.seat)[:2])
    assert (ann.last_tone, ann.best_tone, bob.last_tone, bob.best_tone) == ("", "best", "own", "")


def test_a_lap_that_is_not_valid_is_nobodys_best() -> None:
    tower = heard(lap(0, 5, 1, 5.0, valid=False))
    (ann,) = (row for row in tower.rows() if row.name == "Ann")
    assert (ann.laps, ann.last_s, ann.best_s, ann.last_tone) == (1, 5.0, None, "")


def test_those_who_finished_stand_by_time_and_those_who_are_out_at_the_end() -> None:
    tower = heard(
        Fact(9, 0, "dnf", 0, {"status": "DNF-crash", "reason": "hit a wall"}),
        Fact(9, 30_000_000, "finish", 2, {"total_us": 30_000_000}),
        Fact(9, 0, "penalty", 1, {"why": "off_track", "ticks": 45}),
    )
    assert [(row.name, row.state) for row in tower.rows([90.0, 10.0, 50.0])] == [
        ("Cy", "finished"),
        ("Bob", "penalty"),
        ("Ann", "hit a wall"),
    ]


def test_at_the_end_of_a_race_the_tower_says_what_the_result_says() -> None:
    done = race(CIRCUIT, ["pure-pursuit", "pure-pursuit"], laps=2, format="head-to-head", league=league())
    recording = done.recordings[-1]
    tower = heard(*recording.facts, names=tuple(entry.name for entry in recording.plan.grid))
    for row, entry in zip(tower.rows(), recording.result.entries, strict=True):
        assert (row.name, row.laps, row.total_s, row.best_s) == (
            entry.name,
            len(entry.laps),
            entry.total_s,
            entry.fastest_lap_s,
        )
        assert row.sector == recording.plan.rules.sectors


KINDS = st.sampled_from(["sector", "lap", "finish", "dnf", "penalty", "released"])


@given(st.lists(st.tuples(st.integers(-1, 4), KINDS, st.integers(0, 10**9)), max_size=40))
def test_whatever_happens_every_car_has_one_place(happened: list[tuple[int, str, int]]) -> None:
    tower = heard(
        *(
            Fact(
                0, at_us, kind, seat, {"sector": at_us % 3, "time_us": at_us, "total_us": at_us, "reason": ""}
            )
            for seat, kind, at_us in happened
        )
    )
    rows = tower.rows()
    assert sorted(row.seat for row in rows) == [0, 1, 2]
    assert [row.place for row in rows] == [1, 2, 3]
