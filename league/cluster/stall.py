"""A worker's stall: what a process keeps from one heat to the next, so that heats cost little beside racing.

Workers open the record book themselves, and may be killed at any moment: a heat counts from the transaction
in which its result is committed, and until then it counts for nothing.
"""

from __future__ import annotations

import asyncio
import os
import resource
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from league.cage.limits import Limits
from league.cluster.caged import race_caged
from league.errors import HeatFinishedError, LeagueError, LeaseLostError, RaceError
from league.hooks.catalogue import League, installed
from league.quick import run_heat
from league.racing.plan import HeatPlan
from league.racing.recording import Recording
from league.store.book import RecordBook
from league.store.records import EntrySource, Lease

PATIENCE_S: Final = 60.0
"""How long to wait for other workers' locks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatTask:
    """A heat to be raced by whoever has time, and put into the record book."""

    book: str
    """Where it is: every worker must be able to open it."""
    event_id: str
    plan: HeatPlan
    lease: Lease | None = None
    """By which the event is run; with another one nothing is written any more."""
    absent: Mapping[str, str] = field(default_factory=dict)
    """Entries that do not start, and why."""
    limits: Limits = field(default_factory=Limits)
    """Of programs that strangers' models run in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatDone:
    """What came of a heat."""

    heat: str
    landed: bool
    """Whether this worker's result is the one that counts; if not, another's is or will be."""
    worker: str
    """Where it was raced."""
    driven_s: float = 0.0
    stored_s: float = 0.0
    """Time that the record book took, waiting for others included."""
    peak_bytes: int = 0
    """The most memory that the worker ever used."""


def race_heat(task: HeatTask) -> HeatDone:
    """Race one heat and commit its result, exactly once however often this is called.

    Raises:
        LeagueError: It cannot be raced.
    """
    return _stall().race(task)


@lru_cache(maxsize=1)
def _stall() -> Stall:
    return Stall(installed())


class Stall:
    """What one process keeps: the league, an event loop, the open book."""

    def __init__(self, league: League) -> None:
        self._league, self._runner = league, asyncio.Runner()
        self._books: dict[str, RecordBook] = {}
        self._name = f"{os.uname().nodename} (process {os.getpid()})"

    def race(self, task: HeatTask) -> HeatDone:
        """Race one heat."""
        return self._runner.run(self._race(task))

    def close(self) -> None:
        """Let go of everything; a worker that is killed need not."""
        for book in self._books.values():
            self._runner.run(book.close())
        self._books.clear()
        self._runner.close()

    async def _race(self, task: HeatTask) -> HeatDone:
        began_s = time.perf_counter()
        book = await self._open(task.book)
        event_id, plan, lease = task.event_id, task.plan, task.lease
        try:
            attempt = await book.begin_heat(event_id, plan, lease=lease)
        except HeatFinishedError:  # its worker died between committing the result and saying so
            return HeatDone(heat=plan.id, landed=False, worker=self._name)
        try:
            sources = [await book.entry_source(event_id, entry.id) for entry in plan.grid]
            begun_s = time.perf_counter()
            recording, content = await self._drive(task, sources)
            incidents = self._league.detect(recording)
            driven_s = time.perf_counter()
            landed = await book.finish_heat(
                event_id, plan, recording.result, recording.facts, content, incidents,
                lease=lease, attempt=attempt,
            )  # fmt: skip
        except LeaseLostError:
            landed = False
        except LeagueError as error:
            await book.abandon_heat(event_id, plan.id, str(error), lease=lease, attempt=attempt)
            raise
        ended_s = time.perf_counter()
        return HeatDone(
            heat=plan.id, landed=landed, worker=self._name, driven_s=driven_s - begun_s,
            stored_s=ended_s - began_s - (driven_s - begun_s),
            peak_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        )  # fmt: skip

    async def _open(self, where: str) -> RecordBook:
        if where not in self._books:
            self._books[where] = await RecordBook.open(where, patience_s=PATIENCE_S)
        return self._books[where]

    async def _drive(self, task: HeatTask, sources: list[EntrySource]) -> tuple[Recording, bytes]:
        """Drive the heat; where strangers' models drive, in a cage."""
        absent = {
            seat: task.absent[entry.id]
            for seat, entry in enumerate(task.plan.grid)
            if entry.id in task.absent
        }
        for seat, source in enumerate(sources):
            if source.model is None and seat not in absent and source.source not in self._league.agents:
                raise RaceError(f"entry {source.plan.name!r}: agent {source.source!r} is not installed here")
        if any(source.model is not None for source in sources):
            return await race_caged(task.plan, sources, absent, limits=task.limits)
        drivers = [
            None if seat in absent else self._league.agents[source.source]()
            for seat, source in enumerate(sources)
        ]
        circuit = self._league.circuit(task.plan.circuit)
        heat = run_heat(self._league, task.plan, circuit, drivers, absent=absent, forgiving=True)
        recording = heat.recording()
        return recording, recording.to_bytes()
