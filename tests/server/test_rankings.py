"""Boards over many events."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from databases import new_book

from league.hooks.catalogue import League
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult
from league.server.app import create_app, serving
from league.server.pages.rankings import Rankings
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions
from league.store.runs import Runs


def heat(number: int, totals: dict[str, float | None], *, circuit: str = "loop", **more: Any) -> HeatResult:
    entries = [
        EntryResult(
            place=place, name=name.title(), agent="a", entry_id=name, total_s=total_s, score_s=total_s,
            status="DNF-crash" if total_s is None else "FIN",
            fastest_lap_s=None if total_s is None else total_s / 3,
        )
        for place, (name, total_s) in enumerate(totals.items(), 1)
    ]  # fmt: skip
    facts = CircuitFacts(id=circuit, length_m=10.0, sha256="0" * 64)
    fields = {"car": "deepracer", "laps": 3, "rank": "total", "seed": 1, "behavior": 1, "clock": "lockstep"}
    return HeatResult.model_validate(
        fields | {"heat": f"h{number}", "circuit": facts, "entries": entries, "state_hash": ""} | more
    )


async def raced(book: RecordBook, event: str, *heats: HeatResult) -> None:
    names = {entry.entry_id for one in heats for entry in one.entries}
    plan = EventPlan(
        id=event, name=event, circuit="loop", format="time-trial",
        entries=tuple(EntryPlan(id=name, name=name.title()) for name in sorted(names)),
    )  # fmt: skip
    await book.add_event(plan, EventOptions())
    for one in heats:
        await finish(book, plan, one)


async def finish(book: RecordBook, plan: EventPlan, result: HeatResult) -> None:
    grid = tuple(entry for entry in plan.entries if result.of(entry.id))
    heat_plan = HeatPlan(
        id=result.heat, phase="", circuit="loop", car="deepracer", rules=plan.rules, seed=1, grid=grid
    )
    await book.begin_heat(plan.id, heat_plan)
    await book.finish_heat(plan.id, heat_plan, result, (), b"")


async def test_everybody_stands_with_the_best_run_of_all_events() -> None:
    async with new_book() as book:
        await raced(book, "one", heat(1, {"ada": 30.0, "bob": 31.0, "cyd": None}))
        await raced(book, "two", heat(1, {"bob": 29.0, "ada": 33.0}))
        (board,) = await Rankings(book).boards()
        told = [(row.rank, row.name, row.total_s, row.gap_s, row.attempts, row.trend) for row in board.rows]
        assert told == [
            (1, "Bob", 29.0, 0.0, 2, 1),
            (2, "Ada", 30.0, 1.0, 2, -1),
            (None, "Cyd", None, None, 1, None),
        ]
        assert (board.runs, board.events) == (5, 2)
        assert board.rows[1].link == "/events/one/entries/ada"


async def test_other_circuits_cars_distances_and_simulations_have_boards_of_their_own() -> None:
    async with new_book() as book:
        others: list[dict[str, Any]] = [{"circuit": "ring"}, {"car": "f1tenth"}, {"laps": 5}, {"behavior": 2}]
        heats = [heat(number, {"ada": 30.0}, **other) for number, other in enumerate([{}, *others])]
        await raced(book, "one", *heats)
        assert len(await Rankings(book).boards()) == 5


async def test_results_that_do_not_count_are_on_no_board() -> None:
    async with new_book() as book:
        void = heat(1, {"ada": 30.0, "bob": 31.0})
        rows = [
            row.model_copy(update={"status": status})
            for row, status in zip(void.entries, ("VOID", "DSQ"), strict=True)
        ]
        await raced(book, "one", void.model_copy(update={"entries": tuple(rows)}))
        assert await Rankings(book).boards() == ()


async def test_the_overall_board_adds_up_points_of_boards_with_a_field() -> None:
    async with new_book() as book:
        await raced(
            book,
            "one",
            heat(1, {"ada": 30.0, "bob": 31.0}),
            heat(2, {"bob": 20.0, "ada": 21.0, "cyd": 22.0}, circuit="ring"),
            heat(3, {"cyd": 9.0}, circuit="alone"),
        )
        rows = await Rankings(book).overall()
        assert [(row.rank, row.name, row.points, row.wins) for row in rows] == [
            (1, "Ada", 43.0, 1),
            (2, "Bob", 43.0, 1),
            (3, "Cyd", 15.0, 1),
        ]


async def test_boards_follow_what_is_raced_and_are_not_made_again_without_need() -> None:
    async with new_book() as book:
        rankings = Rankings(book)
        assert await rankings.boards() == ()
        await raced(book, "one", heat(1, {"ada": 30.0}))
        first = await rankings.boards()
        assert await rankings.boards() is first
        await finish(book, (await book.event("one")).plan, heat(2, {"ada": 28.0}))
        (board,) = await rankings.boards()
        assert board.rows[0].total_s == 28.0


async def test_a_server_makes_its_boards_before_somebody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    async with new_book() as book:
        await raced(book, "one", heat(1, {"ada": 30.0}))
        looked, look = asyncio.Event(), book.runs

        async def runs(event_id: str, since: Runs | None = None) -> Runs:
            looked.set()
            return await look(event_id, since)

        monkeypatch.setattr(book, "runs", runs)
        async with serving(create_app(League(), book, Settings(port=0)), host="127.0.0.1", port=0):
            await asyncio.wait_for(looked.wait(), 30)
