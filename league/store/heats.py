"""The record book's pages of heats: what was raced, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import HeatFinishedError, RaceError, UnknownNameError
from league.racing.fact import Fact
from league.racing.incident import Incident
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import EntryResult, HeatResult
from league.racing.standing import rank_key
from league.store import tables
from league.store.decisions import file_incidents
from league.store.events import event_number, touch
from league.store.fences import check_attempt, check_lease
from league.store.names import MAX_HEAT_ID, check_id
from league.store.records import HeatRecord, LapRecord, Lease
from league.store.texts import to_json
from league.store.transactions import AnyRow, Transactions, insert_new, unbroken

_heats, _results = tables.heats, tables.results


class HeatPages:
    """Heats, their results, facts and recordings."""

    _data: Transactions

    @unbroken
    async def begin_heat(self, event_id: str, plan: HeatPlan, *, lease: Lease | None = None) -> int:
        """Notes that a heat is being raced, perhaps again; gives the number of the attempt.

        Raises:
            LeaseLostError: If the host that races it, as `lease` says, runs the event no more.
            HeatFinishedError: If the heat is finished already.
            UnknownNameError: If there is no such event.
        """
        check_id("heat", plan.id, longest=MAX_HEAT_ID)
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            await check_lease(db, event, lease)
            heat = await self._heat_row(db, event, plan)
            if heat.status == "finished":
                raise HeatFinishedError(
                    f"heat {plan.id!r} of event {event_id!r} is finished, and cannot begin again"
                )
            await _change(
                db,
                heat.number,
                status="running",
                attempt=heat.attempt + 1,
                began_at=self._data.now(),
                plan_json=to_json(plan),
                reason="",
            )
            return int(heat.attempt) + 1

    @unbroken
    async def finish_heat(
        self,
        event_id: str,
        plan: HeatPlan,
        result: HeatResult,
        facts: Sequence[Fact],
        recording: bytes | None,
        incidents: Sequence[Incident] = (),
        *,
        lease: Lease | None = None,
        attempt: int | None = None,
        versions: Mapping[str, int] | None = None,
    ) -> bool:
        """Commits everything about a finished heat, or nothing; only then may anybody be told.

        Args:
            event_id: The event.
            plan: The heat.
            result: Its classification.
            facts: What the referee saw.
            recording: All that it takes to drive it again.
            incidents: What stewards should look at.
            lease: By which the host that raced it runs the event.
            attempt: What `begin_heat` gave; one that was begun since makes this one count for nothing.
            versions: Which version of its entry drove; where it does not say, the one that races now.

        Returns:
            False if the heat was finished before: the first result stands and nothing changes.

        Raises:
            LeaseLostError: If the host that raced it, as `lease` says, runs the event no more, or if the heat
                was begun again, or abandoned, since.
            RaceError: If the result is another heat's.
            UnknownNameError: If there is no such event, or an entry of the result is not in it.
        """
        check_id("heat", plan.id, longest=MAX_HEAT_ID)
        entered = [entry.entry_id for entry in result.entries]
        if result.heat != plan.id or len(set(entered)) != len(entered):
            raise RaceError(f"heat {plan.id!r}: the result is of heat {result.heat!r}, of entries {entered}")
        written = [_fact_row(position, fact) for position, fact in enumerate(facts)]
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            await check_lease(db, event, lease)
            heat = await self._heat_row(db, event, plan)
            if heat.status == "finished":
                await db.rollback()
                return False
            check_attempt(event_id, heat, attempt)
            now = self._data.now()
            revision = select(tables.events.c.revision).where(tables.events.c.number == event)
            await _change(
                db, heat.number, status="finished", attempt=max(heat.attempt, 1), finished_at=now, reason="",
                finished_in=revision.scalar_subquery(),
            )  # fmt: skip
            await _add_result(db, heat.number, result)
            await _add_entries(db, heat.number, event, event_id, result, versions or {})
            if written:
                await db.execute(tables.facts.insert(), [{"heat": heat.number, **row} for row in written])
            if recording is not None:
                await db.execute(tables.recordings.insert().values(heat=heat.number, content=recording))
            await file_incidents(db, event, incidents, now=now)
            return True

    @unbroken
    async def abandon_heat(
        self,
        event_id: str,
        heat_id: str,
        reason: str,
        *,
        lease: Lease | None = None,
        attempt: int | None = None,
    ) -> None:
        """Notes that a heat came to nothing and must be raced again.

        Raises:
            LeaseLostError: If the host that raced it, as `lease` says, runs the event no more, or if this
                `attempt` at the heat is not the newest.
            RaceError: If it is finished.
            UnknownNameError: If there is no such event or heat.
        """
        async with self._data.writing() as db:
            event = await touch(db, event_id)
            await check_lease(db, event, lease)
            heat = await find_heat(db, event, event_id, heat_id)
            if heat.status == "finished":
                raise RaceError(
                    f"heat {heat_id!r} of event {event_id!r} is finished, and cannot be abandoned"
                )
            check_attempt(event_id, heat, attempt)
            await _change(db, heat.number, status="abandoned", reason=reason)

    @unbroken
    async def heats(self, event_id: str, *, newest: int | None = None) -> list[HeatRecord]:
        """The heats of an event in the order in which they first began; the newest of them if so many."""
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            asked = select(_heats).where(_heats.c.event == event).order_by(_heats.c.number.desc())
            rows = (await db.execute(asked if newest is None else asked.limit(newest))).all()
            return [_heat_record(row) for row in reversed(rows)]

    @unbroken
    async def heat(self, event_id: str, heat_id: str) -> HeatRecord:
        """One heat.

        Raises:
            UnknownNameError: If there is no such event or heat.
        """
        async with self._data.reading() as db:
            return _heat_record(await find_heat(db, await event_number(db, event_id), event_id, heat_id))

    @unbroken
    async def facts(self, event_id: str, heat_id: str) -> tuple[Fact, ...]:
        """What the referee saw in a finished heat, in order; nothing while it is not finished.

        Raises:
            UnknownNameError: If there is no such event or heat.
        """
        table = tables.facts
        async with self._data.reading() as db:
            heat = await find_heat(db, await event_number(db, event_id), event_id, heat_id)
            asked = select(table).where(table.c.heat == heat.number).order_by(table.c.position)
            return tuple(
                Fact(row.tick, row.time_us, row.kind, row.seat, json.loads(row.data_json))
                for row in await db.execute(asked)
            )

    @unbroken
    async def recording(self, event_id: str, heat_id: str) -> bytes | None:
        """A finished heat's recording; None while it is not finished, or where nobody made one.

        Raises:
            UnknownNameError: If there is no such event or heat.
        """
        table = tables.recordings
        async with self._data.reading() as db:
            heat = await find_heat(db, await event_number(db, event_id), event_id, heat_id)
            content = await db.scalar(select(table.c.content).where(table.c.heat == heat.number))
            return None if content is None else bytes(content)

    @unbroken
    async def fastest_laps(self, circuit_id: str, *, limit: int = 10) -> list[LapRecord]:
        """The fastest valid laps ever driven on a circuit, over all events; the earlier of equals first."""
        laps, entries, versions, events = tables.laps, tables.entries, tables.entry_versions, tables.events
        placed = tables.result_entries
        asked = (
            select(
                laps.c.time_us,
                laps.c.lap,
                versions.c.plan_json,
                _results.c.car,
                events.c.id.label("event_id"),
                _heats.c.id.label("heat_id"),
                _heats.c.finished_at,
            )
            .join(_results, _results.c.heat == laps.c.heat)
            .join(_heats, _heats.c.number == laps.c.heat)
            .join(events, events.c.number == _heats.c.event)
            .join(entries, entries.c.number == laps.c.entry)
            .join(placed, (placed.c.heat == laps.c.heat) & (placed.c.entry == laps.c.entry))
            .join(versions, (versions.c.entry == laps.c.entry) & (versions.c.version == placed.c.version))
            .where(_results.c.circuit == circuit_id, laps.c.valid)
            .order_by(laps.c.time_us, laps.c.heat, laps.c.entry, laps.c.lap)
            .limit(limit)
        )
        async with self._data.reading() as db:
            return [_lap_record(row) for row in await db.execute(asked)]

    async def _heat_row(self, db: AsyncConnection, event: int, plan: HeatPlan) -> AnyRow:
        """The heat's row, made if need be; the event is touched, so nobody else makes it meanwhile."""
        await db.execute(
            insert_new(db, _heats).values(
                event=event,
                id=plan.id,
                plan_json=to_json(plan),
                status="running",
                attempt=0,
                began_at=self._data.now(),
                reason="",
            )
        )
        asked = select(_heats).where(_heats.c.event == event, _heats.c.id == plan.id)
        return (await db.execute(asked)).one()


async def _change(db: AsyncConnection, heat: int, **changes: object) -> None:
    await db.execute(_heats.update().where(_heats.c.number == heat).values(**changes))


async def find_heat(
    db: AsyncConnection, event: int, event_id: str, heat_id: str, *, lock: bool = False
) -> AnyRow:
    """A heat's row; with `lock`, other writers are kept off it until the transaction ends.

    Raises:
        UnknownNameError: If the event has none with this id.
    """
    asked = select(_heats).where(_heats.c.event == event, _heats.c.id == heat_id)
    if lock:
        asked = asked.with_for_update()
    found = (await db.execute(asked)).one_or_none()
    if found is None:
        newest = select(_heats.c.id).where(_heats.c.event == event).order_by(_heats.c.number.desc()).limit(20)
        raise UnknownNameError(f"heat of event {event_id!r}", heat_id, await db.scalars(newest))
    return found


async def _add_result(db: AsyncConnection, heat: int, result: HeatResult) -> None:
    adding = _results.insert().values(
        heat=heat,
        result_json=to_json(result),
        circuit=result.circuit.id,
        car=result.car,
        behavior=result.behavior,
        state_hash=result.state_hash,
    )
    await db.execute(adding)


async def _add_entries(
    db: AsyncConnection,
    heat: int,
    event: int,
    event_id: str,
    result: HeatResult,
    versions: Mapping[str, int],
) -> None:
    entries = tables.entries
    asked = select(entries.c.id, entries.c.number, entries.c.version).where(
        entries.c.event == event, entries.c.id.in_([entry.entry_id for entry in result.entries])
    )
    known = {row.id: row for row in await db.execute(asked)}
    placed: list[dict[str, Any]] = []
    laps: list[dict[str, Any]] = []
    for entry in result.entries:
        if entry.entry_id not in known:
            raise UnknownNameError(f"entry of event {event_id!r}", entry.entry_id, known)
        row = known[entry.entry_id]
        key = {"heat": heat, "entry": row.number}
        placed.append(key | {"version": versions.get(row.id, row.version)} | _entry_row(entry))
        for number, lap in enumerate(entry.laps, 1):
            counts = lap.model_dump(include={"off_tracks", "resets", "collisions", "valid"})
            laps.append(key | {"lap": number, "time_us": _us(lap.time_s)} | counts)
    if placed:
        await db.execute(tables.result_entries.insert(), placed)
    if laps:
        await db.execute(tables.laps.insert(), laps)


def _entry_row(entry: EntryResult) -> dict[str, Any]:
    kept = entry.model_dump(include={"place", "status", "off_tracks", "resets", "collisions", "progress_pct"})
    times = {"total_us": _us(entry.total_s), "score_us": _us(entry.score_s)}
    return kept | times | {"rank_key": rank_key(entry)}


def _us(time_s: float | None) -> int | None:
    return None if time_s is None else round(time_s * 1e6)


def _fact_row(position: int, fact: Fact) -> dict[str, Any]:
    return {
        "position": position,
        "tick": fact.tick,
        "time_us": fact.time_us,
        "kind": fact.kind,
        "seat": fact.seat,
        "data_json": json.dumps(fact.data, allow_nan=False, separators=(",", ":")),
    }


def _heat_record(row: AnyRow) -> HeatRecord:
    return HeatRecord(
        plan=HeatPlan.model_validate_json(row.plan_json),
        status=row.status,
        attempt=row.attempt,
        began_at=row.began_at,
        finished_at=row.finished_at,
        reason=row.reason,
        finished_in=row.finished_in,
    )


def _lap_record(row: AnyRow) -> LapRecord:
    entry = EntryPlan.model_validate_json(row.plan_json)
    return LapRecord(
        time_s=row.time_us / 1e6,
        name=entry.name,
        agent=entry.agent,
        car=row.car,
        event_id=row.event_id,
        heat_id=row.heat_id,
        entry_id=entry.id,
        lap=row.lap,
        finished_at=row.finished_at,
    )
