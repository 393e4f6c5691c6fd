"""What was written down at the track is in the book: in order, once, and until the end."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from league.errors import RaceError, UnknownNameError
from league.racing.crossings import Note
from league.store.book import RecordBook

CROSSING = Note(number=1, kind="crossing", at_us=5_000_000, device="gate", seq=7)
VOID = Note(number=1, kind="void", target=1, who="Tim", why="a hand")


@pytest.fixture
async def heat(book: RecordBook, evening: Any) -> Any:
    await book.add_event(evening.event())
    plan = evening.heat()
    await book.begin_heat("friday", plan)
    return plan


async def test_lines_are_numbered_in_the_order_in_which_they_came(book: RecordBook, heat: Any) -> None:
    for seq in (3, 1, 2):
        await book.add_note("friday", heat.id, 1, CROSSING.model_copy(update={"seq": seq}))
    await book.add_note("friday", heat.id, 1, VOID)
    written = [record.note for record in await book.notes("friday", heat.id)]
    assert [(note.number, note.seq) for note in written] == [(1, 3), (2, 1), (3, 2), (4, 0)]
    assert written[3] == VOID.model_copy(update={"number": 4})


async def test_what_a_device_sends_again_is_written_once(book: RecordBook, heat: Any) -> None:
    first, fresh = await book.add_note("friday", heat.id, 1, CROSSING)
    again, known = await book.add_note("friday", heat.id, 1, CROSSING.model_copy(update={"at_us": 1}))
    assert (fresh, known) == (True, False)
    assert again == first
    _, other = await book.add_note("friday", heat.id, 1, CROSSING.model_copy(update={"device": "camera"}))
    assert other


async def test_a_decision_that_is_sent_again_is_written_once(book: RecordBook, heat: Any) -> None:
    assert (await book.add_note("friday", heat.id, 1, VOID, command="a1"))[1]
    assert not (await book.add_note("friday", heat.id, 1, VOID, command="a1"))[1]
    assert (await book.add_note("friday", heat.id, 1, VOID))[1], "decisions without a name are all new"
    assert (await book.add_note("friday", heat.id, 1, VOID))[1]


async def test_every_attempt_has_a_list_of_its_own(book: RecordBook, heat: Any) -> None:
    await book.add_note("friday", heat.id, 1, CROSSING)
    await book.abandon_heat("friday", heat.id, "again")
    await book.begin_heat("friday", heat)
    assert await book.notes("friday", heat.id) == []
    await book.add_note("friday", heat.id, 2, CROSSING)
    assert len(await book.notes("friday", heat.id, 1)) == 1


async def test_nothing_is_added_to_a_finished_heat(book: RecordBook, heat: Any, evening: Any) -> None:
    await book.finish_heat("friday", heat, evening.result(heat), [], b"")
    with pytest.raises(RaceError, match="is finished: nothing is added"):
        await book.add_note("friday", heat.id, 1, CROSSING)


async def test_a_heat_that_there_is_not_is_named(book: RecordBook, heat: Any) -> None:
    with pytest.raises(UnknownNameError, match="'nowhere'"):
        await book.notes("friday", "nowhere")


WRITER = """
import asyncio, sys
from league.racing.crossings import Note
from league.store.book import RecordBook

async def main():
    async with await RecordBook.open(sys.argv[1]) as book:
        for seq in range(1, 100000):
            note = Note(number=1, kind="crossing", at_us=seq, device="gate", seq=seq)
            await book.add_note("friday", "qualifying-1", 1, note)
            print(seq, flush=True)

asyncio.run(main())
"""


async def test_every_line_that_was_confirmed_survives_a_killed_server(tmp_path: Path, evening: Any) -> None:
    import asyncio

    where = tmp_path / "league.db"
    async with await RecordBook.open(where) as book:
        await book.add_event(evening.event())
        await book.begin_heat("friday", evening.heat())
    writer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WRITER, str(where), stdout=asyncio.subprocess.PIPE
    )
    assert writer.stdout is not None
    told = [int(await writer.stdout.readline()) for _ in range(20)]
    os.kill(writer.pid, signal.SIGKILL)
    rest = (await writer.communicate())[0].split()
    confirmed = told + [int(line) for line in rest]
    async with await RecordBook.open(where) as book:
        written = [record.note.seq for record in await book.notes("friday", "qualifying-1")]
    assert written[: len(confirmed)] == confirmed
    assert len(written) - len(confirmed) <= 1
