"""Formats of events that stay open: runs as they were asked for, and the best counts."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league.quick import League
from league.racing.plan import EntryPlan, EventPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult

NAMES = ("anna", "ben", "cleo")
LEAGUE = League()


def event(style: str, asked: tuple[str, ...] = ()) -> EventPlan:
    entries = tuple(EntryPlan(id=name, name=name.title()) for name in NAMES)
    return EventPlan(id="cup", name="Cup", circuit="oval", format=style, entries=entries, asked=asked)


def drive(plan: EventPlan, *, times: dict[str, list[float]]) -> tuple[HeatResult, ...]:
    """Everything that is due is driven, in its order."""
    style, raced = LEAGUE.format(plan.format), []
    while due := style.next_heats(plan, tuple(raced)):
        (entry,) = due[0].grid
        lap_s = times[entry.id].pop(0)
        result = EntryResult(
            place=1, name=entry.name, agent="", status="FIN", entry_id=entry.id, total_s=lap_s, score_s=lap_s,
            laps=(LapResult(time_s=lap_s),), progress_pct=100.0,
        )  # fmt: skip
        raced.append(
            HeatResult(
                circuit=CircuitFacts(id="oval", length_m=10.0, sha256=""),
                laps=1,
                rank="total",
                seed=due[0].seed,
                behavior=1,
                clock="lockstep",
                entries=(result,),
                state_hash="",
                heat=due[0].id,
                car="deepracer",
            )
        )
    return tuple(raced)


def test_runs_come_in_the_order_in_which_they_were_asked_for() -> None:
    plan = event("open-time-trial", ("anna", "ben", "anna", "cleo", "anna"))
    raced = drive(plan, times={"anna": [9.0, 7.0, 8.0], "ben": [7.5], "cleo": [10.0]})
    assert [heat.heat for heat in raced] == [
        "open-time-trial-anna-1", "open-time-trial-ben-1", "open-time-trial-anna-2",
        "open-time-trial-cleo-1", "open-time-trial-anna-3",
    ]  # fmt: skip
    rows = LEAGUE.format("open-time-trial").standings(plan, raced)
    assert [(row.entry_id, row.score_s, row.heats) for row in rows] == [
        ("anna", 7.0, 3), ("ben", 7.5, 1), ("cleo", 10.0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("style", "alike"), [("open-time-trial", True), ("practice", False)])
def test_runs_of_an_entry_have_the_same_chance_where_they_count(style: str, alike: bool) -> None:
    plan = event(style, ("anna", "anna"))
    first, second = LEAGUE.format(style).next_heats(plan, ())
    assert (first.seed == second.seed) is alike


def test_without_asking_everybody_drives_once() -> None:
    due = LEAGUE.format("open-time-trial").next_heats(event("open-time-trial"), ())
    assert [heat.grid[0].id for heat in due] == list(NAMES)


@given(st.lists(st.sampled_from((*NAMES, "left")), max_size=12))
def test_every_run_that_was_asked_for_is_due_once(asked: list[str]) -> None:
    plan = event("practice", tuple(asked))
    due = LEAGUE.format("practice").next_heats(plan, ())
    expected = Counter(asked or NAMES)
    del expected["left"]
    assert Counter(heat.grid[0].id for heat in due) == expected
    assert len({heat.id for heat in due}) == len(due)
