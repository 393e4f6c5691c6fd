"""Backups and exports: everything comes back as it was, on any database, while others race on."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from databases import new_book

from league.errors import InputError, RecordBookError
from league.racing.plan import EntryPlan
from league.store.archive import backup, restore
from league.store.book import RecordBook
from league.store.exchange import export, import_export
from league.store.records import ModelFiles

RECORDING = bytes(range(256)) * 9
MODEL = ModelFiles(b"\0network", '{"sensor": ["STEREO_CAMERAS"]}')


async def race(book: RecordBook, evening: Any, *, heats: int = 3) -> dict[str, str]:
    """A short season; gives its secrets."""
    await book.add_event(evening.event())
    await book.add_entry(
        "friday",
        EntryPlan(id="net", name="Net \N{RACING CAR}"),
        source="model.onnx",
        model=MODEL,
        hosted=True,
    )
    token = await book.issue_token("entry", name="net's", event_id="friday", entry_id="net")
    for number in range(heats):
        heat = evening.heat(f"heat-{number}")
        await book.begin_heat("friday", heat)
        await book.finish_heat(
            "friday", heat, evening.result(heat), evening.facts(), RECORDING + bytes([number])
        )
    await book.begin_heat("friday", evening.heat("cut-off"))
    return {"token": token}


async def contents(book: RecordBook) -> Any:
    """What a league's pages show."""
    heats = await book.heats("friday")
    finished = [heat.plan.id for heat in heats if heat.status == "finished"]
    return {
        "events": await book.events(),
        "heats": heats,
        "results": await book.results("friday"),
        "facts": [await book.facts("friday", heat) for heat in finished],
        "recordings": [await book.recording("friday", heat) for heat in finished],
        "model": await book.entry_source("friday", "net"),
        "laps": await book.fastest_laps("club-loop", limit=99),
        "tokens": await book.tokens(),
    }


def left_half(folder: Path) -> list[str]:
    """Files that were never finished."""
    return [path.name for path in folder.iterdir() if "partial" in path.name]


async def test_a_backup_is_a_book_with_everything_in_it(
    book: RecordBook, evening: Any, tmp_path: Path
) -> None:
    secrets = await race(book, evening)
    await backup(book, tmp_path / "copy.sqlite")
    assert left_half(tmp_path) == []
    async with await RecordBook.open(tmp_path / "copy.sqlite") as copy:
        assert await contents(copy) == await contents(book)
        assert await copy.token(secrets["token"]) is not None


async def test_what_was_restored_goes_on_where_it_was(book: RecordBook, evening: Any, tmp_path: Path) -> None:
    await race(book, evening)
    before = await contents(book)
    await backup(book, tmp_path / "copy.sqlite")
    async with new_book() as other:
        await restore(other, tmp_path / "copy.sqlite")
        assert await contents(other) == before
        heat = evening.heat("cut-off")
        assert await other.begin_heat("friday", heat) == 2
        assert await other.finish_heat("friday", heat, evening.result(heat), (), b"new")
        await other.add_event(evening.event("saturday"))
        assert [event.plan.id for event in await other.events()] == ["friday", "saturday"]
        with pytest.raises(
            InputError, match="the record book is not empty: it has 2 events; expected a new one"
        ):
            await restore(other, tmp_path / "copy.sqlite")


@pytest.mark.slow
async def test_a_backup_while_heats_are_finished_holds_whole_heats(
    book_url: str, evening: Any, tmp_path: Path
) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(evening.event())

        async def racing() -> None:
            for number in range(15):
                heat = evening.heat(f"heat-{number}")
                await book.finish_heat("friday", heat, evening.result(heat), evening.facts(), RECORDING)

        async def saving() -> None:
            async with await RecordBook.open(book_url) as other:
                for number in range(2):
                    await backup(other, tmp_path / f"copy-{number}.sqlite")
                    await export(other, tmp_path / f"copy-{number}.zip")

        await asyncio.gather(racing(), saving())
    for number in range(2):
        async with await RecordBook.open(tmp_path / f"copy-{number}.sqlite") as copy:
            await check_whole(copy, evening)
        async with await RecordBook.open(tmp_path / f"import-{number}.sqlite") as copy:
            await import_export(copy, tmp_path / f"copy-{number}.zip")
            await check_whole(copy, evening)


async def check_whole(book: RecordBook, evening: Any) -> None:
    heats = [heat.plan.id for heat in await book.heats("friday")]
    assert heats == [f"heat-{number}" for number in range(len(heats))]
    assert len(await book.results("friday")) == len(heats)
    for heat in heats:
        assert await book.recording("friday", heat) == RECORDING
        assert await book.facts("friday", heat) == tuple(evening.facts())


async def test_an_export_comes_back_with_equal_results_and_recordings_byte_for_byte(
    book: RecordBook, evening: Any, tmp_path: Path
) -> None:
    await race(book, evening)
    counts = await export(book, tmp_path / "league.zip")
    assert (counts["events"], counts["results"], counts["recordings"], counts["models"]) == (1, 3, 3, 1)
    before = await contents(book)
    async with new_book() as other:
        assert await import_export(other, tmp_path / "league.zip") == counts
        assert await contents(other) == before
        await export(other, tmp_path / "again.zip")
    with zipfile.ZipFile(tmp_path / "league.zip") as one, zipfile.ZipFile(tmp_path / "again.zip") as two:
        assert {name: one.read(name) for name in one.namelist()} == {
            name: two.read(name) for name in two.namelist()
        }


async def test_an_export_is_open_and_withholds_secrets(
    book: RecordBook, evening: Any, tmp_path: Path
) -> None:
    secrets = await race(book, evening)
    await export(book, tmp_path / "open.zip")
    await export(book, tmp_path / "all.zip", secrets=True)
    with zipfile.ZipFile(tmp_path / "open.zip") as zipped:
        assert zipped.read("recordings/friday/heat-1.heat") == RECORDING + b"\1"
        assert zipped.read(f"models/{MODEL.sha256}.onnx") == MODEL.onnx
        (token,) = [json.loads(line) for line in zipped.read("tables/tokens.jsonl").splitlines()]
        assert token["sha256"] == "withheld 1"
    async with new_book() as other:
        await import_export(other, tmp_path / "open.zip")
        assert await other.token(secrets["token"]) is None
        assert [token.name for token in await other.tokens()] == ["net's"]
    async with new_book() as other:
        await import_export(other, tmp_path / "all.zip")
        assert await other.token(secrets["token"]) is not None


@pytest.mark.parametrize("revision", ["0001", "0003", "0005"])
async def test_a_backup_of_an_earlier_program_is_restored_and_stays_as_it_is(
    revision: str, tmp_path: Path
) -> None:
    old = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(old)) as db:
        db.executescript((Path(__file__).parent / "books" / f"{revision}.sql").read_text(encoding="utf-8"))
    kept = old.read_bytes()
    async with new_book() as book:
        await restore(book, old)
        assert await book.events()
    assert old.read_bytes() == kept


@pytest.mark.parametrize(
    ("spoil", "line"),
    [
        (lambda path: path.unlink(), "cannot be read"),
        (lambda path: path.write_bytes(b"PK not at all"), "not an export of a league"),
        (lambda path: zipfile.ZipFile(path, "w").close(), "not an export of a league"),
        (lambda path: without(path, "tables/laps.jsonl"), "a damaged export"),
        (lambda path: without(path, "recordings/friday/heat-1.heat"), "a damaged export"),
        (lambda path: changed(path, "tables/laps.jsonl", b""), "damaged: 0 rows of laps, expected 36"),
        (lambda path: changed(path, "tables/laps.jsonl", b"[]\n"), "damaged"),
        (
            lambda path: changed(path, "manifest.json", b'{"kind": "racing-league export", "version": 9}'),
            "update",
        ),
    ],
)
async def test_a_damaged_export_ends_in_one_line_and_an_empty_book(
    spoil: Any, line: str, evening: Any, tmp_path: Path
) -> None:
    async with await RecordBook.open(":memory:") as book:
        await race(book, evening)
        await export(book, tmp_path / "league.zip")
    spoil(tmp_path / "league.zip")
    async with await RecordBook.open(":memory:") as book:
        with pytest.raises(InputError, match=line) as raised:
            await import_export(book, tmp_path / "league.zip")
        assert "\n" not in str(raised.value)
        assert await book.events() == []


async def test_a_backup_that_cannot_be_written_leaves_nothing_behind(
    book: RecordBook, evening: Any, tmp_path: Path
) -> None:
    await race(book, evening)
    for write in (backup, export):
        with pytest.raises(RecordBookError, match="cannot be"):
            await write(book, tmp_path / "no-such-folder" / "copy")
    (tmp_path / "text").write_text("no book", encoding="utf-8")
    async with new_book() as other:
        with pytest.raises(RecordBookError, match="not an SQLite database"):
            await restore(other, tmp_path / "text")


def without(path: Path, name: str) -> None:
    rewrite(path, lambda member, content: None if member == name else content)


def changed(path: Path, name: str, into: bytes) -> None:
    rewrite(path, lambda member, content: into if member == name else content)


def rewrite(path: Path, change: Any) -> None:
    old = path.with_suffix(".old")
    shutil.move(path, old)
    with zipfile.ZipFile(old) as source, zipfile.ZipFile(path, "w") as target:
        for member in source.namelist():
            if (content := change(member, source.read(member))) is not None:
                target.writestr(member, content)
