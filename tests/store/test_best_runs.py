"""Best runs without reading every run: the same standings as from all of them, whatever was decided."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any
from unittest.mock import patch

import paper
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from league.errors import InputError
from league.racing.ledger import Decision
from league.racing.plan import EventPlan, HeatPlan
from league.racing.result import EntryResult, HeatResult, LapResult
from league.racing.standing import best_runs, classify, rank_best, rank_key, sort_key
from league.store.book import RecordBook
from league.store.runs import Racer, Runs, Terms
from league.store.tally import Tally

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


async def check(book: RecordBook, event: EventPlan, known: Tally | None) -> Tally:
    """Bring a tally up to date, which must then say what reading everything does."""
    tally, whole, judged = await book.tally("e", known), await book.tally("e"), await book.judged("e")
    raced = judged.results
    assert rank_best(event.entries, tally.best) == best_runs(event.entries, raced)
    assert rank_best(event.entries, tally.earlier) == best_runs(event.entries, raced[:-1])
    assert (tally.heats, tally.revision, tally.final) == (len(raced), judged.revision, judged.final)
    assert tally.first == next(iter(await book.raced("e")), None)
    assert (tally.best, tally.earlier, tally.state_hash) == (whole.best, whole.earlier, whole.state_hash)
    states = [heat.state_hash for heat in await book.raced("e")]
    assert tally.state_hash == (hashed(states) if len(states) > 1 else "".join(states))
    return tally


def hashed(states: list[str]) -> str:
    return hashlib.sha256("".join(states).encode()).hexdigest()


async def compare(heats: list[dict[str, dict[str, Any]]], decisions: list[tuple[str, int, str]]) -> None:
    event = paper.event("time-trial", 4)
    by_id = {entry.id: entry for entry in event.entries}
    async with await RecordBook.open(":memory:") as book:
        await book.add_event(event)
        known, seen = await check(book, event, None), await look(book, None)
        late: list[tuple[HeatPlan, HeatResult]] = []
        for number, runs in enumerate(heats):
            grid = tuple(by_id[entry] for entry in runs)
            plan = HeatPlan(
                id=f"h{number}", phase="p", circuit="c", car="d", rules=event.rules, seed=1, grid=grid
            )
            entries = classify(row(entry, run) for entry, run in runs.items())
            changed = {"entries": entries, "state_hash": f"{number:064x}"}
            late.append((plan, paper.result(plan).model_copy(update=changed)))
            await book.begin_heat("e", plan)
            if number % 3:  # every third goes on while the next is raced, and ends after it
                await finish(book, late)
                known, seen = await check(book, event, known), await look(book, seen)
        await finish(book, late)
        known, seen = await check(book, event, known), await look(book, seen)
        for kind, number, entry in decisions:
            said = {"number": 1, "who": "S", "kind": kind, "heat": f"h{number}", "entry": entry}
            said |= {"seconds": 1.5} if kind == "penalty" else {}
            said |= {"target": number + 1, "heat": ""} if kind == "undo" else {}
            try:
                await book.decide("e", Decision.model_validate(said))
            except InputError:
                continue  # there is no such heat, entry or line
            known, seen = await check(book, event, known), await look(book, seen)


async def finish(book: RecordBook, late: list[tuple[HeatPlan, HeatResult]]) -> None:
    """Commit heats, the one that began last first."""
    while late:
        plan, result = late.pop()
        await book.finish_heat("e", plan, result, [], b"")


async def look(book: RecordBook, known: Runs | None) -> Runs:
    """Bring an event's best runs by what was driven up to date; they must be what all results say."""
    runs, whole, raced = await book.runs("e", known), await book.runs("e"), await book.results("e")
    assert runs == whole
    said: dict[Racer, list[EntryResult]] = {}
    for heat in raced:
        circuit = heat.circuit
        terms = Terms(circuit.id, circuit.sha256, heat.car, heat.laps, heat.behavior, heat.clock)
        for result in heat.entries:
            if result.status not in ("VOID", "DSQ"):
                said.setdefault(Racer(terms, result.entry_id, result.name), []).append(result)
    assert {racer: best.runs for racer, best in runs.best.items()} == {
        who: len(his) for who, his in said.items()
    }
    for racer, mine in said.items():
        best = runs.best[racer]
        first = min(mine, key=lambda run: sort_key(run.model_copy(update={"score_s": run.total_s})))
        assert best.result == first
        laps = [run.fastest_lap_s for run in mine if run.fastest_lap_s is not None]
        assert best.fastest_s == min(laps, default=None)
    return runs


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
@given(HEATS, DECISIONS)
def test_a_tally_and_runs_that_go_on_say_what_reading_everything_does(
    heats: list[dict[str, dict[str, Any]]], decisions: list[tuple[str, int, str]]
) -> None:
    with patch("league.store.progress.SLICE", 2):  # so that a few heats take several
        asyncio.run(compare(heats, decisions))


async def test_a_heat_that_is_never_finished_keeps_no_later_one_back(book: RecordBook) -> None:
    event = paper.event("time-trial", 2)
    plans = [
        HeatPlan(id=f"h{n}", phase="p", circuit="c", car="d", rules=event.rules, seed=1, grid=event.entries)
        for n in range(6)
    ]
    states = [f"{n:064x}" for n in range(6)]
    await book.add_event(event)
    for plan in plans:
        await book.begin_heat("e", plan)
    known: Tally | None = None
    done: list[int] = []
    with patch("league.store.progress.SLICE", 2):
        for number in (1, 5, 3, 2, 4, 0):
            result = paper.result(plans[number]).model_copy(update={"state_hash": states[number]})
            await book.finish_heat("e", plans[number], result, [], None)
            done = sorted([*done, number])
            known = await check(book, event, known)
            assert (known.heats, known.progress.below) == (len(done), 6 if len(done) == 6 else 0)
