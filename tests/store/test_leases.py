"""Leases: one host runs an event at a time, and only its results count."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from league.errors import HeatFinishedError, LeaseLostError, UnknownNameError
from league.store.book import RecordBook
from league.store.records import Lease

HERE = {"owner": "here", "url": "http://here:1"}
THERE = {"owner": "there", "url": "http://there:1"}


async def taken(book: RecordBook, **more: Any) -> Lease:
    lease = await book.take_lease("friday", **more)
    assert lease is not None
    return lease


async def test_a_lease_says_who_runs_an_event_and_where(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event())
    assert await book.lease("friday") is None
    lease = await taken(book, **HERE)
    assert await book.lease("friday") == lease
    assert (lease.owner, lease.url, lease.beat) == ("here", "http://here:1", 0)
    assert await book.renew_lease(lease)
    assert await book.lease("friday") == replace(lease, beat=1)
    await book.return_lease(lease)
    assert await book.lease("friday") is None
    with pytest.raises(UnknownNameError):
        await book.lease("saturday")


async def test_a_lease_is_taken_over_only_as_it_was_last_seen(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event())
    lease = await taken(book, **HERE)
    assert await book.take_lease("friday", **THERE) is None, "it is not free"
    await book.renew_lease(lease)
    assert await book.take_lease("friday", **THERE, instead_of=lease) is None, "it was renewed meanwhile"
    other = await taken(book, **THERE, instead_of=await book.lease("friday"))
    assert not await book.renew_lease(lease)
    await book.return_lease(lease)
    assert await book.lease("friday") == other, "what is somebody else's cannot be returned"


async def test_of_many_who_want_a_lease_one_gets_it(book_url: str, evening: Any) -> None:
    books = [await RecordBook.open(book_url) for _ in range(4)]
    await books[0].add_event(evening.event())
    wanting = [each.take_lease("friday", owner=str(n), url="") for n, each in enumerate(books * 3)]
    got = [lease for lease in await asyncio.gather(*wanting) if lease is not None]
    assert got == [await books[0].lease("friday")]
    for each in books:
        await each.close()


async def test_what_a_host_without_the_lease_raced_is_refused(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event())
    heat = evening.heat()
    old = await taken(book, **HERE)
    assert await book.begin_heat("friday", heat, lease=old) == 1
    new = await taken(book, **THERE, instead_of=old)
    lost = r"event 'friday': this host lost its lease \(it is run by there now\)"
    with pytest.raises(LeaseLostError, match=lost):
        await book.finish_heat("friday", heat, evening.result(heat), evening.facts(), b"old", lease=old)
    with pytest.raises(LeaseLostError, match=lost):
        await book.abandon_heat("friday", heat.id, "gone", lease=old)
    with pytest.raises(LeaseLostError, match=lost):
        await book.begin_heat("friday", heat, lease=old)
    assert await book.begin_heat("friday", heat, lease=new) == 2
    assert await book.finish_heat("friday", heat, evening.result(heat), evening.facts(), b"new", lease=new)
    assert await book.recording("friday", heat.id) == b"new"
    await book.return_lease(new)
    with pytest.raises(LeaseLostError, match="nobody runs it now"):
        await book.begin_heat("friday", evening.heat("qualifying-2"), lease=new)


async def test_a_host_without_the_lease_cannot_say_where_an_event_stands(
    book: RecordBook, evening: Any
) -> None:
    await book.add_event(evening.event())
    old = await taken(book, **HERE)
    await book.set_status("friday", "running", lease=old)
    new = await taken(book, **THERE, instead_of=old)
    with pytest.raises(LeaseLostError, match="it is run by there now"):
        await book.set_status("friday", "finished", lease=old)
    assert (await book.event("friday")).status == "running"
    await book.set_status("friday", "finished", lease=new)
    assert (await book.event("friday")).status == "finished"


async def test_only_the_newest_attempt_at_a_heat_lands(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event())
    heat = evening.heat()
    first, second = await book.begin_heat("friday", heat), await book.begin_heat("friday", heat)
    over = r"heat 'qualifying-1' of event 'friday': attempt 1 is over \(attempt 2 is running\)"
    with pytest.raises(LeaseLostError, match=over):
        await book.finish_heat("friday", heat, evening.result(heat), [], b"first", attempt=first)
    with pytest.raises(LeaseLostError, match=over):
        await book.abandon_heat("friday", heat.id, "gone", attempt=first)
    assert await book.results("friday") == ()
    result = evening.result(heat, lap_s=8)
    assert await book.finish_heat("friday", heat, result, evening.facts(), b"second", attempt=second)
    assert not await book.finish_heat("friday", heat, evening.result(heat), [], b"first", attempt=first)
    assert (await book.results("friday"), await book.recording("friday", heat.id)) == ((result,), b"second")
    with pytest.raises(HeatFinishedError, match="cannot begin again"):
        await book.begin_heat("friday", heat)


async def test_an_attempt_that_was_given_up_does_not_land_any_more(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event())
    heat = evening.heat()
    attempt = await book.begin_heat("friday", heat)
    await book.abandon_heat("friday", heat.id, "its host is gone")
    with pytest.raises(LeaseLostError, match="attempt 1 is abandoned"):
        await book.finish_heat("friday", heat, evening.result(heat), [], b"late", attempt=attempt)


@pytest.mark.parametrize("racers", [2, 7])
async def test_of_many_who_race_a_heat_at_once_one_lands(book_url: str, evening: Any, racers: int) -> None:
    async with await RecordBook.open(book_url) as book:
        await book.add_event(evening.event())
        heat = evening.heat()

        async def race(number: int) -> bool:
            async with await RecordBook.open(book_url) as own:
                try:
                    attempt = await own.begin_heat("friday", heat)
                    result = evening.result(heat, lap_s=5 + number)
                    return await own.finish_heat("friday", heat, result, [], b"x", attempt=attempt)
                except (LeaseLostError, HeatFinishedError):
                    return False

        landed = await asyncio.gather(*(race(number) for number in range(racers)))
        assert sum(landed) == 1
        (result,) = await book.results("friday")
        assert result == evening.result(heat, lap_s=5 + landed.index(True))
