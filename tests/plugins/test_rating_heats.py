"""Rating heats: they go on until every strength is as sure as asked, and are the same for the same seed."""

from __future__ import annotations

import paper
import pytest

from league import EventPlan
from league.racing.rating import fit_ratings, orders_of
from league_plugins.rating import MOST_HEATS, RatingHeats


def event(entries: int, plus_minus: float, seed: int = 1) -> EventPlan:
    return paper.event("rating", entries, seed=seed).model_copy(update={"plus_minus": plus_minus})


@pytest.mark.parametrize("entries", [2, 3, 5, 8])
def test_heats_go_on_until_every_strength_is_as_sure_as_asked(entries: int) -> None:
    plan = event(entries, 1.2)
    plans, results = paper.run(RatingHeats(), plan, paper.by_chance)
    fitted = fit_ratings(orders_of(results))
    assert max(rating.plus_minus for rating in fitted.ratings) <= 1.2
    assert len(fitted.ratings) == entries
    before = fit_ratings(orders_of(results[:-1]))
    assert len(before.ratings) < entries or max(rating.plus_minus for rating in before.ratings) > 1.2
    assert all(len(heat.grid) == min(entries, plan.grid_size) for heat in plans)


def test_the_same_seed_gives_the_same_heats_and_each_has_a_name_of_its_own() -> None:
    first, second = (paper.run(RatingHeats(), event(5, 1.5), paper.by_chance)[0] for _ in range(2))
    assert first == second
    assert len({heat.id for heat in first}) == len(first)


def test_one_driver_alone_needs_no_heat() -> None:
    assert RatingHeats().next_heats(event(1, 0.5), ()) == ()


def test_drivers_who_cannot_be_told_apart_do_not_race_for_ever() -> None:
    heat = paper.result(RatingHeats().next_heats(event(2, 0.01), ())[0])
    many = tuple(heat.model_copy(update={"heat": f"rating-{number}"}) for number in range(MOST_HEATS))
    assert RatingHeats().next_heats(event(2, 0.01), many[:-1])
    assert RatingHeats().next_heats(event(2, 0.01), many) == ()
