"""Following an event of a server in the terminal: its stream of events, shown as a tower and a board."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import aiohttp
from rich.console import Console, RenderableType

from league.cli import show
from league.cli.remote import http_url, segment
from league.cli.tower import Screen, screen, tower_table
from league.errors import RaceError
from league.racing.distance import distance
from league.racing.tower import RACING, Tone, TowerRow

OVER = ("finished", "aborted")
PATIENCE_S: Final = 60.0
"""How long a lost server is looked for; it takes a person some time to start it again."""


class LostError(RaceError):
    """The server cannot be reached, or is gone."""


async def events(server: str, event: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
    """What a server tells of an event: each message's name and content, until the server ends it.

    Raises:
        RaceError: The server cannot be reached, refuses, or is gone.
    """
    address = f"{http_url(server)}/api/v1/events/{segment(event)}/stream?frames=1"
    patience = aiohttp.ClientTimeout(total=None, sock_read=60)
    try:
        async with aiohttp.ClientSession(timeout=patience) as http, http.get(address) as answer:
            if answer.status != 200:
                said = json.loads(await answer.text())["error"]["message"]
                raise RaceError(f"{server}: {said}")
            name, data = "", ""
            async for raw in answer.content:
                line = raw.decode().rstrip("\r\n")
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    data = line.removeprefix("data: ")
                elif not line and name:
                    yield name, json.loads(data)
                    name = data = ""
    except (aiohttp.ClientError, OSError, ValueError, KeyError) as error:
        raise LostError(f"{server}: {error or type(error).__name__}") from error


async def follow(server: str, event: str, console: Console, *, patience_s: float = PATIENCE_S) -> None:
    """Show an event until it is over: a moving tower on a terminal, a line for each lap anywhere else.

    A server that is gone may come back: an event goes on where it was.

    Args:
        server: Its address.
        event: The event's id.
        console: Where to show it.
        patience_s: How long a lost server is looked for.

    Raises:
        RaceError: The server cannot be reached, refuses, or stays away.
    """
    picture = Picture()
    clock = asyncio.get_running_loop().time
    lost_at_s, waiting = clock(), False
    with screen(console) as view:
        while True:
            try:
                async for name, said in events(server, event):
                    waiting = False
                    picture.hear(name, said)
                    if console.is_terminal:
                        _draw(view, picture, urgent=name in ("board", "heat"))
                    elif line := picture.line(name, said):
                        console.print(line, markup=False, soft_wrap=True)
                    if picture.over:
                        return
            except LostError:
                if not picture.begun:
                    raise
            if not waiting:
                lost_at_s, waiting = clock(), True
                notice = f"the server at {server} is gone; waiting for it to come back ..."
                view.draw(notice) if console.is_terminal else console.print(notice, markup=False)
            if clock() - lost_at_s > patience_s:
                raise LostError(f"{server}: the server is gone, and not back within {patience_s:g} s")
            await asyncio.sleep(min(1.0, patience_s))


def _draw(view: Screen, picture: Picture, *, urgent: bool) -> None:
    if urgent or view.due:
        view.draw(*picture.show())


class Picture:
    """What is known of an event, from its messages."""

    def __init__(self) -> None:
        self.begun = self.over = False
        self._event: Mapping[str, Any] = {}
        self._heat: Mapping[str, Any] = {}
        self._snap: Mapping[str, Any] = {}
        self._standings: list[Mapping[str, Any]] = []
        self._sectors: dict[int, tuple[int, int]] = {}
        """The sector that each seat finished last, and its time in µs."""
        self._own_us: dict[tuple[int, int], int] = {}
        """The best time of each seat in each sector."""

    def hear(self, name: str, said: Mapping[str, Any]) -> None:
        """Take a message."""
        self.begun = True
        if name == "hello":
            self._event = said["event"]
            self.over = self._event["status"] in OVER
        elif name == "board":
            self._standings = said["standings"]
        elif name == "heat":
            if said["heat"] != self._heat.get("heat"):
                self._snap, self._sectors, self._own_us = {}, {}, {}
            self._heat = said
        elif name == "snap":
            self._snap = said
        elif name == "event" and said["kind"] == "sector":
            seat, sector, us = said["seat"], int(said["data"]["sector"]), int(said["data"]["time_us"])
            self._sectors[seat] = sector, us
            self._own_us[seat, sector] = min(us, self._own_us.get((seat, sector), us))

    def show(self) -> list[RenderableType]:
        """The tower of the heat that runs, and the board under it."""
        shown: list[RenderableType] = []
        if self._snap and self._heat.get("status") in ("starting", "running"):
            time_s = self._snap["t_us"] / 1e6
            title = f"{self._heat['heat']} · {distance(self._snap['laps'])} · {time_s:.1f} s raced"
            shown += [tower_table(title, self.rows()), ""]
        shown.append(self._board())
        return shown

    def rows(self) -> list[TowerRow]:
        """The tower's lines, first to last."""
        seats = sorted(self._snap.get("seats", ()), key=lambda seat: seat["place"])
        bests = [seat["best_us"] for seat in seats if seat["best_us"] is not None]
        fastest_us = min(bests, default=None)
        rows: list[TowerRow] = []
        before_us: int | None = None
        for seat in seats:
            rows.append(self._row(seat, fastest_us, before_us))
            before_us = seat["gap_us"]
        return rows

    def line(self, name: str, said: Mapping[str, Any]) -> str:
        """A message as one line of text; empty for most."""
        if name == "heat":
            return f"{said['heat']}: {said['status']}: {', '.join(said['names'])}"
        if name == "event" and said["kind"] == "lap":
            driver = self._heat["names"][said["seat"]] if self._heat else said["seat"]
            lap = said["data"]
            return f"{said['heat']}: {driver} lap {lap['lap']} in {lap['time_us'] / 1e6:.3f} s"
        return ""

    def _row(self, seat: Mapping[str, Any], fastest_us: int | None, before_us: int | None) -> TowerRow:
        best, last, gap = seat["best_us"], seat["last_us"], seat["gap_us"]
        sector, sector_us = self._sectors.get(seat["seat"], (None, None))
        state = RACING if seat["status"] == "racing" else seat["reason"] or seat["status"]
        if seat["penalty_ticks"] and state == RACING:
            state = "penalty"
        return TowerRow(
            place=seat["place"],
            seat=seat["seat"],
            name=seat["name"],
            laps=seat["lap"],
            gap_s=_s(gap) if seat["place"] > 1 else None,
            interval_s=_s(gap - before_us) if gap is not None and before_us is not None else None,
            last_s=_s(last),
            last_tone="best" if last and last == fastest_us else "own" if last and last == best else "",
            best_s=_s(best),
            best_tone="best" if best and best == fastest_us else "",
            sector=None if sector is None else sector + 1,
            sector_s=_s(sector_us),
            sector_tone=self._sector_tone(seat["seat"]),
            state="finished" if state == "FIN" else state,
            total_s=_s(seat["total_us"]),
        )

    def _sector_tone(self, seat: int) -> Tone:
        if seat not in self._sectors:
            return ""
        sector, us = self._sectors[seat]
        if us == min(best for (_, which), best in self._own_us.items() if which == sector):
            return "best"
        return "own" if us == self._own_us[seat, sector] else ""

    def _board(self) -> RenderableType:
        rows = [
            (
                row["place"], row["name"], show.seconds(row["total_s"]), show.seconds(row["gap_s"]),
                show.seconds(row["fastest_lap_s"]), row["status"],
            )
            for row in self._standings
        ]  # fmt: skip
        title = f"{self._event.get('name', '')} · {self._event.get('status', '')}"
        return show.table(title, ["", "entry", ">total", ">gap", ">fastest", "status"], rows)


def _s(time_us: int | None) -> float | None:
    return None if time_us is None else time_us / 1e6
