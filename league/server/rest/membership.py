"""The REST interface under /api/v1: people, invitations, tokens and the audit log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from league.errors import InputError, UnknownNameError
from league.server.door.admission import note, who
from league.server.door.answers import problem
from league.server.keys import BOOK, DOORKEEPER
from league.server.rest.api import ROOT
from league.server.rest.contract import operation
from league.server.rest.membership_shapes import (
    AuditLog,
    Bearer,
    Invitation,
    Invitations,
    Invited,
    Joined,
    People,
    Person,
    TokenLine,
    Tokens,
    TokenText,
)
from league.server.rest.uploads import read_json
from league.store.records import Deed, InvitationRecord, PersonRecord, PersonRole, TokenRecord

Name = Annotated[str, Field(min_length=1, max_length=64)]
Days = Annotated[float, Field(gt=0, le=4000)]
NUMBERS = {"type": "integer", "minimum": 1}
PAGE = 100
"""Lines of the audit log in one answer."""


class NewInvitation(BaseModel):
    """Somebody who is to get an account."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    role: PersonRole
    name: Annotated[str, Field(max_length=64)] = ""
    """For whom it is, so that lists say so; whoever takes it up may use another."""
    days: Annotated[float, Field(gt=0, le=366)] = 7.0


class NewRole(BaseModel):
    """What somebody becomes."""

    model_config = ConfigDict(extra="forbid")

    role: PersonRole


class Joining(BaseModel):
    """Somebody who takes an invitation up."""

    model_config = ConfigDict(extra="forbid")

    code: Annotated[str, Field(min_length=1, max_length=256)]
    name: Name


class NewOwnToken(BaseModel):
    """Another token of one's own."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Name
    days: Days | None = None
    """None is for ever."""


def routes() -> list[web.RouteDef]:
    """Every route about people and what they were given."""
    return [
        web.get(f"{ROOT}/me", me),
        web.get(f"{ROOT}/people", people),
        web.post(f"{ROOT}/people/{{person}}/role", set_role),
        web.delete(f"{ROOT}/people/{{person}}", remove),
        web.get(f"{ROOT}/invitations", invitations),
        web.post(f"{ROOT}/invitations", invite),
        web.delete(f"{ROOT}/invitations/{{number}}", take_back),
        web.post(f"{ROOT}/join", join),
        web.get(f"{ROOT}/tokens", tokens),
        web.post(f"{ROOT}/tokens", issue),
        web.delete(f"{ROOT}/tokens/{{number}}", revoke),
        web.get(f"{ROOT}/audit", audit),
    ]


# -- people ------------------------------------------------------------------------------------------


@operation(Bearer, tag="people")
async def me(request: web.Request) -> web.Response:
    """Whose token this is, and what it is good for."""
    record = bearer(request)
    return web.json_response(
        {
            "name": record.bearer,
            "role": record.role,
            "person": record.person,
            "event": record.event_id,
            "entry": record.entry_id,
            "expires_at": _moment(record.expires_at),
        }
    )


@operation(People, tag="people")
async def people(request: web.Request) -> web.Response:
    """Everybody who has an account, oldest first."""
    known = await request.app[BOOK].people()
    return web.json_response({"people": [person_as_dict(one) for one in known if one.removed_at is None]})


@operation(Person, takes=NewRole, tag="people")
async def set_role(request: web.Request) -> web.Response:
    """Make somebody something else; their tokens follow at once."""
    asked = await read_json(request, NewRole)
    changed = await change_role(request, request.match_info["person"], asked.role)
    return web.json_response(person_as_dict(changed))


@operation(Person, tag="people")
async def remove(request: web.Request) -> web.Response:
    """Take somebody's account away, and with it every token of theirs."""
    gone = await take_away(request, request.match_info["person"])
    return web.json_response(person_as_dict(gone))


async def change_role(request: web.Request, person: str, role: PersonRole) -> PersonRecord:
    """Give somebody another role, but nobody to themselves: then there is always an owner left."""
    before = await _another(request, person)
    changed = await request.app[BOOK].set_role(str(before.number), role)
    note(request, f"{before.name}: {before.role} becomes {role}")
    return changed


async def take_away(request: web.Request, person: str) -> PersonRecord:
    """Take an account away, but not one's own: then there is always an owner left."""
    before = await _another(request, person)
    gone = await request.app[BOOK].remove_person(str(before.number))
    note(request, f"{before.name} ({before.role}) has no account any more")
    return gone


async def _another(request: web.Request, person: str) -> PersonRecord:
    """Somebody else, by name or number."""
    found = await request.app[BOOK].person(person)
    if found.number == bearer(request).person:
        raise problem(403, "role", "nobody changes their own account; another owner may")
    return found


# -- invitations -------------------------------------------------------------------------------------


@operation(Invitations, tag="people")
async def invitations(request: web.Request) -> web.Response:
    """Every invitation, oldest first; never a code."""
    known = await request.app[BOOK].invitations()
    return web.json_response({"invitations": [invitation_as_dict(one) for one in known]})


@operation(Invited, takes=NewInvitation, status=201, tag="people")
async def invite(request: web.Request) -> web.Response:
    """Make an invitation; its code is told only now."""
    code, made = await give_invitation(request, await read_json(request, NewInvitation))
    return web.json_response({**invitation_as_dict(made), "code": code}, status=201)


async def give_invitation(request: web.Request, asked: NewInvitation) -> tuple[str, InvitationRecord]:
    """Make an invitation, to nothing above those who make it."""
    record = bearer(request)
    if asked.role in ("owner", "director") and record.role != "owner":
        raise problem(403, "role", f"an owner's token is needed to invite somebody as {asked.role}")
    code, made = await request.app[BOOK].invite(
        asked.role, name=asked.name, invited_by=record.bearer, good_for=timedelta(days=asked.days)
    )
    note(request, f"invitation {made.number} as {made.role}{' for ' + made.name if made.name else ''}")
    return code, made


@operation(Invitation, tag="people")
async def take_back(request: web.Request) -> web.Response:
    """Take an invitation back that nobody took up."""
    number = number_in(request)
    known = {one.number: one for one in await request.app[BOOK].invitations()}
    if number not in known:
        raise UnknownNameError("invitation", str(number), map(str, known))
    if not await request.app[BOOK].revoke_invitation(number):
        raise problem(409, "conflict", f"invitation {number} is not good any more")
    note(request, f"invitation {number} is taken back")
    known = {one.number: one for one in await request.app[BOOK].invitations()}
    return web.json_response(invitation_as_dict(known[number]))


@operation(Joined, takes=Joining, status=201, tag="people")
async def join(request: web.Request) -> web.Response:
    """Take an invitation up; answers with the new account's token, which is told only now."""
    asked = await read_json(request, Joining)
    person, token = await take_up(request, asked.code, asked.name)
    return web.json_response({**person_as_dict(person), "token": token}, status=201)


async def take_up(request: web.Request, code: str, name: str) -> tuple[PersonRecord, str]:
    """Take an invitation up; whoever guesses at codes has to wait as those who guess at tokens."""
    door = request.app[DOORKEEPER]
    address = door.address_of(request)
    door.check_patience(address)
    try:
        person, token = await request.app[BOOK].take_up(code, name)
    except UnknownNameError:
        door.note_failure(address)
        raise problem(
            403, "auth", "the invitation is not good: it was taken up, or its time is over"
        ) from None
    note(request, f"{person.name} joins as {person.role}")
    return person, token


# -- tokens ------------------------------------------------------------------------------------------


@operation(Tokens, tag="people")
async def tokens(request: web.Request) -> web.Response:
    """An owner: every token that is good; others: their own. Never a token's text."""
    return web.json_response({"tokens": [token_as_dict(one) for one in await seen_tokens(request)]})


async def seen_tokens(request: web.Request) -> list[TokenRecord]:
    """The good tokens that one may see: an owner all, others their own."""
    record, now = bearer(request), datetime.now(UTC)
    return [
        one
        for one in await request.app[BOOK].tokens()
        if one.revoked_at is None
        and (one.expires_at is None or one.expires_at > now)
        and (record.role == "owner" or _is_own(record, one))
    ]


@operation(TokenText, takes=NewOwnToken, status=201, tag="people")
async def issue(request: web.Request) -> web.Response:
    """Make another token of one's own, for another machine; it is told only now."""
    asked, record = await read_json(request, NewOwnToken), bearer(request)
    ends = None if asked.days is None else datetime.now(UTC) + timedelta(days=asked.days)
    ends = min((end for end in (ends, record.expires_at) if end is not None), default=None)
    book = request.app[BOOK]
    if record.person is not None:
        text = await book.issue_own_token(record.person, name=asked.name, expires_at=ends)
    else:
        text = await book.issue_token(
            record.role, name=asked.name, event_id=record.event_id, entry_id=record.entry_id, expires_at=ends
        )
    note(request, f"token {asked.name!r}")
    return web.json_response({"token": text, "role": record.role, "expires_at": _moment(ends)}, status=201)


@operation(TokenLine, tag="people")
async def revoke(request: web.Request) -> web.Response:
    """Take a token back, and every session with it: an owner any, others their own."""
    number = number_in(request)
    found = next((one for one in await seen_tokens(request) if one.number == number), None)
    if found is None:
        raise UnknownNameError("token", str(number), ())
    await request.app[BOOK].revoke(number)
    note(request, f"token {number} of {found.bearer} is taken back")
    return web.json_response(token_as_dict(found))


def _is_own(record: TokenRecord, other: TokenRecord) -> bool:
    if record.person is not None:
        return other.person == record.person
    return record.number in (other.number, other.session_of)


# -- the audit log -----------------------------------------------------------------------------------


@operation(AuditLog, query={"before": NUMBERS}, tag="people")
async def audit(request: web.Request) -> web.Response:
    """Who changed what, when and from where: the newest lines first; `before` gives older ones."""
    lines = await request.app[BOOK].deeds(before=before_in(request), most=PAGE)
    return web.json_response({"deeds": [deed_as_dict(one) for one in lines]})


def before_in(request: web.Request) -> int | None:
    """The number after `?before=`."""
    text = request.query.get("before")
    return None if text is None else _read_number(text)


# -- what is said ------------------------------------------------------------------------------------


def bearer(request: web.Request) -> TokenRecord:
    """Whose token came with a request to a route that needs one."""
    record = who(request)
    assert record is not None
    return record


def number_in(request: web.Request) -> int:
    """The number that an address ends with."""
    return _read_number(request.match_info["number"])


def _read_number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text[:12]) < 2**31):
        raise InputError(f"number {text[:40]!r}: expected a whole number from 1")
    return int(text)


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def person_as_dict(one: PersonRecord) -> dict[str, object]:
    """A person as programs read them."""
    return {
        "number": one.number,
        "name": one.name,
        "role": one.role,
        "created_at": one.created_at.isoformat(),
        "last_used_at": _moment(one.last_used_at),
    }


def invitation_as_dict(one: InvitationRecord) -> dict[str, object]:
    """An invitation as programs read it."""
    return {
        "number": one.number,
        "role": one.role,
        "name": one.name,
        "invited_by": one.invited_by,
        "created_at": one.created_at.isoformat(),
        "expires_at": one.expires_at.isoformat(),
        "taken_at": _moment(one.taken_at),
        "taken_by": one.taken_by,
        "revoked_at": _moment(one.revoked_at),
    }


def token_as_dict(one: TokenRecord) -> dict[str, object]:
    """A token as programs read it; never its text."""
    return {
        "number": one.number,
        "role": one.role,
        "name": one.name,
        "person": one.person_name,
        "event": one.event_id,
        "entry": one.entry_id,
        "session": one.session_of is not None,
        "created_at": one.created_at.isoformat(),
        "last_used_at": _moment(one.last_used_at),
        "expires_at": _moment(one.expires_at),
    }


def deed_as_dict(one: Deed) -> dict[str, object]:
    """A line of the audit log as programs read it."""
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "who": one.who,
        "role": one.role,
        "token": one.token,
        "what": one.what,
        "status": one.status,
        "address": one.address,
        "about": one.about,
    }
