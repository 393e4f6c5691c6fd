"""`league run`: events raced from the command line, beside servers on the same database."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from crew import OneWorker, cup, one_worker
from house import house

from league.cli import run as running
from league.errors import LeagueError, RaceError, RecordBookError
from league.server.race.settings import Settings
from league.store.book import RecordBook

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def _one_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def engine(cluster: str | None, *, workers: int | None) -> Iterator[OneWorker]:
        with one_worker() as worker:
            yield worker

    monkeypatch.setattr(running, "open_engine", engine)


async def run(where: str, *events: str) -> list[dict[str, Any]]:
    async with asyncio.timeout(PATIENCE_S):
        return await running._run(events, where, Settings(lease_s=2.0), None, None)


async def test_events_are_raced_side_by_side_and_closed(book_url: str) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(cup(entries=2))
        await book.add_event(cup("rating", entries=2, plus_minus=3.0).model_copy(update={"id": "rated"}))
        told = await run(book_url, "cup", "rated")
        assert [one["event"] for one in told] == ["cup", "rated"]
        assert told[0]["heats"] == 2
        assert told[1]["heats"] == len(await book.results("rated")) > 0
        assert {event.status for event in await book.events()} == {"finished"}
        assert (await book.lease("cup"), await book.lease("rated")) == (None, None)
        with pytest.raises(RaceError, match="event 'cup' is finished; expected an open or running one"):
            await run(book_url, "cup")


async def test_a_run_that_was_cut_off_goes_on(book_url: str) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(cup(entries=3))
        (first,) = await run(book_url, "cup")
        assert first["heats"] == 3
        before = await book.results("cup")
        await book.set_status("cup", "running")  # as if it had been killed just before it said so
        (again,) = await run(book_url, "cup")
        assert (again["heats"], again["entries"]) == (0, first["entries"])
        assert await book.results("cup") == before


async def test_an_event_without_entries_is_said_to_have_none(book_url: str) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(cup(entries=0))
        with pytest.raises(LeagueError, match="it has no entries"):
            await run(book_url, "cup")


async def test_an_open_event_is_taken_over_from_a_server_on_the_same_database(
    book_url: str, kept_in: str
) -> None:
    async with house(book_url, lease_s=2.0) as home:
        plan = cup(entries=2)
        await home.create("cup", entries=plan.entries, style="time-trial")
        await home.lobby.paddock("cup")
        if kept_in == "sqlite":
            with pytest.raises(RecordBookError, match="another server has it"):
                await run(book_url, "cup")
            return
        async with asyncio.timeout(PATIENCE_S):
            while await home.book.lease("cup") is None:  # noqa: ASYNC110 - only the database knows
                await asyncio.sleep(0.05)
        (told,) = await run(book_url, "cup")
        assert told["heats"] == 2
        await home.end_of("cup")
        assert (await home.book.event("cup")).status == "finished"
        assert [heat.attempt for heat in await home.book.heats("cup")] == [1, 1]


def test_a_book_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from league.errors import InputError

    done = CliRunner().invoke(running.command, ["cup", "--database", str(tmp_path / "none.sqlite")])
    assert isinstance(done.exception, InputError)
    assert not (tmp_path / "none.sqlite").exists()
