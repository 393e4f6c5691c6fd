"""The HTML pages: events, leaderboards, heats and the live page.

Rendered here, without scripts from elsewhere; what moves comes over the watch socket.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import quote

import jinja2
import numpy as np
from aiohttp import web

from league.errors import LeagueError, UnknownNameError
from league.hooks.catalogue import League
from league.hooks.page import Page
from league.hooks.recorder import Recorder
from league.racing.distance import distance
from league.racing.ledger import in_force
from league.racing.plan import EventPlan
from league.racing.result import EntryResult, HeatResult
from league.server.door.admission import is_only_looking, who
from league.server.door.answers import meaning
from league.server.door.auth import is_secure
from league.server.keys import BOOK, LEAGUE, SETTINGS, STANDINGS
from league.server.pages import charts, words
from league.server.pages.added import Added
from league.server.pages.assets import Assets
from league.server.pages.board import Row, read_view, show
from league.server.pages.boards import KEPT as CARRIED
from league.server.pages.boards import Boards
from league.server.pages.desk import Desk
from league.server.pages.display import read_display
from league.server.pages.garage import Garage, filters
from league.server.pages.handbook import Handbook
from league.server.pages.moments import moments_of
from league.server.pages.replays import Replays
from league.server.pages.rulings import marks_of, rulings_about
from league.server.pages.scores import Scores, Sheet
from league.server.pages.seasons import SeasonPages
from league.server.pages.signing import SIGN_IN, Signing
from league.server.pages.stewards import Stewards
from league.server.rest.standings import LARGE, style_of
from league.store.records import EventRecord, HeatRecord
from league.track.circuit import Circuit

log = logging.getLogger(__name__)

Leader = TypeVar("Leader", Row, EntryResult)

KEPT: Final = 64
"""Circuits kept ready."""
MOST_HEATS: Final = 100
"""Heats of an event that are listed unless all are asked for; the newest and those that come next."""
MOST_RULINGS: Final = 20
"""Decisions of stewards that an event's page lists; the newest."""
MOST_PODIUMS: Final = 12
"""Events whose first three the home page names; the newest."""
SKETCH_POINTS: Final = 240

Kept = TypeVar("Kept")
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Sketch:
    """A circuit small enough for a card: an SVG path and what frames it."""

    path: str
    box: str
    width: float
    start: str
    name: str
    length_m: float
    direction: str


class Pages:
    """Answers the requests for pages.

    Args:
        assets: The static files.
        added: Pages of plugins, by name.
    """

    def __init__(self, assets: Assets, added: Mapping[str, Page]) -> None:
        self._assets = assets
        self._sketches: OrderedDict[str, Sketch | None] = OrderedDict()
        self._scores: Scores
        self.boards = Boards(self._page, self._sketch)
        self._jinja = jinja2.Environment(
            loader=jinja2.PackageLoader("league.server"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        for name in ("seconds", "gap", "margin", "faults", "title", "heading", "status", "kind"):
            self._jinja.filters[f"as_{name}"] = getattr(words, name)
        self._jinja.filters["as_distance"] = distance
        self._jinja.filters["segment"] = lambda text: quote(text, safe="")
        self._jinja.filters |= filters()
        self._jinja.globals["asset"] = assets.address
        self._jinja.globals["added"] = {name: page.title for name, page in added.items()}
        self.added = Added(added, self._jinja, self._page)

    def routes(self) -> list[web.RouteDef]:
        """List where the pages are found."""
        return [
            web.get("/", self.home),
            web.get("/events/{event}", self.event),
            web.get("/events/{event}/heats/{heat}", self.heat),
            web.get("/live/{event}", self.live),
            web.get("/events/{event}/timekeeper", self.timekeeper),
            web.get("/static/{version}/{name}", self._assets.serve),
            *self.boards.routes(),
            *self.added.routes(),
            *Handbook(self._page).routes(),
            *Garage(self._page, self._sheet).routes(),
            *Replays(self._page).routes(),
            *SeasonPages(self._page).routes(),
            *Signing(self._page).routes(),
            *Desk(self._page, self._exact).routes(),
            *Stewards(self._page, self._exact).routes(),
        ]

    # -- pages ---------------------------------------------------------------------------------

    async def home(self, request: web.Request) -> web.Response:
        """`GET /`: all events, those that are live first."""
        events = (await request.app[BOOK].events())[::-1]
        groups = [
            ("Live now", [event for event in events if event.status == "running"]),
            ("Open for entries", [event for event in events if event.status == "open"]),
            ("Results", [event for event in events if event.status in ("finished", "aborted")]),
        ]
        cards = [
            (heading, [(event, await self._sketch(request, event.plan.circuit)) for event in group])
            for heading, group in groups
        ]
        raced = groups[0][1] + groups[2][1]
        podiums = {event.plan.id: await self._podium(event) for event in raced[:MOST_PODIUMS]}
        example = next((event.plan.id for _, group in groups[1::-1] for event in group), None)
        return self._page(request, "home.html", groups=cards, example=example, podiums=podiums)

    async def _podium(self, event: EventRecord) -> list[Row]:
        """The first three of an event that was raced; nobody of one that would take long to rank."""
        if len(event.plan.entries) >= LARGE:
            return []
        rows = (await self._scores.of(event.plan.id)).rows[:3]
        return [row for row in rows if row.rank and row.status == "FIN"]

    async def event(self, request: web.Request) -> web.Response:
        """`GET /events/{event}`: its leaderboard, its heats and how to join."""
        sheet = await self._sheet(request)
        event = sheet.record
        view = read_view(request.rel_url.raw_path, request.query, CARRIED)
        shown = show(sheet.rows, view)
        columns = ["agent", "total", "laps", "trend", "status"]
        if any(row.owner for row in shown.rows):
            columns.append("owner")
        all_heats = request.query.get("heats") == "all"
        heats = sheet.heats if all_heats else sheet.heats[-MOST_HEATS:]
        waiting = sheet.waiting if all_heats else sheet.waiting[:MOST_HEATS]
        return self._page(
            request,
            "event.html",
            event=event,
            plan=event.plan,
            view=view,
            shown=shown,
            columns=columns,
            leaders=_first_two(row for row in sheet.rows[:2] if row.rank),
            physical=any(entry.kind == "physical" for entry in event.plan.entries),
            heats=heats,
            waiting=waiting,
            unlisted=len(sheet.heats) - len(heats) + len(sheet.waiting) - len(waiting),
            car=self._car(request, event.plan.car),
            rulings=sheet.rulings[:MOST_RULINGS],
            revision=sheet.revision,
            drawn=await self._sketch(request, event.plan.circuit),
            placed_by=_placed_by(request.app[LEAGUE], event.plan),
        )

    async def heat(self, request: web.Request) -> web.Response:
        """`GET /events/{event}/heats/{heat}`: the classification, every lap and what happened."""
        event = await self._event(request)
        heat_id = request.match_info["heat"]
        heat = await request.app[BOOK].heat(event.plan.id, heat_id)
        lines = await request.app[BOOK].decisions(event.plan.id)  # first: later ones, the page is told of
        result = await self._result(request, event.plan.id, heat)
        facts = await request.app[BOOK].facts(event.plan.id, heat_id) if result else ()
        moments = moments_of(heat.plan, facts)
        orders = charts.positions(facts, len(heat.plan.grid))
        seats = {entry.id: seat for seat, entry in enumerate(heat.plan.grid)}
        rows = result.entries if result else ()
        charted = [(seats.get(row.entry_id, 0), row.name, row.laps) for row in rows]
        names = [entry.name for entry in heat.plan.grid]
        fastest_s = min(_lap_times(result), default=None) if result else None
        return self._page(
            request,
            "heat.html",
            event=event,
            heat=heat,
            plan=heat.plan,
            result=result,
            laps=max((len(entry.laps) for entry in result.entries), default=0) if result else 0,
            fastest_s=fastest_s,
            leaders=_first_two(rows),
            fastest_by=next((row.name for row in rows if row.fastest_lap_s == fastest_s), None),
            lap_chart=charts.lap_chart(charted),
            position_chart=charts.position_chart(orders, names, heat.plan.rules.sectors),
            orders=orders,
            sectors=charts.sectors_of(result) if result else {},
            penalties=[moment for moment in moments if moment.kind == "penalty"],
            rulings=rulings_about(heat.plan, lines),
            marks=marks_of(line for line in in_force(lines) if line.heat == heat_id),
            revision=len(lines),
            seats=seats,
            kinds={entry.id: entry.kind for entry in heat.plan.grid},
            car=self._car(request, heat.plan.car),
            timeline=moments,
            forms=_forms(request),
            drawn=await self._sketch(request, heat.plan.circuit),
        )

    async def live(self, request: web.Request) -> web.Response:
        """`GET /live/{event}`: the race as it happens."""
        return self._page(request, "live.html", event=await self._event(request))

    async def timekeeper(self, request: web.Request) -> web.Response:
        """`GET /events/{event}/timekeeper`: the clock of physical runs, for whoever has the token."""
        return self._page(request, "timekeeper.html", event=await self._event(request))

    def missing(self, request: web.Request, status: int, heading: str, text: str) -> web.Response:
        """Say that there is no such page, or that it could not be made."""
        return self._page(request, "missing.html", code=status, heading=heading, text=text)

    # -- what they show ------------------------------------------------------------------------

    async def open(self, app: web.Application) -> AsyncIterator[None]:
        """Keep what the pages show ready as long as the application runs."""
        self._scores = scores = Scores(app[LEAGUE], app[BOOK], app[STANDINGS])
        yield
        await scores.close()

    async def _sheet(self, request: web.Request) -> Sheet:
        """How the event stands that an address names; a large one perhaps as it was a moment ago."""
        return await self._scores.of(request.match_info["event"])

    async def _exact(self, _: web.Request, event_id: str) -> Sheet:
        """How an event stands, for whoever decides about it."""
        return await self._scores.of(event_id, exact=True)

    async def _event(self, request: web.Request) -> EventRecord:
        return await request.app[BOOK].event(request.match_info["event"])

    async def _result(self, request: web.Request, event_id: str, heat: HeatRecord) -> HeatResult | None:
        if heat.status != "finished":
            return None
        return next(iter(await request.app[BOOK].results(event_id, heats=(heat.plan.id,))), None)

    def _car(self, request: web.Request, name: str) -> str:
        car = request.app[LEAGUE].cars.get(name)
        return car.name if car else name

    async def _sketch(self, request: web.Request, ref: str) -> Sketch | None:
        """Draw a circuit for a card; None if it cannot be found any more."""
        if ref not in self._sketches:
            try:
                sketch = await asyncio.to_thread(lambda: sketched(request.app[LEAGUE].circuit(ref)))
            except LeagueError as error:
                log.warning("no sketch of circuit %r: %s", ref, error)
                sketch = None
            _keep(self._sketches, ref, sketch)
        return self._sketches[ref]

    def _page(self, request: web.Request, template: str | jinja2.Template, /, **shown: Any) -> web.Response:
        shown |= {
            "site": request.app[SETTINGS].name,
            "server": f"{'wss' if is_secure(request) else 'ws'}://{request.host}",
            "here": request.path_qs if request.method == "GET" else "/",
            "display": read_display(request),
            "signed": who(request),
            "only_looking": is_only_looking(request),
        }
        text = self._jinja.get_template(template).render(shown)
        return web.Response(text=text, content_type="text/html", status=shown.get("code", 200))


def _first_two(rows: Iterable[Leader]) -> tuple[Leader | None, Leader | None]:
    """Who is first and second, as far as there are so many."""
    found = iter(rows)
    return next(found, None), next(found, None)


def add_pages(app: web.Application) -> None:
    """Give an application that has its league its pages; it must hold what they stand on when it runs."""
    pages = Pages(Assets.read(), app[LEAGUE].pages)
    app.cleanup_ctx.extend((pages.open, pages.boards.open, pages.added.open))
    app.add_routes(pages.routes())

    @web.middleware
    async def in_words(request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer people with a page whatever goes wrong; programs are answered elsewhere."""
        if request.path.startswith(("/api/", "/ws/", "/static/")):
            return await handler(request)
        try:
            return await handler(request)
        except web.HTTPNotFound:
            return pages.missing(request, 404, "Off the road", "There is no page at this address.")
        except UnknownNameError as error:
            return pages.missing(request, 404, "Off the road", f"No {error.kind} is called {error.name!r}.")
        except web.HTTPException as error:
            if error.status < 400 or error.content_type != "application/json":
                raise
            if error.status == 401 and request.method == "GET":
                raise web.HTTPSeeOther(f"{SIGN_IN}?next={quote(request.path_qs, safe='')}") from None
            text = str(json.loads(error.text or "{}")["error"]["message"])
            page = pages.missing(request, error.status, "Black flag", text)
            if "Retry-After" in error.headers:
                page.headers["Retry-After"] = error.headers["Retry-After"]
            return page
        except LeagueError as error:
            status = meaning(request, error)[0]
            if status >= 500:
                log.exception("%s %s failed", request.method, request.path)
            return pages.missing(request, status, "Black flag", str(error))
        except Exception:
            log.exception("%s %s failed", request.method, request.path)
            return pages.missing(request, 500, "Engine failure", "The server's log says what happened.")

    app.middlewares.append(in_words)


def _forms(request: web.Request) -> list[tuple[str, Recorder]]:
    """What the heat can be downloaded as; a simtrace is of one car, which the page lets choose."""
    known = request.app[LEAGUE].recorders.items()
    return [(name, recorder) for name, recorder in known if recorder.served and name != "simtrace"]


def sketched(circuit: Circuit) -> Sketch:
    """Draw a circuit's centre line as an SVG path in centimetres, y downwards."""
    step = max(1, -(-len(circuit.centre) // SKETCH_POINTS))
    line = (circuit.centre[::step] * (100, -100)).round().astype(int)
    width = float(np.median(circuit.width_left_m + circuit.width_right_m)) * 100
    every = np.concatenate((circuit.left, circuit.right)) * (100, -100)
    low, high = every.min(axis=0) - 0.3 * width, every.max(axis=0) + 0.3 * width
    start = np.array((circuit.left[0], circuit.right[0])) * (100, -100)
    return Sketch(
        path="M" + "L".join(f"{x} {y}" for x, y in line.tolist()) + "Z",
        box=" ".join(f"{figure:.0f}" for figure in (*low, *(high - low))),
        width=round(width),
        start="M{:.0f} {:.0f}L{:.0f} {:.0f}".format(*start.ravel()),
        name=circuit.name,
        length_m=circuit.length_m,
        direction=circuit.direction,
    )


def _placed_by(league: League, plan: EventPlan) -> str:
    """How a format places entries, where it is not by the time of their best run; else nothing."""
    style = style_of(league, plan)
    return "" if style is None or getattr(style, "ranks_best_runs", False) else style.about


def _lap_times(result: HeatResult) -> list[float]:
    return [lap.time_s for entry in result.entries for lap in entry.laps if lap.valid]


def _keep(kept: OrderedDict[str, Kept], key: str, value: Kept) -> None:
    """Keep a value, and no more than `KEPT` of them."""
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > KEPT:
        kept.popitem(last=False)
