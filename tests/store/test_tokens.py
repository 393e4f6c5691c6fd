"""Tokens in the record book."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest

from league.errors import InputError, UnknownNameError
from league.store.book import RecordBook
from league.store.records import EventOptions, TokenRecord


@pytest.fixture
async def friday(book: RecordBook, evening: Any) -> RecordBook:
    await book.add_event(evening.event(), EventOptions())
    return book


async def test_a_token_says_what_its_bearer_may(friday: RecordBook, clock: Any) -> None:
    text = await friday.issue_token("entry", name="Anna's", event_id="friday", entry_id="car-1")
    assert await friday.token(text) == TokenRecord(
        number=1, role="entry", name="Anna's", event_id="friday", entry_id="car-1", created_at=clock.time
    )


async def test_tokens_have_256_random_bits_and_suit_a_command_line(friday: RecordBook) -> None:
    made = {await friday.issue_token("owner") for _ in range(20)}
    assert len(made) == 20
    for text in made:
        assert len(bytes.fromhex(text)) == 32


async def test_a_token_nobody_issued_is_none(friday: RecordBook) -> None:
    text = await friday.issue_token("owner")
    digest = hashlib.sha256(text.encode()).hexdigest()
    for wrong in ("", text[:-1], text.upper(), text + " ", digest, "\ud800", "\0", "x" * 100_000):
        assert await friday.token(wrong) is None


async def test_a_revoked_token_is_good_no_more(friday: RecordBook, clock: Any) -> None:
    text = await friday.issue_token("owner", name="Bea")
    record = await friday.token(text)
    assert record is not None
    clock.move(5)

    assert await friday.revoke(record.number)

    assert await friday.token(text) is None
    assert not await friday.revoke(record.number)
    assert not await friday.revoke(12345)
    (listed,) = await friday.tokens()
    assert (listed.name, listed.revoked_at) == ("Bea", clock.time)


async def test_withdrawing_takes_the_entrys_tokens_along(friday: RecordBook) -> None:
    ours = await friday.issue_token("entry", event_id="friday", entry_id="car-1")
    theirs = await friday.issue_token("entry", event_id="friday", entry_id="car-2")
    await friday.withdraw("friday", "car-1")
    assert await friday.token(ours) is None
    assert await friday.token(theirs) is not None


async def test_uses_are_noted_to_the_minute_even_when_the_clock_jumps_back(
    friday: RecordBook, clock: Any
) -> None:
    text = await friday.issue_token("owner")
    noted = []
    for seconds in (0, 30, 31, -3600):
        clock.move(seconds)
        await friday.token(text)
        noted.append((clock.time, (await friday.tokens())[0].last_used_at))
    (first, _), (_, still), (second, renewed), (third, jumped) = noted
    assert (still, renewed, jumped) == (first, second, third)


async def test_tokens_are_listed_by_event(friday: RecordBook, evening: Any) -> None:
    await friday.add_event(evening.event("saturday"), EventOptions())
    await friday.issue_token("owner", name="everywhere")
    await friday.issue_token("owner", name="fridays", event_id="friday")
    await friday.issue_token("entry", name="newcomer", event_id="saturday")
    assert [token.name for token in await friday.tokens()] == ["everywhere", "fridays", "newcomer"]
    assert [token.name for token in await friday.tokens("friday")] == ["fridays"]


@pytest.mark.parametrize(
    ("role", "scope", "problem"),
    [
        ("king", {}, "expected one of owner, director"),
        ("entry", {}, "needs the event"),
        ("owner", {"entry_id": "car-1"}, "needs the event"),
    ],
)
async def test_a_scope_that_does_not_fit_is_refused(
    friday: RecordBook, role: Any, scope: dict[str, str], problem: str
) -> None:
    with pytest.raises(InputError, match=problem):
        await friday.issue_token(role, **scope)


async def test_no_token_is_issued_for_nobody(friday: RecordBook) -> None:
    with pytest.raises(UnknownNameError, match="no entry"):
        await friday.issue_token("entry", event_id="friday", entry_id="car-9")
    assert await friday.tokens() == []


def all_bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_the_files_never_hold_a_token(tmp_path: Path, evening: Any) -> None:
    async with await RecordBook.open(tmp_path / "league.db") as book:
        await book.add_event(evening.event(), EventOptions())
        text = await book.issue_token("entry", name="n", event_id="friday", entry_id="car-1")
        assert await book.token(text)
        while_open = all_bytes(tmp_path)
    closed = all_bytes(tmp_path)
    raw = bytes.fromhex(text)
    for kept in (while_open, closed):
        for form in (text.encode(), text.upper().encode(), raw, base64.b64encode(raw)[:40]):
            assert form not in kept
        assert hashlib.sha256(text.encode()).hexdigest().encode() in kept
