"""Everything that a league knows, as a zip of open formats, and back again.

    manifest.json                 what it is, by which program, and how many rows each table has
    tables/NAME.jsonl             each row as one JSON object, in the order of its key
    recordings/EVENT/HEAT.heat    for `league replay` and `league verify`
    models/SHA256.onnx            submitted networks; their metadata stand in tables/models.jsonl
    files/TABLE/N.bin             whatever else is no text

Times are whole microseconds since 1970 in UTC. What a row keeps in a file stands as {"file": NAME} in it.
Secrets are withheld unless they are asked for: a token that was withheld is listed, and good for nothing.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select
from sqlalchemy.exc import SQLAlchemyError

from league.errors import InputError, RecordBookError
from league.store.archive import add_rows, file_engine, rows_of, tables_of, take_over
from league.store.book import RecordBook
from league.store.migrate import migrate, version_of
from league.whole import whole

KIND: Final = "racing-league export"
VERSION: Final = 1
SECRETS: Final = {("tokens", "sha256"), ("invitations", "sha256"), ("webhooks", "secret")}
_MANIFEST: Final = "manifest.json"


async def export(book: RecordBook, file: str | os.PathLike[str], *, secrets: bool = False) -> dict[str, int]:
    """Writes everything into a zip; gives the number of rows by table.

    What is exported is of one moment, whatever is raced meanwhile.

    Args:
        book: The book.
        file: The zip; it has its name only when it is whole.
        secrets: Whether to tell the digests of tokens and invitations, and what messages are signed with.

    Raises:
        RecordBookError: If the book cannot be read or the file not be written.
    """
    path = Path(file)
    try:
        with whole(path) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as into:
            async with book._data.reading() as db:
                return await db.run_sync(lambda connection: _write(connection, into, secrets=secrets))
    except OSError as error:
        raise RecordBookError(f"{path}: cannot be written ({error.strerror or error})") from error


async def import_export(book: RecordBook, file: str | os.PathLike[str]) -> dict[str, int]:
    """Reads an export into an empty book; gives the number of rows by table.

    Raises:
        InputError: If it is no export, is damaged or from a newer program.
        NotEmptyError: If the book is not empty.
        RecordBookError: If the book cannot be written.
    """
    path = Path(file)
    try:
        with zipfile.ZipFile(path) as zipped, tempfile.TemporaryDirectory(prefix="league-import-") as folder:
            manifest = _manifest(zipped, path)
            copy = Path(folder) / "book.sqlite"
            await asyncio.to_thread(_rebuild, zipped, manifest, copy)
            await (await RecordBook.open(copy)).close()  # brings its tables up to date
            await take_over(book, copy)
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: not an export of a league ({error})") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (AttributeError, KeyError, ValueError, TypeError, SQLAlchemyError) as error:
        raise InputError(f"{path}: a damaged export ({' '.join(str(error).split())[:200]})") from None
    return {str(name): int(count) for name, count in manifest["rows"].items()}


# -- writing ---------------------------------------------------------------------------------------


def _write(db: Connection, into: zipfile.ZipFile, *, secrets: bool) -> dict[str, int]:
    counts: Counter[str] = Counter()
    named = _heat_names(db)
    for table in tables_of(db):
        counts[table.name] = 0
        lines: list[str] = []
        # A zip has one open member at a time, and files are written between the lines: lines wait.
        for row in rows_of(db, table):
            counts[table.name] += 1
            lines.append(_line(row, table.name, counts[table.name], into, named, secrets=secrets))
        into.writestr(f"tables/{table.name}.jsonl", "".join(lines))
    manifest = {
        "kind": KIND,
        "version": VERSION,
        "tables": version_of(db),
        "secrets": secrets,
        "rows": dict(counts),
    }
    into.writestr(_MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return dict(counts)


def _line(
    row: Mapping[str, Any],
    table: str,
    number: int,
    into: zipfile.ZipFile,
    named: Mapping[int, str],
    *,
    secrets: bool,
) -> str:
    told: dict[str, Any] = {}
    for column, value in row.items():
        if isinstance(value, bytes | memoryview):
            name = _file_name(table, row, number, named)
            into.writestr(name, bytes(value))
            told[column] = {"file": name}
        elif (table, column) in SECRETS and not secrets:
            told[column] = f"withheld {number}"
        else:
            told[column] = value
    return json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n"


def _file_name(table: str, row: Mapping[str, Any], number: int, named: Mapping[int, str]) -> str:
    if table == "recordings":
        return f"recordings/{named[row['heat']]}.heat"
    if table == "models":
        return f"models/{row['sha256']}.onnx"
    return f"files/{table}/{number}.bin"


def _heat_names(db: Connection) -> dict[int, str]:
    """EVENT/HEAT of every heat, by its number."""
    tables = {table.name: table for table in tables_of(db)}
    heats, events = tables["heats"], tables["events"]
    asked = select(heats.c.number, events.c.id, heats.c.id).join(events, events.c.number == heats.c.event)
    return {number: f"{event}/{heat}" for number, event, heat in db.execute(asked)}


# -- reading ---------------------------------------------------------------------------------------


def _manifest(zipped: zipfile.ZipFile, path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(zipped.read(_MANIFEST))
    except KeyError:
        raise InputError(f"{path}: not an export of a league (it has no {_MANIFEST})") from None
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise InputError(f"{path}: not an export of a league")
    if manifest["version"] != VERSION:
        raise InputError(
            f"{path}: an export of version {manifest['version']}, expected {VERSION}; update racing-league"
        )
    return manifest


def _rebuild(zipped: zipfile.ZipFile, manifest: Mapping[str, Any], file: Path) -> None:
    """The book as it was, with the tables that it had then."""
    engine = file_engine(file)
    try:
        with engine.begin() as db:
            migrate(db, name="the export", revision=str(manifest["tables"]))
            for table in tables_of(db):
                add_rows(db, table, _rows(zipped, table.name, manifest["rows"].get(table.name, 0)))
    finally:
        engine.dispose()


def _rows(zipped: zipfile.ZipFile, table: str, expected: int) -> Iterator[Mapping[str, Any]]:
    found = 0
    if expected:
        with zipped.open(f"tables/{table}.jsonl") as lines:
            for line in lines:
                found += 1
                yield {
                    column: zipped.read(value["file"]) if isinstance(value, dict) else value
                    for column, value in json.loads(line).items()
                }
    if found != expected:
        raise InputError(f"the export is damaged: {found} rows of {table}, expected {expected}")
