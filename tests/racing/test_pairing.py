"""Circles, groups, pairs and brackets."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.racing.pairing import bracket, pair_up, rounds_of

FIELDS = st.integers(2, 64)


def meetings(rounds: tuple[tuple[tuple[int, ...], ...], ...]) -> Counter[tuple[int, ...]]:
    return Counter(pair for row in rounds for grid in row for pair in combinations(sorted(grid), 2))


def test_four_entries_meet_in_three_rounds() -> None:
    rounds = rounds_of(4, 2)
    assert [{frozenset(pair) for pair in row} for row in rounds] == [
        {frozenset({0, 3}), frozenset({1, 2})},
        {frozenset({0, 1}), frozenset({2, 3})},
        {frozenset({0, 2}), frozenset({3, 1})},
    ]


@given(FIELDS)
def test_in_duels_every_pair_meets_exactly_once_and_byes_differ_by_none(field: int) -> None:
    rounds = rounds_of(field, 2)
    assert set(meetings(rounds).values()) == {1}
    assert len(meetings(rounds)) == field * (field - 1) // 2
    for row in rounds:
        racing = [index for grid in row for index in grid]
        assert len(racing) == len(set(racing)) == field - field % 2
    starts = Counter(index for row in rounds for grid in row for index in grid)
    assert set(starts.values()) == {field - 1}
    assert len(rounds) == field - 1 + field % 2


@given(FIELDS)
def test_first_seats_are_shared_out_in_duels(field: int) -> None:
    first = Counter(grid[0] for row in rounds_of(field, 2) for grid in row)
    assert max(first[index] for index in range(field)) - min(first[index] for index in range(field)) <= 1


@given(FIELDS, st.integers(3, 8))
def test_in_larger_heats_everybody_starts_every_round_until_all_have_met(field: int, size: int) -> None:
    rounds = rounds_of(field, size)
    met = meetings(rounds)
    assert len(met) == field * (field - 1) // 2
    for row in rounds:
        assert sorted(index for grid in row for index in grid) == list(range(field))
        sizes = {len(grid) for grid in row}
        assert max(sizes) <= size
        assert max(sizes) - min(sizes) <= 1
    if len(rounds) > 1:
        assert len(meetings(rounds[:-1])) < len(met), "the last round was for nothing"
        due = (field - 1) / (size - 1)
        assert len(rounds) <= 3 * due + 3


@given(st.integers(1, 20), st.integers(0, 5), st.randoms(use_true_random=False))
def test_pairs_that_have_met_are_avoided_while_each_has_met_fewer_than_half(
    pairs: int, rounds: int, random: object
) -> None:
    players = [f"p{index}" for index in range(2 * pairs)]
    met: set[frozenset[str]] = set()
    # Every player keeps at least half of the others: a perfect matching exists (Dirac 1952).
    for _ in range(min(rounds, pairs)):
        random.shuffle(players)  # type: ignore[attr-defined]
        found = pair_up(players, met)
        assert found is not None
        assert sorted(player for pair in found for player in pair) == sorted(players)
        assert not met & {frozenset(pair) for pair in found}
        met |= {frozenset(pair) for pair in found}


def test_there_may_be_no_pairs_left() -> None:
    assert pair_up(["a", "b"], {frozenset("ab")}) is None
    everybody_met_a = {frozenset(("a", other)) for other in "bcd"}
    assert pair_up(list("bcda"), everybody_met_a) is None


def test_a_choice_that_leaves_nobody_for_others_is_taken_back() -> None:
    met = {frozenset("cd")}
    assert pair_up(list("abcd"), met) == [("a", "c"), ("b", "d")]
    assert pair_up(list("abcd"), (), far=True) == [("a", "d"), ("b", "c")]


def test_the_best_two_meet_in_the_final_only() -> None:
    assert bracket(8) == (0, 7, 3, 4, 1, 6, 2, 5)


@pytest.mark.parametrize("power", range(7))
def test_in_every_round_of_a_bracket_the_best_meet_the_worst(power: int) -> None:
    lines = list(bracket(1 << power))
    while len(lines) > 1:
        assert all(sum(lines[at : at + 2]) == len(lines) - 1 for at in range(0, len(lines), 2))
        lines = [min(lines[at : at + 2]) for at in range(0, len(lines), 2)]
