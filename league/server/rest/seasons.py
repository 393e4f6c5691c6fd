"""The REST interface under /api/v1: seasons, their events, and every table that follows."""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from league.errors import InputError, ModelError, UnknownNameError
from league.racing.championship import (
    ClassPlan,
    Name,
    Points,
    RacedEvent,
    SeasonPlan,
    Tables,
    next_members,
    tables,
)
from league.racing.championship import Table as RacedTable
from league.racing.metadata import read_metadata
from league.racing.rules import first_problem
from league.server.keys import BOOK, LEAGUE
from league.server.rest.api import ROOT
from league.server.rest.contract import operation
from league.server.rest.shapes import Shape
from league.server.rest.sheets import CSV, sheet
from league.server.rest.uploads import read_json
from league.store.names import slug
from league.store.seasons import SeasonRecord

COLUMNS = ("table", "place", "driver", "name", "points", "counted", "dropped", "places", "promoted")


class SeasonEdit(BaseModel):
    """What is to change in a season; whatever is left out stays."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: Name | None = None
    scoring: Name | None = None
    """What makes points of an event: "places", or what a plugin offers."""
    by_place: Annotated[tuple[Points, ...], Field(max_length=64)] | None = None
    pole: Points | None = None
    fastest_lap: Points | None = None
    best: Annotated[int, Field(ge=0)] | None = None
    """How many of a driver's events count; 0 is all."""
    divisions: tuple[Name, ...] | None = None
    members: dict[str, Name] | None = None
    promote: Annotated[float, Field(ge=0, le=1)] | None = None
    classes: tuple[ClassPlan, ...] | None = None
    drivers: dict[str, Name] | None = None
    events: tuple[str, ...] | None = None
    revision: Annotated[int, Field(ge=1)] | None = None
    """The revision that was looked at; if there is another by now, the edit is refused."""


class NewSeason(SeasonEdit):
    """A season as an organiser asks for it."""

    name: Name
    id: str | None = None


class EventOfSeason(BaseModel):
    """An event that is to count."""

    model_config = ConfigDict(extra="forbid")

    event: str


class Following(BaseModel):
    """The season after."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    id: str | None = None


class SeasonAnswer(Shape):
    """A season."""

    season: SeasonPlan
    revision: int
    created_at: str


class Seasons(Shape):
    """Every season."""

    seasons: list[SeasonAnswer]


class SeasonLine(Shape):
    """A driver in a table."""

    place: int
    driver: str
    name: str
    points: float
    counted: list[str]
    dropped: list[str]
    places: list[int]


class SeasonTable(Shape):
    """One table of a season."""

    name: str
    rows: list[SeasonLine]
    promoted: list[str]


class SeasonStandings(Shape):
    """Every table of a season, and how far its events are."""

    season: SeasonPlan
    revision: int
    final: bool
    """Whether every event's results are final."""
    decisions: dict[str, int]
    """Lines of every event's ledger."""
    overall: SeasonTable
    divisions: list[SeasonTable]
    classes: list[SeasonTable]


def routes() -> list[web.RouteDef]:
    """Every route about seasons."""
    one = f"{ROOT}/seasons/{{season}}"
    return [
        web.get(f"{ROOT}/seasons", every),
        web.post(f"{ROOT}/seasons", create),
        web.get(one, season),
        web.post(one, edit),
        web.get(f"{one}/standings", standings),
        web.get(f"{one}/standings.csv", standings_csv),
        web.post(f"{one}/events", add_event),
        web.delete(f"{one}/events/{{event}}", remove_event),
        web.post(f"{one}/next", follow),
    ]


@operation(Seasons, tag="seasons")
async def every(request: web.Request) -> web.Response:
    """Every season, oldest first."""
    return web.json_response({"seasons": [_answer(record) for record in await request.app[BOOK].seasons()]})


@operation(SeasonAnswer, tag="seasons")
async def season(request: web.Request) -> web.Response:
    """One season: what it counts, and its events."""
    return web.json_response(_answer(await _record(request)))


@operation(SeasonAnswer, takes=NewSeason, status=201, tag="seasons")
async def create(request: web.Request) -> web.Response:
    """Add a season."""
    asked = await read_json(request, NewSeason)
    taken = {record.plan.id for record in await request.app[BOOK].seasons()}
    season_id = asked.id or slug(asked.name, taken=taken, fallback="season")
    plan = _changed(request, SeasonPlan(id=season_id, name=asked.name), asked)
    record = await request.app[BOOK].add_season(plan)
    return web.json_response(_answer(record), status=201)


@operation(SeasonAnswer, takes=SeasonEdit, tag="seasons")
async def edit(request: web.Request) -> web.Response:
    """Change a season; no result and no decision can be lost by it."""
    asked = await read_json(request, SeasonEdit)
    record = await _record(request)
    expected = record.revision if asked.revision is None else asked.revision
    plan = _changed(request, record.plan, asked)
    return web.json_response(_answer(await request.app[BOOK].edit_season(plan, expected=expected)))


@operation(SeasonAnswer, takes=EventOfSeason, tag="seasons")
async def add_event(request: web.Request) -> web.Response:
    """Let an event count, as the last one."""
    asked = await read_json(request, EventOfSeason)
    record = await _record(request)
    if asked.event in record.plan.events:
        raise InputError(f"season {record.plan.id!r}: event {asked.event!r} counts already")
    return await _with_events(request, record, (*record.plan.events, asked.event))


@operation(SeasonAnswer, tag="seasons")
async def remove_event(request: web.Request) -> web.Response:
    """Let an event not count; the event itself stays as it is."""
    record, gone = await _record(request), request.match_info["event"]
    if gone not in record.plan.events:
        raise UnknownNameError("event", gone, record.plan.events)
    kept = tuple(event for event in record.plan.events if event != gone)
    return await _with_events(request, record, kept)


@operation(SeasonStandings, tag="seasons")
async def standings(request: web.Request) -> web.Response:
    """The season's tables: everybody, every division with who goes up, every class."""
    return web.json_response(await standings_of(request))


@operation(media=CSV, tag="seasons")
async def standings_csv(request: web.Request) -> web.Response:
    """The season's tables as CSV, one row a driver and table."""
    made = await standings_of(request)
    rows = [
        (
            table["name"] or "overall", row["place"], row["driver"], row["name"], row["points"],
            " ".join(row["counted"]), " ".join(row["dropped"]), " ".join(map(str, row["places"])),
            row["driver"] in table["promoted"],
        )
        for table in (made["overall"], *made["divisions"], *made["classes"])
        for row in table["rows"]
    ]  # fmt: skip
    return sheet(f"{made['season']['id']}-standings.csv", COLUMNS, rows)


@operation(SeasonAnswer, takes=Following, status=201, tag="seasons")
async def follow(request: web.Request) -> web.Response:
    """Begin the season after: the same points, no events, and whoever is promoted one division up."""
    asked = await read_json(request, Following)
    record = await _record(request)
    made = await _tables(request, record.plan)
    taken = {other.plan.id for other in await request.app[BOOK].seasons()}
    plan = record.plan.model_copy(
        update={
            "id": asked.id or slug(asked.name, taken=taken, fallback="season"),
            "name": asked.name,
            "events": (),
            "drivers": {},
            "members": next_members(record.plan, made),
        }
    )
    return web.json_response(_answer(await request.app[BOOK].add_season(plan)), status=201)


async def standings_of(request: web.Request) -> dict[str, Any]:
    """Every table of the season that an address names, as `SeasonStandings`."""
    record = await _record(request)
    made = await _tables(request, record.plan)
    ledgers = {event: await request.app[BOOK].decisions(event) for event in record.plan.events}
    return {
        "season": record.plan.model_dump(mode="json"),
        "revision": record.revision,
        "final": bool(ledgers) and all(lines and lines[-1].kind == "final" for lines in ledgers.values()),
        "decisions": {event: len(lines) for event, lines in ledgers.items()},
        "overall": _table(made.overall, made.names),
        "divisions": [_table(table, made.names) for table in made.divisions],
        "classes": [_table(table, made.names) for table in made.classes],
    }


# -- inside ------------------------------------------------------------------------------------------


async def _record(request: web.Request) -> SeasonRecord:
    return await request.app[BOOK].season(request.match_info["season"])


async def _with_events(request: web.Request, record: SeasonRecord, events: tuple[str, ...]) -> web.Response:
    plan = record.plan.model_copy(update={"events": events})
    made = await request.app[BOOK].edit_season(plan, expected=record.revision)
    return web.json_response(_answer(made))


async def _tables(request: web.Request, plan: SeasonPlan) -> Tables:
    scoring = request.app[LEAGUE].scoring(plan.scoring)
    return tables(plan, await _raced(request, plan), scoring)


async def _raced(request: web.Request, plan: SeasonPlan) -> list[RacedEvent]:
    """What the season's events came to, those without a result left out."""
    book, raced = request.app[BOOK], []
    for event_id in plan.events:
        record, results = await book.event(event_id), await book.results(event_id)
        if not results:
            continue
        event = record.plan
        raced.append(
            RacedEvent(
                id=event_id,
                standings=request.app[LEAGUE].format(event.format).standings(event, results),
                results=results,
                car=event.car,
                sensors=await _sensors(request, event_id, event.rules.sensors) if plan.classes else {},
            )
        )
    return raced


async def _sensors(
    request: web.Request, event_id: str, offered: tuple[str, ...]
) -> dict[str, tuple[str, ...]]:
    """What every entry asks to see: a model what its metadata says, any other what the event offers."""
    event = await request.app[BOOK].event(event_id)
    asked = dict.fromkeys((entry.id for entry in event.plan.entries), offered)
    for entry, text in (await request.app[BOOK].metadata_of(event_id)).items():
        try:
            asked[entry] = read_metadata(text).sensors
        except ModelError:
            continue  # it was let in by an earlier version, which read more
    return asked


def _changed(request: web.Request, plan: SeasonPlan, asked: SeasonEdit) -> SeasonPlan:
    if asked.scoring is not None:
        request.app[LEAGUE].scoring(asked.scoring)
    given = asked.model_dump(exclude_none=True, exclude={"revision", "id"})
    if asked.best == 0:
        given["best"] = None
    try:
        return SeasonPlan.model_validate(plan.model_dump() | given)
    except ValidationError as error:
        raise InputError(f"season: {first_problem(error)}") from None


def _answer(record: SeasonRecord) -> dict[str, Any]:
    return {
        "season": record.plan.model_dump(mode="json"),
        "revision": record.revision,
        "created_at": record.created_at.isoformat(),
    }


def _table(table: RacedTable, names: Any) -> dict[str, Any]:
    return {
        "name": table.name,
        "rows": [
            {
                "place": row.place,
                "driver": row.driver,
                "name": names.get(row.driver, row.driver),
                "points": row.points,
                "counted": list(row.counted),
                "dropped": list(row.dropped),
                "places": list(row.places),
            }
            for row in table.rows
        ],
        "promoted": list(table.promoted),
    }
