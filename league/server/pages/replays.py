"""Replays in the browser, and what a car's camera sees in a replay or in a race as it runs."""

from __future__ import annotations

import asyncio
import json
import logging
import zlib
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from league.errors import LeagueError, RecordingError, UnknownNameError
from league.hooks.catalogue import League
from league.racing.heat import OUT
from league.racing.recording import Recording
from league.server.keys import BOOK, LEAGUE
from league.server.pages.boards import Render
from league.server.pages.eye import picture
from league.server.pages.film import film_of, line_of
from league.server.pages.moments import moments_of
from league.server.race.watch import GRANDSTAND
from league.store.records import HeatRecord
from league.track.circuit import Circuit

log = logging.getLogger(__name__)

KEPT: Final = 6
"""Recordings kept ready; eight cars over three laps take less than a megabyte."""
MOST_ATTEMPTS: Final = 400
"""Attempts to choose a ghost from."""
CAR_FIELDS, BOT_FIELDS = 8, 5


@dataclass(frozen=True, slots=True)
class Attempt:
    """One car's drive in one heat, which can be a ghost in another's replay."""

    key: str
    """ "HEAT:SEAT", as an address has it."""
    heat: HeatRecord
    name: str


@dataclass(frozen=True, slots=True)
class Reel:
    """A recording, and the film of it as it travels."""

    recording: Recording
    film: bytes
    """JSON, compressed with gzip's format."""


class Replays:
    """Answers requests for replays and camera pictures.

    Args:
        render: Makes a page from a template and what it shows.
    """

    def __init__(self, render: Render) -> None:
        self._render = render
        self._reels: OrderedDict[tuple[str, str], Reel] = OrderedDict()
        self._circuits: OrderedDict[str, Circuit] = OrderedDict()
        self._seen: OrderedDict[tuple[str, str, int, int], bytes] = OrderedDict()
        self._looking = asyncio.Lock()

    def routes(self) -> list[web.RouteDef]:
        """List where the pages and their figures are found."""
        one = "/events/{event}/heats/{heat}"
        return [
            web.get(f"{one}/replay", self.replay),
            web.get(f"{one}/film", self.film),
            web.get(f"{one}/camera", self.camera),
            web.get("/live/{event}/line", self.line),
            web.get("/live/{event}/camera", self.live_camera),
        ]

    async def replay(self, request: web.Request) -> web.Response:
        """`GET …/heats/{heat}/replay?t=…&car=…&ghost=…`: a heat to play and to compare."""
        event = await request.app[BOOK].event(request.match_info["event"])
        heats = await request.app[BOOK].heats(event.plan.id)
        heat = find_heat(heats, request.match_info["heat"])
        finished = heat.status == "finished"
        facts = await request.app[BOOK].facts(event.plan.id, heat.plan.id) if finished else ()
        physical = any(entry.kind == "physical" for entry in heat.plan.grid)
        return self._render(
            request,
            "replay.html",
            event=event,
            path=request.rel_url.raw_path,
            plan=heat.plan,
            physical=physical,
            recorded=finished and not physical,
            timeline=moments_of(heat.plan, facts),
            attempts=attempts_of(heats, heat.plan.circuit),
        )

    async def film(self, request: web.Request) -> web.Response:
        """`GET …/heats/{heat}/film`: the whole heat as the replay page plays it."""
        reel = await self._reel(request)
        return web.Response(
            body=reel.film, content_type="application/json", headers={"Content-Encoding": "gzip"}
        )

    async def camera(self, request: web.Request) -> web.Response:
        """`GET …/heats/{heat}/camera?seat=…&k=…`: what a car's camera saw at a tick, as a PNG."""
        recording = (await self._reel(request)).recording
        seat = _number(request, "seat", len(recording.plan.grid))
        tick = _number(request, "k", len(recording.frames))
        rows = recording.frames[tick]
        cars = [None if int(row[6]) & OUT else row[:3].tolist() for row in rows]
        made = await asyncio.to_thread(
            picture, recording.circuit, recording.car, seat, cars,
            boxes=recording.boxes, bots=recording.bot_frames[tick][:, :3].tolist(),
        )  # fmt: skip
        return _png(made)

    async def line(self, request: web.Request) -> web.Response:
        """`GET /live/{event}/line`: the racing line of an event's car, as far as one is known."""
        event = (await request.app[BOOK].event(request.match_info["event"])).plan
        circuit = await self._circuit(request.app[LEAGUE], event.circuit)
        car = request.app[LEAGUE].car(event.car)
        return web.json_response({"line": await asyncio.to_thread(line_of, circuit, car)})

    async def live_camera(self, request: web.Request) -> web.Response:
        """`GET /live/{event}/camera?seat=…`: what a car's camera sees in the race that is being watched."""
        event_id = request.match_info["event"]
        broadcast = await request.app[GRANDSTAND].broadcast(event_id)
        snap = broadcast.snap if broadcast is not None else None
        if broadcast is None or snap is None:
            raise UnknownNameError("race to look at", event_id, ())
        now = (broadcast.frame or snap).message
        cars = _places(now["cars"], CAR_FIELDS)
        seat = _number(request, "seat", len(cars))
        key = (event_id, str(now["heat"]), int(now["k"]), seat)
        async with self._looking:  # one picture at a time: the race goes first
            if key not in self._seen:
                plan = (await request.app[BOOK].event(event_id)).plan
                circuit = await self._circuit(request.app[LEAGUE], plan.circuit)
                boxes = [[figure / 1000 for figure in box] for box in snap.message["boxes"]]
                self._seen[key] = await asyncio.to_thread(
                    picture, circuit, request.app[LEAGUE].car(plan.car), seat,
                    [None if flags & OUT else place for place, flags in _flagged(now["cars"], cars)],
                    boxes=boxes, bots=_places(now.get("bots", ()), BOT_FIELDS),
                )  # fmt: skip
                while len(self._seen) > 8 * KEPT:
                    self._seen.popitem(last=False)
            return _png(self._seen[key])

    # -- inside ------------------------------------------------------------------------------------

    async def _reel(self, request: web.Request) -> Reel:
        """The recording that the address names.

        Raises:
            UnknownNameError: There is none, or none that this version can read.
        """
        key = request.match_info["event"], request.match_info["heat"]
        if key not in self._reels:
            content = await request.app[BOOK].recording(*key)
            if not content:
                raise UnknownNameError("recording", key[1], ())
            try:
                self._reels[key] = await asyncio.to_thread(_develop, content, request.app[LEAGUE])
            except RecordingError as error:
                log.warning("event %s, heat %s: no replay: %s", *key, error)
                raise UnknownNameError("recording that this version can read", key[1], ()) from error
        self._reels.move_to_end(key)
        while len(self._reels) > KEPT:
            self._reels.popitem(last=False)
        return self._reels[key]

    async def _circuit(self, league: League, ref: str) -> Circuit:
        if ref not in self._circuits:
            try:
                self._circuits[ref] = await asyncio.to_thread(league.circuit, ref)
            except LeagueError as error:
                raise UnknownNameError("circuit", ref, ()) from error
        self._circuits.move_to_end(ref)
        while len(self._circuits) > KEPT:
            self._circuits.popitem(last=False)
        return self._circuits[ref]


def find_heat(heats: Sequence[HeatRecord], heat_id: str) -> HeatRecord:
    """One of an event's heats.

    Raises:
        UnknownNameError: There is none with this id.
    """
    found = next((heat for heat in heats if heat.plan.id == heat_id), None)
    if found is None:
        raise UnknownNameError("heat", heat_id, [heat.plan.id for heat in heats])
    return found


def attempts_of(heats: Sequence[HeatRecord], circuit: str) -> list[Attempt]:
    """Everybody's attempts at a circuit, the newest heat first."""
    found = [
        Attempt(f"{heat.plan.id}:{seat}", heat, entry.name)
        for heat in reversed(heats)
        if heat.status == "finished" and heat.plan.circuit == circuit
        for seat, entry in enumerate(heat.plan.grid)
        if entry.kind != "physical"
    ]
    return found[:MOST_ATTEMPTS]


def _develop(content: bytes, league: League) -> Reel:
    recording = Recording.from_bytes(content)
    line: list[list[float]] = []
    with suppress(LeagueError):  # the circuit is gone by now, or changed
        now = league.circuit(recording.plan.circuit)
        line = line_of(now, recording.car) if now.sha256 == recording.circuit.sha256 else []
    told = json.dumps(film_of(recording, line), separators=(",", ":"), allow_nan=False).encode()
    pack = zlib.compressobj(6, wbits=31)
    return Reel(recording, pack.compress(told) + pack.flush())


def _places(flat: Sequence[int], fields: int) -> list[list[float]]:
    """x, y and direction out of the flat numbers of a frame."""
    return [[figure / 1000 for figure in flat[at + 1 : at + 4]] for at in range(0, len(flat), fields)]


def _flagged(flat: Sequence[int], places: list[list[float]]) -> list[tuple[list[float], int]]:
    return [(place, flat[at * CAR_FIELDS + 7]) for at, place in enumerate(places)]


def _number(request: web.Request, name: str, below: int) -> int:
    """A number in the query, from 0 up to `below`.

    Raises:
        UnknownNameError: It is none, or too large.
    """
    text = request.query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < below):
        raise UnknownNameError(name, text, ())
    return int(text)


def _png(content: bytes) -> web.Response:
    headers: dict[str, Any] = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    return web.Response(body=content, content_type="image/png", headers=headers)
