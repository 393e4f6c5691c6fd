"""The bundled formats: pure functions of what has been raced."""

from __future__ import annotations

import paper
import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import EntryPlan, EventPlan, Format, HeatPlan, HeatResult, League, Rules

LEAGUE = League()
FORMATS = ("time-trial", "head-to-head", "qualifying-final", "object-avoidance", "head-to-bot")


@pytest.fixture
def league() -> League:
    return LEAGUE


def event(style: str, entries: int, *, seed: int = 1, grid_size: int = 4) -> EventPlan:
    return EventPlan(
        id="e",
        name="E",
        circuit="c",
        format=style,
        seed=seed,
        grid_size=grid_size,
        entries=tuple(EntryPlan(id=f"n{index}", name=f"Name {index}") for index in range(entries)),
    )


def raced(plan: HeatPlan, times: dict[str, float] | None = None) -> HeatResult:
    """A result of a heat in which everybody finished; by default in the order of their ids."""
    return paper.result(plan, lambda _, entry: (times or {}).get(entry.id, 20.0 + int(entry.id[1:])))


def run(style: Format, plan: EventPlan) -> list[HeatPlan]:
    """Run an event to its end, one heat at a time."""
    plans: list[HeatPlan] = []
    results: list[HeatResult] = []
    while following := style.next_heats(plan, tuple(results)):
        plans.append(following[0])
        results.append(raced(following[0]))
        assert len(plans) <= 200, "the event never ends"
    standings = style.standings(plan, tuple(results))
    assert [row.place for row in standings] == list(range(1, len(plan.entries) + 1))
    assert {row.entry_id for row in standings} == {entry.id for entry in plan.entries}
    return plans


@pytest.mark.parametrize("name", FORMATS)
@given(entries=st.integers(0, 40), seed=st.integers(0, 99), grid_size=st.integers(2, 8))
def test_everybody_races_and_the_same_seed_gives_the_same_heats(
    name: str, entries: int, seed: int, grid_size: int
) -> None:
    style = LEAGUE.format(name)
    plan = event(name, entries, seed=seed, grid_size=grid_size)
    plans = run(style, plan)
    assert plans == run(style, plan)
    assert {entry.id for heat in plans for entry in heat.grid} == {entry.id for entry in plan.entries}
    assert len({heat.id for heat in plans}) == len(plans)
    for heat in plans:
        assert len({entry.id for entry in heat.grid}) == len(heat.grid) <= 8


@pytest.mark.parametrize("name", FORMATS)
def test_heats_may_be_raced_in_any_order(name: str, league: League) -> None:
    style = league.format(name)
    plan = event(name, 6)
    first_round = style.next_heats(plan, ())
    forward = tuple(raced(heat) for heat in first_round)
    backward = tuple(reversed(forward))
    assert style.next_heats(plan, forward) == style.next_heats(plan, backward)
    assert style.standings(plan, forward) == style.standings(plan, backward)


def test_a_time_trial_sends_one_car_at_a_time(league: League) -> None:
    heats = run(league.format("time-trial"), event("time-trial", 5))
    assert [len(heat.grid) for heat in heats] == [1] * 5


def test_head_to_head_splits_a_large_field_evenly(league: League) -> None:
    heats = run(league.format("head-to-head"), event("head-to-head", 9, grid_size=4))
    assert sorted(len(heat.grid) for heat in heats) == [3, 3, 3]


def test_the_final_is_between_the_best_of_qualifying_fastest_in_front(league: League) -> None:
    style = league.format("qualifying-final")
    plan = event("qualifying-final", 6, grid_size=4)
    times = {f"n{index}": 30.0 - index for index in range(6)}
    qualifying = tuple(raced(heat, times) for heat in style.next_heats(plan, ()))
    (final,) = style.next_heats(plan, qualifying)
    assert [entry.id for entry in final.grid] == ["n5", "n4", "n3", "n2"]
    upset = {"n2": 10.0, "n3": 11.0, "n4": 12.0, "n5": 13.0}
    standings = style.standings(plan, (*qualifying, raced(final, upset)))
    assert [row.entry_id for row in standings] == ["n2", "n3", "n4", "n5", "n1", "n0"]
    assert [row.gap_s for row in standings][:4] == [0.0, 1.0, 2.0, 3.0]
    assert style.next_heats(plan, (*qualifying, raced(final, upset))) == ()


def test_one_entry_alone_races_no_final(league: League) -> None:
    assert len(run(league.format("qualifying-final"), event("qualifying-final", 1))) == 1


@pytest.mark.parametrize(
    ("style", "asked", "boxes", "bots"),
    [
        ("object-avoidance", {}, 4, 0),
        ("object-avoidance", {"boxes": 2}, 2, 0),
        ("object-avoidance", {"box_places": ("25%,inner",)}, 0, 0),
        ("object-avoidance", {"bots": 2}, 4, 2),
        ("head-to-bot", {}, 0, 4),
        ("head-to-bot", {"bots": 1}, 0, 1),
        ("head-to-bot", {"boxes": 3}, 3, 4),
        ("time-trial", {"boxes": 3, "bots": 1}, 3, 1),
    ],
)
def test_formats_with_objects_put_some_in_the_way_unless_the_event_says_which(
    style: str, asked: dict[str, object], boxes: int, bots: int, league: League
) -> None:
    plan = event(style, 2).model_copy(update={"rules": Rules.parse(asked)})
    heats = [league.arrange(plan, heat) for heat in league.format(style).next_heats(plan, ())]
    assert [len(heat.grid) for heat in heats] == [1, 1]
    for heat in heats:
        assert (heat.rules.boxes, heat.rules.bots) == (boxes, bots)
        assert heat.rules.box_places == asked.get("box_places", ())
    # Everybody meets the same ones, whatever their heats' own seeds are.
    assert heats[0].rules.objects_seed == heats[1].rules.objects_seed is not None
    assert heats[0].seed != heats[1].seed


def test_an_event_may_say_what_its_objects_are_drawn_from(league: League) -> None:
    plan = event("object-avoidance", 1).model_copy(update={"rules": Rules(boxes=2, objects_seed=77)})
    (heat,) = league.format("object-avoidance").next_heats(plan, ())
    assert league.arrange(plan, heat).rules.objects_seed == 77
