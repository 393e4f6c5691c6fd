"""The REST interface under /api/v1: what organisers and entrants may change."""

from __future__ import annotations

import json
from typing import Annotated, Any, TypeVar

from aiohttp import BodyPartReader, web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from league.errors import InputError
from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules, first_problem
from league.server.answers import problem
from league.server.api import ROOT, as_dict
from league.server.keys import BOOK, DOORKEEPER, LOBBY, SETTINGS
from league.store.names import check_id, slug
from league.store.records import EventOptions, ModelFiles

METADATA_BYTES = 256 * 1024
_TEXT_BYTES = 4096

Name = Annotated[str, Field(min_length=1, max_length=64)]
Asked = TypeVar("Asked", bound=BaseModel)


class NewEntry(BaseModel):
    """A hosted agent by name, or, without `agent`, an entry for a driver that connects by itself."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    agent: Annotated[str, Field(max_length=64)] = ""


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
    entries: list[NewEntry] = []
    autostart: Annotated[int, Field(ge=1, le=64)] | None = None
    open_entry: bool | None = None
    pace: Annotated[float, Field(gt=0, le=1000)] | None = None


def routes() -> list[web.RouteDef]:
    """Every route that changes something."""
    return [
        web.post(f"{ROOT}/events", create),
        web.post(f"{ROOT}/events/{{event}}/start", start),
        web.post(f"{ROOT}/events/{{event}}/abort", abort),
        web.post(f"{ROOT}/events/{{event}}/entries", enter),
        web.delete(f"{ROOT}/events/{{event}}/entries/{{entry}}", withdraw),
    ]


async def create(request: web.Request) -> web.Response:
    """Add an event."""
    await request.app[DOORKEEPER].organiser(request)
    asked = await _read(request, NewEvent)
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
        entries=_entries(asked.entries),
    )
    open_entry = request.app[SETTINGS].entry_is_open if asked.open_entry is None else asked.open_entry
    options = EventOptions(autostart=asked.autostart, open_entry=open_entry, pace=asked.pace)
    record = await request.app[LOBBY].create(plan, options)
    return web.json_response(as_dict(record, request.app[LOBBY].present(plan.id)), status=201)


async def start(request: web.Request) -> web.Response:
    """Start an event."""
    await request.app[DOORKEEPER].organiser(request)
    await request.app[LOBBY].start(request.match_info["event"])
    return await _event(request)


async def abort(request: web.Request) -> web.Response:
    """Stop an event for good."""
    await request.app[DOORKEEPER].organiser(request)
    await request.app[LOBBY].abort(request.match_info["event"])
    return await _event(request)


async def enter(request: web.Request) -> web.Response:
    """Enter an agent by name, a model, or a driver that will connect; answers with the entry's token."""
    event_id = request.match_info["event"]
    await _may_enter(request, event_id)
    entrance = request.app[LOBBY].entrance
    if request.content_type.startswith("multipart/"):
        name, model = await _read_model(request)
        entry, token = await entrance.enter(event_id, name, agent="model.onnx", model=model)
    else:
        asked = await _read(request, NewEntry)
        if asked.agent:
            entry, token = await entrance.enter(event_id, asked.name, agent=asked.agent)
        else:
            entry, token = await entrance.reserve(event_id, asked.name)
    return web.json_response({"entry_id": entry.id, "token": token}, status=201)


async def withdraw(request: web.Request) -> web.Response:
    """Take an entry out of an event; its own token may do that, too."""
    event_id, entry_id = request.match_info["event"], request.match_info["entry"]
    token = await request.app[DOORKEEPER].bearer(request)
    own = token is not None and (token.event_id, token.entry_id) == (event_id, entry_id)
    if not own:
        await request.app[DOORKEEPER].organiser(request)
    await request.app[LOBBY].entrance.withdraw(event_id, entry_id)
    return await _event(request)


async def _may_enter(request: web.Request, event_id: str) -> None:
    """Refuse who may not enter this event."""
    token = await request.app[DOORKEEPER].bearer(request)
    record = await request.app[BOOK].event(event_id)
    if record.options.open_entry or (token is not None and token.role == "organiser"):
        return
    if token is None:
        raise problem(401, "auth", "a token is needed to enter this event: 'Authorization: Bearer TOKEN'")
    if token.event_id != event_id or token.entry_id is not None:
        raise problem(403, "role", f"the token is not for entering event {event_id!r}")


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


async def _read(request: web.Request, kind: type[Asked]) -> Asked:
    """The request's JSON body, checked.

    Raises:
        InputError: It is no JSON, or not as expected.
    """
    try:
        given = json.loads(await request.text())
    except (ValueError, LookupError, RecursionError) as error:
        raise InputError(f"the body is not JSON: {error}") from None
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        raise InputError(first_problem(error)) from None


async def _read_model(request: web.Request) -> tuple[str, ModelFiles]:
    """A multipart body: `name`, `model.onnx` and `model_metadata.json`."""
    most = {
        "name": _TEXT_BYTES,
        "model.onnx": request.app[SETTINGS].model_bytes,
        "model_metadata.json": METADATA_BYTES,
    }
    given: dict[str, bytes] = {}
    async for part in await request.multipart():
        if not isinstance(part, BodyPartReader) or part.name not in most or part.name in given:
            found = getattr(part, "name", None)
            raise InputError(f"form: found part {str(found)[:40]!r}, expected one each of {', '.join(most)}")
        given[part.name] = await _read_part(part, most[part.name])
    missing = sorted(set(most) - set(given))
    if missing:
        raise InputError(f"form: {missing[0]!r} is missing, expected one each of {', '.join(most)}")
    try:
        name = given["name"].decode()
        metadata = given["model_metadata.json"].decode("utf-8-sig")
        json.loads(metadata)
    except (ValueError, RecursionError) as error:
        raise InputError(f"form: name or model_metadata.json cannot be read: {error}") from None
    return name, ModelFiles(given["model.onnx"], metadata)


async def _read_part(part: BodyPartReader, most: int) -> bytes:
    content = bytearray()
    while chunk := await part.read_chunk(64 * 1024):
        content += chunk
        if len(content) > most:
            raise InputError(f"form: part {part.name!r} is larger than {most} bytes")
    return bytes(content)
