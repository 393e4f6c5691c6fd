"""Copies of a whole record book: into another book, and from it.

Rows are copied as the database has them, and nothing is renumbered, so a copy is equal to its source. A
backup is itself a record book in a SQLite file, whatever the source is kept in: it can be opened, raced on
with, and copied back to SQLite or PostgreSQL.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, MetaData, Table, create_engine, func, select, text
from sqlalchemy.engine import Engine

from league.errors import InputError, RecordBookError
from league.store.book import RecordBook
from league.store.faults import explained
from league.store.migrate import VERSION_TABLE, migrate
from league.whole import whole

ROWS: Final = 500
"""Rows that are read and written at once."""
LEFT_OUT: Final = ("leases",)
"""Tables that say who runs what just now, which means nothing elsewhere."""


class NotEmptyError(InputError):
    """A record book that was to be filled has something in it."""


async def backup(book: RecordBook, file: str | os.PathLike[str]) -> None:
    """Copies a book into a new SQLite file, while others go on writing into it.

    The copy is of one moment. It has its name only when it is whole and on the disk.

    Raises:
        RecordBookError: If it cannot be written, or does not hold together.
    """
    path = Path(file)
    try:
        with whole(path) as partial:
            partial.unlink(missing_ok=True)  # of a process of the same number that was killed
            with explained(str(path)):
                if book.file is not None:
                    await asyncio.to_thread(_copy_file, book.file, partial)
                else:
                    async with book._data.reading() as db:
                        await db.run_sync(lambda source: _into_file(source, partial))
            await asyncio.to_thread(_check, partial)
    except OSError as error:
        raise RecordBookError(f"{path}: cannot be written ({error.strerror or error})") from error


async def restore(book: RecordBook, file: str | os.PathLike[str]) -> None:
    """Copies a backup into an empty book.

    Raises:
        NotEmptyError: If the book is not empty.
        RecordBookError: If the backup cannot be read, or the book cannot be written.
    """
    path = Path(file)
    with tempfile.TemporaryDirectory(prefix="league-restore-") as folder:
        copy = Path(folder) / "book.sqlite"
        with explained(str(path)):
            await asyncio.to_thread(_copy_file, path, copy)
        if await asyncio.to_thread(_is_empty, copy):  # it would make an empty league
            raise RecordBookError(f"{path}: there is nothing in it, expected a backup")
        # This says what is wrong with it, and brings its tables up to date.
        await (await RecordBook.open(copy)).close()
        await take_over(book, copy)


async def take_over(book: RecordBook, file: Path) -> None:
    """Copies a book with today's tables, in a file that nobody else has open, into an empty one.

    Raises:
        NotEmptyError: If the book is not empty.
    """
    engine = file_engine(file)
    try:
        async with book._data.writing() as db:
            await db.run_sync(lambda target: _from_file(engine, target))
    finally:
        engine.dispose()


def _copy_file(source: Path, target: Path) -> None:
    """SQLite's online backup: one consistent copy, while others write (https://sqlite.org/backup.html)."""
    if not source.is_file():
        raise InputError(f"{source}: there is no such file, expected a record book")
    uri = f"{source.absolute().as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True)) as old, closing(sqlite3.connect(target)) as new:
        old.backup(new)
        new.execute("PRAGMA journal_mode = DELETE")  # one file, with nothing beside it


def is_book(file: Path) -> bool:
    """Whether a file is SQLite's own, by its first bytes (https://sqlite.org/fileformat.html, 1.3)."""
    try:
        with file.open("rb") as opened:
            return opened.read(16) == b"SQLite format 3\0"
    except OSError:
        return False


def _is_empty(file: Path) -> bool:
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def _into_file(source: Connection, target: Path) -> None:
    engine = file_engine(target)
    try:
        with engine.begin() as db:
            migrate(db, name=str(target))
            copy_rows(source, db)
    finally:
        engine.dispose()


def _from_file(engine: Engine, target: Connection) -> None:
    with engine.connect() as source:
        copy_rows(source, target)


def file_engine(file: Path) -> Engine:
    """A plain way into a book in a file of our own."""
    return create_engine(f"sqlite:///{file.absolute()}")


def _check(file: Path) -> None:
    with closing(sqlite3.connect(file)) as db:
        found = [row[0] for row in db.execute("PRAGMA integrity_check")]
        found += [f"a row of {row[0]} points nowhere" for row in db.execute("PRAGMA foreign_key_check")]
    if found != ["ok"]:
        raise RecordBookError(f"{file}: the copy does not hold together ({found[0]})")
    with file.open("rb") as copied:
        os.fsync(copied.fileno())


# -- rows ------------------------------------------------------------------------------------------


def tables_of(db: Connection) -> list[Table]:
    """The tables that a book has, those that others point at first; kept as the database says they are.

    Today's definitions would not fit a book of an earlier program.
    """
    found = MetaData()
    found.reflect(db)
    return [table for table in found.sorted_tables if table.name not in (VERSION_TABLE, *LEFT_OUT)]


def rows_of(db: Connection, table: Table) -> Iterator[dict[str, Any]]:
    """Every row of a table, in the order of its key."""
    asked = select(table).order_by(*table.primary_key.columns)
    for row in db.execution_options(yield_per=ROWS).execute(asked).mappings():
        yield {str(column): value for column, value in row.items()}


def add_rows(db: Connection, table: Table, rows: Iterator[Mapping[str, Any]]) -> None:
    """Writes rows, some at a time."""
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(dict(row))
        if len(some) == ROWS:
            db.execute(table.insert(), some)
            some = []
    if some:
        db.execute(table.insert(), some)


def copy_rows(source: Connection, target: Connection) -> None:
    """Copies everything from one book into another, empty one with the same tables.

    Raises:
        NotEmptyError: If it is not empty.
    """
    check_empty(target)
    known = {table.name: table for table in tables_of(target)}
    for table in tables_of(source):
        add_rows(target, known[table.name], rows_of(source, table))
    count_on(target)


def check_empty(db: Connection) -> None:
    """Says what is there already.

    Raises:
        NotEmptyError: If there is anything but tokens, of which a server makes itself one.
    """
    for table in tables_of(db):
        if table.name == "tokens":
            db.execute(table.delete())
            continue
        count = db.scalar(select(func.count()).select_from(table))
        if count:
            raise NotEmptyError(
                f"the record book is not empty: it has {count} {table.name.replace('_', ' ')}; "
                "expected a new one"
            )


def count_on(db: Connection) -> None:
    """Lets PostgreSQL number new rows behind those that were copied; SQLite does so by itself."""
    if db.dialect.name != "postgresql":
        return
    for table in tables_of(db):
        for column in table.primary_key.columns:
            sequence = db.scalar(
                text("SELECT pg_get_serial_sequence(:table, :column)"),
                {"table": table.name, "column": column.name},
            )
            if sequence is not None:
                newest = db.scalar(select(func.max(column)))
                db.execute(
                    text("SELECT setval(:sequence, :newest, :used)"),
                    {"sequence": sequence, "newest": newest or 1, "used": newest is not None},
                )
