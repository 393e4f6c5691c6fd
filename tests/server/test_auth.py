"""Tokens at the door: the two roles, the brake on guessing, and the organiser's private file."""

from __future__ import annotations

import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from databases import new_book

from league.errors import ConfigError
from league.server.door import kept
from league.server.door.auth import FAILURES, WITHIN_S, Doorkeeper
from league.store.book import RecordBook


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
async def book(kept_in: str) -> AsyncIterator[RecordBook]:
    async with new_book() as opened:
        yield opened


async def test_an_address_that_keeps_guessing_has_to_wait(book: RecordBook) -> None:
    clock = Clock()
    door = Doorkeeper(book, clock=clock)
    token = await book.issue_token("owner")
    for _ in range(FAILURES):
        assert door.wait_s("10.0.0.1") == 0
        assert await door.look_up("wrong", "10.0.0.1") is None
        clock.now_s += 1.0
    assert door.wait_s("10.0.0.1") == pytest.approx(WITHIN_S - FAILURES)
    assert door.wait_s("10.0.0.2") == 0
    assert await door.look_up(token, "10.0.0.2") is not None
    clock.now_s += WITHIN_S - FAILURES
    assert door.wait_s("10.0.0.1") == 0


async def test_guesses_from_everywhere_take_bounded_memory(book: RecordBook) -> None:
    door = Doorkeeper(book)
    for number in range(10_000):
        door.note_failure(f"address-{number}")
    assert len(door._failed) <= 4096


async def test_a_revoked_token_is_no_token(book: RecordBook) -> None:
    door = Doorkeeper(book)
    token = await book.issue_token("owner")
    record = await door.look_up(token, "here")
    assert record is not None
    await book.revoke(record.number)
    assert await door.look_up(token, "here") is None


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(kept, "token_file", lambda: tmp_path / "league" / "organiser.json")
    return tmp_path / "league" / "organiser.json"


def test_the_organisers_file_is_for_one_user_only(config: Path) -> None:
    assert kept.stored_token("http://127.0.0.1:1") is None
    kept.store_token("http://127.0.0.1:1", "first")
    kept.store_token("http://127.0.0.1:2", "second")
    assert kept.stored_token("http://127.0.0.1:1") == "first"
    assert kept.stored_token("http://127.0.0.1:2") == "second"
    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert [path.name for path in config.parent.iterdir()] == ["organiser.json"]


@pytest.mark.parametrize("content", ["", "[]", "{", "\x00"])
def test_a_damaged_file_is_as_good_as_none(config: Path, content: str) -> None:
    config.parent.mkdir()
    config.write_text(content)
    assert kept.stored_token("http://127.0.0.1:1") is None
    kept.store_token("http://127.0.0.1:1", "new")
    assert json.loads(config.read_text()) == {"http://127.0.0.1:1": "new"}


def test_a_folder_that_cannot_be_made_is_one_line(config: Path) -> None:
    config.parent.write_text("a file where the folder should be")
    with pytest.raises(ConfigError, match="cannot be written"):
        kept.store_token("http://127.0.0.1:1", "new")
