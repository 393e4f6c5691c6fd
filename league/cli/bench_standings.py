"""Measures how long standings take where very many entries drove very many laps.

An event of solo runs is written straight into a record book's tables, since racing a million laps takes days;
everything that is measured goes the ways that the server goes.
"""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from sqlalchemy import func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import RaceError
from league.hooks.catalogue import League
from league.racing.ledger import Decision
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.racing.rules import Rules
from league.racing.standing import rank_key
from league.server.app import create_app, serving
from league.server.race.settings import Settings
from league.server.rest.standings import Standings
from league.store import place as places
from league.store import tables
from league.store.book import RecordBook

EVENT: Final = "everybody"
LAPS: Final = 3
_BATCH: Final = 5000

Row = dict[str, Any]


async def fill(where: str, entries: int, laps: int, tell: Callable[[str], None]) -> None:
    """Write an event of `entries` entries into an empty book, whose solo runs make `laps` laps together."""
    plan = EventPlan(
        id=EVENT,
        name="Everybody",
        circuit="clover",
        format="time-trial",
        entries=tuple(
            EntryPlan(id=f"entry-{n}", name=f"Entry {n}", agent="pure-pursuit") for n in range(entries)
        ),
    )
    async with await RecordBook.open(where) as book:
        tell(f"entering {entries} ...")
        await book.add_event(plan)
    engine = places.connect(places.find(where), patience_s=60)
    runs = laps // LAPS
    async with engine.begin() as db:
        event = await db.scalar(select(tables.events.c.number).where(tables.events.c.id == EVENT))
        rows = await db.execute(select(tables.entries.c.id, tables.entries.c.number))
        number = {row.id: row.number for row in rows}
        first = int(await db.scalar(select(func.max(tables.heats.c.number))) or 0) + 1
        chance = random.Random(1)
        for start in range(0, runs, _BATCH):
            made = [
                _run(plan, first + run, int(event or 0), run, number, chance)
                for run in range(start, min(start + _BATCH, runs))
            ]
            await _write(db, made)
            tell(f"raced {min(start + _BATCH, runs)} of {runs} runs ...")
    async with engine.begin() as db:
        if db.dialect.name == "postgresql":  # the rows did not come one by one, as they do in a race
            await db.exec_driver_sql("ANALYZE")
    await engine.dispose()


async def _write(db: AsyncConnection, made: list[tuple[Row, Row, Row, list[Row]]]) -> None:
    heats, results, placed, laps = zip(*made, strict=True)
    await db.execute(insert(tables.heats), list(heats))
    await db.execute(insert(tables.results), list(results))
    await db.execute(insert(tables.result_entries), list(placed))
    await db.execute(insert(tables.laps), [lap for run in laps for lap in run])


def _run(
    plan: EventPlan, heat: int, event: int, run: int, number: dict[str, int], chance: random.Random
) -> tuple[Row, Row, Row, list[Row]]:
    """A run of the entry whose turn it is, as rows of the tables; one in twenty does not finish."""
    entry = plan.entries[run % len(plan.entries)]
    name = f"time-trial-{entry.id}.{run // len(plan.entries) + 1}"
    finished = chance.random() > 0.05
    times = [chance.randrange(7_000_000, 14_000_000) / 1e6 for _ in range(LAPS if finished else LAPS - 1)]
    total_s = round(sum(times), 6) if finished else None
    result = EntryResult(
        place=1, name=entry.name, agent=entry.agent, status="FIN" if finished else "DNF-timeout",
        entry_id=entry.id, total_s=total_s, score_s=total_s,
        laps=tuple(LapResult(time_s=time_s, sectors_s=(time_s / 2, time_s / 2)) for time_s in times),
        fastest_lap_s=min(times), progress_pct=100.0 if finished else round(chance.uniform(67, 99), 3),
    )  # fmt: skip
    whole = HeatResult(
        heat=name, phase="time-trial", circuit=CircuitFacts(id="clover", length_m=20.0, sha256="c" * 64),
        car="deepracer", laps=LAPS, rank="total", seed=run, behavior=1, clock="lockstep", entries=(result,),
        state_hash=f"{run:064x}",
    )  # fmt: skip
    raced = HeatPlan(
        id=name, phase="time-trial", circuit="clover", car="deepracer", rules=Rules(), seed=run, grid=(entry,)
    )
    key = {"heat": heat, "entry": number[entry.id]}
    moment = datetime(2031, 1, 1, tzinfo=UTC)
    return (
        {
            "number": heat, "event": event, "id": name, "plan_json": raced.model_dump_json(),
            "status": "finished", "attempt": 1, "began_at": moment, "finished_at": moment, "reason": "",
        },
        {
            "heat": heat, "result_json": whole.model_dump_json(), "circuit": "clover", "car": "deepracer",
            "behavior": 1, "state_hash": whole.state_hash,
        },
        key | {
            "version": 1, "place": 1, "status": result.status, "off_tracks": 0, "resets": 0, "collisions": 0,
            "total_us": None if total_s is None else round(total_s * 1e6),
            "score_us": None if total_s is None else round(total_s * 1e6),
            "progress_pct": result.progress_pct, "rank_key": rank_key(result),
        },
        [
            key | {
                "lap": lap, "time_us": round(time_s * 1e6), "off_tracks": 0, "resets": 0, "collisions": 0,
                "valid": True,
            }
            for lap, time_s in enumerate(times, 1)
        ],
    )  # fmt: skip


async def measure(where: str, *, entries: int, laps: int, tell: Callable[[str], None]) -> list[Row]:
    """Fill a book if it is empty, and time what the server does with it.

    Gives rows with `what`, `median_s`, `worst_s`, `processor_s` (this process's, median) and `times`.
    "from nothing" reads the database and ranks everybody; "after a decision" looks up only whom it is about.
    "board" and "page" are over HTTP: the whole leaderboard, and the page of the first hundred; what is timed
    after a decision is the first answer, and how long it takes until an answer shows the decision.
    """
    async with await RecordBook.open(where) as book:
        known = {record.plan.id for record in await book.events()}
    if EVENT not in known:
        await fill(where, entries, laps, tell)
    league = League()
    async with await RecordBook.open(where) as book:
        plan = (await book.event(EVENT)).plan
        standings = Standings(league, book)

        async def decide() -> int:
            lines = len(await book.decisions(EVENT))
            heat = standings_heat(plan, lines)
            line = Decision(number=1, kind="no-action", who="bench", heat=heat, why="measuring")
            await book.decide(EVENT, line)
            return lines + 1

        tell("ranking ...")
        rows = [
            await _timed("standings from nothing", lambda: Standings(league, book).of(EVENT), 5),
            await _timed("standings kept", lambda: standings.of(EVENT), 30),
            await _timed("standings after a decision", lambda: standings.of(EVENT), 7, first=decide),
        ]
        app = create_app(league, book, Settings(port=0))
        async with serving(app, host="127.0.0.1", port=0) as url, aiohttp.ClientSession() as http:

            async def ask(path: str, least: int) -> bytes:
                async with http.get(url + path) as answer:
                    content = await answer.read()
                    if answer.status != HTTPStatus.OK or len(content) < least:
                        raise RaceError(f"{path} answered {answer.status} with {len(content)} bytes")
                    return content

            board = partial(ask, f"/api/v1/events/{EVENT}/leaderboard", entries)
            page = partial(ask, f"/events/{EVENT}", 1000)

            async def shown() -> None:
                lines = len(await book.decisions(EVENT))
                while True:
                    about = json.loads((await board()).partition(b', "entries"')[0] + b"}")
                    if about["revision"] >= lines:
                        return
                    await asyncio.sleep(0.02)

            tell("asking for the board ...")
            await board(), await page()
            for what, asked in (("board", board), ("page", page)):
                rows.append(await _timed(what, asked, 30))
                rows.append(await _timed(f"{what} after a decision", asked, 7, first=decide, then=shown))
            rows.append(await _timed("until the board shows a decision", shown, 7, first=decide))
    return rows


def standings_heat(plan: EventPlan, number: int) -> str:
    """One of the runs that `fill` wrote."""
    return f"time-trial-{plan.entries[number % len(plan.entries)].id}.1"


async def _timed(
    what: str,
    deed: Callable[[], Awaitable[object]],
    times: int,
    *,
    first: Callable[[], Awaitable[object]] | None = None,
    then: Callable[[], Awaitable[object]] | None = None,
) -> Row:
    """Time a deed; what comes first and then each time is not timed."""
    spent: list[float] = []
    busy: list[float] = []
    for _ in range(times):
        if first is not None:
            await first()
        began, worked = time.perf_counter(), time.process_time()
        await deed()
        spent.append(time.perf_counter() - began)
        busy.append(time.process_time() - worked)
        if then is not None:
            await then()
    return {
        "what": what,
        "median_s": statistics.median(spent),
        "worst_s": max(spent),
        "processor_s": statistics.median(busy),
        "times": times,
    }
