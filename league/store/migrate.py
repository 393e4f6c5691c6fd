"""Brings a record book's tables up to date, in the transaction that it is given.

Migrations are the modules in `league/store/migrations/versions`, one after the other. A new one is a copy of
the last with the next number; it may change tables but must keep every row. `tables.py` then says the same as
all of them together, which a test compares.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from league.errors import RecordBookError
from league.store.tables import metadata

VERSION_TABLE = "league_version"
_FOLDER = Path(__file__).parent / "migrations"
_POSTGRES_LOCK = 0x1EA6  # any number that other programs on the same database are unlikely to lock


def script() -> ScriptDirectory:
    """The migrations that this program knows."""
    return ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER / "versions")])


def is_current(connection: Connection) -> bool:
    """Whether the tables are those of the newest migration."""
    return version_of(connection) == script().get_current_head()


def migrate(connection: Connection, *, name: str, revision: str = "head") -> None:
    """Creates or updates the tables.

    Args:
        connection: In a transaction that holds the write lock; it is not committed here.
        name: What messages call the book.
        revision: Where to stop; tests build books of earlier programs with it.

    Raises:
        RecordBookError: If a newer program wrote the book, or the database belongs to something else.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
    known = script()
    found = version_of(connection)
    if found is None:
        _refuse_foreign(connection, name)
    elif found == known.get_current_head():
        return
    elif found not in {step.revision for step in known.walk_revisions()}:
        raise RecordBookError(
            f"record book {name}: was written by a newer program (version {found} of its tables, this one "
            f"knows up to {known.get_current_head()}); update racing-league"
        )

    def steps(current: Any, _context: MigrationContext) -> Any:
        return known._upgrade_revs(revision, current)

    with EnvironmentContext(Config(), known, fn=steps, destination_rev=revision) as environment:
        environment.configure(
            connection=connection, target_metadata=metadata, version_table=VERSION_TABLE, render_as_batch=True
        )
        environment.run_migrations()


def version_of(connection: Connection) -> str | None:
    """The migration that made the tables what they are; None where there are none."""
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _refuse_foreign(connection: Connection, name: str) -> None:
    """An empty database becomes a book; one with other tables is somebody else's."""
    tables = [table for table in inspect(connection).get_table_names() if table != VERSION_TABLE]
    if tables:
        raise RecordBookError(
            f"record book {name}: is a database of something else (it has a table {min(tables)!r}), "
            "expected a record book or an empty database"
        )
