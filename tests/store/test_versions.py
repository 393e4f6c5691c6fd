"""Versions of an entry: all are kept, one races, and none ever changes."""

from __future__ import annotations

from typing import Any

import pytest

from league.errors import InputError, UnknownNameError
from league.racing.plan import EntryPlan
from league.store.book import RecordBook
from league.store.records import ModelFiles

FIRST, SECOND, BROKEN = (ModelFiles(text, "{}") for text in (b"first", b"second", b"broken"))
NET = EntryPlan(id="net", name="Net", agent="model.onnx", kind="onnx")


@pytest.fixture
async def friday(book: RecordBook, evening: Any) -> RecordBook:
    """An event with an entry that has three versions, the last of which was not accepted."""
    await book.add_event(evening.event())
    await book.add_entry("friday", NET, source="model.onnx", model=FIRST, hosted=True, report='{"a": 1}')
    assert await book.renew_entry("friday", NET, source="model.onnx", model=SECOND, hosted=True) == 2
    refused = {"report": '{"b": 2}', "accepted": False}
    assert (
        await book.renew_entry("friday", NET, source="model.onnx", model=BROKEN, hosted=True, **refused) == 3
    )
    return book


async def test_every_version_is_listed_with_its_digest_time_and_report(
    friday: RecordBook, clock: Any
) -> None:
    found = await friday.versions("friday", "net")
    assert [(v.number, v.sha256, v.accepted, v.active, v.report) for v in found] == [
        (1, FIRST.sha256, True, False, '{"a": 1}'),
        (2, SECOND.sha256, True, True, None),
        (3, None, False, False, '{"b": 2}'),
    ]
    assert {v.entered_at for v in found} == {clock.time}


async def test_a_version_that_was_not_accepted_changes_nothing_but_the_list(friday: RecordBook) -> None:
    assert (await friday.entry_source("friday", "net")).model == SECOND


async def test_an_earlier_version_can_be_chosen_and_a_later_one_again(friday: RecordBook) -> None:
    for number, model in ((1, FIRST), (2, SECOND), (1, FIRST)):
        await friday.choose_version("friday", "net", number)
        source = await friday.entry_source("friday", "net")
        assert (source.version, source.model) == (number, model)
        assert [v.number for v in await friday.versions("friday", "net") if v.active] == [number]


async def test_a_new_version_counts_on_from_the_newest_whichever_races(friday: RecordBook) -> None:
    await friday.choose_version("friday", "net", 1)
    assert await friday.renew_entry("friday", NET, source="model.onnx", model=FIRST, hosted=True) == 4


async def test_choosing_tells_viewers_that_the_event_changed(friday: RecordBook) -> None:
    before = (await friday.event("friday")).revision
    await friday.choose_version("friday", "net", 1)
    assert (await friday.event("friday")).revision > before


@pytest.mark.parametrize(
    ("entry", "version", "error", "said"),
    [
        ("net", 3, InputError, "did not pass the scrutineers"),
        ("net", 4, UnknownNameError, "no version of entry 'net' is called '4'"),
        ("net", 0, UnknownNameError, "known: 1, 2, 3"),
        ("nobody", 1, UnknownNameError, "nobody"),
    ],
)
async def test_what_cannot_be_chosen_is_refused(
    friday: RecordBook, entry: str, version: int, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await friday.choose_version("friday", entry, version)
    assert (await friday.entry_source("friday", "net")).version == 2
