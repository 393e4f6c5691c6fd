"""Faults of a database, in one line that says what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from league.errors import RecordBookError
from league.racing.rules import first_problem

_SQLITE = {
    sqlite3.SQLITE_BUSY: "another program keeps it locked",
    sqlite3.SQLITE_LOCKED: "another program keeps it locked",
    sqlite3.SQLITE_CANTOPEN: "the file cannot be opened",
    sqlite3.SQLITE_CORRUPT: "the file is damaged; restore a backup",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written",
    sqlite3.SQLITE_NOTADB: "the file is not an SQLite database",
    sqlite3.SQLITE_PERM: "the file may not be opened by this user",
    sqlite3.SQLITE_READONLY: "the file or its folder is read-only",
}


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Turns what a database raises into a RecordBookError that names the book."""
    try:
        yield
    except ValidationError as error:
        raise RecordBookError(
            f"record book {name}: holds a {error.title} that this program cannot read: {first_problem(error)}"
        ) from error
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise RecordBookError(f"record book {name}: {_problem(error)}") from error
    except (OSError, TimeoutError) as error:
        problem = getattr(error, "strerror", None) or _first_line(error)
        raise RecordBookError(f"record book {name}: the database cannot be reached ({problem})") from error
    except Exception as error:
        # asyncpg's own errors come through unwrapped while it connects; it is not always installed.
        if not type(error).__module__.startswith("asyncpg."):
            raise
        raise RecordBookError(f"record book {name}: {_first_line(error)}") from error


def is_busy(error: Exception) -> bool:
    """Whether another program holds the lock that was needed."""
    return _sqlite_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_read_only(error: BaseException) -> bool:
    """Whether SQLite's connection may not write."""
    return _sqlite_code(error) == sqlite3.SQLITE_READONLY


def _sqlite_code(error: BaseException) -> int | None:
    origin = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(origin, "sqlite_errorcode", None)
    return None if code is None else code & 0xFF  # the upper bits only refine it


def _problem(error: Exception) -> str:
    origin = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    plain = _SQLITE.get(_sqlite_code(error) or 0)
    return f"{plain} ({_first_line(origin)})" if plain else _first_line(origin)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
