"""Racing an event without a server's drivers: every heat by an engine, every result in the record book.

Formats are asked as a server asks them; all heats that can be run are run side by side. Standings are a
function of what was raced, so they do not depend on where, nor in which order it ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor

from league.cage.limits import Limits
from league.cluster.stall import HeatDone, HeatTask, race_heat
from league.errors import RaceError
from league.hooks.catalogue import League
from league.racing.plan import HeatPlan
from league.store.book import RecordBook
from league.store.events import HOSTED
from league.store.records import EventRecord, Lease

WITHDRAWN = "it was withdrawn from the event"
CUT_OFF = "whoever raced it is gone"


def check_headless(record: EventRecord) -> None:
    """Whether an event can be raced where nobody can connect.

    Raises:
        RaceError: Somebody else drives in it, or it is raced in real time.
    """
    plan = record.plan
    for entry in plan.entries:
        if entry.kind not in HOSTED and entry.id not in record.withdrawn:
            raise RaceError(
                f"event {plan.id!r}: {entry.name!r} is driven from elsewhere ({entry.kind}); expected models "
                "and agents that the league drives itself"
            )
    if plan.rules.clock != "lockstep":
        raise RaceError(f"event {plan.id!r} is raced in {plan.rules.clock}; expected lockstep")


async def race_headless(
    book: RecordBook,
    league: League,
    event_id: str,
    engine: Executor,
    *,
    where: str,
    lease: Lease | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[HeatDone]:
    """Race all heats that an event still needs; tells of each as soon as its result is in the book.

    What was cut off is raced again. Whether an event is open, running or over is the caller's business.

    Args:
        book: The record book.
        league: What the plugins offer.
        event_id: The event.
        engine: Where heats are raced.
        where: File or URL under which workers find the book.
        lease: By which the event is run here.
        limits: Of programs that strangers' models run in.

    Raises:
        LeaseLostError: Another host runs the event by now.
        RaceError: A heat cannot be raced.
    """
    where = where if book.file is None else str(book.file)  # workers may be at home in another folder
    for heat in await book.heats(event_id):
        if heat.status == "running":
            await book.abandon_heat(event_id, heat.plan.id, CUT_OFF, lease=lease)
    while True:
        record = await book.event(event_id)
        style = league.format(record.plan.format)
        raced = await book.results(event_id)
        waiting = style.next_heats(record.plan, raced)
        if not waiting:
            return
        if again := {plan.id for plan in waiting} & {result.heat for result in raced}:
            raise RaceError(f"event {event_id!r}: heat {min(again)!r} was raced, and is asked for again")
        tasks = [
            _task(record, league.arrange(record.plan, plan), where, lease, limits or Limits())
            for plan in waiting
        ]
        async for done in _all_of(engine, tasks):
            yield done


def _task(record: EventRecord, plan: HeatPlan, where: str, lease: Lease | None, limits: Limits) -> HeatTask:
    absent = {entry.id: WITHDRAWN for entry in plan.grid if entry.id in record.withdrawn}
    return HeatTask(book=where, event_id=record.plan.id, plan=plan, lease=lease, absent=absent, limits=limits)


async def _all_of(engine: Executor, tasks: list[HeatTask]) -> AsyncIterator[HeatDone]:
    """Have all heats raced, and tell of each when it is; whoever stops listening ends the rest."""
    running = [asyncio.wrap_future(engine.submit(race_heat, task)) for task in tasks]
    try:
        for next_done in asyncio.as_completed(running):
            yield await next_done
    finally:
        for future in running:
            future.cancel()
