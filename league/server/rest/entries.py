"""The REST interface under /api/v1: entering, and the versions of an entry."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from league.racing.plan import EntryPlan
from league.scrutineering.report import Report
from league.server.door.admission import who
from league.server.door.answers import problem
from league.server.door.rights import RUNNING
from league.server.keys import BOOK, LOBBY, SETTINGS
from league.server.race.entrance import Submission
from league.server.rest.api import ROOT, as_dict
from league.server.rest.contract import operation
from league.server.rest.shapes import EntryAnswer, EventAnswer, Submitted
from league.server.rest.uploads import (
    COST,
    COST_BYTES,
    METADATA,
    METADATA_BYTES,
    ONNX,
    TEXT_BYTES,
    read_cost,
    read_form,
    read_json,
    read_model,
    read_text,
)
from league.server.rest.waiting import Queue, queue_of
from league.store.records import TokenRecord, VersionRecord

Name = Annotated[str, Field(min_length=1, max_length=64)]


class NewEntry(BaseModel):
    """A hosted agent by name, an entry of another event, or, without either, one that connects by itself."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    agent: Annotated[str, Field(max_length=64)] = ""
    kind: Literal["remote", "physical"] = "remote"
    """What it is that connects by itself, or, for a car without a bridge, is only timed."""
    of_event: Annotated[str, Field(max_length=64)] = ""
    """The event with the entry that is to race here, too, in the version that races there."""
    of_entry: Annotated[str, Field(max_length=64)] = ""


class NewVersion(BaseModel):
    """Another agent for an entry, by name."""

    model_config = ConfigDict(extra="forbid")

    agent: Annotated[str, Field(min_length=1, max_length=64)]


class Choice(BaseModel):
    """The version of an entry that is to race."""

    model_config = ConfigDict(extra="forbid")

    version: Annotated[int, Field(ge=1, lt=2**31)]


MODEL_PARTS = {
    ONNX: "The network, an ONNX file.",
    METADATA: "Its model_metadata.json.",
    COST: "Its cost card, as training writes it.",
}
REFUSED = {422: "The scrutineers refuse the model; the report says why."}


def routes() -> list[web.RouteDef]:
    """Every route about entries."""
    one = f"{ROOT}/events/{{event}}/entries/{{entry}}"
    return [
        web.post(f"{ROOT}/events/{{event}}/entries", enter),
        web.get(one, entry),
        web.delete(one, withdraw),
        web.post(f"{one}/versions", renew),
        web.post(f"{one}/active", choose),
        web.post(f"{one}/runs", run),
    ]


@operation(
    Submitted, takes=NewEntry, form={"name": "What to call the entry."} | MODEL_PARTS, optional=(COST,),
    status=201, further=REFUSED, tag="entries",
)  # fmt: skip
async def enter(request: web.Request) -> web.Response:
    """Enter an agent by name, a model, or a driver that will connect; answers with the entry's token."""
    event_id = request.match_info["event"]
    await check_entrant(request, event_id, who(request))
    entrance = request.app[LOBBY].entrance
    if request.content_type.startswith("multipart/"):
        given = await read_form(request, parts(request) | {"name": TEXT_BYTES}, optional=(COST,))
        name, model, cost = read_text(given, "name"), read_model(given), read_cost(given)
        submitted = await entrance.submit(event_id, name, model, cost=cost, person=racer_of(request))
        await claim(request, event_id, submitted.entry)
        return answer(submitted)
    asked, person = await read_json(request, NewEntry), racer_of(request)
    if asked.of_event or asked.of_entry:
        await check_owner(request, asked.of_event, asked.of_entry, who(request))
        made, token = await entrance.bring(
            event_id, asked.name, of=asked.of_event, entry_id=asked.of_entry, person=person
        )
        return web.json_response({"entry_id": made.id, "token": token, "version": 1}, status=201)
    if asked.agent:
        made, token = await entrance.enter(event_id, asked.name, agent=asked.agent, person=person)
    else:
        made, token = await entrance.reserve(event_id, asked.name, kind=asked.kind, person=person)
    await claim(request, event_id, made)
    return web.json_response({"entry_id": made.id, "token": token, "version": 1}, status=201)


@operation(EntryAnswer, tag="entries")
async def entry(request: web.Request) -> web.Response:
    """One entry with all its versions and their reports."""
    event_id, entry_id = _which(request)
    known = await request.app[BOOK].versions(event_id, entry_id)
    active = next(version for version in known if version.active)
    return web.json_response(
        {**active.plan.model_dump(mode="json"), "versions": [version_as_dict(version) for version in known]}
    )


@operation(
    Submitted, takes=NewVersion, form=MODEL_PARTS, optional=(COST,),
    status=201, further=REFUSED, tag="entries",
)  # fmt: skip
async def renew(request: web.Request) -> web.Response:
    """Add a version to an entry: a model, or an agent by name; its own token may do that."""
    event_id, entry_id = _which(request)
    await check_owner(request, event_id, entry_id, who(request))
    entrance = request.app[LOBBY].entrance
    if request.content_type.startswith("multipart/"):
        given = await read_form(request, parts(request), optional=(COST,))
        model, cost = read_model(given), read_cost(given)
        return answer(await entrance.renew(event_id, entry_id, model=model, cost=cost))
    asked = await read_json(request, NewVersion)
    return answer(await entrance.renew(event_id, entry_id, agent=asked.agent))


@operation(EntryAnswer, takes=Choice, tag="entries")
async def choose(request: web.Request) -> web.Response:
    """Let another version of an entry race; its own token may do that."""
    event_id, entry_id = _which(request)
    await check_owner(request, event_id, entry_id, who(request))
    asked = await read_json(request, Choice)
    await request.app[LOBBY].entrance.choose(event_id, entry_id, asked.version)
    return await entry(request)


@operation(Queue, status=201, tag="entries")
async def run(request: web.Request) -> web.Response:
    """Ask for one more run of an entry in an event that stays open; its own token may do that."""
    event_id, entry_id = _which(request)
    await check_owner(request, event_id, entry_id, who(request))
    await request.app[LOBBY].entrance.ask_run(event_id, entry_id)
    return web.json_response(await queue_of(request, event_id), status=201)


@operation(EventAnswer, tag="entries")
async def withdraw(request: web.Request) -> web.Response:
    """Take an entry out of an event; its own token may do that, too."""
    event_id, entry_id = _which(request)
    await check_owner(request, event_id, entry_id, who(request))
    await request.app[LOBBY].entrance.withdraw(event_id, entry_id)
    record = await request.app[BOOK].event(event_id)
    return web.json_response(as_dict(record, request.app[LOBBY].present(record.plan.id)))


# -- who may -----------------------------------------------------------------------------------------


async def check_entrant(request: web.Request, event_id: str, token: TokenRecord | None) -> None:
    """Refuse who may not enter this event; that its role may enter at all is known."""
    record = await request.app[BOOK].event(event_id)
    if record.options.open_entry or (token is not None and token.role in RUNNING.roles):
        return
    if token is None:
        raise problem(401, "auth", "a token is needed to enter this event: 'Authorization: Bearer TOKEN'")
    if token.entry_id is not None:
        raise problem(403, "role", f"the token is not for entering event {event_id!r}")


async def claim(request: web.Request, event_id: str, entry: EntryPlan | None) -> None:
    """Write down whose a new entry is, if somebody with an account entered it."""
    person = racer_of(request)
    if entry is not None and person is not None:
        await request.app[BOOK].give_entry(event_id, entry.id, person)


def racer_of(request: web.Request) -> int | None:
    """The account of the racer who asks, if it is one."""
    token = who(request)
    return token.person if token is not None and token.role == "racer" else None


async def check_owner(request: web.Request, event_id: str, entry_id: str, token: TokenRecord | None) -> None:
    """Refuse who is neither the entry itself nor runs events."""
    await request.app[BOOK].event(event_id)
    if token is None:
        raise problem(
            401, "auth", "the entry's token is needed: 'Authorization: Bearer TOKEN'",
            headers={"WWW-Authenticate": "Bearer"},
        )  # fmt: skip
    own = (token.event_id, token.entry_id) == (event_id, entry_id)
    if token.role == "racer" and token.person is not None:
        own = await request.app[BOOK].owner_of(event_id, entry_id) == token.person
    if not own and token.role not in RUNNING.roles:
        raise problem(403, "role", f"the token is not that of entry {entry_id!r}")


# -- what is said ------------------------------------------------------------------------------------


def parts(request: web.Request) -> dict[str, int]:
    """The files of a model, each with its largest size."""
    return {ONNX: request.app[SETTINGS].model_bytes, METADATA: METADATA_BYTES, COST: COST_BYTES}


def answer(made: Submission) -> web.Response:
    """What became of a submission; one that is refused is 422, with the reason where errors have theirs."""
    told: dict[str, Any] = {}
    if made.report is not None:
        told["report"] = report_as_dict(made.report)
    if made.entry is not None:
        told |= {"entry_id": made.entry.id, "version": made.version, "active": made.accepted}
    if made.token:
        told["token"] = made.token
    if made.accepted:
        return web.json_response(told, status=201)
    assert made.report is not None
    message = f"the scrutineers refuse it: {made.report.reason}"
    return web.json_response(told | {"error": {"code": "scrutineering", "message": message}}, status=422)


def report_as_dict(report: Report) -> dict[str, Any]:
    """A report as programs read it."""
    return {**report.model_dump(mode="json"), "passed": report.passed, "reason": report.reason}


def version_as_dict(version: VersionRecord) -> dict[str, Any]:
    """A version as programs read it."""
    report = Report.model_validate_json(version.report) if version.report is not None else None
    return {
        "version": version.number,
        "agent": version.plan.agent,
        "kind": version.plan.kind,
        "sha256": version.sha256 or (report.sha256 if report is not None else None),
        "entered_at": version.entered_at.isoformat(),
        "accepted": version.accepted,
        "active": version.active,
        "report": report_as_dict(report) if report is not None else None,
    }


def _which(request: web.Request) -> tuple[str, str]:
    return request.match_info["event"], request.match_info["entry"]
