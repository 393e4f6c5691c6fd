"""The REST interface under /api/v1: incidents, protests, and what stewards decide.

A decision is in the record book before anybody is told; the boards then show what follows from it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from league.errors import InputError, RaceError, UnknownNameError
from league.racing.incident import PROTEST, PROTEST_S, Incident, Opinion
from league.racing.ledger import Decision, DecisionKind, in_force
from league.server.door.admission import who
from league.server.keys import BOOK, LOBBY
from league.server.rest.api import ROOT, find_heat
from league.server.rest.contract import operation
from league.server.rest.entries import check_owner
from league.server.rest.shapes import Shape
from league.server.rest.sheets import CSV, STANDING, sheet
from league.server.rest.uploads import read_json
from league.store.decisions import IncidentRecord
from league.store.records import HeatRecord

_NONE: Final = timedelta()
ALREADY: Final = {200: "It was written before, and is not written again."}
Why = Annotated[str, Field(min_length=3, max_length=500)]


class NewDecision(BaseModel):
    """A decision as a steward asks for it."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    kind: DecisionKind
    why: Why
    heat: Annotated[str, Field(max_length=128)] = ""
    entry: Annotated[str, Field(max_length=64)] = ""
    seconds: Annotated[float, Field(ge=-86400, le=86400)] | None = None
    lap: Annotated[int, Field(ge=0, le=10_000)] = 0
    valid: bool | None = None
    incident: Annotated[int, Field(ge=0, lt=2**31)] = 0
    target: Annotated[int, Field(ge=0, lt=2**31)] = 0
    """Of an undo: the line of the ledger that it takes back."""
    command: Annotated[str, Field(max_length=64)] = ""
    """What the one who decides calls it: sent again, it is written once."""
    revision: Annotated[int, Field(ge=0)] | None = None
    """How many lines the ledger had when it was looked at; if there are others by now, it is refused."""


class NewProtest(BaseModel):
    """What a racer says is wrong."""

    model_config = ConfigDict(extra="forbid")

    entry: Annotated[str, Field(min_length=1, max_length=64)]
    """Who protests: the entry whose token it is."""
    against: Annotated[str, Field(max_length=64)] = ""
    why: Why
    at_s: Annotated[float, Field(ge=0, le=86400)] = 0.0
    """When it was, on the heat's clock."""


class LedgerLine(Decision):
    """A line of the ledger, and whether it counts."""

    undone: bool
    decided_at: datetime


class Ledger(Shape):
    """Everything that was decided in an event."""

    event: str
    revision: int
    """How many lines it has."""
    final: bool
    decisions: list[LedgerLine]


class Decided(Shape):
    """A decision that is written."""

    decision: Decision
    new: bool
    """Whether it was not there before."""
    revision: int


class IncidentLine(Incident):
    """An incident with what is thought and was decided of it."""

    filed_at: datetime
    open: bool
    opinions: list[Opinion]
    decisions: list[int]
    """Lines of the ledger that settle it."""


class Incidents(Shape):
    """What there is to look at."""

    event: str
    incidents: list[IncidentLine]


def routes() -> list[web.RouteDef]:
    """Every route about judging."""
    event = f"{ROOT}/events/{{event}}"
    return [
        web.get(f"{event}/decisions", decisions),
        web.post(f"{event}/decisions", decide),
        web.get(f"{event}/incidents", incidents),
        web.post(f"{event}/heats/{{heat}}/protests", protest),
        web.get(f"{event}/heats/{{heat}}/result.csv", heat_csv),
    ]


@operation(Ledger, tag="stewards")
async def decisions(request: web.Request) -> web.Response:
    """An event's ledger: what was decided, by whom, when and why."""
    event_id = request.match_info["event"]
    lines = await request.app[BOOK].decisions(event_id)
    standing = {line.number for line in in_force(lines)}
    told = [
        line.model_dump(mode="json")
        | {"undone": line.number not in standing, "decided_at": _moment(line).isoformat()}
        for line in lines
    ]
    final = bool(lines) and lines[-1].kind == "final"
    return web.json_response({"event": event_id, "revision": len(lines), "final": final, "decisions": told})


@operation(Decided, takes=NewDecision, status=201, further=ALREADY, tag="stewards")
async def decide(request: web.Request) -> web.Response:
    """Decide: a penalty, void, disqualification, reinstatement, lap edit, undo, or that results are final."""
    event_id = request.match_info["event"]
    token = who(request)
    assert token is not None  # the table of rights lets nobody else through
    asked = await read_json(request, NewDecision)
    if asked.kind == "final":
        await _check_closed(request, event_id)
    line = Decision.model_validate(
        {"number": 1, "who": token.bearer[:64]} | asked.model_dump(exclude={"command", "revision"})
    )
    made, new = await request.app[BOOK].decide(event_id, line, command=asked.command, expected=asked.revision)
    if new:
        await _show(request, event_id)
    return web.json_response(
        {"decision": made.model_dump(mode="json"), "new": new, "revision": made.number},
        status=201 if new else 200,
    )


@operation(
    Incidents,
    query={
        "heat": {"type": "string", "description": "Only those of this heat."},
        "open": {"type": "string", "enum": ["1"], "description": "Only those that nobody has decided."},
    },
    tag="stewards",
)
async def incidents(request: web.Request) -> web.Response:
    """What detectors and racers filed, each with its clip, opinions and decisions."""
    event_id = request.match_info["event"]
    heat = request.query.get("heat", "")
    found = [
        record
        for record in await request.app[BOOK].incidents(event_id)
        if heat in ("", record.incident.heat) and not (request.query.get("open") == "1" and record.decisions)
    ]
    return web.json_response({"event": event_id, "incidents": [_incident(record) for record in found]})


@operation(IncidentLine, takes=NewProtest, status=201, further=ALREADY, tag="stewards")
async def protest(request: web.Request) -> web.Response:
    """Protest, within 15 minutes of a heat in which one raced; the entry's own token may do that."""
    event_id, book = request.match_info["event"], request.app[BOOK]
    asked = await read_json(request, NewProtest)
    record = await find_heat(request)
    await check_owner(request, event_id, asked.entry, who(request))
    _check_in_time(request, event_id, record)
    racing = {entry.id for entry in record.plan.grid}
    for role, entry in (("who protests", asked.entry), ("against", asked.against)):
        if entry not in racing and (entry or role == "who protests"):
            raise InputError(f"{role}: found {entry!r}, expected one of {', '.join(sorted(racing))}")
    hz = record.plan.rules.control_hz
    incident = Incident(
        heat=record.plan.id,
        kind=PROTEST,
        source=asked.entry,
        entry=asked.against,
        other=asked.entry,
        text=asked.why,
        tick=round(asked.at_s * hz),
        time_us=round(asked.at_s * 1e6),
    )
    made, new = await book.file_incident(event_id, incident)
    filed = next(item for item in await book.incidents(event_id) if item.incident.number == made.number)
    return web.json_response(_incident(filed), status=201 if new else 200)


@operation(media=CSV, tag="heats")
async def heat_csv(request: web.Request) -> web.Response:
    """A heat's result after every decision, as CSV with every lap."""
    record = await find_heat(request)
    event_id = request.match_info["event"]
    found = next(iter(await request.app[BOOK].results(event_id, heats=(record.plan.id,))), None)
    if found is None:
        raise UnknownNameError("result", record.plan.id, ())
    owners = (await request.app[BOOK].event(event_id)).owners
    head = (*STANDING, *(f"lap_{lap}_s" for lap in range(1, found.laps + 1)))
    rows = []
    for row in found.entries:
        said = row.model_dump() | {"owner": owners.get(row.entry_id, "")}
        times: list[Any] = [lap.time_s for lap in row.laps[: found.laps]]
        rows.append([*(said.get(column) for column in STANDING), *times, *[None] * (found.laps - len(times))])
    return sheet(f"{event_id}-{record.plan.id}.csv", head, rows)


# -- inside ------------------------------------------------------------------------------------------


async def _show(request: web.Request, event_id: str) -> None:
    """Put the board up again for those who watch."""
    paddock = request.app[LOBBY].present(event_id)
    if paddock is not None:
        await request.app[LOBBY].show(paddock)


async def _check_closed(request: web.Request, event_id: str) -> None:
    """Results are final once nobody may protest any more and every protest is decided.

    Raises:
        RaceError: That is not so yet.
    """
    book = request.app[BOOK]
    pending = [
        record.incident.number
        for record in await book.incidents(event_id)
        if record.incident.kind == PROTEST and not record.decisions
    ]
    if pending:
        numbers = ", ".join(map(str, pending))
        raise RaceError(f"event {event_id!r}: protests {numbers} are not decided; results stay provisional")
    left = max((_left(request, event_id, heat) for heat in await book.heats(event_id)), default=_NONE)
    if left > _NONE:
        raise RaceError(
            f"event {event_id!r}: racers may protest until {now() + left:%H:%M:%S} UTC; "
            "results stay provisional"
        )


def now() -> datetime:
    """The time, as protests are judged by it."""
    return datetime.now(UTC)


def _left(request: web.Request, event_id: str, heat: HeatRecord) -> timedelta:
    """For how long one may still protest about a heat; nothing or less if no more, or if it is not finished.

    A clock that was set since a heat was raced here takes no time away and gives none.
    """
    if heat.finished_at is None:
        return _NONE
    paddock = request.app[LOBBY].present(event_id)
    ended_s = None if paddock is None else paddock.ended_s.get(heat.plan.id)
    if ended_s is not None:
        return timedelta(seconds=PROTEST_S + ended_s - asyncio.get_running_loop().time())
    return heat.finished_at + timedelta(seconds=PROTEST_S) - now()


def protests_until(request: web.Request, event_id: str, heat: HeatRecord) -> datetime | None:
    """Until when racers may protest about a heat; None if they no longer may, or not yet."""
    left = _left(request, event_id, heat)
    return now() + left if left > _NONE else None


def _check_in_time(request: web.Request, event_id: str, heat: HeatRecord) -> None:
    if heat.finished_at is None:
        raise RaceError(f"heat {heat.plan.id!r} is {heat.status}, expected a finished one")
    if (left := _left(request, event_id, heat)) < _NONE:
        raise RaceError(
            f"heat {heat.plan.id!r}: protests were possible until {now() + left:%H:%M:%S} UTC, "
            f"{PROTEST_S / 60:g} minutes after it"
        )


def _moment(line: Decision) -> datetime:
    return datetime.fromtimestamp(line.epoch_ns / 1e9, UTC)


def _incident(record: IncidentRecord) -> dict[str, Any]:
    return record.incident.model_dump(mode="json") | {
        "filed_at": record.filed_at.isoformat(),
        "open": not record.decisions,
        "opinions": [opinion.model_dump(mode="json") for opinion in record.opinions],
        "decisions": [line.number for line in record.decisions],
    }
