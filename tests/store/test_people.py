"""People, invitations, sessions, and an audit log that only grows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from league.errors import InputError, RecordBookError, UnknownNameError
from league.store.book import RecordBook
from league.store.records import EventOptions


@pytest.fixture
async def friday(book: RecordBook, evening: Any) -> RecordBook:
    await book.add_event(evening.event(), EventOptions())
    return book


async def test_an_invitation_is_good_once(friday: RecordBook, clock: Any) -> None:
    code, made = await friday.invite("steward", name="Stella", invited_by="Olga")
    person, token = await friday.take_up(code, "  Stella   S ")
    assert (person.name, person.role) == ("Stella S", "steward")
    record = await friday.token(token)
    assert record is not None
    assert (record.role, record.person, record.bearer) == ("steward", person.number, "Stella S")
    with pytest.raises(UnknownNameError):
        await friday.take_up(code, "Mallory")
    (listed,) = await friday.invitations()
    assert (listed.number, listed.taken_by, listed.invited_by) == (made.number, "Stella S", "Olga")


async def test_an_invitation_ends_with_its_time_or_when_it_is_taken_back(
    friday: RecordBook, clock: Any
) -> None:
    code, _ = await friday.invite("racer", good_for=timedelta(hours=1))
    other, made = await friday.invite("racer")
    assert await friday.revoke_invitation(made.number)
    assert not await friday.revoke_invitation(made.number)
    clock.move(3600)
    for good_no_more in (code, other, "", "0" * 32):
        with pytest.raises(UnknownNameError):
            await friday.take_up(good_no_more, "Anna")
    assert await friday.people() == []


async def test_a_name_that_is_taken_leaves_the_invitation_good(friday: RecordBook) -> None:
    await friday.add_person("Anna", "racer")
    code, _ = await friday.invite("racer")
    with pytest.raises(InputError, match="is taken"):
        await friday.take_up(code, "anna")
    assert (await friday.take_up(code, "Bert"))[0].name == "Bert"


@pytest.mark.parametrize("name", ["ANNA", "an na", "An\u200bna", "Ａｎｎａ", " anna "])
async def test_names_that_look_alike_are_the_same(friday: RecordBook, name: str) -> None:
    await friday.add_person("Anna", "racer")
    with pytest.raises(InputError, match="is taken"):
        await friday.add_person(name, "racer")


@pytest.mark.parametrize("name", ["", "  ", "17", "\u202e", "x" * 65])
async def test_a_name_that_is_none_is_refused(friday: RecordBook, name: str) -> None:
    with pytest.raises(InputError):
        await friday.add_person(name, "racer")


async def test_a_new_role_is_that_of_tokens_given_before(friday: RecordBook) -> None:
    person = await friday.add_person("Anna", "racer")
    token = await friday.issue_own_token(person.number)
    await friday.set_role("ANNA", "director")
    record = await friday.token(token)
    assert record is not None
    assert record.role == "director"
    with pytest.raises(InputError, match="expected one of owner"):
        await friday.set_role("Anna", "king")  # type: ignore[arg-type]


async def test_an_account_that_is_taken_away_takes_its_tokens_along_and_frees_the_name(
    friday: RecordBook,
) -> None:
    person = await friday.add_person("Anna", "racer")
    token = await friday.issue_own_token(person.number)
    await friday.remove_person(str(person.number))
    assert await friday.token(token) is None
    with pytest.raises(UnknownNameError):
        await friday.person("Anna")
    assert (await friday.add_person("Anna", "viewer")).number != person.number


async def test_a_token_ends_with_its_time(friday: RecordBook, clock: Any) -> None:
    token = await friday.issue_token("owner", expires_at=clock() + timedelta(seconds=10))
    assert await friday.token(token) is not None
    clock.move(10)
    assert await friday.token(token) is None


async def test_a_session_ends_with_the_token_that_it_hangs_on(friday: RecordBook, clock: Any) -> None:
    token = await friday.issue_token("director", event_id="friday")
    record = await friday.token(token)
    assert record is not None
    session = await friday.open_session(record, until=clock() + timedelta(days=1))
    opened = await friday.token(session)
    assert opened is not None
    assert (opened.role, opened.event_id, opened.session_of) == ("director", "friday", record.number)
    await friday.revoke(record.number)
    assert await friday.token(session) is None


async def test_a_clock_that_was_ahead_for_a_while_ends_no_session_and_no_invitation_for_good(
    friday: RecordBook, clock: Any
) -> None:
    token = await friday.issue_token("director", event_id="friday")
    record = await friday.token(token)
    assert record is not None
    session = await friday.open_session(record, until=clock() + timedelta(hours=12))
    code, _ = await friday.invite("racer", good_for=timedelta(hours=12))
    clock.move(86_400)
    assert await friday.token(session) is None
    with pytest.raises(UnknownNameError):
        await friday.take_up(code, "Anna")
    clock.move(-86_400)
    assert await friday.token(session) is not None
    await friday.take_up(code, "Anna")


async def test_a_clock_that_is_put_back_brings_back_nothing_that_was_taken_back(
    friday: RecordBook, clock: Any
) -> None:
    token = await friday.issue_token("director", event_id="friday")
    record = await friday.token(token)
    assert record is not None
    session = await friday.open_session(record, until=clock() + timedelta(hours=12))
    taken, _ = await friday.invite("racer")
    withdrawn, made = await friday.invite("racer")
    await friday.take_up(taken, "Anna")
    await friday.revoke_invitation(made.number)
    await friday.revoke(record.number)
    clock.move(-86_400)
    assert await friday.token(session) is None
    for code in (taken, withdrawn):
        with pytest.raises(UnknownNameError):
            await friday.take_up(code, "Ben")


async def test_an_entry_is_known_by_its_owner(friday: RecordBook) -> None:
    anna = await friday.add_person("Anna", "racer")
    await friday.give_entry("friday", "car-2", anna.number)
    assert await friday.owner_of("friday", "car-2") == anna.number
    assert await friday.owner_of("friday", "car-1") is None
    assert await friday.entries_of(anna.number) == [("friday", "car-2")]


async def test_the_audit_log_is_only_added_to(friday: RecordBook, clock: Any) -> None:
    for number in range(5):
        await friday.write_deed(
            who="Olga", role="owner", token=1, what=f"POST /{number}", status=200, address="::1", about="x"
        )
    newest = await friday.deeds(most=2)
    assert [deed.what for deed in newest] == ["POST /4", "POST /3"]
    assert [deed.what for deed in await friday.deeds(before=newest[-1].number)] == [
        "POST /2",
        "POST /1",
        "POST /0",
    ]
    for statement in ("UPDATE deeds SET who = 'nobody'", "DELETE FROM deeds"):
        with pytest.raises(RecordBookError, match="only ever added"):
            async with friday._data.writing() as db:
                await db.exec_driver_sql(statement)
    assert len(await friday.deeds()) == 5
