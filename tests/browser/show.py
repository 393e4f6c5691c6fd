"""A server with pages and a race to watch, and nothing else: no drivers' sockets, no lobby.

The race is a real heat with drivers in this process, shown through the same scene and broadcast as a
hosted one, so that a page can be looked at without the rest of the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any, cast

from aiohttp import web

from league.hooks.catalogue import League
from league.racing.agent import Command, Observation
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.server import watch
from league.server.keys import BOOK, LEAGUE, SETTINGS
from league.server.pages import add_pages
from league.server.scene import Scene
from league.server.settings import Settings
from league.server.watch import Broadcast, hello_message
from league.store.book import RecordBook
from league.store.records import EventOptions

Driver = Callable[[Observation], Command]


class Paddock:
    """As much of a league as pages and heats ask for, around one circuit."""

    def __init__(self, circuit: Any, car: Any, form: Any, sensors: Callable[[], list[Any]]) -> None:
        self._circuit, self.car, self._form, self.sensors = circuit, car, form, sensors

    def circuit(self, ref: str) -> Any:
        return self._circuit

    def format(self, name: str) -> Any:
        return self._form


class Show:
    """One event and its audience."""

    def __init__(self, paddock: Paddock, book: RecordBook, event: EventPlan, drivers: Sequence[Driver]) -> None:
        self.paddock, self.book, self.event, self.drivers = paddock, book, event, drivers
        self.pace = 1.0
        self.feed = Broadcast(self._hello("open"))

    async def broadcast(self, event_id: str) -> Broadcast | None:
        return self.feed if event_id == self.event.id else None

    def application(self) -> web.Application:
        app = web.Application()
        app[LEAGUE] = cast(League, self.paddock)
        app[BOOK] = self.book
        app[SETTINGS] = Settings(name="Test League")
        app[watch.GRANDSTAND] = self
        app.router.add_get("/ws/watch", watch.watch_socket)
        add_pages(app)
        return app

    async def status(self, status: Any) -> None:
        await self.book.set_status(self.event.id, status)
        self.feed.introduce(self._hello(status))

    async def board(self) -> None:
        """Tell everybody how the event stands."""
        results = await self.book.results(self.event.id)
        standings = self.paddock.format("").standings(self.event, results)
        heats = await self.book.heats(self.event.id)
        self.feed.publish(
            {
                "type": "board",
                "standings": [standing.model_dump(mode="json") for standing in standings],
                "heats": [{"id": h.plan.id, "phase": h.plan.phase, "status": h.status} for h in heats],
            }
        )

    async def race(self, plan: HeatPlan, *, wait_s: float = 0.0, stop_after_s: float | None = None) -> None:
        """Race one heat from the lights to the flag."""
        await self.book.begin_heat(self.event.id, plan)
        heat = Heat(plan, self.paddock.circuit(plan.circuit), self.paddock.car, self.paddock.sensors())
        scene = Scene(heat, self.feed)
        scene.announce("starting")
        await self.board()
        await asyncio.sleep(wait_s)
        scene.announce("running")
        seats = [self.drivers[[e.id for e in self.event.entries].index(entry.id)] for entry in plan.grid]
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while not heat.finished:
            seen = heat.observe()
            scene.show(heat.advance([o and drive(o) for drive, o in zip(seats, seen, strict=True)]))
            due_s += plan.rules.tick_s / self.pace
            await asyncio.sleep(max(0.0, due_s - loop.time()))
            if stop_after_s is not None and heat.time_us > stop_after_s * 1e6:
                return
        done = heat.recording()
        await self.book.finish_heat(self.event.id, plan, heat.result(), heat.facts, b"")
        del done
        scene.announce("finished")
        await self.board()

    def _hello(self, status: str) -> dict[str, Any]:
        event = {"id": self.event.id, "name": self.event.name, "circuit": self.event.circuit, "status": status}
        return hello_message(event, self.paddock.circuit(self.event.circuit))


async def open_show(paddock: Paddock, event: EventPlan, drivers: Sequence[Driver]) -> Show:
    """Open a record book in memory that holds the event, ready to race."""
    book = await RecordBook.open(":memory:")
    await book.add_event(event, EventOptions(open_entry=True))
    return Show(paddock, book, event, drivers)


def entries(names: Sequence[str], kind: str = "scripted") -> tuple[EntryPlan, ...]:
    """Entries with these names, one agent for all."""
    return tuple(
        EntryPlan.model_validate({"id": f"e{i}", "name": name, "agent": "pure-pursuit", "kind": kind})
        for i, name in enumerate(names)
    )


NO_LOBBY = SimpleNamespace()
