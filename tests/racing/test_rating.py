"""Ratings of leagues whose strengths are known."""

from __future__ import annotations

import numpy as np
import paper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau

from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rating import fit_ratings, forms, kept_apart, openskill_ratings, orders_of, tells_most
from league.racing.rules import Rules

NAMES = tuple("abcdefgh")
EVENLY = np.linspace(-3.5, 3.5, len(NAMES))
"""Neighbours a strength of 1 apart: the better one wins 73 of 100 duels."""


def raced(strengths: np.ndarray, heats: int, seed: int, cars: int = 4) -> list[tuple[str, ...]]:
    """Heats of which the order is drawn: the largest of strength plus Gumbel noise is first."""
    draw = np.random.default_rng(seed)
    orders = []
    for _ in range(heats):
        grid = draw.permutation(len(strengths))[:cars]
        form = strengths[grid] + draw.gumbel(size=cars)
        orders.append(tuple(NAMES[car] for car in grid[np.argsort(-form)]))
    return orders


def test_one_duel_worked_by_hand() -> None:
    made = fit_ratings([("a", "b")])
    a = made.of("a").strength
    # At the top the chance that b would have won is what pulls the strength back: 1/(1+e^2a) = a/9.
    assert 1 / (1 + np.exp(2 * a)) == pytest.approx(a / 9)
    assert made.of("b").strength == pytest.approx(-a)
    assert 0.5 < made.chance("a", "b") < 1 / (1 + np.exp(-2 * a))
    assert made.chance("a", "b") + made.chance("b", "a") == pytest.approx(1)


def test_nothing_raced_rates_nobody() -> None:
    assert fit_ratings([]).ratings == ()
    assert openskill_ratings([]) == {}


def test_who_always_wins_has_a_finite_strength() -> None:
    made = fit_ratings([("a", "b", "c")] * 200)
    assert [rating.driver for rating in made.ratings] == ["a", "b", "c"]
    assert made.ratings[0].strength < 10
    assert made.of("a").starts == 200


@settings(max_examples=20)
@given(st.permutations(range(12)))
def test_the_order_of_heats_does_not_matter_to_the_batch_fit(order: list[int]) -> None:
    heats = raced(EVENLY, 12, seed=1)
    assert fit_ratings([heats[number] for number in order]).ratings == fit_ratings(heats).ratings


def test_sixty_heats_of_four_give_the_order_of_eight() -> None:
    agreed = []
    for seed in range(20):
        made = fit_ratings(raced(EVENLY, 60, seed))
        agreed.append(kendalltau([made.of(name).strength for name in NAMES], EVENLY).statistic)
    assert np.mean(agreed) >= 0.9


def test_openskill_gives_nearly_the_same_order() -> None:
    agreed = []
    for seed in range(20):
        known = openskill_ratings(raced(EVENLY, 60, seed))
        agreed.append(kendalltau([known[name][0] for name in NAMES], EVENLY).statistic)
    assert np.mean(agreed) >= 0.8


def test_the_plus_minus_holds_the_truth_about_as_often_as_it_says() -> None:
    held, chances, won = [], [], []
    for seed in range(60):
        truth = np.random.default_rng(1000 + seed).normal(size=len(NAMES))
        truth -= truth.mean()
        made = fit_ratings(raced(truth, 60, seed))
        for name, strength in zip(NAMES, truth, strict=True):
            rating = made.of(name)
            held.append(abs(rating.strength - strength) <= rating.plus_minus)
        chances.append(made.chance("a", "b"))
        won.append(1 / (1 + np.exp(truth[1] - truth[0])))
    assert 0.92 <= np.mean(held) <= 0.98
    assert np.mean(np.abs(np.array(chances) - won)) < 0.1


def test_more_heats_make_it_surer() -> None:
    few, many = (fit_ratings(raced(EVENLY, heats, seed=3)) for heats in (30, 120))
    for name in NAMES:
        assert many.of(name).plus_minus < few.of(name).plus_minus


def test_only_who_competed_is_rated_and_behaviour_versions_are_kept_apart() -> None:
    grid = tuple(EntryPlan(id=name, name=name) for name in "cab")
    plan = HeatPlan(id="h", phase="p", circuit="c", car="d", rules=Rules(), seed=1, grid=grid)
    heat = paper.result(plan, lambda _, entry: 20.0 + "abc".index(entry.id))
    rows = (heat.entries[0].model_copy(update={"status": "DSQ"}), *heat.entries[1:])
    newer = heat.model_copy(update={"behavior": 2, "entries": rows})
    split = kept_apart([heat, newer, heat])
    assert {key: orders_of(heats) for key, heats in split.items()} == {
        (1, "0", "d"): [("a", "b", "c")] * 2,
        (2, "0", "d"): [("b", "c")],
    }


def test_a_table_of_ratings_says_how_sure_it_is_and_who_beats_whom() -> None:
    grid = tuple(EntryPlan(id=name, name=name.upper()) for name in "cab")
    plan = HeatPlan(id="h", phase="p", circuit="c", car="d", rules=Rules(), seed=1, grid=grid)
    heats = [
        paper.result(plan, lambda _, entry, late=late: 20.0 + late + "abc".index(entry.id)) for late in (0, 4)
    ]
    alone = paper.result(plan.model_copy(update={"grid": grid[:1]}), lambda *_: 30.0)
    (group,) = forms([*heats, alone])
    assert [(form.driver, form.name, form.rating.starts) for form in group.drivers] == [
        ("a", "A", 2), ("b", "B", 2), ("c", "C", 2),
    ]  # fmt: skip
    first, *_, last = group.drivers
    assert (first.median_three_s, first.best_three_s, group.heats) == (22.0, 20.0, 2)
    assert last.best_three_s == 22.0  # its run alone was slower
    beats = np.array(group.beats())
    assert beats[0, 2] > beats[0, 1] > 0.5
    np.testing.assert_allclose(beats + beats.T, 1.0)


def test_the_heat_that_tells_most_is_between_those_who_are_least_sure() -> None:
    assert set(tells_most(fit_ratings([]), NAMES, 4)) == set(NAMES[:1]) | set(
        tells_most(fit_ratings([]), NAMES, 4)[1:]
    )
    often = fit_ratings([("a", "b"), ("b", "a")] * 20 + [("c", "a")])
    assert set(tells_most(often, ("a", "b", "c", "d"), 2)) == {"c", "d"}
    assert len(tells_most(often, ("a", "b"), 4)) == 2


def test_heats_that_tell_most_make_it_surer_than_heats_at_random() -> None:
    def race(grid: tuple[str, ...], chance: np.random.Generator) -> tuple[str, ...]:
        luck = chance.gumbel(size=len(grid))
        return tuple(sorted(grid, key=lambda name: -(EVENLY[NAMES.index(name)] + luck[grid.index(name)])))

    chosen, drawn = [], []
    for seed in range(5):
        chance = np.random.default_rng(seed)
        orders: list[tuple[str, ...]] = []
        for _ in range(40):
            orders.append(race(tells_most(fit_ratings(orders), NAMES, 4), chance))
        others = [race(tuple(chance.permutation(NAMES)[:4].tolist()), chance) for _ in range(40)]
        chosen.append(max(rating.plus_minus for rating in fit_ratings(orders).ratings))
        drawn.append(max(rating.plus_minus for rating in fit_ratings(others).ratings))
    assert np.mean(chosen) < np.mean(drawn)
