"""Events raced on paper: results from strengths, without a simulator."""

from __future__ import annotations

import random
from collections.abc import Callable

from league import EntryPlan, EventPlan, Format, HeatPlan, HeatResult, LapResult, Rules
from league.racing.plan import derive_seed
from league.racing.result import CircuitFacts, EntryResult
from league.racing.standing import classify

Times = Callable[[HeatPlan, EntryPlan], float]


def event(style: str, entries: int, *, seed: int = 1, grid_size: int = 4, runs: int = 1) -> EventPlan:
    return EventPlan(
        id="e",
        name="E",
        circuit="c",
        format=style,
        seed=seed,
        grid_size=grid_size,
        rules=Rules(runs=runs),
        entries=tuple(EntryPlan(id=f"n{index:02}", name=f"Name {index}") for index in range(entries)),
    )


def by_number(heat: HeatPlan, entry: EntryPlan) -> float:
    """The lower the number, the faster, always."""
    return 20.0 + int(entry.id[1:])


def by_chance(heat: HeatPlan, entry: EntryPlan) -> float:
    """Anybody may win; the same heat always ends the same."""
    return 20.0 + random.Random(derive_seed(heat.seed, entry.id)).random()


def result(plan: HeatPlan, times: Times = by_number) -> HeatResult:
    rows = []
    for entry in plan.grid:
        total_s = times(plan, entry)
        rows.append(
            EntryResult(
                place=1,
                name=entry.name,
                agent="",
                status="FIN",
                entry_id=entry.id,
                total_s=total_s,
                score_s=total_s,
                laps=(LapResult(time_s=total_s / 3),) * 3,
                fastest_lap_s=total_s / 3,
                progress_pct=100.0,
            )
        )
    return HeatResult(
        heat=plan.id,
        phase=plan.phase,
        circuit=CircuitFacts(id="c", length_m=10, sha256="0"),
        car=plan.car,
        laps=3,
        rank="total",
        seed=plan.seed,
        behavior=1,
        clock="lockstep",
        entries=classify(rows),
        state_hash="0",
    )


def run(
    style: Format, plan: EventPlan, times: Times = by_number
) -> tuple[list[HeatPlan], tuple[HeatResult, ...]]:
    """Run an event to its end, all heats that are due at a time."""
    plans: list[HeatPlan] = []
    results: tuple[HeatResult, ...] = ()
    while following := style.next_heats(plan, results):
        plans += following
        results = (*results, *(result(heat, times) for heat in following))
        assert len(plans) <= 5000, "the event never ends"
    standings = style.standings(plan, results)
    assert [row.place for row in standings] == list(range(1, len(plan.entries) + 1))
    assert {row.entry_id for row in standings} == {entry.id for entry in plan.entries}
    return plans, results
