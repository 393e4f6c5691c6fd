"""Events and entries in the record book."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from league.errors import InputError, ModelError, UnknownNameError
from league.racing.plan import EntryPlan
from league.store.book import RecordBook
from league.store.records import EventOptions, ModelFiles


def entry(entry_id: str, name: str = "Anna") -> EntryPlan:
    return EntryPlan(id=entry_id, name=name, agent="pure-pursuit")


async def test_an_event_is_read_as_it_was_planned(book: RecordBook, evening: Any, clock: Any) -> None:
    plan = evening.event()
    await book.add_event(plan, EventOptions(autostart=4, open_entry=True, pace=1.5))

    found = await book.event("friday")

    assert found.plan == plan
    assert found.options == EventOptions(autostart=4, open_entry=True, pace=1.5)
    assert (found.status, found.created_at, found.withdrawn) == ("open", clock.time, frozenset())


async def test_options_left_out_wait_for_the_organiser_and_ask_for_tokens(
    book: RecordBook, evening: Any
) -> None:
    await book.add_event(evening.event())
    assert (await book.event("friday")).options == EventOptions(autostart=None, open_entry=False, pace=None)


async def test_events_are_listed_in_the_order_in_which_they_were_added(
    book: RecordBook, evening: Any
) -> None:
    plans = [evening.event(name, entries=count) for name, count in (("z", 0), ("a", 2), ("m", 1))]
    for plan in plans:
        await book.add_event(plan, EventOptions())
    assert [event.plan for event in await book.events()] == plans


async def test_an_event_cannot_be_added_twice(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    with pytest.raises(InputError, match="'friday': there is an event with this id"):
        await book.add_event(evening.event(entries=1), EventOptions())
    assert (await book.event("friday")).plan == evening.event()


async def test_an_event_with_two_entries_of_one_id_is_refused_whole(book: RecordBook, evening: Any) -> None:
    twice = evening.event().model_copy(update={"entries": (entry("a"), entry("a", "Bert"))})
    with pytest.raises(InputError, match="same id"):
        await book.add_event(twice, EventOptions())
    assert await book.events() == []


@pytest.mark.parametrize("wrong", ["", "a b", "x" * 65, "é", "a/b"])
async def test_ids_that_are_no_ids_are_refused(book: RecordBook, evening: Any, wrong: str) -> None:
    plan = evening.event(entries=0)
    with pytest.raises(InputError, match="event id"):
        await book.add_event(plan.model_copy(update={"id": wrong}), EventOptions())
    await book.add_event(plan, EventOptions())
    with pytest.raises(InputError, match="entry id"):
        await book.add_entry("friday", entry("a").model_copy(update={"id": wrong}), source="a", hosted=True)


async def test_unknown_names_list_what_there_is(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event("friday"), EventOptions())
    with pytest.raises(UnknownNameError, match=r"no event is called 'fryday'; did you mean 'friday'\?"):
        await book.event("fryday")
    with pytest.raises(UnknownNameError, match=r"no entry of event 'friday' is called 'car-9'.*car-1"):
        await book.entry_source("friday", "car-9")


@pytest.mark.parametrize("name", ["", "x\0y", "\ud800", "' OR 1=1 --", "x" * 100_000])
async def test_no_event_id_that_is_asked_for_does_harm(book: RecordBook, evening: Any, name: str) -> None:
    await book.add_event(evening.event(), EventOptions())
    for asking in (
        book.event(name),
        book.set_status(name, "running"),
        book.add_entry(name, entry("a"), source="", hosted=False),
        book.withdraw(name, "car-1"),
        book.withdraw("friday", name),
        book.entry_source("friday", name),
        book.heats(name),
        book.results(name),
        book.facts("friday", name),
        book.recording("friday", name),
        book.abandon_heat("friday", name, ""),
        book.issue_token("entry", event_id=name),
        book.tokens(name),
    ):
        with pytest.raises(UnknownNameError):
            await asking


async def test_status_goes_where_it_is_put(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    for status in ("running", "finished", "aborted", "open"):
        await book.set_status("friday", status)  # type: ignore[arg-type]
        assert (await book.event("friday")).status == status
    with pytest.raises(InputError, match="'paused': expected one of open, running"):
        await book.set_status("friday", "paused")  # type: ignore[arg-type]


async def test_every_change_raises_the_revision(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    heat = evening.heat()
    seen = [(await book.event("friday")).revision]
    for change in (
        lambda: book.set_status("friday", "running"),
        lambda: book.add_entry("friday", entry("late"), source="x", hosted=True),
        lambda: book.begin_heat("friday", heat),
        lambda: book.abandon_heat("friday", heat.id, "power cut"),
        lambda: book.finish_heat("friday", heat, evening.result(heat), [], b""),
        lambda: book.withdraw("friday", "late"),
    ):
        await change()
        seen.append((await book.event("friday")).revision)
    assert seen == sorted(set(seen))


async def test_entries_stay_in_the_order_of_entering(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(entries=0), EventOptions())
    ids = ["zoe", "anna", "10", "9", "mia"]
    for one in ids:
        await book.add_entry("friday", entry(one), source="pure-pursuit", hosted=True)
    await book.renew_entry("friday", entry("anna", "Anna II"), source="other", hosted=True)
    assert [e.id for e in (await book.event("friday")).plan.entries] == ids


async def test_an_entry_cannot_be_entered_twice(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    with pytest.raises(InputError, match="'car-1': the event has or had"):
        await book.add_entry("friday", entry("car-1", "Impostor"), source="x", hosted=True)
    assert (await book.event("friday")).plan == evening.event()


@pytest.mark.parametrize(
    "name",
    [
        "Robert'); DROP TABLE entries;--",
        '"quoted"',
        "車レース🏎️",
        "x" * 64,
        "a\0b",
        "\\n",
        "%s {0} :p ?",
        "‮abc",
        " ",
    ],
)
async def test_any_name_comes_back_as_it_was(book: RecordBook, evening: Any, name: str) -> None:
    await book.add_event(evening.event(entries=0).model_copy(update={"name": name}), EventOptions())
    plan = EntryPlan(id="a", name=name, agent=name)
    await book.add_entry("friday", plan, source="x", hosted=True)
    found = await book.event("friday")
    assert (found.plan.name, found.plan.entries) == (name, (plan,))
    assert (await book.entry_source("friday", "a")).plan == plan


async def test_text_that_is_no_unicode_is_refused(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    plan = EntryPlan(id="a", name="Anna", agent="\ud800")
    with pytest.raises(InputError, match="EntryPlan 'a': holds text that is no valid Unicode"):
        await book.add_entry("friday", plan, source="x", hosted=True)
    assert (await book.event("friday")).plan == evening.event()


async def test_a_model_comes_back_byte_for_byte(book: RecordBook, evening: Any, clock: Any) -> None:
    await book.add_event(evening.event(entries=0), EventOptions())
    model = ModelFiles(bytes(range(256)) * 40, '{ "action_space": [1.0,\n 2e-3] }')
    plan = EntryPlan(id="net", name="Net", agent="net.onnx", kind="onnx")
    await book.add_entry("friday", plan, source="net.onnx", model=model, hosted=True)

    found = await book.entry_source("friday", "net")

    assert (found.plan, found.source, found.model, found.hosted) == (plan, "net.onnx", model, True)
    assert (found.version, found.entered_at, found.withdrawn) == (1, clock.time, False)


async def test_one_model_may_drive_many_entries(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(entries=0), EventOptions())
    model = ModelFiles(b"onnx", "{}")
    for one in ("a", "b"):
        await book.add_entry("friday", entry(one), source="m", model=model, hosted=True)
    assert [(await book.entry_source("friday", one)).model for one in ("a", "b")] == [model, model]


def test_the_same_network_with_other_metadata_is_another_model() -> None:
    assert ModelFiles(b"onnx", "{}").sha256 != ModelFiles(b"onnx", "{ }").sha256
    assert ModelFiles(b"onnx{", "}").sha256 != ModelFiles(b"onnx", "{}").sha256


@pytest.mark.parametrize(
    ("onnx", "metadata", "problem"),
    [
        (b"", "{}", "empty"),
        (b"x", "", "not JSON"),
        (b"x", "[]", "expected a JSON object, found a list"),
        (b"x", '{"a": "\ud800"}', "not JSON"),
        (b"x", "[" * 100_000, "not JSON"),
    ],
)
async def test_what_cannot_be_a_model_is_refused(
    book: RecordBook, evening: Any, onnx: bytes, metadata: str, problem: str
) -> None:
    await book.add_event(evening.event(), EventOptions())
    with pytest.raises(ModelError, match=problem):
        await book.add_entry(
            "friday", entry("net"), source="x", model=ModelFiles(onnx, metadata), hosted=True
        )
    assert (await book.event("friday")).plan == evening.event()


async def test_a_renewed_entry_drives_with_its_newest_version(
    book: RecordBook, evening: Any, clock: Any
) -> None:
    await book.add_event(evening.event(), EventOptions())
    clock.move(60)
    renewed = entry("car-2", "Car 2 B")
    model = ModelFiles(b"better", "{}")
    assert await book.renew_entry("friday", renewed, source="b.onnx", model=model, hosted=True) == 2

    found = await book.entry_source("friday", "car-2")

    assert (found.plan, found.source, found.model, found.version) == (renewed, "b.onnx", model, 2)
    assert found.entered_at == clock.time
    assert (await book.event("friday")).plan.entries[1] == renewed
    with pytest.raises(UnknownNameError):
        await book.renew_entry("friday", entry("nobody"), source="x", hosted=True)


async def test_who_withdraws_before_the_first_heat_leaves_the_plan(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    await book.withdraw("friday", "car-2")
    found = await book.event("friday")
    assert [e.id for e in found.plan.entries] == ["car-1", "car-3", "car-4"]
    assert found.withdrawn == frozenset()
    assert (await book.entry_source("friday", "car-2")).withdrawn


async def test_who_withdraws_later_stays_in_the_plan_that_heats_were_made_from(
    book: RecordBook, evening: Any
) -> None:
    await book.add_event(evening.event(), EventOptions())
    await book.begin_heat("friday", evening.heat())
    await book.withdraw("friday", "car-2")
    found = await book.event("friday")
    assert found.plan == evening.event()
    assert found.withdrawn == {"car-2"}


async def test_withdrawing_twice_changes_nothing_more(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(), EventOptions())
    await book.withdraw("friday", "car-2")
    await book.begin_heat("friday", evening.heat())
    await book.withdraw("friday", "car-2")
    assert len((await book.event("friday")).plan.entries) == 3


async def test_many_entering_at_once_all_get_in(book: RecordBook, evening: Any) -> None:
    await book.add_event(evening.event(entries=0), EventOptions())
    ids = [f"car-{n}" for n in range(40)]
    await asyncio.gather(*(book.add_entry("friday", entry(one), source="x", hosted=True) for one in ids))
    assert sorted(e.id for e in (await book.event("friday")).plan.entries) == sorted(ids)
