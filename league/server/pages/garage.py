"""The pages of an entry: its versions with their reports, and the forms by which models come in.

Whoever is not signed in gives the token of the entry, or of the event, in the form.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from league.errors import InputError
from league.scrutineering.report import Report
from league.server.door.admission import admit, who
from league.server.keys import BOOK, DOORKEEPER, LOBBY
from league.server.pages.charts import lap_chart
from league.server.pages.form import drives_of, rivalries_of
from league.server.pages.scores import Sheet
from league.server.race.entrance import Submission
from league.server.rest.entries import check_entrant, check_owner, claim, parts, racer_of
from league.server.rest.uploads import COST, TEXT_BYTES, read_cost, read_form, read_model, read_text
from league.store.records import TokenRecord, VersionRecord

Render = Callable[..., web.Response]


class Garage:
    """Answers requests about entries.

    Args:
        render: Makes a page from a template and what it shows.
        sheet: How the event that an address names stands.
    """

    def __init__(self, render: Render, sheet: Callable[[web.Request], Awaitable[Sheet]]) -> None:
        self._render, self._sheet = render, sheet

    def routes(self) -> list[web.RouteDef]:
        """List where the pages and forms are found."""
        one = "/events/{event}/entries/{entry}"
        return [
            web.get(one, self.entry),
            web.post("/events/{event}/enter", self.enter),
            web.post(f"{one}/versions", self.renew),
            web.post(f"{one}/active", self.choose),
        ]

    async def entry(self, request: web.Request) -> web.Response:
        """`GET /events/{event}/entries/{entry}`: its heats, its rivals, its versions and their reports."""
        event_id, entry_id = request.match_info["event"], request.match_info["entry"]
        event = await request.app[BOOK].event(event_id)
        versions = await request.app[BOOK].versions(event_id, entry_id)
        active = next(version for version in versions if version.active)
        sheet = await self._sheet(request)
        results = await request.app[BOOK].results(event_id, entry=entry_id)
        drives = drives_of(results, entry_id)
        laps = [lap for drive in drives for lap in drive.result.laps]
        return self._render(
            request,
            "entry.html",
            event=event,
            entry=active.plan,
            hosted=active.hosted,
            withdrawn=entry_id in event.withdrawn,
            owner=event.owners.get(entry_id, ""),
            versions=[(version, report_of(version)) for version in reversed(versions)],
            standing=next((row for row in sheet.rows if row.key == entry_id), None),
            drives=drives[::-1],
            lap_chart=lap_chart([(0, active.plan.name, laps)]),
            rivals=rivalries_of(results, entry_id),
        )

    async def enter(self, request: web.Request) -> web.Response:
        """`POST /events/{event}/enter`: a form with a name, a model's files and perhaps a token."""
        event_id = request.match_info["event"]
        most = parts(request) | {"name": TEXT_BYTES, "token": TEXT_BYTES}

        async def allow(told: Mapping[str, bytes]) -> None:
            await check_entrant(request, event_id, await self._bearer(request, told))

        given = await read_form(request, most, optional=("token", COST), allow=allow)
        name, model, cost = read_text(given, "name"), read_model(given), read_cost(given)
        submitted = await request.app[LOBBY].entrance.submit(
            event_id, name, model, cost=cost, person=racer_of(request)
        )
        await claim(request, event_id, submitted.entry)
        return await self._tell(request, submitted)

    async def renew(self, request: web.Request) -> web.Response:
        """`POST …/versions`: a form with a model's files and the entry's token."""
        event_id, entry_id = request.match_info["event"], request.match_info["entry"]
        most = parts(request) | {"token": TEXT_BYTES}
        given = await read_form(request, most, optional=(COST,), allow=self._owned(request))
        model, cost = read_model(given), read_cost(given)
        made = await request.app[LOBBY].entrance.renew(event_id, entry_id, model=model, cost=cost)
        return await self._tell(request, made)

    async def choose(self, request: web.Request) -> web.StreamResponse:
        """`POST …/active`: a form with the version that is to race, and the entry's token."""
        event_id, entry_id = request.match_info["event"], request.match_info["entry"]
        most = {"version": TEXT_BYTES, "token": TEXT_BYTES}
        given = await read_form(request, most, allow=self._owned(request))
        text = read_text(given, "version")
        if not (text.isascii() and text.isdigit() and len(text) < 10):
            raise InputError(f"form: version {text[:40]!r}, expected a number")
        await request.app[LOBBY].entrance.choose(event_id, entry_id, int(text))
        raise web.HTTPSeeOther(request.path.removesuffix("/active"))

    # -- inside ------------------------------------------------------------------------------------

    async def _tell(self, request: web.Request, made: Submission) -> web.Response:
        """The result of a submission, with the exact reason."""
        event = await request.app[BOOK].event(request.match_info["event"])
        status = 200 if made.accepted else 422
        return self._render(request, "entered.html", event=event, made=made, report=made.report, code=status)

    def _owned(self, request: web.Request) -> Callable[[Mapping[str, bytes]], Awaitable[None]]:
        """Refuses who is not the entry that the address names."""
        event_id, entry_id = request.match_info["event"], request.match_info["entry"]

        async def allow(told: Mapping[str, bytes]) -> None:
            await check_owner(request, event_id, entry_id, await self._bearer(request, told))

        return allow

    async def _bearer(self, request: web.Request, told: Mapping[str, bytes]) -> TokenRecord | None:
        """What the token allows that was typed into a form, or that came with the request."""
        token = read_text(told, "token")
        if not token:
            return who(request)
        door = request.app[DOORKEEPER]
        record = await door.present(token, door.address_of(request))
        admit(request, record)
        return record


def report_of(version: VersionRecord) -> Report | None:
    """A version's report, if somebody looked at it."""
    return Report.model_validate_json(version.report) if version.report is not None else None


def filters() -> dict[str, Callable[..., Any]]:
    """What templates of these pages need beside the others'."""
    return {"as_cost": cost_figures}


def cost_figures(cost: Mapping[str, float]) -> list[tuple[str, str]]:
    """The figures of a cost card in words, those that it has."""
    return [(label, words(cost[key])) for key, label, words in FIGURES if key in cost]


def _dollars(value: float) -> str:
    return f"${value:.2f}" if value >= 1 or not value else f"${value:.2g}"


FIGURES: tuple[tuple[str, str, Callable[[float], str]], ...] = (
    ("wall_s", "Training", lambda value: f"{value / 60:.1f} min"),
    ("cpu_hours", "Processor", lambda value: f"{value:.2f} h"),
    ("simulated_hours", "Simulated", lambda value: f"{value:.1f} h"),
    ("steps", "Steps", lambda value: f"{value:,.0f}"),
    ("energy_wh", "Energy", lambda value: f"{value:.1f} Wh"),
    ("cost_usd", "Cost", _dollars),
    ("cloud_usd", "In the cloud", _dollars),
)
"""The figures of a cost card that are shown, in order."""
