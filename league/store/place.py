"""Where a record book is kept: from what the user wrote to a database that can be opened.

Every connection to SQLite keeps foreign keys, waits for other writers, and syncs each commit to the disk
before it returns. The write-ahead log alone would survive a killed process with synchronous=NORMAL; FULL is
for the plug that is pulled on the evening of a final: a result that was announced must still be there. A heat
commits once in tens of seconds, so the few milliseconds of a sync are never felt.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, AsyncAdaptedQueuePool, Connection, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from league.errors import ConfigError, RecordBookError
from league.store.faults import is_read_only

BEGIN = "league_begin"
"""Execution option of a connection to SQLite: how its transactions begin; None for no transaction."""

_FORMS = "expected a file, sqlite:///FILE, :memory: or postgresql://USER@HOST/DATABASE"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a book is: its database URL, and the name that messages use."""

    url: URL
    name: str

    @property
    def on_postgres(self) -> bool:
        """Whether it is kept by a PostgreSQL server."""
        return self.url.get_backend_name() == "postgresql"

    @property
    def file(self) -> Path | None:
        """The SQLite file; None if it is not kept in one."""
        if self.on_postgres or self.url.database is None:
            return None
        return Path(self.url.database)


def find(where: str | os.PathLike[str]) -> Place:
    """What the user means by a path or a URL.

    Raises:
        ConfigError: If it names no database that a book can be kept in.
    """
    text = os.fspath(where)
    if text in (":memory:", "sqlite://", "sqlite:///:memory:", "sqlite+aiosqlite://"):
        return Place(URL.create("sqlite+aiosqlite"), ":memory:")
    if not re.match(r"[A-Za-z][A-Za-z0-9+]*://", text):
        return _in_file(text)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        raise ConfigError(f"record book {_without_password(text)!r}: not a database URL; {_FORMS}") from None
    if url.drivername in ("sqlite", "sqlite+aiosqlite"):
        if url.host or "?" in text:
            raise ConfigError(
                f"record book {text!r}: expected three slashes and a file without options, or four slashes "
                "for a path from the root"
            )
        return find(":memory:") if url.database in (None, ":memory:") else _in_file(str(url.database))
    if url.drivername in ("postgresql", "postgres", "postgresql+asyncpg"):
        return _on_server(url)
    raise ConfigError(f"record book {url.render_as_string(hide_password=True)!r}: {_FORMS}")


def _on_server(url: URL) -> Place:
    name = url.render_as_string(hide_password=True)
    if strange := sorted(set(url.query) - {"host", "port", "ssl", "sslmode"}):
        raise ConfigError(f"record book {name}: option {strange[0]!r}, expected host, port or sslmode")
    # What every other program calls sslmode, asyncpg calls ssl.
    query = {"ssl" if option == "sslmode" else option: value for option, value in url.query.items()}
    return Place(url.set(drivername="postgresql+asyncpg", query=query), name)


def _in_file(path: str) -> Place:
    if not path or "\0" in path:
        raise ConfigError(f"record book {path!r}: {_FORMS}")
    # An absolute path also keeps SQLite from reading "file:…" as an address of its own.
    return Place(URL.create("sqlite+aiosqlite", database=str(Path(path).expanduser().absolute())), path)


def _without_password(text: str) -> str:
    return re.sub(r"//([^/@]*):[^@]*@", r"//\1:***@", text)


def check_file(place: Place) -> None:
    """Says in plain words what the operating system has against the file.

    SQLite has one sentence for all of it. What passes here may still fail there.

    Raises:
        RecordBookError: If the file cannot be opened for writing.
    """
    path = place.file
    if path is None:
        return
    try:
        if path.is_dir():
            raise RecordBookError(f"record book {place.name}: is a folder, expected a file")
        if not path.parent.is_dir():
            raise RecordBookError(f"record book {place.name}: there is no folder {str(path.parent)!r}")
        needs = [(path.parent, os.W_OK | os.X_OK, "its folder is read-only")]
        if path.exists():
            needs += [(path, os.R_OK, "the file may not be read"), (path, os.W_OK, "the file is read-only")]
        for what, mode, problem in needs:
            if not os.access(what, mode, effective_ids=os.access in os.supports_effective_ids):
                raise RecordBookError(f"record book {place.name}: {problem} for this user ({what})")
    except OSError as error:
        raise RecordBookError(f"record book {place.name}: {error.strerror or error}") from error


def connect(place: Place, *, patience_s: float) -> AsyncEngine:
    """An engine for the place; nothing is opened yet.

    Raises:
        ConfigError: If its driver is not installed.
    """
    settings: dict[str, Any] = {}
    if place.on_postgres:
        settings = {"pool_pre_ping": True, "connect_args": {"timeout": patience_s}}
    else:
        settings = {"connect_args": {"timeout": patience_s}, "poolclass": AsyncAdaptedQueuePool}
        if place.file is None:  # every connection would be another, empty book: so there is only one
            settings |= {"pool_size": 1, "max_overflow": 0, "pool_timeout": patience_s}
    try:
        engine = create_async_engine(place.url, **settings)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"record book {place.name}: PostgreSQL needs {error.name}; "
            "install it with: pip install 'racing-league[postgres]'"
        ) from None
    if not place.on_postgres:
        event.listen(engine.sync_engine, "connect", _set_up)
        event.listen(engine.sync_engine, "begin", _begin)
        event.listen(engine.sync_engine, "handle_error", _let_go)
    return engine


def _set_up(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions begin in _begin, not where the driver guesses
    cursor = connection.cursor()
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "journal_size_limit = 67108864"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    statement = connection.get_execution_options().get(BEGIN, "BEGIN")
    if statement is not None:
        connection.exec_driver_sql(statement)


def _let_go(context: ExceptionContext) -> None:
    """Open the file anew: a connection made while it was read-only stays so when it is writable again."""
    if is_read_only(context.original_exception):
        context.is_disconnect = True
