"""Opening a record book: where it may be, and what is said when it cannot be opened."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from league.errors import ConfigError, LeagueError, RecordBookError
from league.store.book import RecordBook
from league.store.records import EventOptions
from league.store.transactions import wall_clock

NOBODY = 65534


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def refusal(where: str | Path, *, patience_s: float = 0.1) -> str:
    """The one line with which a book is refused."""
    with pytest.raises(LeagueError) as refused:
        await RecordBook.open(where, patience_s=patience_s)
    assert isinstance(refused.value, RecordBookError | ConfigError)
    line = str(refused.value)
    assert "\n" not in line
    assert len(line) < 300
    return line


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("{}", "league.db"),
        ("{}", 'our league\'s 100% "best" #1?.db'),
        ("{}", "file:league.db?mode=memory"),
        ("sqlite:///{}", 'our league\'s 100% "best" #1.db'),
        ("sqlite+aiosqlite:///{}", "ligä-🏎️"),
    ],
)
async def test_a_book_is_where_it_was_left(tmp_path: Path, evening: Any, form: str, name: str) -> None:
    where = form.format(tmp_path / name)
    async with await RecordBook.open(where) as book:
        await book.add_event(evening.event(), EventOptions())
    assert files_in(tmp_path) == [name]
    async with await RecordBook.open(tmp_path / name) as book:
        assert (await book.event("friday")).plan == evening.event()


async def test_a_relative_path_is_looked_up_from_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for where in ("a.db", "sqlite:///b.db", "./c.db"):
        await (await RecordBook.open(where)).close()
    assert files_in(tmp_path) == ["a.db", "b.db", "c.db"]


@pytest.mark.parametrize("where", [":memory:", "sqlite://", "sqlite:///:memory:"])
async def test_a_book_in_memory_serves_many_at_once_and_leaves_nothing(
    where: str, evening: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with await RecordBook.open(where) as book:
        await asyncio.gather(*(book.add_event(evening.event(f"e{n}")) for n in range(20)))
        counts = await asyncio.gather(*(book.events() for _ in range(20)))
        assert {len(events) for events in counts} == {20}
    assert files_in(tmp_path) == []


@pytest.mark.parametrize(
    ("where", "problem"),
    [
        ("", "expected a file, sqlite:///FILE"),
        ("mysql://root:secret@host/league", "'mysql://root:***@host/league': expected a file"),
        ("http://host/league", "expected a file"),
        ("postgresql://user:secret@host:port/league", r"//user:\*\*\*@host.*not a database URL"),
        (
            "postgresql://user:secret@host/league?sslmod=require",
            "option 'sslmod', expected host, port or sslmode",
        ),
        ("sqlite://folder/league.db", "expected three slashes"),
        ("sqlite:///league.db?mode=ro", "without options"),
        ("sqlite:///what?.db", "without options"),
        ("a\0b", "expected a file"),
    ],
)
async def test_what_names_no_book_is_refused(where: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=problem.replace("***", r"\*\*\*")) as refused:
        await RecordBook.open(where)
    assert "secret" not in str(refused.value)


async def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    pytest.importorskip("asyncpg")
    line = await refusal("postgresql://anna:secret@127.0.0.1:9/league?sslmode=disable")
    assert "//anna:***@127.0.0.1:9/league" in line
    assert "the database cannot be reached" in line


async def test_postgres_without_its_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "asyncpg", None)
    with pytest.raises(ConfigError, match=r"pip install 'racing-league\[postgres\]'") as refused:
        await RecordBook.open("postgresql://anna:secret@localhost/league")
    assert "secret" not in str(refused.value)


async def test_a_folder_is_no_book(tmp_path: Path) -> None:
    assert await refusal(tmp_path) == f"record book {tmp_path}: is a folder, expected a file"


async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    where = tmp_path / "gone" / "league.db"
    assert await refusal(where) == f"record book {where}: there is no folder {str(where.parent)!r}"


@pytest.mark.parametrize("content", [b"name,lap\nanna,9.2\n" * 100, b"SQLite format 2\0" + bytes(2000)])
async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes) -> None:
    where = tmp_path / "league.db"
    where.write_bytes(content)
    assert "the file is not an SQLite database" in await refusal(where)
    assert where.read_bytes() == content


async def test_somebody_elses_database_is_left_alone(tmp_path: Path) -> None:
    where = tmp_path / "contacts.db"
    with closing(sqlite3.connect(where)) as db:
        db.execute("CREATE TABLE people (name)")
    assert f"{where}: is a database of something else (it has a table 'people')" in await refusal(where)
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("people",)]


async def test_an_empty_file_becomes_a_book(tmp_path: Path) -> None:
    where = tmp_path / "league.db"
    where.touch()
    async with await RecordBook.open(where) as book:
        assert await book.events() == []


async def test_a_damaged_book_says_so(tmp_path: Path, evening: Any) -> None:
    where = tmp_path / "league.db"
    async with await RecordBook.open(where) as book:
        await book.add_event(evening.event(), EventOptions())
    content = bytearray(where.read_bytes())
    content[4096:] = b"\x55" * (len(content) - 4096)
    where.write_bytes(content)
    assert "the file is damaged; restore a backup" in await refusal(where)


async def test_a_book_that_somebody_keeps_locked_is_not_waited_for_forever(
    tmp_path: Path, evening: Any
) -> None:
    where = tmp_path / "league.db"
    async with await RecordBook.open(where, patience_s=0.1) as book:
        with closing(sqlite3.connect(where, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(RecordBookError, match=f"{where}: another program keeps it locked"):
                await book.add_event(evening.event(), EventOptions())
            assert await book.events() == []
            async with await RecordBook.open(where, patience_s=0.1) as reader:
                assert await reader.events() == []
        await book.add_event(evening.event(), EventOptions())


async def test_a_new_book_that_somebody_keeps_locked_is_refused(tmp_path: Path) -> None:
    where = tmp_path / "league.db"
    with closing(sqlite3.connect(where, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert "another program keeps it locked" in await refusal(where)
    await (await RecordBook.open(where)).close()


@pytest.fixture
async def plain_user() -> AsyncIterator[Path]:
    """A folder of a user for whom permissions count, who we are meanwhile: root may write everywhere."""
    # What is imported only when a book is opened may lie where only root may look.
    await (await RecordBook.open(":memory:")).close()
    root = os.geteuid() == 0
    with tempfile.TemporaryDirectory() as name:
        if root:
            os.chown(name, NOBODY, -1)
            os.seteuid(NOBODY)
        try:
            yield Path(name)
        finally:
            if root:
                os.seteuid(0)
            Path(name).chmod(0o700)  # noqa: ASYNC240


async def test_a_folder_that_may_not_be_written_is_named(plain_user: Path) -> None:
    where = plain_user / "league.db"
    plain_user.chmod(0o500)  # noqa: ASYNC240
    assert f"{where}: its folder is read-only" in await refusal(where)


async def test_a_file_that_may_not_be_written_is_named(plain_user: Path) -> None:
    where = plain_user / "league.db"
    await (await RecordBook.open(where)).close()
    where.chmod(0o400)
    assert f"{where}: the file is read-only" in await refusal(where)


async def test_a_book_that_was_read_only_for_a_while_can_be_written_again(plain_user: Path) -> None:
    where, most = plain_user / "league.db", 8
    async with await RecordBook.open(where) as book:
        where.chmod(0o400)
        await asyncio.gather(*(book.events() for _ in range(most)))  # opens what cannot be written now
        early = (book.issue_token("viewer", name=f"early {number}") for number in range(most))
        said = await asyncio.gather(*early, return_exceptions=True)
        assert [one for one in said if "the file or its folder is read-only" in str(one)]
        where.chmod(0o600)
        for number in range(most):
            await book.issue_token("viewer", name=f"late {number}")


async def test_a_file_that_may_not_be_read_is_named(plain_user: Path) -> None:
    where = plain_user / "league.db"
    await (await RecordBook.open(where)).close()
    where.chmod(0o000)
    assert f"{where}: the file may not be read" in await refusal(where)


async def test_a_folder_that_takes_no_files_is_refused() -> None:
    if not Path("/proc/self").is_dir():  # noqa: ASYNC240 - a folder that refuses even root
        pytest.skip("this system has no /proc")
    assert "/proc/league.db: " in await refusal("/proc/league.db")


async def test_two_books_on_one_file_see_each_others_writing(book_url: str, evening: Any) -> None:
    async with await RecordBook.open(book_url) as ours, await RecordBook.open(book_url) as theirs:
        await ours.add_event(evening.event(), EventOptions())
        heat = evening.heat()
        assert await theirs.finish_heat("friday", heat, evening.result(heat), evening.facts(), b"x")
        assert not await ours.finish_heat("friday", heat, evening.result(heat), [], b"y")
        assert await ours.recording("friday", heat.id) == b"x"


async def test_two_books_on_one_file_write_side_by_side(book_url: str, evening: Any) -> None:
    async with await RecordBook.open(book_url) as ours, await RecordBook.open(book_url) as theirs:
        await ours.add_event(evening.event(), EventOptions())
        heats = [evening.heat(f"heat-{number}") for number in range(12)]
        done = await asyncio.gather(
            *(
                book.finish_heat("friday", heat, evening.result(heat), evening.facts(), b"x" * 1000)
                for heat in heats
                for book in (ours, theirs)
            )
        )
        assert sum(done) == len(heats)
        assert {heat.plan.id for heat in await ours.heats("friday")} == {heat.id for heat in heats}
        assert await ours.results("friday") == await theirs.results("friday")
        assert len(await ours.results("friday")) == len(heats)


async def test_many_may_open_a_new_book_at_once(book_url: str, evening: Any) -> None:
    books = await asyncio.gather(*(RecordBook.open(book_url) for _ in range(6)))
    await books[0].add_event(evening.event(), EventOptions())
    assert {len(await book.events()) for book in books} == {1}
    for book in books:
        await book.close()


async def test_a_closed_book_may_be_closed_again(tmp_path: Path) -> None:
    book = await RecordBook.open(tmp_path / "league.db")
    await book.close()
    await book.close()


async def test_a_book_left_by_an_error_is_closed(tmp_path: Path, evening: Any) -> None:
    async def fail() -> None:
        async with await RecordBook.open(tmp_path / "league.db") as book:
            await book.add_event(evening.event(), EventOptions())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert files_in(tmp_path) == ["league.db"]


async def test_a_book_is_closed_after_what_is_under_way(tmp_path: Path) -> None:
    book = await RecordBook.open(tmp_path / "league.db")
    order: list[str] = []
    reading = asyncio.create_task(book.events())
    reading.add_done_callback(lambda _: order.append("read"))
    for _ in range(5):  # until it has its connection, and waits for the answer
        await asyncio.sleep(0)
    await book.close()
    order.append("closed")
    await reading
    assert order == ["read", "closed"]


async def test_opening_may_be_cancelled(tmp_path: Path) -> None:
    where = tmp_path / "league.db"
    for number in range(8):
        opening = asyncio.ensure_future(RecordBook.open(where))
        await asyncio.sleep(number * 0.004)
        opening.cancel()
        await asyncio.wait([opening])
        if not opening.cancelled():
            await opening.result().close()
    async with await RecordBook.open(where) as book:
        assert await book.events() == []


def test_the_clock_is_utc() -> None:
    before = datetime.now(UTC)
    assert before <= wall_clock() <= datetime.now(UTC)
    assert wall_clock().tzinfo is UTC
