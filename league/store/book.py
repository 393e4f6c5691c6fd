"""The record book: what was entered and raced, kept in a database.

One method is one transaction: it happens whole or not at all. The methods are in `events`, `heats`,
`timing`, `tokens`, `people` and `audit`; the values that they take and give are in `records`.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import SQLAlchemyError

from league.store import place as places
from league.store.attempts import AttemptPages
from league.store.audit import AuditPages
from league.store.decisions import DecisionPages
from league.store.faults import explained, is_busy
from league.store.heats import HeatPages
from league.store.leases import LeasePages
from league.store.migrate import is_current, migrate
from league.store.people import PeoplePages
from league.store.ratings import RatingPages
from league.store.runs import RunPages
from league.store.seasons import SeasonPages
from league.store.tally import TallyPages
from league.store.timing import TimingPages
from league.store.tokens import TokenPages
from league.store.transactions import Clock, Transactions, unbroken, wall_clock
from league.store.webhooks import WebhookPages

__all__ = ["RecordBook"]


class RecordBook(
    DecisionPages,
    AttemptPages,
    HeatPages,
    LeasePages,
    TimingPages,
    TokenPages,
    PeoplePages,
    AuditPages,
    WebhookPages,
    SeasonPages,
    RatingPages,
    TallyPages,
    RunPages,
):
    """Events, entries, heats, results, facts, recordings, timing, people and tokens of one league.

    Several programs may have the same book open. Use `open`, then `close`, or `async with`.
    """

    def __init__(self, data: Transactions) -> None:
        self._data = data

    @classmethod
    async def open(
        cls, where: str | os.PathLike[str], *, patience_s: float = 10.0, clock: Clock = wall_clock
    ) -> Self:
        """Opens a book, or starts one where there is none, and brings its tables up to date.

        Args:
            where: A file, "sqlite:///FILE", ":memory:" or "postgresql://USER@HOST/DATABASE".
            patience_s: How long to wait for another program's lock.
            clock: Gives the time now, aware and in UTC.

        Raises:
            ConfigError: If `where` names nothing that a book can be kept in.
            RecordBookError: If it cannot be opened, is no record book, or comes from a newer program.
        """
        place = places.find(where)
        await asyncio.to_thread(places.check_file, place)
        data = Transactions(place, places.connect(place, patience_s=patience_s), clock=clock)
        try:
            if place.file is not None:
                await _use_write_ahead_log(data, patience_s=patience_s)
            await _update_tables(data)
        except BaseException:
            await data.close()
            raise
        return cls(data)

    @property
    def name(self) -> str:
        """What messages call this book: its file, or its URL without the password."""
        return self._data.name

    @property
    def file(self) -> Path | None:
        """The SQLite file that it is kept in; None for one on a server, or in memory."""
        return self._data.place.file

    @property
    def on_postgres(self) -> bool:
        """Whether it is kept by a PostgreSQL server, so that several race hosts may share it."""
        return self._data.place.on_postgres

    async def close(self) -> None:
        """Lets go of the database; closing twice is fine."""
        await self._data.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


@unbroken
async def _use_write_ahead_log(data: Transactions, *, patience_s: float) -> None:
    """Lets readers and the writer work side by side; the file remembers it.

    SQLite does not wait for other programs when it changes this, so we do.
    """
    until = time.monotonic() + patience_s
    while True:
        try:
            await data.outside_transactions("PRAGMA journal_mode = WAL")
            return
        except SQLAlchemyError as error:
            if not is_busy(error) or time.monotonic() > until:
                with explained(data.name):
                    raise
        await asyncio.sleep(0.02)


@unbroken
async def _update_tables(data: Transactions) -> None:
    async with data.reading() as db:  # most books need nothing, and then nobody's lock is in the way
        if await db.run_sync(is_current):
            return
    async with data.writing() as db:
        await db.run_sync(lambda connection: migrate(connection, name=data.name))
