"""The REST interface under /api/v1: what anybody may read."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import web

import league
from league.errors import UnknownNameError
from league.racing import BEHAVIOR
from league.server.keys import BOOK, LEAGUE, LOBBY, SETTINGS, STANDINGS
from league.server.race.paddock import Paddock
from league.server.race.watch import outline
from league.server.rest.contract import BINARY, operation
from league.server.rest.shapes import (
    Agents,
    Board,
    CircuitLines,
    Circuits,
    EventAnswer,
    Events,
    Facts,
    Formats,
    Health,
    HeatAnswer,
    Heats,
)
from league.store.records import EventRecord, HeatRecord

ROOT = "/api/v1"


def routes() -> list[web.RouteDef]:
    """Every route that only reads."""
    return [
        web.get(f"{ROOT}/health", health),
        web.get(f"{ROOT}/circuits", circuits),
        web.get(f"{ROOT}/circuits/{{ref}}", circuit),
        web.get(f"{ROOT}/agents", agents),
        web.get(f"{ROOT}/formats", formats),
        web.get(f"{ROOT}/events", events),
        web.get(f"{ROOT}/events/{{event}}", event),
        web.get(f"{ROOT}/events/{{event}}/leaderboard", board),
        web.get(f"{ROOT}/events/{{event}}/heats", heats),
        web.get(f"{ROOT}/events/{{event}}/heats/{{heat}}", heat),
        web.get(f"{ROOT}/events/{{event}}/heats/{{heat}}/facts", facts),
        web.get(f"{ROOT}/events/{{event}}/heats/{{heat}}/recording", recording),
    ]


@operation(Health, tag="server")
async def health(request: web.Request) -> web.Response:
    """Whether the server and its record book answer."""
    known = await request.app[BOOK].events()
    return web.json_response(
        {
            "status": "ok",
            "name": request.app[SETTINGS].name,
            "version": league.__version__,
            "behavior": BEHAVIOR,
            "events": len(known),
            "running": sum(record.status == "running" for record in known),
        }
    )


@operation(Circuits, tag="server")
async def circuits(request: web.Request) -> web.Response:
    """Every circuit's id."""
    return web.json_response({"circuits": sorted(request.app[LEAGUE].circuits)})


@operation(CircuitLines, tag="server")
async def circuit(request: web.Request) -> web.Response:
    """One circuit as lines to draw; `ID:reversed` is driven the other way."""
    ref = request.match_info["ref"]
    known = request.app[LEAGUE].circuits
    if ref.removesuffix(":reversed") not in known:
        raise UnknownNameError("circuit", ref, known)  # never a file, which a reference could also be
    found = await asyncio.to_thread(request.app[LEAGUE].circuit, ref)
    return web.json_response({**outline(found), "about": found.about, "sha256": found.sha256})


@operation(Agents, tag="server")
async def agents(request: web.Request) -> web.Response:
    """Agents that can be entered by name."""
    return web.json_response({"agents": sorted(set(request.app[LEAGUE].agents) - {"onnx"})})


@operation(Formats, tag="server")
async def formats(request: web.Request) -> web.Response:
    """Every format with a line about it."""
    known = request.app[LEAGUE].formats
    return web.json_response(
        {"formats": [{"name": name, "about": str(make().about)} for name, make in sorted(known.items())]}
    )


@operation(Events, tag="events")
async def events(request: web.Request) -> web.Response:
    """Every event, oldest first."""
    lobby = request.app[LOBBY]
    records = await request.app[BOOK].events()
    return web.json_response(
        {"events": [as_dict(record, lobby.present(record.plan.id)) for record in records]}
    )


@operation(EventAnswer, tag="events")
async def event(request: web.Request) -> web.Response:
    """One event with its entries."""
    record = await request.app[BOOK].event(request.match_info["event"])
    return web.json_response(as_dict(record, request.app[LOBBY].present(record.plan.id)))


@operation(Board, tag="events")
async def board(request: web.Request) -> web.Response:
    """An event's standings after every decision, as result JSON.

    From a thousand entries on they may be as they were before the last change, while they are worked out
    anew; `revision` and `heats` tell.
    """
    return web.Response(body=await _board(request), content_type="application/json")


async def board_of(request: web.Request) -> dict[str, Any]:
    """The standings of the event that an address names."""
    found: dict[str, Any] = json.loads(await _board(request))
    return found


async def _board(request: web.Request) -> bytes:
    return await request.app[STANDINGS].board(request.match_info["event"])


@operation(Heats, tag="heats")
async def heats(request: web.Request) -> web.Response:
    """An event's heats in the order in which they began."""
    records = await request.app[BOOK].heats(request.match_info["event"])
    return web.json_response({"heats": [_heat_as_dict(record) for record in records]})


@operation(HeatAnswer, tag="heats")
async def heat(request: web.Request) -> web.Response:
    """One heat with its result after every decision, if it has one."""
    record = await find_heat(request)
    judged = await request.app[BOOK].judged(request.match_info["event"], heats=(record.plan.id,))
    found = next(iter(judged.results), None)
    return web.json_response(
        {
            **_heat_as_dict(record),
            "plan": record.plan.model_dump(mode="json"),
            "result": found.model_dump(mode="json") if found is not None else None,
            "revision": judged.revision,
            "final": judged.final,
        }
    )


@operation(Facts, tag="heats")
async def facts(request: web.Request) -> web.Response:
    """What the referee saw in a finished heat."""
    record = await find_heat(request)
    seen = await request.app[BOOK].facts(request.match_info["event"], record.plan.id)
    return web.json_response({"heat": record.plan.id, "facts": [fact.as_dict() for fact in seen]})


@operation(media=BINARY, tag="heats")
async def recording(request: web.Request) -> web.Response:
    """A finished heat's recording, for `league replay` and `league verify`."""
    record = await find_heat(request)
    event_id = request.match_info["event"]
    content = await request.app[BOOK].recording(event_id, record.plan.id)
    if content is None:
        raise UnknownNameError("recording", record.plan.id, ())
    name = f"{event_id}-{record.plan.id}.heat"
    return web.Response(
        body=content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


async def find_heat(request: web.Request) -> HeatRecord:
    """The heat that an address names.

    Raises:
        UnknownNameError: There is none.
    """
    return await request.app[BOOK].heat(request.match_info["event"], request.match_info["heat"])


def as_dict(record: EventRecord, paddock: Paddock | None) -> dict[str, Any]:
    """An event as programs read it; `paddock` tells who is connected."""
    plan = record.plan
    connected = paddock.connected() if paddock is not None else set()
    away = paddock.away_because() if paddock is not None else {}
    entries = [
        {
            **entry.model_dump(mode="json"),
            "connected": entry.id in connected,
            "hosted": paddock is not None and entry.id in paddock.hosted,
            "withdrawn": entry.id in record.withdrawn,
            "away": away.get(entry.id, ""),
            "owner": record.owners.get(entry.id, ""),
        }
        for entry in plan.entries
    ]
    return {
        **plan.model_dump(mode="json", exclude={"entries"}),
        "status": record.status,
        "created_at": record.created_at.isoformat(),
        "autostart": record.options.autostart,
        "open_entry": record.options.open_entry,
        "pace": record.options.pace,
        "closes_at": record.options.closes_at.isoformat() if record.options.closes_at is not None else None,
        "attempts": record.options.attempts,
        "attempts_a_day": record.options.attempts_a_day,
        "stays_open": record.options.stays_open,
        "heat": paddock.heat if paddock is not None else None,
        "paused": paddock is not None and not paddock.going.is_set(),
        "problem": paddock.problem if paddock is not None else "",
        "entries": entries,
    }


def _heat_as_dict(record: HeatRecord) -> dict[str, Any]:
    return {
        "id": record.plan.id,
        "phase": record.plan.phase,
        "status": record.status,
        "attempt": record.attempt,
        "names": [entry.name for entry in record.plan.grid],
        "began_at": record.began_at.isoformat(),
        "finished_at": record.finished_at.isoformat() if record.finished_at is not None else None,
        "reason": record.reason,
    }
