"""The REST interface under /api/v1: what organisers may change."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from league.errors import InputError
from league.racing.plan import EntryPlan, EventPlan, race_of
from league.racing.rules import Rules
from league.server.keys import BOOK, LOBBY, SETTINGS
from league.server.rest.api import ROOT, as_dict
from league.server.rest.contract import operation
from league.server.rest.entries import NewEntry
from league.server.rest.shapes import EventAnswer, Raced, Token
from league.server.rest.uploads import read_json
from league.store.names import check_id, slug
from league.store.records import EventOptions

Name = Annotated[str, Field(min_length=1, max_length=64)]


class NewEvent(BaseModel):
    """An event as an organiser asks for it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Name
    circuit: str
    format: str = "time-trial"
    id: str | None = None
    car: str = "deepracer"
    seed: Annotated[int, Field(ge=0, lt=2**53)] = 0
    rules: dict[str, Any] = {}
    grid_size: Annotated[int, Field(ge=2, le=8)] = 4
    plus_minus: Annotated[float, Field(gt=0, le=10)] = 1.0
    """How sure a format that rates has to be of every strength."""
    entries: list[NewEntry] = []
    autostart: Annotated[int, Field(ge=1, le=64)] | None = None
    open_entry: bool | None = None
    pace: Annotated[float, Field(gt=0, le=1000)] | None = None
    closes_at: AwareDatetime | None = None
    """When it takes no more entries and submissions."""
    attempts: Annotated[int, Field(ge=1, le=10**6)] | None = None
    """How many a racer has: submissions, and runs that are asked for; any number by default."""
    attempts_a_day: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Closing(BaseModel):
    """When an event closes its entries."""

    model_config = ConfigDict(extra="forbid")

    closes_at: AwareDatetime | Literal["now"] | None
    """None is when it begins, or never where it stays open."""


class NewRace(BaseModel):
    """Entries of an event that are to race each other."""

    model_config = ConfigDict(extra="forbid")

    entries: Annotated[list[Name], Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(max_length=64)] = ""
    format: Annotated[str, Field(max_length=64)] = "head-to-head"
    seed: Annotated[int, Field(ge=0, lt=2**53)] | None = None
    start: bool = True


class NewToken(BaseModel):
    """A token for somebody, or something, at the track."""

    model_config = ConfigDict(extra="forbid")

    role: Literal["timekeeper", "timing"]
    name: Name


def routes() -> list[web.RouteDef]:
    """Every route that changes something."""
    return [
        web.post(f"{ROOT}/events", create),
        web.post(f"{ROOT}/events/{{event}}/start", start),
        web.post(f"{ROOT}/events/{{event}}/abort", abort),
        web.post(f"{ROOT}/events/{{event}}/pause", pause),
        web.post(f"{ROOT}/events/{{event}}/resume", resume),
        web.post(f"{ROOT}/events/{{event}}/again", again),
        web.post(f"{ROOT}/events/{{event}}/closing", close),
        web.post(f"{ROOT}/events/{{event}}/race", race),
        web.post(f"{ROOT}/events/{{event}}/tokens", give_token),
    ]


@operation(EventAnswer, takes=NewEvent, status=201, tag="events")
async def create(request: web.Request) -> web.Response:
    """Add an event."""
    asked = await read_json(request, NewEvent)
    taken = {record.plan.id for record in await request.app[BOOK].events()}
    plan = EventPlan(
        id=check_id("event", asked.id) if asked.id else slug(asked.name, taken=taken, fallback="event"),
        name=asked.name,
        circuit=asked.circuit,
        format=asked.format,
        car=asked.car,
        seed=asked.seed,
        rules=Rules.parse(asked.rules),
        grid_size=asked.grid_size,
        plus_minus=asked.plus_minus,
        entries=_entries(asked.entries),
    )
    open_entry = request.app[SETTINGS].entry_is_open if asked.open_entry is None else asked.open_entry
    options = EventOptions(
        autostart=asked.autostart, open_entry=open_entry, pace=asked.pace,
        closes_at=asked.closes_at, attempts=asked.attempts, attempts_a_day=asked.attempts_a_day,
    )  # fmt: skip
    record = await request.app[LOBBY].create(plan, options)
    return web.json_response(as_dict(record, request.app[LOBBY].present(plan.id)), status=201)


@operation(EventAnswer, tag="events")
async def start(request: web.Request) -> web.Response:
    """Start an event."""
    await request.app[LOBBY].start(request.match_info["event"])
    return await _event(request)


@operation(EventAnswer, tag="events")
async def abort(request: web.Request) -> web.Response:
    """Stop an event for good."""
    await request.app[LOBBY].abort(request.match_info["event"])
    return await _event(request)


@operation(EventAnswer, tag="events")
async def pause(request: web.Request) -> web.Response:
    """Let the heat under way come to its end, and none begin after it."""
    (await request.app[LOBBY].paddock(request.match_info["event"])).pause()
    return await _event(request)


@operation(EventAnswer, tag="events")
async def resume(request: web.Request) -> web.Response:
    """Go on after a pause."""
    (await request.app[LOBBY].paddock(request.match_info["event"])).resume()
    return await _event(request)


@operation(EventAnswer, tag="events")
async def again(request: web.Request) -> web.Response:
    """Break the simulated heat under way off, and race it again from its start with the same seed."""
    (await request.app[LOBBY].paddock(request.match_info["event"])).race_again()
    return await _event(request)


@operation(EventAnswer, takes=Closing, tag="events")
async def close(request: web.Request) -> web.Response:
    """Say when an event takes no more entries and submissions; "now" is at once."""
    asked = await read_json(request, Closing)
    closes_at = request.app[BOOK].now() if asked.closes_at == "now" else asked.closes_at
    await request.app[LOBBY].close_entries(request.match_info["event"], closes_at)
    return await _event(request)


@operation(Raced, takes=NewRace, status=201, tag="events")
async def race(request: web.Request) -> web.Response:
    """Let entries of an event race each other in an event of their own, under the rules of its final.

    Those that connect by themselves get new tokens, which the answer tells.
    """
    asked, of = await read_json(request, NewRace), request.match_info["event"]
    book, lobby = request.app[BOOK], request.app[LOBBY]
    source = await book.event(of)
    heats = await book.heats(of)
    taken = {record.plan.id for record in await book.events()}
    name = " ".join(asked.name.split()) or f"{source.plan.name[:56]}: race"
    plan = race_of(
        source.plan, [heat.plan for heat in heats], asked.entries,
        new_id=slug(name, taken=taken, fallback="race"), name=name, style=asked.format, seed=asked.seed,
    )  # fmt: skip
    record = await lobby.create(plan, EventOptions(pace=source.options.pace), of=(of, asked.entries))
    tokens = {
        entry.id: await book.issue_token("entry", name=entry.name, event_id=plan.id, entry_id=entry.id)
        for entry in record.plan.entries
        if entry.kind in ("remote", "physical")
    }
    if asked.start:
        await lobby.start(plan.id)
        record = await book.event(plan.id)
    return web.json_response(as_dict(record, lobby.present(plan.id)) | {"tokens": tokens}, status=201)


@operation(Token, takes=NewToken, status=201, tag="events")
async def give_token(request: web.Request) -> web.Response:
    """Make a token for a timekeeper or a timing device of an event."""
    asked = await read_json(request, NewToken)
    event_id = request.match_info["event"]
    token = await request.app[BOOK].issue_token(asked.role, name=asked.name, event_id=event_id)
    return web.json_response({"token": token, "role": asked.role, "event": event_id}, status=201)


async def _event(request: web.Request) -> web.Response:
    record = await request.app[BOOK].event(request.match_info["event"])
    return web.json_response(as_dict(record, request.app[LOBBY].present(record.plan.id)))


def _entries(asked: list[NewEntry]) -> tuple[EntryPlan, ...]:
    entries: dict[str, EntryPlan] = {}
    for entry in asked:
        if not entry.agent:
            raise InputError(f"entry {entry.name!r} names no agent; others enter by connecting")
        entry_id = slug(entry.name, taken=entries)
        entries[entry_id] = EntryPlan(id=entry_id, name=entry.name, agent=entry.agent)
    return tuple(entries.values())
