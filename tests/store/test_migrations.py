"""Migrations: every book that was ever written can be opened, and none that was written later."""

from __future__ import annotations

import ast
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from league.errors import RecordBookError
from league.store import migrate as migrations
from league.store.book import RecordBook
from league.store.records import EventOptions
from league.store.tables import metadata

STEPS = [step.revision for step in reversed(list(migrations.script().walk_revisions()))]
OLD_BOOKS = Path(__file__).parent / "books"


def tables_of(where: Path, *, revision: str) -> None:
    """A book as the program of that revision began it."""
    engine = sqlalchemy.create_engine(f"sqlite:///{where}")
    with engine.begin() as connection:
        migrations.migrate(connection, name=str(where), revision=revision)
    engine.dispose()


def differences(where: Path) -> list[Any]:
    """What the tables in the file have that `tables.py` does not say, or the other way round."""
    engine = sqlalchemy.create_engine(f"sqlite:///{where}")
    with engine.connect() as connection:
        options = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        found: list[Any] = compare_metadata(context, metadata)
    engine.dispose()
    return found


def version_of(where: Path) -> str:
    with closing(sqlite3.connect(where)) as db:
        return str(db.execute(f"SELECT version_num FROM {migrations.VERSION_TABLE}").fetchone()[0])


def set_version(where: Path, version: str) -> None:
    with closing(sqlite3.connect(where)) as db:
        db.execute(f"UPDATE {migrations.VERSION_TABLE} SET version_num = ?", (version,))
        db.commit()


async def test_a_new_book_has_the_tables_that_the_program_expects(tmp_path: Path) -> None:
    where = tmp_path / "league.db"
    await (await RecordBook.open(where)).close()
    assert version_of(where) == STEPS[-1]
    assert differences(where) == []


def test_the_comparison_sees_a_difference(tmp_path: Path) -> None:
    where = tmp_path / "league.db"
    tables_of(where, revision="head")
    with closing(sqlite3.connect(where)) as db:
        db.execute("ALTER TABLE tokens DROP COLUMN last_used_at")
        db.execute("DROP INDEX ix_laps_entry")
    assert len(differences(where)) == 2


@pytest.mark.parametrize("revision", STEPS)
async def test_tables_of_every_revision_become_those_of_today(
    tmp_path: Path, revision: str, evening: Any
) -> None:
    where = tmp_path / "league.db"
    tables_of(where, revision=revision)
    async with await RecordBook.open(where) as book:
        await book.add_event(evening.event(), EventOptions())
    assert version_of(where) == STEPS[-1]
    assert differences(where) == []


@pytest.mark.parametrize("revision", STEPS)
async def test_a_book_of_every_revision_keeps_what_was_written_in_it(
    tmp_path: Path, revision: str, evening: Any
) -> None:
    where = tmp_path / "league.db"
    with closing(sqlite3.connect(where)) as db:
        db.executescript((OLD_BOOKS / f"{revision}.sql").read_text(encoding="utf-8"))
    heat = evening.heat()
    async with await RecordBook.open(where) as book:
        assert (await book.event("friday")).plan == evening.event()
        assert (await book.event("friday")).status == "running"
        assert await book.results("friday") == (evening.result(heat),)
        assert await book.facts("friday", heat.id) == tuple(evening.facts())
        assert await book.recording("friday", heat.id) == bytes(range(256))
        assert [token.name for token in await book.tokens()] == ["Anna's"]
        assert len(await book.fastest_laps("club-loop", limit=99)) == 12
        assert len(await book.notes("friday", heat.id)) == (1 if revision >= "0003" else 0)
        judged = revision >= "0005"
        assert [line.kind for line in await book.decisions("friday")] == ["penalty", "undo"] * judged
        assert [len(record.opinions) for record in await book.incidents("friday")] == [1] * judged
    assert differences(where) == []


@pytest.mark.parametrize("version", ["0999", "some other program's"])
async def test_a_book_of_a_newer_program_is_left_alone(tmp_path: Path, version: str) -> None:
    where = tmp_path / "league.db"
    await (await RecordBook.open(where)).close()
    set_version(where, version)
    with pytest.raises(RecordBookError) as refused:
        await RecordBook.open(where)
    assert str(refused.value) == (
        f"record book {where}: was written by a newer program (version {version} of its tables, this one "
        f"knows up to {STEPS[-1]}); update racing-league"
    )
    assert version_of(where) == version


async def test_a_migration_that_fails_leaves_the_book_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = tmp_path / "league.db"
    broken = tmp_path / "migrations"
    (broken / "versions").mkdir(parents=True)
    source = Path(migrations.__file__).parent / "migrations" / "versions"
    for step in source.glob("v*.py"):
        (broken / "versions" / step.name).write_text(step.read_text(encoding="utf-8"), encoding="utf-8")
    (broken / "versions" / "v9000_breaks.py").write_text(
        f"from alembic import op\nrevision = '9000'\ndown_revision = '{STEPS[-1]}'\n"
        "def upgrade():\n"
        "    op.drop_table('laps')\n"
        "    op.execute('SELECT * FROM thin_air')\n",
        encoding="utf-8",
    )
    await (await RecordBook.open(where)).close()
    with monkeypatch.context() as patched:
        patched.setattr(migrations, "_FOLDER", broken)
        with pytest.raises(RecordBookError, match="no such table: thin_air"):
            await RecordBook.open(where)
    assert version_of(where) == STEPS[-1]
    assert differences(where) == []


def test_migrations_follow_one_another_and_import_nothing_that_will_change() -> None:
    assert [f"{number:04}" for number in range(1, len(STEPS) + 1)] == STEPS
    for step in migrations.script().walk_revisions():
        for node in ast.walk(ast.parse(Path(step.path).read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            assert not [name for name in names if name.startswith("league")], step.path
