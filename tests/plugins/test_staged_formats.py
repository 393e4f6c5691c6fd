"""Formats made of stages, for 2 to 64 entries."""

from __future__ import annotations

from collections import Counter
from itertools import combinations, pairwise

import paper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import league
from league import EntryPlan, EventPlan, HeatPlan, League, Rules
from league.quick import run_heat

LEAGUE = League()
NAMES = (
    "round-robin",
    "swiss",
    "single-elimination",
    "double-elimination",
    "ladder",
    "best-of",
    "evening",
)
DUELS = ("swiss", "single-elimination", "double-elimination", "ladder", "best-of")
FEW = settings(max_examples=12)


def pairs_met(plans: list[HeatPlan]) -> Counter[frozenset[str]]:
    return Counter(
        frozenset(pair) for heat in plans for pair in combinations([entry.id for entry in heat.grid], 2)
    )


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(entries=st.integers(2, 64), seed=st.integers(0, 99), grid_size=st.integers(2, 8))
def test_everybody_races_and_the_same_seed_gives_the_same_bytes(
    name: str, entries: int, seed: int, grid_size: int
) -> None:
    style = LEAGUE.format(name)
    plan = paper.event(name, entries, seed=seed, grid_size=grid_size)
    plans, results = paper.run(style, plan, paper.by_chance)
    again, _ = paper.run(style, plan, paper.by_chance)
    assert [heat.model_dump_json() for heat in plans] == [heat.model_dump_json() for heat in again]
    assert {entry.id for heat in plans for entry in heat.grid} == {entry.id for entry in plan.entries}
    assert len({heat.id for heat in plans}) == len(plans)
    assert len({heat.seed for heat in plans}) == len(plans)
    for heat in plans:
        assert len({entry.id for entry in heat.grid}) == len(heat.grid) <= grid_size
        if name in DUELS:
            assert len(heat.grid) == 2
    backward = tuple(reversed(results))
    assert style.next_heats(plan, backward) == ()
    assert style.standings(plan, backward) == style.standings(plan, results)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("entries", [0, 1])
def test_nobody_races_nothing_and_one_alone_races_once(name: str, entries: int) -> None:
    plans, _ = paper.run(LEAGUE.format(name), paper.event(name, entries))
    assert len(plans) == entries


@pytest.mark.parametrize("name", NAMES)
@FEW
@given(entries=st.integers(2, 20), seed=st.integers(0, 99))
def test_who_always_wins_is_first(name: str, entries: int, seed: int) -> None:
    style, plan = LEAGUE.format(name), paper.event(name, entries, seed=seed)
    _, results = paper.run(style, plan)
    assert style.standings(plan, results)[0].entry_id == "n00"


@pytest.mark.parametrize("name", ["round-robin", "single-elimination", "double-elimination", "evening"])
@FEW
@given(entries=st.integers(2, 12), choice=st.randoms(use_true_random=False))
def test_one_heat_at_a_time_in_any_order_leads_to_the_same_standings(
    name: str, entries: int, choice: object
) -> None:
    style, plan = LEAGUE.format(name), paper.event(name, entries)
    _, results = paper.run(style, plan, paper.by_chance)
    raced = []
    while following := style.next_heats(plan, tuple(raced)):
        heat = following[choice.randrange(len(following))]  # type: ignore[attr-defined]
        raced.append(paper.result(heat, paper.by_chance))
    assert style.standings(plan, tuple(raced)) == style.standings(plan, results)


@FEW
@given(entries=st.integers(2, 64), seed=st.integers(0, 99))
def test_in_swiss_nobody_meets_twice_and_nobody_has_two_byes(entries: int, seed: int) -> None:
    plan = paper.event("swiss", entries, seed=seed)
    plans, _ = paper.run(LEAGUE.format("swiss"), plan, paper.by_chance)
    assert set(pairs_met(plans).values()) == {1}
    rounds = (entries - 1).bit_length()
    starts = Counter(entry.id for heat in plans for entry in heat.grid)
    assert sum(starts.values()) == rounds * (entries - entries % 2)
    assert min(starts[entry.id] for entry in plan.entries) >= max(rounds - 1, 1)


@FEW
@given(entries=st.integers(2, 64), seed=st.integers(0, 99))
def test_a_knockout_takes_one_duel_for_everybody_who_goes_and_byes_come_first(
    entries: int, seed: int
) -> None:
    plan = paper.event("single-elimination", entries, seed=seed)
    plans, results = paper.run(LEAGUE.format("single-elimination"), plan, paper.by_chance)
    assert len(plans) == entries - 1
    assert set(pairs_met(plans).values()) == {1}
    losers = Counter(heat.entries[1].entry_id for heat in results)
    assert set(losers.values()) == {1}
    opening = [heat for heat in plans if heat.id.split("-")[2] == "1"]
    size = 1 << (entries - 1).bit_length()
    assert len(opening) == entries - size // 2  # nobody rests later, so nobody rests twice


@FEW
@given(entries=st.integers(2, 64), seed=st.integers(0, 99))
def test_in_double_elimination_everybody_but_the_winner_loses_twice(entries: int, seed: int) -> None:
    plan = paper.event("double-elimination", entries, seed=seed)
    style = LEAGUE.format("double-elimination")
    plans, results = paper.run(style, plan, paper.by_chance)
    losses = Counter(heat.entries[1].entry_id for heat in results)
    winner, *others = [row.entry_id for row in style.standings(plan, results)]
    assert losses[winner] <= 1
    assert {losses[entry] for entry in others} == {2}
    assert len(plans) in (2 * entries - 2, 2 * entries - 1)


@FEW
@given(entries=st.integers(3, 64), seed=st.integers(0, 99))
def test_in_double_elimination_nobody_rests_twice_before_all_on_the_same_side_have(
    entries: int, seed: int
) -> None:
    plan = paper.event("double-elimination", entries, seed=seed)
    plans, results = paper.run(LEAGUE.format("double-elimination"), plan, paper.by_chance)
    losses: Counter[str] = Counter()
    rests: Counter[str] = Counter()
    by_round: dict[int, list[int]] = {}
    for index, heat in enumerate(plans):
        by_round.setdefault(int(heat.id.split("-")[2]), []).append(index)
    for number in sorted(by_round):
        racing = {entry.id for index in by_round[number] for entry in plans[index].grid}
        for lost in (0, 1):
            side = [entry.id for entry in plan.entries if losses[entry.id] == lost]
            resting = [entry for entry in side if entry not in racing]
            assert len(resting) == (len(side) % 2 if len(side) > 1 else len(resting))
            for entry in resting:
                if len(side) > 1:
                    assert rests[entry] == min(rests[other] for other in side)
                    rests[entry] += 1
        losses.update(results[index].entries[1].entry_id for index in by_round[number])


@FEW
@given(entries=st.integers(2, 30), seed=st.integers(0, 99))
def test_best_of_three_swaps_sides_and_ends_with_the_second_win(entries: int, seed: int) -> None:
    plan = paper.event("best-of", entries, seed=seed)
    plans, results = paper.run(LEAGUE.format("best-of"), plan, paper.by_chance)
    matches: dict[str, list[int]] = {}
    for index, heat in enumerate(plans):
        matches.setdefault(heat.id.rpartition("-")[0], []).append(index)
    assert len(matches) == entries - 1
    for indices in matches.values():
        grids = [[entry.id for entry in plans[index].grid] for index in indices]
        assert all(later == earlier[::-1] for earlier, later in pairwise(grids))
        wins = Counter(results[index].entries[0].entry_id for index in indices)
        assert max(wins.values()) == 2
        assert len(indices) == sum(wins.values()) <= 3
        assert results[indices[-1]].entries[0].entry_id == max(wins, key=lambda entry: wins[entry])


def test_runs_say_over_how_many_heats_a_match_goes() -> None:
    plans, _ = paper.run(LEAGUE.format("best-of"), paper.event("best-of", 2, runs=4))
    assert len(plans) == 3  # three wins of five
    climbs, _ = paper.run(LEAGUE.format("ladder"), paper.event("ladder", 5, runs=2))
    assert len(climbs) == 8


def test_the_ladder_goes_from_the_last_to_enter_to_the_top() -> None:
    style, plan = LEAGUE.format("ladder"), paper.event("ladder", 4)
    order = {"n00": 23, "n01": 21, "n02": 20, "n03": 22}
    plans, results = paper.run(style, plan, lambda _, entry: order[entry.id])
    assert [[entry.id for entry in heat.grid] for heat in plans] == [
        ["n02", "n03"],
        ["n01", "n02"],
        ["n00", "n02"],
    ]
    assert [row.entry_id for row in style.standings(plan, results)] == ["n02", "n00", "n01", "n03"]


def test_a_heat_of_which_every_result_is_void_is_raced_again_under_a_name_of_its_own() -> None:
    style, plan = LEAGUE.format("single-elimination"), paper.event("single-elimination", 2)
    (heat,) = style.next_heats(plan, ())
    raced = paper.result(heat)
    void = raced.model_copy(
        update={"entries": tuple(row.model_copy(update={"status": "VOID"}) for row in raced.entries)}
    )
    (again,) = style.next_heats(plan, (void,))
    assert (again.id, again.grid) == (f"{heat.id}.2", heat.grid)
    assert again.seed != heat.seed
    assert style.next_heats(plan, (void, paper.result(again))) == ()


def test_who_takes_the_place_of_a_disqualified_winner_races_the_final_that_is_due_now() -> None:
    style, plan = LEAGUE.format("single-elimination"), paper.event("single-elimination", 4)
    plans, results = paper.run(style, plan)
    semi = next(heat for heat in results if heat.entries[0].entry_id == "n00" and heat.heat[-3] == "1")
    loser, winner = semi.entries[1], semi.entries[0].model_copy(update={"status": "DSQ"})
    edited = semi.model_copy(update={"entries": (loser, winner)})
    changed = tuple(edited if heat.heat == semi.heat else heat for heat in results)
    (final,) = style.next_heats(plan, changed)
    assert final.id == f"{plans[-1].id}.2"
    assert loser.entry_id in {entry.id for entry in final.grid}
    assert "n00" not in {entry.id for entry in final.grid}


@pytest.mark.slow
def test_an_evening_of_two_goes_straight_to_the_final() -> None:
    drivers = ["pure-pursuit", "racing-line"]
    outcome = league.race("a-to-z-speedway", drivers, laps=1, format="evening", league=LEAGUE)
    assert [heat.heat for heat in outcome.heats][-1] in ("final-2", "final-3")
    assert outcome.standings[0].name == "racing-line"


@pytest.mark.slow
def test_an_evening_of_eight_is_driven_from_qualifying_to_the_final_of_three_heats() -> None:
    drivers = ["pure-pursuit", "racing-line"] * 4
    outcome = league.race(
        "a-to-z-speedway", drivers, rules=Rules(laps=1), format="evening", seed=3, league=LEAGUE
    )
    phases = Counter(heat.phase for heat in outcome.heats)
    assert phases["qualifying"] == 8
    assert phases["round-robin"] == 1  # eight fit on one grid
    assert phases["double-elimination"] in (12, 13)
    assert phases["final"] in (2, 3)
    finals = [heat for heat in outcome.heats if heat.phase == "final"]
    winner = outcome.standings[0].entry_id
    assert sum(heat.entries[0].entry_id == winner for heat in finals) == 2
    assert [row.place for row in outcome.standings] == list(range(1, 9))


@pytest.mark.slow
def test_an_evening_on_grids_of_four_is_the_same_to_the_byte_wherever_it_is_taken_up_again() -> None:
    agents = ["pure-pursuit", "racing-line"] * 4
    plan = EventPlan(
        id="club",
        name="Club evening",
        circuit="a-to-z-speedway",
        format="evening",
        seed=5,
        rules=Rules(laps=1),
        entries=tuple(
            EntryPlan(id=f"n{index:02}", name=f"Driver {index}", agent=agent)
            for index, agent in enumerate(agents)
        ),
    )
    circuit, style = LEAGUE.circuit(plan.circuit), LEAGUE.format(plan.format)
    raced = []
    while following := style.next_heats(plan, tuple(raced)):
        heat = LEAGUE.arrange(plan, following[0])
        makers = [LEAGUE.agent(entry.agent).make() for entry in heat.grid]
        raced.append(run_heat(LEAGUE, heat, circuit, makers).result())
    standings = style.standings(plan, tuple(raced))
    assert len(raced) >= 8 + 8 + 12 + 2
    for cut in range(len(raced)):
        (heat, *_) = style.next_heats(plan, tuple(raced[:cut]))
        assert (heat.id, heat.seed) == (raced[cut].heat, raced[cut].seed)
    again = tuple(type(heat).model_validate_json(heat.model_dump_json()) for heat in raced)
    assert style.standings(plan, again) == standings
