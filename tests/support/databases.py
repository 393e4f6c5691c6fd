"""Databases for tests: with LEAGUE_TEST_POSTGRES set to the URL of one, every book is tried there, too.

The user of that URL must be allowed to create databases: every book gets one of its own, so that tests may
run side by side. Tests that open a book run once for each kind, by the fixture `kept_in` in
`tests/conftest.py`.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from sqlalchemy import Pool, event

from league.store.book import RecordBook

POSTGRES = os.environ.get("LEAGUE_TEST_POSTGRES", "")
KINDS = ("sqlite", "postgres") if POSTGRES else ("sqlite",)

kept_in = "sqlite"
"""Where the test that runs now keeps its books."""

_numbers = itertools.count(1)
_templates: list[str] = []
_tables: list[str] = []


@asynccontextmanager
async def new_book(**options: Any) -> AsyncIterator[RecordBook]:
    """An empty record book, open; gone when the block ends."""
    if kept_in == "postgres":
        async with begun_book() as where, await RecordBook.open(where, **options) as book:
            yield book
        return
    if not _tables:
        _tables.append(await _tables_of_a_book())
    with _begun():
        book = await RecordBook.open(":memory:", **options)
    async with book:
        yield book


async def _tables_of_a_book() -> str:
    """What makes the tables of a book, as SQL: quicker than all the steps that led to them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "empty.sqlite"
        await (await RecordBook.open(file)).close()
        with closing(sqlite3.connect(file)) as db:
            return "\n".join(db.iterdump())


@contextmanager
def _begun() -> Iterator[None]:
    """Inside the block, a book in memory has its tables as soon as it is connected to."""

    def lay(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA database_list")
        in_memory = not cursor.fetchone()[2]
        cursor.close()
        if in_memory:
            connection.run_async(lambda driver: driver.executescript(_tables[0]))

    event.listen(Pool, "connect", lay)
    try:
        yield
    finally:
        event.remove(Pool, "connect", lay)


@asynccontextmanager
async def book_place(folder: Path) -> AsyncIterator[str]:
    """Where an empty book may be made, closed, and opened again."""
    if kept_in == "sqlite":
        yield str(folder / "league.sqlite")
        return
    async with postgres_database() as url:
        yield url


@asynccontextmanager
async def postgres_database(*, template: str = "template0") -> AsyncIterator[str]:
    """A database that is gone when the block ends; empty unless it is made from another."""
    url, name = _another()
    await _order(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    try:
        yield url
    finally:
        await _order(f'DROP DATABASE "{name}" WITH (FORCE)')


@asynccontextmanager
async def begun_book() -> AsyncIterator[str]:
    """A database that has a book's tables already, with nothing in them: quicker than making them."""
    if not _templates:
        url, name = _another()
        await _order(f'CREATE DATABASE "{name}" TEMPLATE template0')
        await (await RecordBook.open(url)).close()
        _templates.append(name)
    async with postgres_database(template=_templates[0]) as url:
        yield url


async def forget_templates() -> None:
    """Remove what `begun_book` made its databases from."""
    while _templates:
        await _order(f'DROP DATABASE "{_templates.pop()}" WITH (FORCE)')


def _another() -> tuple[str, str]:
    parts = urlsplit(POSTGRES)
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    name = f"{parts.path[1:]}_{worker}_{os.getpid()}_{next(_numbers)}"
    return urlunsplit(parts._replace(path=f"/{name}")), name


async def _order(statement: str) -> None:
    import asyncpg  # not everybody has it

    connection: Any = await asyncpg.connect(POSTGRES)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
