"""The record book's page of seasons: which events count, and for what.

A season holds no result: those are the events', with their ledgers, and nothing here can touch them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.errors import InputError, RaceError, UnknownNameError
from league.racing.championship import SeasonPlan
from league.store import tables
from league.store.events import event_number
from league.store.names import check_id
from league.store.texts import to_json
from league.store.transactions import AnyRow, Transactions, insert_new, unbroken

_seasons, _links, _events = tables.seasons, tables.season_events, tables.events


@dataclass(frozen=True, slots=True)
class SeasonRecord:
    """A season as the book has it.

    Args:
        plan: What it counts, with its events.
        revision: Grows with every edit.
        created_at: When it was added.
    """

    plan: SeasonPlan
    revision: int
    created_at: datetime


class SeasonPages:
    """Seasons and their events."""

    _data: Transactions

    @unbroken
    async def add_season(self, plan: SeasonPlan) -> SeasonRecord:
        """Adds a season.

        Raises:
            InputError: There is one with this id, or the id is none.
            UnknownNameError: It names an event that there is not.
        """
        check_id("season", plan.id)
        async with self._data.writing() as db:
            adding = insert_new(db, _seasons).values(
                id=plan.id,
                plan_json=to_json(plan, leave_out={"events"}),
                revision=1,
                created_at=self._data.now(),
            )
            number = await db.scalar(adding.returning(_seasons.c.number))
            if number is None:
                raise InputError(f"season {plan.id!r}: there is a season with this id")
            await _link(db, int(number), plan.events)
            return await _season(db, plan.id)

    @unbroken
    async def edit_season(self, plan: SeasonPlan, *, expected: int | None = None) -> SeasonRecord:
        """Puts another plan in a season's place, its events included.

        Args:
            plan: The whole plan.
            expected: The revision that was looked at; None does not mind.

        Raises:
            RaceError: Somebody else edited it meanwhile.
            UnknownNameError: There is no such season, or an event of it is not there.
        """
        async with self._data.writing() as db:
            changing = (
                _seasons.update()
                .where(_seasons.c.id == plan.id)
                .values(revision=_seasons.c.revision + 1, plan_json=to_json(plan, leave_out={"events"}))
                .returning(_seasons.c.number, _seasons.c.revision)
            )
            row = (await db.execute(changing)).one_or_none()
            if row is None:
                raise await _unknown(db, plan.id)
            if expected is not None and row.revision != expected + 1:
                raise RaceError(
                    f"season {plan.id!r}: found revision {row.revision - 1}, expected {expected}; look again"
                )
            await db.execute(_links.delete().where(_links.c.season == row.number))
            await _link(db, row.number, plan.events)
            return await _season(db, plan.id)

    @unbroken
    async def season(self, season_id: str) -> SeasonRecord:
        """One season.

        Raises:
            UnknownNameError: There is none with this id.
        """
        async with self._data.reading() as db:
            return await _season(db, season_id)

    @unbroken
    async def seasons(self) -> list[SeasonRecord]:
        """Every season, oldest first."""
        async with self._data.reading() as db:
            ids = (await db.scalars(select(_seasons.c.id).order_by(_seasons.c.number))).all()
            return [await _season(db, season_id) for season_id in ids]

    @unbroken
    async def metadata_of(self, event_id: str) -> dict[str, str]:
        """The model_metadata.json of every entry of an event that is a model, in the version that races.

        Raises:
            UnknownNameError: There is no such event.
        """
        entries, versions, models = tables.entries, tables.entry_versions, tables.models
        async with self._data.reading() as db:
            event = await event_number(db, event_id)
            asked = (
                select(entries.c.id, models.c.metadata_json)
                .join(
                    versions,
                    (versions.c.entry == entries.c.number) & (versions.c.version == entries.c.version),
                )
                .join(models, models.c.sha256 == versions.c.model)
                .where(entries.c.event == event)
            )
            return {row.id: row.metadata_json for row in await db.execute(asked)}


async def _season(db: AsyncConnection, season_id: str) -> SeasonRecord:
    row: AnyRow | None = (await db.execute(select(_seasons).where(_seasons.c.id == season_id))).one_or_none()
    if row is None:
        raise await _unknown(db, season_id)
    asked = select(_events.c.id).join(_links).where(_links.c.season == row.number)
    events = (await db.scalars(asked.order_by(_links.c.position))).all()
    plan = SeasonPlan.model_validate_json(row.plan_json)
    return SeasonRecord(plan.model_copy(update={"events": tuple(events)}), row.revision, row.created_at)


async def _link(db: AsyncConnection, season: int, events: Sequence[str]) -> None:
    if not events:
        return
    rows = [
        {"season": season, "event": await event_number(db, event_id), "position": position}
        for position, event_id in enumerate(events, 1)
    ]
    await db.execute(_links.insert(), rows)


async def _unknown(db: AsyncConnection, season_id: str) -> UnknownNameError:
    newest = select(_seasons.c.id).order_by(_seasons.c.number.desc()).limit(20)
    return UnknownNameError("season", season_id, await db.scalars(newest))
