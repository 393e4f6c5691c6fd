"""The desk: what whoever is signed in may do from a browser.

Pages only show; whatever changes something is a form that `desk.js` sends to the REST interface, so that
there is one way to do it and one place that allows it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, get_args

from aiohttp import web

from league.racing.incident import PROTEST, Incident
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rules import Rules
from league.server.door.rights import JUDGING, OWNERS, RUNNING, TIMEKEEPING
from league.server.keys import BOOK, LEAGUE, LOBBY
from league.server.pages.garage import report_of
from league.server.pages.rulings import Ruling, rulings_of
from league.server.pages.scores import Scored, Sheet
from league.server.pages.stewards import deadlines
from league.server.race.paddock import Paddock
from league.server.rest.membership import PAGE, bearer, before_in, seen_tokens
from league.store.records import EventRecord, PersonRole, TokenRecord, VersionRecord

Render = Callable[..., web.Response]

MOST: Final = 100
"""Events of which the desk lists the newest."""
MOST_PROTESTABLE: Final = 4
"""Heats of an entry that its racer may protest about from the desk; the newest."""


@dataclass(frozen=True, slots=True)
class Car:
    """An entry as the desk shows it.

    Args:
        event: Where it races.
        entry: What it is.
        version: The version that races; None for one that connects from elsewhere.
        reason: Why the newest version was refused; empty if it was not.
        withdrawn: Whether it has left.
        next_heat: The next heat that it is in; None if none is known.
        before: How many heats come before that one.
        place: Where it stands; 0 before its first heat.
        protestable: The heats that its racer may protest about, and until when.
        protests: What its racer protested about, and what stewards decided.
    """

    event: EventRecord
    entry: EntryPlan
    version: VersionRecord | None
    reason: str
    withdrawn: bool
    next_heat: HeatPlan | None
    before: int
    place: int
    protestable: tuple[tuple[HeatPlan, datetime], ...] = ()
    protests: tuple[tuple[Incident, list[Ruling]], ...] = ()


class Desk:
    """Answers requests of people who are signed in.

    Args:
        render: Makes a page from a template and what it shows.
        scored: Says how an event stands, by its id.
    """

    def __init__(self, render: Render, scored: Scored) -> None:
        self._render, self._scored = render, scored

    def routes(self) -> list[web.RouteDef]:
        """List where the pages are found."""
        return [
            web.get("/desk", self.desk),
            web.get("/desk/new", self.new),
            web.get("/desk/people", self.people),
            web.get("/desk/events/{event}", self.event),
            web.get("/events/{event}/next", self.coming),
        ]

    async def desk(self, request: web.Request) -> web.Response:
        """`GET /desk`: what there is to do for whoever is signed in."""
        record = bearer(request)
        events = [
            event
            for event in (await request.app[BOOK].events())[::-1]
            if record.event_id in (None, event.plan.id)
        ]
        return self._render(
            request,
            "desk.html",
            bearer=record,
            runs=record.role in RUNNING.roles,
            judges=record.role in JUDGING.roles,
            times=record.role in TIMEKEEPING.roles,
            events=events[:MOST],
            cars=await self._cars(request, record),
            waiting=request.app[LOBBY].scrutineers.waiting,
            tokens=await seen_tokens(request),
        )

    async def new(self, request: web.Request) -> web.Response:
        """`GET /desk/new`: a form for an event."""
        league = request.app[LEAGUE]
        formats = [(name, str(make().about)) for name, make in sorted(league.formats.items())]
        return self._render(
            request,
            "desk_new.html",
            circuits=sorted(league.circuits),
            formats=formats,
            cars=sorted(league.cars),
            agents=[(name, request.app[LOBBY].unseen(name, ())) for name in _house(request)],
            sensors=sorted(league.sensors),
            rules=Rules(),
        )

    async def people(self, request: web.Request) -> web.Response:
        """`GET /desk/people`: accounts, invitations, and for owners the audit log."""
        book, record = request.app[BOOK], bearer(request)
        owns = record.role in OWNERS.roles
        waiting = [one for one in await book.invitations() if one.taken_at is None and one.revoked_at is None]
        roles = [role for role in get_args(PersonRole) if owns or role not in ("owner", "director")]
        return self._render(
            request,
            "desk_people.html",
            owns=owns,
            bearer=record,
            people=[one for one in await book.people() if one.removed_at is None],
            invitations=waiting,
            roles=roles,
            deeds=await book.deeds(before=before_in(request), most=PAGE) if owns else [],
        )

    async def event(self, request: web.Request) -> web.Response:
        """`GET /desk/events/{event}`: run an event."""
        event_id, record = request.match_info["event"], bearer(request)
        sheet = await self._scored(request, event_id)
        paddock = _paddock(request, event_id)
        listed = [heat.plan.id for heat in sheet.heats[-MOST:]]
        results = await request.app[BOOK].results(event_id, heats=listed)
        return self._render(
            request,
            "desk_event.html",
            sheet=sheet,
            event=sheet.record,
            plan=sheet.record.plan,
            runs=record.role in RUNNING.roles,
            paused=paddock is not None and not paddock.going.is_set(),
            racing=next(
                (heat.plan for heat in sheet.heats if paddock and heat.plan.id == paddock.heat), None
            ),
            redoable=paddock is not None and paddock.again is not None,
            problem=paddock.problem if paddock is not None else "",
            connected=paddock.connected() if paddock is not None else set(),
            cars=[await self._car(request, sheet, entry) for entry in sheet.record.plan.entries],
            results={result.heat: result for result in results},
            incidents=sum(not one.decisions for one in await request.app[BOOK].incidents(event_id)),
            agents=_drivers(request, sheet.record.plan.rules),
            formats=sorted(request.app[LEAGUE].formats),
        )

    async def coming(self, request: web.Request) -> web.Response:
        """`GET /events/{event}/next`: what is raced now and next, and when a car is up."""
        sheet = await self._scored(request, request.match_info["event"])
        paddock = _paddock(request, sheet.record.plan.id)
        now = paddock.heat if paddock is not None else None
        running = next((heat.plan for heat in sheet.heats if heat.plan.id == now), None)
        asked, coming = request.query.get("entry", ""), _coming(sheet)
        own = next((entry for entry in sheet.record.plan.entries if entry.id == asked), None)
        return self._render(
            request,
            "next.html",
            event=sheet.record,
            plan=sheet.record.plan,
            now=running,
            coming=coming,
            own=own,
            turn=next((at for at, heat in enumerate(coming) if own is not None and _is_in(heat, own)), None),
            paused=paddock is not None and not paddock.going.is_set(),
        )

    # -- what they show ------------------------------------------------------------------------

    async def _cars(self, request: web.Request, record: TokenRecord) -> list[Car]:
        """The entries of whoever is signed in, newest first."""
        own: list[tuple[str, str]] = []
        if record.person is not None:
            own = await request.app[BOOK].entries_of(record.person)
        elif record.event_id is not None and record.entry_id is not None:
            own = [(record.event_id, record.entry_id)]
        cars = []
        for event_id, entry_id in own[:MOST]:
            sheet = await self._scored(request, event_id)
            found = next((entry for entry in sheet.record.plan.entries if entry.id == entry_id), None)
            if found is not None:
                car = await self._car(request, sheet, found)
                cars.append(replace(car, **await self._protests(request, sheet, entry_id)))
        return cars

    async def _protests(self, request: web.Request, sheet: Sheet, entry_id: str) -> dict[str, Any]:
        """What a racer may protest about, and already did."""
        names = {entry.id: entry.name for entry in sheet.record.plan.entries}
        filed = [
            (record.incident, rulings_of(record.decisions, names))
            for record in await request.app[BOOK].incidents(sheet.record.plan.id)
            if (record.incident.kind, record.incident.source) == (PROTEST, entry_id)
        ]
        open_heats = [
            (heat, until)
            for heat, until in deadlines(request, sheet)
            if any(seat.id == entry_id for seat in heat.grid)
        ]
        return {"protestable": tuple(open_heats[:MOST_PROTESTABLE]), "protests": tuple(filed[::-1])}

    async def _car(self, request: web.Request, sheet: Sheet, entry: EntryPlan) -> Car:
        event = sheet.record
        versions = await request.app[BOOK].versions(event.plan.id, entry.id)
        report = report_of(versions[-1])
        heats = _coming(sheet)
        turn = next((at for at, heat in enumerate(heats) if _is_in(heat, entry)), None)
        stands = next((row for row in sheet.standings if row.entry_id == entry.id and row.heats), None)
        return Car(
            event=event,
            entry=entry,
            version=next((one for one in versions if one.active and one.hosted), None),
            reason=report.reason if report is not None and not versions[-1].accepted else "",
            withdrawn=entry.id in event.withdrawn,
            next_heat=None if turn is None else heats[turn],
            before=turn or 0,
            place=stands.place if stands is not None else 0,
        )


def _paddock(request: web.Request, event_id: str) -> Paddock | None:
    """An event's drivers, if anything happened there; none where pages are served without a lobby."""
    lobby = request.app.get(LOBBY)
    return None if lobby is None else lobby.present(event_id)


def _drivers(request: web.Request, rules: Rules) -> list[str]:
    """The house drivers that can do with what cars are shown under these rules."""
    return [name for name in _house(request) if not request.app[LOBBY].unseen(name, rules.sensors)]


def _house(request: web.Request) -> list[str]:
    """All house drivers; a model is entered as what it is."""
    return sorted(set(request.app[LEAGUE].agents) - {"onnx"})


def _coming(sheet: Sheet) -> list[HeatPlan]:
    """Heats that are to be raced, the one under way first, in the order in which they are."""
    if sheet.record.status not in ("open", "running"):
        return []
    cut_off = [heat.plan for heat in sheet.heats if heat.status in ("running", "abandoned")]
    return [*cut_off, *sheet.waiting]


def _is_in(heat: HeatPlan, entry: EntryPlan) -> bool:
    return any(seat.id == entry.id for seat in heat.grid)
