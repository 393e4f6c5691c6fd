"""The ledger in the book: written once, never changed, and results follow from it."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import SQLAlchemyError

from league.errors import InputError, RaceError, UnknownNameError
from league.racing.incident import Incident, Opinion
from league.racing.ledger import Decision
from league.store.book import RecordBook

PROTEST = Incident(heat="qualifying-1", kind="protest", source="car-2", entry="car-1", text="pushed me")


def line(kind: str, entry: str = "", **more: Any) -> Decision:
    said = {"number": 1, "who": "Sam", "why": "seen", "kind": kind, "entry": entry, "heat": "qualifying-1"}
    return Decision.model_validate(said | more)


@pytest.fixture
async def raced(book: RecordBook, evening: Any) -> RecordBook:
    """A book in which car 1 won by a second before car 2."""
    await book.add_event(evening.event())
    heat = evening.heat()
    await book.begin_heat("friday", heat)
    await book.finish_heat("friday", heat, evening.result(heat), [], b"x", [PROTEST])
    return book


async def order(book: RecordBook) -> list[str]:
    (result,) = await book.results("friday")
    return [entry.entry_id for entry in result.entries]


async def test_results_follow_the_ledger_and_what_was_raced_stays(raced: RecordBook) -> None:
    before = await raced.raced("friday")
    await raced.decide("friday", line("penalty", "car-1", seconds=1.5))
    assert await order(raced) == ["car-2", "car-1", "car-3", "car-4"]
    await raced.decide("friday", line("undo", heat="", target=1))
    assert await order(raced) == ["car-1", "car-2", "car-3", "car-4"]
    assert await raced.raced("friday") == before
    assert (await raced.judged("friday")).revision == 2


async def test_a_decision_has_the_books_time_and_makes_the_event_new(raced: RecordBook, clock: Any) -> None:
    revision = (await raced.event("friday")).revision
    made, new = await raced.decide("friday", line("void", "car-1"), command="c")
    again, repeated = await raced.decide("friday", line("void", "car-1"), command="c")
    assert (new, repeated, made) == (True, False, again)
    assert made.epoch_ns == int(clock().timestamp() * 1_000_000) * 1000
    assert (await raced.event("friday")).revision == revision + 1
    assert await raced.decisions("friday") == (made,)


async def test_the_database_itself_lets_nobody_change_a_decision(raced: RecordBook) -> None:
    await raced.decide("friday", line("void", "car-1", incident=1))
    await raced.add_opinion("friday", 1, Opinion(adviser="a", advice="penalty", confidence=0.5))
    for table in ("decisions", "incidents", "opinions"):
        for deed in (f"DELETE FROM {table}", f"UPDATE {table} SET event = 2"):
            with pytest.raises(SQLAlchemyError, match="are only ever added"):
                await raced._data.outside_transactions(deed)
    assert len(await raced.decisions("friday")) == 1


async def test_a_decision_that_makes_no_sense_is_not_written(raced: RecordBook) -> None:
    with pytest.raises(InputError, match="heat 'final'"):
        await raced.decide("friday", line("void", heat="final"))
    with pytest.raises(UnknownNameError, match="incident"):
        await raced.decide("friday", line("void", incident=2))
    with pytest.raises(UnknownNameError, match="event"):
        await raced.decide("saturday", line("void"))
    with pytest.raises(RaceError, match="found 0 lines, expected 3"):
        await raced.decide("friday", line("void"), expected=3)
    assert await raced.decisions("friday") == ()


async def test_an_incident_is_filed_once_and_settled_by_a_decision(raced: RecordBook) -> None:
    again, new = await raced.file_incident("friday", PROTEST)
    assert (again.number, new) == (1, False)
    opinion = Opinion(adviser="rule-book", advice="penalty", seconds=5, confidence=0.7)
    assert await raced.add_opinion("friday", 1, opinion)
    assert not await raced.add_opinion("friday", 1, opinion)
    (record,) = await raced.incidents("friday")
    assert (record.opinions, record.decisions) == ((opinion,), ())
    made, _ = await raced.decide("friday", line("no-action", incident=1))
    assert [record.decisions for record in await raced.incidents("friday")] == [(made,)]
    await raced.decide("friday", line("undo", heat="", target=1))
    assert [record.decisions for record in await raced.incidents("friday")] == [()]
