"""The stewards' ledger: the same facts and the same lines give the same results."""

from __future__ import annotations

import paper
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from league.errors import InputError
from league.racing.ledger import Decision, check, judge
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import HeatResult
from league.racing.rules import Rules
from league.racing.season import EventScore, PointsTable, SeasonRow, season_table
from league.racing.standing import best_runs
from league_plugins.scorings import register_scorings

RULES = Rules()
NAMES = ("a", "b", "c")


def heat(name: str = "h1") -> HeatResult:
    """a, b and c in 21, 24 and 27 seconds; laps of 7, 8 and 9."""
    grid = tuple(EntryPlan(id=entry, name=entry) for entry in NAMES)
    plan = HeatPlan(id=name, phase="p", circuit="c", car="d", rules=RULES, seed=1, grid=grid)
    return paper.result(plan, lambda _, entry: 21.0 + 3 * NAMES.index(entry.id))


def line(number: int, kind: str, entry: str = "", **more: object) -> Decision:
    said = {"heat": "h1", "who": "Ann", "why": "seen", "entry": entry} | more
    return Decision.model_validate({"number": number, "kind": kind, **said})


def order(*ledger: Decision) -> list[tuple[str, str]]:
    (made,) = judge((heat(),), ledger, RULES).results
    return [(row.entry_id, row.status) for row in made.entries]


def test_a_penalty_costs_time_and_places() -> None:
    (made,) = judge((heat(),), [line(1, "penalty", "a", seconds=4.5)], RULES).results
    assert [(row.place, row.entry_id, row.total_s, row.gap_s) for row in made.entries] == [
        (1, "b", 24.0, 0.0),
        (2, "a", 25.5, 1.5),
        (3, "c", 27.0, 3.0),
    ]


def test_penalties_add_up_and_one_of_them_can_be_taken_back() -> None:
    two = [line(1, "penalty", "a", seconds=2), line(2, "penalty", "a", seconds=2)]
    assert order(*two)[0] == ("b", "FIN")
    assert order(*two, line(3, "undo", target=2))[0] == ("a", "FIN")
    assert order(*two, line(3, "undo", target=2), line(4, "undo", target=3))[0] == ("b", "FIN")


def test_a_disqualified_entry_is_behind_all_others_until_it_is_reinstated() -> None:
    out = line(1, "disqualification", "a")
    assert order(out) == [("b", "FIN"), ("c", "FIN"), ("a", "DSQ")]
    assert order(out, line(2, "reinstatement", "a")) == [(entry, "FIN") for entry in NAMES]


def test_a_heat_is_void_for_everybody_where_no_entry_is_named() -> None:
    assert {status for _, status in order(line(1, "void"))} == {"VOID"}
    assert order(line(1, "void"), line(2, "reinstatement", "c"))[0] == ("c", "FIN")


def test_an_edited_lap_changes_the_total_and_the_fastest_lap() -> None:
    (made,) = judge((heat(),), [line(1, "lap", "c", lap=2, seconds=2.5)], RULES).results
    row = made.of("c")
    assert row is not None
    assert (row.place, row.total_s, row.fastest_lap_s) == (1, 20.5, 2.5)


def test_a_lap_that_is_not_valid_any_more_does_not_count_as_the_best() -> None:
    raced = heat().model_copy(update={"rank": "best_lap"})
    lines = [line(1, "lap", "a", lap=1, seconds=6.0), line(2, "lap", "a", lap=1, valid=False)]
    (before,) = judge((raced,), lines[:1], RULES).results
    (after,) = judge((raced,), lines, RULES).results
    assert [made.entries[0].score_s for made in (before, after)] == [6.0, 7.0]


def test_results_are_final_until_somebody_writes_again() -> None:
    final = line(2, "final", heat="")
    judged = judge((heat(),), [line(1, "penalty", "a", seconds=9), final], RULES)
    assert (judged.revision, judged.final) == (2, True)
    assert not judge((heat(),), [final, line(3, "undo", target=1)], RULES).final
    assert judge((heat(),), [], RULES) == judge((heat(),), [], RULES)
    assert judge((heat(),), [], RULES).revision == 0


@pytest.mark.parametrize(
    ("bad", "found"),
    [
        (line(2, "void", "a"), "number 2"),
        (line(1, "void", "a", heat="h9"), "heat 'h9'"),
        (line(1, "penalty", "x", seconds=1), "entry 'x'"),
        (line(1, "penalty", "a"), "no seconds"),
        (line(1, "penalty", seconds=1), "entry ''"),
        (line(1, "lap", "a", lap=4, seconds=1), "lap 4"),
        (line(1, "lap", "a", lap=1), "neither"),
        (line(1, "lap", "a", lap=1, seconds=0), "0.0 seconds"),
        (line(1, "undo", target=1), "line 1"),
    ],
)
def test_a_decision_about_something_that_is_not_there_is_refused(bad: Decision, found: str) -> None:
    with pytest.raises(InputError, match=found):
        check(bad, [], [heat()])


def test_a_decision_that_makes_sense_is_not_refused() -> None:
    check(line(1, "void"), [], [heat()])
    check(line(1, "final", heat=""), [], [heat()])
    check(line(2, "undo", target=1), [line(1, "void")], [heat()])


PLACES = register_scorings()["places"]
EDITS = ("rename", "points", "best", "another event", "heats turned round", "nothing")


class Evening:
    """A season of one event or two that somebody edits while a steward decides."""

    def __init__(self) -> None:
        self.raced = (heat("h1"), heat("h2"))
        self.entries = {entry: entry.upper() for entry in NAMES}
        self.table = PointsTable(by_place=(5, 3, 1))
        self.ledger: tuple[Decision, ...] = ()
        self.events = 1

    def decide(self, kind: str, **said: object) -> None:
        made = line(len(self.ledger) + 1, kind, **said)  # type: ignore[arg-type]
        check(made, self.ledger, self.raced)
        self.ledger = (*self.ledger, made)

    def edit(self, what: str) -> None:
        if what == "rename":
            self.entries["b"] = "Bertha"
        elif what == "points":
            self.table = PointsTable(by_place=(9, 4, 2), fastest_lap=1)
        elif what == "best":
            self.table = PointsTable(self.table.by_place, fastest_lap=self.table.fastest_lap, best=1)
        elif what == "another event":
            self.events = 2
        elif what == "heats turned round":
            self.raced = self.raced[::-1]

    def standings(self) -> tuple[SeasonRow, ...]:
        results = judge(self.raced, self.ledger, RULES).results
        entries = [EntryPlan(id=entry, name=name) for entry, name in self.entries.items()]
        score = best_runs(entries, results)
        events = [EventScore(f"e{n}", score) for n in range(self.events)]
        return season_table(self.table, events, PLACES)


STEPS = ("impose", "void", "restore", "void again", "disqualify", "reinstate", "finish")


def decide(evening: Evening, step: str) -> None:
    """A penalty of a in the first heat (line 1) and one in the second (line 2) that stays; then the rest."""
    if step == "impose":
        evening.decide("penalty", entry="a", seconds=4.0, heat="h1")
        evening.decide("penalty", entry="a", seconds=4.0, heat="h2")
    elif step in ("void", "void again"):
        evening.decide("undo", target=1)
    elif step == "restore":
        evening.decide("undo", target=3)
    elif step == "disqualify":
        evening.decide("disqualification", entry="b")
    elif step == "reinstate":
        evening.decide("reinstatement", entry="b")
    else:
        evening.decide("final", heat="")


def test_a_penalty_is_gone_back_and_gone_again() -> None:
    evening, order = Evening(), []
    for step in STEPS[:4]:
        decide(evening, step)
        (first, _) = judge(evening.raced, evening.ledger, RULES).results
        order.append(first.entries[0].entry_id)
    assert order == ["b", "a", "b", "a"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(EDITS), max_size=12), st.randoms(use_true_random=False))
def test_void_restore_and_void_again_among_any_edits_gives_the_same_standings(
    edits: list[str], choice: object
) -> None:
    mixed, apart = Evening(), Evening()
    todo = list(STEPS)
    edits_left = list(edits)
    while todo or edits_left:
        if todo and (not edits_left or choice.random() < 0.5):  # type: ignore[attr-defined]
            decide(mixed, todo.pop(0))
        else:
            mixed.edit(edits_left.pop(0))
    for step in STEPS:
        decide(apart, step)
    for what in edits:
        apart.edit(what)
    assert len(mixed.ledger) == len(STEPS) + 1
    assert mixed.ledger == apart.ledger
    assert mixed.standings() == apart.standings()


@given(st.permutations(range(5)))
def test_the_order_in_which_lines_arrive_does_not_matter(shuffled: list[int]) -> None:
    ledger = [
        line(1, "penalty", "a", seconds=4),
        line(2, "disqualification", "b"),
        line(3, "undo", target=1),
        line(4, "reinstatement", "b"),
        line(5, "penalty", "b", seconds=4),
    ]
    assert order(*(ledger[n] for n in shuffled)) == [("a", "FIN"), ("c", "FIN"), ("b", "FIN")]


@given(st.lists(st.sampled_from(["void", "reinstatement"]), max_size=8))
def test_the_last_word_on_a_result_counts(said: list[str]) -> None:
    lines = [line(number, kind, "a") for number, kind in enumerate(said, start=1)]
    status = dict(order(*lines))["a"]
    assert status == ("VOID" if said and said[-1] == "void" else "FIN")
