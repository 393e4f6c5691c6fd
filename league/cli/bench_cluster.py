"""How fast heats are raced by one process, by several, and by a Ray cluster, each beside the others."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from importlib.resources import files
from itertools import count
from pathlib import Path
from typing import Any, Final

from sqlalchemy import func, select

from league.cluster.engine import HERE, open_engine
from league.cluster.stall import HeatDone, HeatTask, Stall, race_heat
from league.errors import RaceError
from league.hooks.catalogue import installed
from league.racing.plan import EntryPlan, EventPlan
from league.store import place as places
from league.store import tables
from league.store.book import RecordBook
from league.store.records import ModelFiles

CHUNK: Final = 24
"""Heats between two looks at the clock; every way races as many."""
CAGED: Final = 4
"""The same of heats in which a submitted model drives, which take longer."""
LEAST: Final = 3
"""Chunks of each way at least."""
AGENTS: Final = ("pure-pursuit", "generalist")
"""Half of the entries follow a point on the road, half are a trained network."""
_WRITTEN: Final = ("heats", "results", "result_entries", "laps", "facts", "recordings", "incidents")

Row = dict[str, Any]
Way = Callable[[list[HeatTask]], list[HeatDone]]


def measure(where: str, *, circuit: str, workers: int, seconds: float, tell: Callable[[str], None]) -> Row:
    """Race solo runs of three laps in every way, in turns, until the time is over.

    Gives `rows`, each with `what`, `heats_per_s`, `of_one` (ratio to one process), `processor_s` (of all
    processes together, for a heat), `of_one_processor` (its ratio), `driven_s` and `stored_s` (a heat's time
    on the road and in the record book, as its worker sees it). And besides: `overhead_s`, what Ray adds to a
    heat that it races alone; `start_s` of the cluster; `worker_bytes`, the most memory of a worker;
    `rows_per_heat` and `rows_per_s` of the database.
    """
    tell("starting a cluster on this machine ...")
    began_s = time.perf_counter()
    with (
        open_engine(HERE, workers=workers) as ray,
        open_engine(None, workers=workers) as pool,
        closing(Stall(installed())) as stall,
    ):
        start_s = time.perf_counter() - began_s
        ways: dict[str, Way] = {
            "one process": lambda tasks: [stall.race(task) for task in tasks],
            "Ray, one at a time": lambda tasks: [ray.submit(race_heat, task).result() for task in tasks],
            f"{workers} processes": lambda tasks: list(pool.map(race_heat, tasks)),
            f"Ray, {workers} workers": lambda tasks: list(ray.map(race_heat, tasks)),
            "one process, models in cages": lambda tasks: [stall.race(task) for task in tasks],
            f"Ray, {workers} workers, models in cages": lambda tasks: list(ray.map(race_heat, tasks)),
        }
        before = asyncio.run(_written(where))
        spent, done, heats = _in_turns(ways, where, circuit, seconds, tell)
    rows = [_row(name, spent[name], done[name]) for name in ways]
    one, alone, _, many, *_ = rows
    for row in rows:
        row["of_one"] = row["heats_per_s"] / one["heats_per_s"]
        row["of_one_processor"] = row["processor_s"] / one["processor_s"]
    per_heat = (asyncio.run(_written(where)) - before) / heats
    return {
        "workers": workers,
        "rows": rows,
        "overhead_s": 1 / alone["heats_per_s"] - 1 / one["heats_per_s"],
        "start_s": start_s,
        "worker_bytes": max(each.peak_bytes for each in done[many["what"]]),
        "rows_per_heat": per_heat,
        "rows_per_s": per_heat / one["stored_s"],
    }


def _in_turns(
    ways: Mapping[str, Way], where: str, circuit: str, seconds: float, tell: Callable[[str], None]
) -> tuple[dict[str, list[tuple[float, float]]], dict[str, list[HeatDone]], int]:
    """Times of a heat, on the clock and of processors, and what was done, by way; and all heats raced."""
    spent: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    done: dict[str, list[HeatDone]] = {name: [] for name in ways}
    number, raced, until_s = count(time.time_ns()), 0, 0.0
    for turn in count():
        for name, way in ways.items():
            caged = name.endswith("cages")
            tasks = asyncio.run(_enter(where, f"bench-{next(number)}", circuit, caged=caged))
            began_s, busy_s = time.perf_counter(), _processor_s()
            landed = way(tasks)
            took_s, busy_s = time.perf_counter() - began_s, _processor_s() - busy_s
            raced += len(tasks)
            if not all(each.landed for each in landed):
                raise RaceError(f"{name}: a result did not land")
            if turn:  # the first of each only loads what is to be loaded
                spent[name].append((took_s / len(tasks), busy_s / len(tasks)))
                done[name] += landed
        until_s = until_s or time.perf_counter() + seconds
        tell(f"{turn} × {CHUNK} heats in every way ...")
        if turn >= LEAST and time.perf_counter() >= until_s:
            return spent, done, raced
    raise AssertionError("unreachable")


async def _enter(where: str, event_id: str, circuit: str, *, caged: bool) -> list[HeatTask]:
    """An event of its own for every chunk: each heat is raced once."""
    entries = [
        EntryPlan(id=f"entry-{n}", name=f"Entry {n}", agent=AGENTS[n % 2])
        for n in range(CAGED if caged else CHUNK)
    ]
    plan = EventPlan(id=event_id, name="Bench", circuit=circuit, format="time-trial", seed=1)
    league = installed()
    model = _submitted() if caged else None
    async with await RecordBook.open(where) as book:
        if model is None:
            plan = plan.model_copy(update={"entries": tuple(entries)})
        await book.add_event(plan)
        for entry in entries if model is not None else ():
            await book.add_entry(event_id, entry, source="model.onnx", model=model, hosted=True)
        plan = (await book.event(event_id)).plan
    heats = league.format(plan.format).next_heats(plan, ())
    return [HeatTask(book=where, event_id=event_id, plan=league.arrange(plan, heat)) for heat in heats]


def _submitted() -> ModelFiles:
    """The trained house driver, as a racer would submit it."""
    folder = files("league_agents") / "models" / AGENTS[1]
    return ModelFiles(
        (folder / "model.onnx").read_bytes(),
        (folder / "model_metadata.json").read_text(encoding="utf-8"),
    )


async def _written(where: str) -> int:
    """How many rows of heats the book has."""
    async with await RecordBook.open(where):
        pass  # now there is one
    engine = places.connect(places.find(where), patience_s=60)
    async with engine.connect() as db:
        rows = [
            int(await db.scalar(select(func.count()).select_from(tables.metadata.tables[name])) or 0)
            for name in _WRITTEN
        ]
    await engine.dispose()
    return sum(rows)


def _row(name: str, spent: Sequence[tuple[float, float]], done: Sequence[HeatDone]) -> Row:
    times_s = [took_s for took_s, _ in spent]
    return {
        "what": name,
        "heats_per_s": 1 / statistics.median(times_s),
        "processor_s": statistics.median(busy_s for _, busy_s in spent),
        "driven_s": statistics.median(each.driven_s for each in done),
        "stored_s": statistics.median(each.stored_s for each in done),
        "spread": (max(times_s) - min(times_s)) / statistics.median(times_s),
        "heats": len(done),
    }


def _processor_s() -> float:
    """Processor time of this process and all that it started, those that ended included, as Linux has it."""
    parents: dict[int, int] = {}
    times: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(fields[1])
                times[int(entry.name)] = sum(map(int, fields[11:15]))
    ours = {os.getpid()}
    while grown := {child for child, parent in parents.items() if parent in ours} - ours:
        ours |= grown
    return sum(times.get(process, 0) for process in ours) / os.sysconf("SC_CLK_TCK")
