"""A server with pages and a race to watch, and nothing else: no drivers' sockets, no lobby.

The race is a real heat with drivers in this process, shown through the same scene and broadcast as a
hosted one; so a page can be looked at in any moment of a race, without waiting for drivers to connect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web

from league.hooks.catalogue import League
from league.racing.agent import Command, Observation
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.rules import Rules
from league.server.door.headers import add_headers
from league.server.keys import BOOK, LEAGUE, SETTINGS, STANDINGS
from league.server.pages.routes import add_pages
from league.server.race import watch
from league.server.race.scene import Scene
from league.server.race.settings import Settings
from league.server.race.virtual import outlook
from league.server.race.watch import Broadcast, hello_message
from league.server.rest.standings import Standings
from league.store.book import RecordBook
from league.store.records import EventOptions, EventStatus

Driver = Callable[[Observation], Command]


class Show:
    """One event and its audience.

    Args:
        league: Where circuit, car and format come from.
        book: Already holds the event.
        event: What is raced.
        drivers: One for each entry.
    """

    def __init__(self, league: League, book: RecordBook, event: EventPlan, drivers: Sequence[Driver]) -> None:
        self.league, self.book, self.event = league, book, event
        self.circuit = league.circuit(event.circuit)
        self.pace: float | None = 1.0
        """Multiple of real time; None is as fast as it goes."""
        self.feed = Broadcast(self._hello("open"))
        self._drivers = {entry.id: drive for entry, drive in zip(event.entries, drivers, strict=True)}

    @classmethod
    @asynccontextmanager
    async def open(cls, event: EventPlan, drivers: Sequence[Driver]) -> AsyncIterator[Self]:
        """Put up a show with a record book in memory."""
        async with await RecordBook.open(":memory:") as book:
            await book.add_event(event, EventOptions(open_entry=True))
            yield cls(League(), book, event, drivers)

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[str]:
        """Let an audience in; gives the address."""
        app = web.Application()
        app[LEAGUE], app[BOOK], app[SETTINGS] = self.league, self.book, Settings(name="Test League")
        app[STANDINGS] = Standings(self.league, self.book)
        app[watch.GRANDSTAND] = self
        app.router.add_get("/ws/watch", watch.watch_socket)
        add_headers(app)
        add_pages(app)
        app.on_cleanup.append(lambda app: app[STANDINGS].close())
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await self.feed.close()
            await runner.cleanup()

    async def broadcast(self, event_id: str) -> Broadcast | None:
        return self.feed if event_id == self.event.id else None

    async def status(self, status: EventStatus) -> None:
        await self.book.set_status(self.event.id, status)
        self.feed.introduce(self._hello(status))
        await self.board()

    async def board(self) -> None:
        """Tell everybody how the event stands."""
        event, form = self.event, self.league.format(self.event.format)
        raced = await self.book.results(event.id)
        heats = [{"id": heat.heat, "phase": heat.phase, "status": "finished"} for heat in raced]
        heats += [
            {"id": plan.id, "phase": plan.phase, "status": "waiting"}
            for plan in form.next_heats(event, raced)
        ]
        rows = [row.model_dump(mode="json") for row in form.standings(event, raced)]
        self.feed.publish({"type": "board", "standings": rows, "heats": heats})

    def heat(self, heat_id: str, grid: Sequence[EntryPlan] | None = None) -> HeatPlan:
        event = self.event
        return HeatPlan(
            id=heat_id,
            phase=heat_id.rpartition("-")[0],
            circuit=event.circuit,
            car=event.car,
            rules=event.rules,
            seed=1,
            grid=event.entries if grid is None else tuple(grid),
        )

    async def race(self, plan: HeatPlan, *, go: asyncio.Event | None = None) -> None:
        """Race one heat from the lights, which stay on until `go`, to the flag."""
        await self.book.begin_heat(self.event.id, plan)
        sensors = [self.league.sensor(name) for name in plan.rules.sensors]
        heat = Heat(plan, self.circuit, self.league.car(plan.car), sensors)
        form, raced = self.league.format(self.event.format), await self.book.results(self.event.id)
        scene = Scene(heat, self.feed, outlook=outlook(self.event, form, raced, heat))
        scene.announce("starting")
        if go is not None:
            await go.wait()
        scene.announce("running")
        drivers = [self._drivers[entry.id] for entry in plan.grid]
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not heat.finished:
            seen = heat.observe()
            answers = [one and drive(one) for drive, one in zip(drivers, seen, strict=True)]
            scene.show(heat.advance(answers))
            due_s += plan.rules.tick_s / self.pace if self.pace else 0.0
            await asyncio.sleep(max(0.0, due_s - loop.time()))
        await self.book.finish_heat(
            self.event.id, plan, heat.result(), heat.facts, heat.recording().to_bytes()
        )
        scene.announce("finished")
        await self.board()

    def _hello(self, status: EventStatus) -> dict[str, Any]:
        event = self.event
        about = {"id": event.id, "name": event.name, "circuit": event.circuit, "status": status}
        return hello_message(about, self.circuit)


def an_event(names: Sequence[str], *, circuit: str = "a-to-z-speedway", **rules: Any) -> EventPlan:
    """An event with entries of these names."""
    entries = [EntryPlan(id=f"e{i}", name=name, agent="pure-pursuit") for i, name in enumerate(names)]
    return EventPlan(
        id="spring-cup",
        name="Spring Cup",
        circuit=circuit,
        format="qualifying-final",
        rules=Rules(**rules),
        grid_size=8,
        entries=tuple(entries),
    )
