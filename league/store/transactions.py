"""Transactions: the one way in which the record book reads and writes its database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sqlalchemy import Row, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from league.store.faults import explained
from league.store.place import BEGIN, Place

AnyRow = Row[*tuple[Any, ...]]
Clock = Callable[[], datetime]
FAREWELL_S = 10.0
"""How long closing waits for what is under way."""


def wall_clock() -> datetime:
    """The time now, in UTC; the only place where the record book looks at a clock."""
    return datetime.now(UTC)


class Transactions:
    """A database, as transactions that either happen whole or not at all."""

    def __init__(self, place: Place, engine: AsyncEngine, *, clock: Clock) -> None:
        self.place, self.name = place, place.name
        self.now = clock
        self._engine = engine
        if place.on_postgres:
            self._reader = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
            self._writer = engine
        else:
            self._reader = engine
            # A writer that begins as a reader cannot wait for another writer: SQLite fails it at once.
            self._writer = engine.execution_options(**{BEGIN: "BEGIN IMMEDIATE"})
        # SQLite has one writer at a time and no queue for the others: ours is fair and needs no polling.
        self._turn: AbstractAsyncContextManager[None] = nullcontext() if place.on_postgres else asyncio.Lock()
        self._under_way = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One consistent view of the database."""
        with explained(self.name), self._at_work():
            async with self._reader.connect() as db:
                yield db

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed when the block ends, undone when it raises."""
        with explained(self.name), self._at_work():
            async with self._turn, self._writer.begin() as db:
                yield db

    async def outside_transactions(self, statement: str) -> None:
        """Runs what SQLite refuses inside a transaction; errors come as SQLAlchemy raises them."""
        async with self._engine.execution_options(**{BEGIN: None}).connect() as db:
            await db.exec_driver_sql(statement)

    @contextmanager
    def _at_work(self) -> Iterator[None]:
        self._under_way += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._under_way -= 1
            if not self._under_way:
                self._idle.set()

    async def close(self) -> None:
        """Lets go of the database, once what is under way has ended.

        A connection that is in use when its pool is disposed of would be closed by nobody.
        """
        with explained(self.name):
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL_S):
                    await self._idle.wait()
            await self._engine.dispose()


P = ParamSpec("P")
R = TypeVar("R")


def unbroken(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Lets a method that was begun run to its end even if whoever called it is cancelled meanwhile.

    The caller is cancelled once the method is through. Cut off in the middle, a statement would go on in
    SQLite's thread and keep the write lock until its remains happen to be collected.
    """

    @wraps(method)
    async def to_the_end(*args: P.args, **kwargs: P.kwargs) -> R:
        task = asyncio.create_task(method(*args, **kwargs))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            while not task.done():
                with suppress(asyncio.CancelledError):  # asking again does not make it faster
                    await asyncio.wait([task])
            if not task.cancelled():
                task.exception()  # nobody is left to be told
            raise

    return to_the_end


def insert_new(db: AsyncConnection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An INSERT that leaves an existing row alone; RETURNING then gives nothing."""
    if db.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
