"""Events raced headless by workers: every result lands once, and is the one that a race here has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from crew import MODELS, OneWorker, cup, one_worker, submitted
from databases import new_book

from league import EntryPlan
from league.cage.limits import Limits
from league.cluster.caged import race_caged
from league.cluster.headless import WITHDRAWN, check_headless, race_headless
from league.cluster.stall import HeatDone, HeatTask
from league.errors import LeaseLostError, RaceError
from league.hooks.catalogue import installed
from league.quick import race
from league.racing.recording import Recording
from league.store.book import RecordBook
from league.store.records import EntrySource

LEAGUE = installed()
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
def worker() -> Iterator[OneWorker]:
    with one_worker() as one:
        yield one


async def run(book: RecordBook, where: str, engine: OneWorker, **more: Any) -> list[HeatDone]:
    return [done async for done in race_headless(book, LEAGUE, "cup", engine, where=where, **more)]


async def test_an_event_is_raced_to_its_end_with_the_results_of_a_race_here(
    book_url: str, worker: OneWorker
) -> None:
    plan = cup("qualifying-final", grid_size=8)
    here = race(
        plan.circuit, [entry.agent for entry in plan.entries], format=plan.format, rules=plan.rules,
        seed=plan.seed, names=[entry.name for entry in plan.entries], league=LEAGUE,
    )  # fmt: skip
    async with await RecordBook.open(book_url) as book:
        await book.add_event(plan)
        done = await run(book, book_url, worker)
        assert sorted(each.heat for each in done) == sorted(heat.heat for heat in here.heats)
        assert all(each.landed and each.driven_s > 0 for each in done)
        results = {result.heat: result for result in await book.results("cup")}
        assert results == {heat.heat: heat for heat in here.heats}
        for recording in here.recordings:
            content = await book.recording("cup", recording.plan.id)
            assert content == recording.to_bytes()
        assert await run(book, book_url, worker) == [], "nothing is left to race"


async def test_a_heat_that_a_dead_worker_finished_is_not_raced_again(
    book_url: str, worker: OneWorker
) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(plan := cup(entries=1))
        (heat,) = LEAGUE.format(plan.format).next_heats(plan, ())
        task = HeatTask(book=book_url, event_id="cup", plan=heat)
        first, again = worker.submit(None, task).result(), worker.submit(None, task).result()
        assert (first.landed, again.landed) == (True, False)
        (record,) = await book.heats("cup")
        assert (record.status, record.attempt) == ("finished", 1)


async def test_a_heat_that_was_cut_off_is_raced_again(book_url: str, worker: OneWorker) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(plan := cup(entries=1))
        (heat,) = LEAGUE.format(plan.format).next_heats(plan, ())
        old = await book.begin_heat("cup", heat)
        (done,) = await run(book, book_url, worker)
        assert done.landed
        (record,) = await book.heats("cup")
        assert (record.status, record.attempt) == ("finished", 2)
        (result,) = await book.results("cup")
        assert not await book.finish_heat("cup", heat, result, [], b"late", attempt=old)


async def test_what_is_raced_for_a_host_that_lost_the_event_does_not_land(
    book_url: str, worker: OneWorker
) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(cup(entries=1))
        old = await book.take_lease("cup", owner="here", url="")
        assert old is not None
        assert await book.take_lease("cup", owner="there", url="", instead_of=old) is not None
        with pytest.raises(LeaseLostError, match="it is run by there now"):
            await run(book, book_url, worker, lease=old)
        assert await book.results("cup") == ()


async def test_who_withdrew_does_not_start(book_url: str, worker: OneWorker) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(plan := cup("head-to-head", entries=2))
        heat = LEAGUE.arrange(plan, LEAGUE.format(plan.format).next_heats(plan, ())[0])
        await book.begin_heat("cup", heat)
        await book.withdraw("cup", "entry-2")
        await run(book, book_url, worker)
        (result,) = await book.results("cup")
        assert [(row.entry_id, row.status) for row in result.entries] == [
            ("entry-1", "FIN"),
            ("entry-2", "DNS"),
        ]
        assert result.entries[1].reason == WITHDRAWN


async def test_an_agent_that_is_not_installed_is_named_and_the_heat_is_given_up(
    book_url: str, worker: OneWorker
) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(cup(entries=0))
        entry = EntryPlan(id="x", name="Nobody", agent="os:system")
        await book.add_entry("cup", entry, source="os:system", hosted=True)
        with pytest.raises(RaceError, match=r"entry 'Nobody': agent 'os:system' is not installed here"):
            await run(book, book_url, worker)
        (record,) = await book.heats("cup")
        assert (record.status, "os:system" in record.reason) == ("abandoned", True)


async def test_an_event_in_which_others_drive_is_refused() -> None:
    async with new_book() as book:
        plan = cup()
        guest = EntryPlan(id="guest", name="Guest", agent="", kind="remote")
        await book.add_event(plan.model_copy(update={"entries": (*plan.entries, guest)}))
        with pytest.raises(RaceError, match=r"'Guest' is driven from elsewhere \(remote\)"):
            check_headless(await book.event("cup"))
        await book.add_event(
            plan.model_copy(
                update={"id": "live", "rules": plan.rules.model_copy(update={"clock": "realtime"})}
            )
        )
        with pytest.raises(RaceError, match="expected lockstep"):
            check_headless(await book.event("live"))


@pytest.mark.slow
async def test_a_submitted_model_races_in_a_cage_and_comes_to_the_same_bytes(
    book_url: str, worker: OneWorker
) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(plan := cup("head-to-head", entries=1))
        entry = EntryPlan(id="entry-2", name="Model", agent="model.onnx", kind="onnx")
        await book.add_entry("cup", entry, source="model.onnx", model=submitted(), hosted=True)
        (done,) = await run(book, book_url, worker)
        assert done.landed
        content = await book.recording("cup", done.heat)
        assert content is not None
        found = Recording.from_bytes(content)
        here = race(
            plan.circuit, [plan.entries[0].agent, str(MODELS / "generalist")], format=plan.format,
            rules=plan.rules, seed=plan.seed, names=["Entry 1", "Model"], league=LEAGUE,
        )  # fmt: skip
        driven = Recording.from_bytes(here.recordings[0].to_bytes())
        assert {row.status for row in found.result.entries} == {"FIN"}
        # Entries are told apart by ids and kinds, which are in a recording; what was driven is the same.
        assert found.frames.tobytes() == driven.frames.tobytes()
        assert [row.total_s for row in found.result.entries] == [row.total_s for row in driven.result.entries]


@pytest.mark.slow
async def test_who_brings_the_program_down_does_not_start_and_the_others_race(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(SUPPORT))
    plan = cup("head-to-head", entries=2)
    (heat,) = LEAGUE.format(plan.format).next_heats(plan, ())
    good, bad = (
        EntrySource(
            plan=entry, source=source, model=None, hosted=True, version=1,
            entered_at=None,  # type: ignore[arg-type]
        )
        for entry, source in zip(heat.grid, ("pure-pursuit", "hostile_agents:Crash"), strict=True)
    )  # fmt: skip
    recording, content = await race_caged(heat, [good, bad], {}, limits=Limits())
    assert Recording.from_bytes(content).result == recording.result
    statuses = {row.entry_id: (row.status, row.reason) for row in recording.result.entries}
    assert statuses[good.plan.id] == ("FIN", "")
    assert statuses[bad.plan.id][0] == "DNS"
    assert "its program" in statuses[bad.plan.id][1]
