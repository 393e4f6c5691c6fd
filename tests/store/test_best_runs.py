"""Best runs without reading every run: the same standings as from all of them, whatever was decided."""

from __future__ import annotations

import asyncio
from typing import Any

import paper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from league.errors import InputError
from league.racing.ledger import Decision
from league.racing.plan import HeatPlan
from league.racing.result import EntryResult, HeatResult, LapResult
from league.racing.standing import best_runs, classify, rank_best, rank_key, sort_key
from league.store.book import RecordBook

STATUSES = st.sampled_from(["FIN", "FIN", "FIN", "DNF-crash", "DNF-timeout", "DNS", "DSQ", "VOID"])
RUNS = st.fixed_dictionaries(
    {
        "status": STATUSES,
        "time_s": st.sampled_from([20.0, 20.000001, 21.5, 30.25]),
        "progress_pct": st.sampled_from([0.0, 33.3, 99.99999999, 100.0]),
        "fastest_s": st.sampled_from([None, 6.5, 6.6]),
        "scored": st.booleans(),
    }
)


def row(entry: str, run: dict[str, Any]) -> EntryResult:
    score = run["time_s"] if run["status"] == "FIN" and run["scored"] else None
    return EntryResult(
        place=1, name=entry.upper(), agent="", status=run["status"], entry_id=entry, total_s=score,
        score_s=score, laps=(LapResult(time_s=7.0),) * 3, fastest_lap_s=run["fastest_s"],
        progress_pct=run["progress_pct"],
    )  # fmt: skip


@given(RUNS, RUNS)
def test_a_lower_rank_key_ranks_first(one: dict[str, Any], other: dict[str, Any]) -> None:
    first, second = row("a", one), row("b", other)
    if rank_key(first) < rank_key(second):
        assert sort_key(first) < sort_key(second)


HEATS = st.lists(
    st.dictionaries(st.sampled_from(["n00", "n01", "n02"]), RUNS, min_size=1), min_size=1, max_size=6
)
DECISIONS = st.lists(
    st.tuples(
        st.sampled_from(["penalty", "void", "disqualification", "reinstatement", "undo"]),
        st.integers(0, 5),
        st.sampled_from(["", "n00", "n01", "n02"]),
    ),
    max_size=5,
)


async def compare(heats: list[dict[str, dict[str, Any]]], decisions: list[tuple[str, int, str]]) -> None:
    event = paper.event("time-trial", 4)
    by_id = {entry.id: entry for entry in event.entries}
    async with await RecordBook.open(":memory:") as book:
        await book.add_event(event)
        for number, runs in enumerate(heats):
            grid = tuple(by_id[entry] for entry in runs)
            plan = HeatPlan(
                id=f"h{number}", phase="p", circuit="c", car="d", rules=event.rules, seed=1, grid=grid
            )
            result: HeatResult = paper.result(plan)
            entries = classify(row(entry, run) for entry, run in runs.items())
            await book.begin_heat("e", plan)
            await book.finish_heat("e", plan, result.model_copy(update={"entries": entries}), [], b"")
        for kind, number, entry in decisions:
            said = {"number": 1, "who": "S", "kind": kind, "heat": f"h{number}", "entry": entry}
            said |= {"seconds": 1.5} if kind == "penalty" else {}
            said |= {"target": number + 1, "heat": ""} if kind == "undo" else {}
            try:
                await book.decide("e", Decision.model_validate(said))
            except InputError:
                continue  # there is no such heat, entry or line
        best = await book.best_runs("e")
        judged = await book.judged("e")
        raced, state_hash = await book.raced("e"), await book.state_hash("e")
        assert await book.first_result("e") == (len(raced), raced[0])
    assert rank_best(event.entries, best.best) == best_runs(event.entries, judged.results)
    assert (best.revision, best.final) == (judged.revision, judged.final)
    assert len(state_hash) == (1 if len(raced) == 1 else 64)


@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(HEATS, DECISIONS)
def test_best_runs_are_those_that_reading_everything_gives(
    heats: list[dict[str, dict[str, Any]]], decisions: list[tuple[str, int, str]]
) -> None:
    asyncio.run(compare(heats, decisions))
