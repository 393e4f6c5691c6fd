"""Webhooks in the record book: every message once, and every attempt by one server only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from league.errors import InputError, UnknownNameError
from league.store.book import RecordBook
from league.store.webhooks import KEPT_FOR, MOST_WEBHOOKS

HOLD = timedelta(seconds=60)


async def test_a_message_is_written_down_once_for_each_webhook(book: RecordBook) -> None:
    first, secret = await book.add_webhook("https://example.org/1", ["incident", "heat.finished"])
    second, other = await book.add_webhook("https://example.org/2", ["incident"])
    assert secret != other
    written = [await book.queue_delivery(hook, "msg", "incident", "{}") for hook in (1, 1, 2)]
    assert written == [True, False, True]
    assert await book.queue_delivery(99, "msg", "incident", "{}") is False
    assert [hook.number for hook in await book.webhooks()] == [first.number, second.number]
    assert first.kinds == ("incident", "heat.finished")


async def test_what_one_server_takes_no_other_gets_until_its_time_is_over(
    book: RecordBook, clock: Any
) -> None:
    hook, secret = await book.add_webhook("https://example.org/", ["incident"])
    await book.queue_delivery(hook.number, "msg", "incident", "{}")
    (due,) = await book.take_due(hold=HOLD)
    assert (due.url, due.secret, due.delivery.message) == ("https://example.org/", secret, "msg")
    assert await book.take_due(hold=HOLD) == []
    clock.move(61)
    (again,) = await book.take_due(hold=HOLD)
    await book.note_delivery(again.delivery.number, "no answer", clock() + timedelta(seconds=5))
    assert await book.next_due() == clock() + timedelta(seconds=5)
    clock.move(6)
    await book.take_due(hold=HOLD)
    await book.note_delivery(again.delivery.number, "", None)
    (done,) = await book.deliveries(hook.number)
    assert (done.attempts, done.delivered, done.next_at, done.problem) == (2, True, None, "")
    assert await book.next_due() is None
    clock.move(KEPT_FOR.total_seconds() + 1)
    await book.forget_deliveries()
    assert await book.deliveries(hook.number) == []


async def test_a_clock_that_is_set_back_leaves_no_message_waiting_for_years(
    book: RecordBook, clock: Any
) -> None:
    hook, _ = await book.add_webhook("https://example.org/", ["incident"])
    await book.queue_delivery(hook.number, "msg", "incident", "{}")
    for attempts in range(2):
        clock.move(-365 * 86400)
        (due,) = await book.take_due(hold=HOLD, retry_s=(5, 30))
        assert due.delivery.attempts == attempts
        assert await book.take_due(hold=HOLD, retry_s=(5, 30)) == []
        await book.note_delivery(due.delivery.number, "no answer", clock() + timedelta(seconds=5))
        assert await book.take_due(hold=HOLD, retry_s=(5, 30)) == []


async def test_a_webhook_that_is_removed_takes_its_deliveries_with_it(book: RecordBook) -> None:
    hook, _ = await book.add_webhook("https://example.org/", ["incident"])
    await book.queue_delivery(hook.number, "msg", "incident", "{}")
    await book.remove_webhook(hook.number)
    assert await book.take_due(hold=HOLD) == []
    for asking in (book.remove_webhook(hook.number), book.deliveries(hook.number)):
        with pytest.raises(UnknownNameError):
            await asking


async def test_there_are_only_so_many(book: RecordBook) -> None:
    for number in range(MOST_WEBHOOKS):
        await book.add_webhook(f"https://example.org/{number}", ["incident"])
    with pytest.raises(InputError, match="at most"):
        await book.add_webhook("https://example.org/", ["incident"])
