"""The lobby: every event of this server, from being created to its end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from league.errors import (
    InputError,
    LeagueError,
    LeaseLostError,
    RaceError,
    RecordBookError,
    UnknownNameError,
)
from league.hooks.catalogue import League
from league.racing.plan import EventPlan
from league.server.door.auth import Doorkeeper
from league.server.race.entrance import Entrance
from league.server.race.hosting import Hosting
from league.server.race.inlet import Inlet
from league.server.race.listeners import Listeners
from league.server.race.paddock import Paddock
from league.server.race.practice import PRACTICE, Practice
from league.server.race.pulse import Pulse
from league.server.race.running import EventRun, stays_open
from league.server.race.scrutineers import SCRUTINEERING, Scrutineers
from league.server.race.settings import Settings
from league.server.race.watch import Broadcast
from league.sim.options import read_asked
from league.store.book import RecordBook
from league.store.records import EventOptions, EventRecord, Lease
from league.wire.messages import SHUTTING_DOWN

log = logging.getLogger(__name__)


class Lobby:
    """Events and their drivers while the server is up.

    Call `open` when the server starts, and `close` before it stops.

    Args:
        league: What the plugins offer.
        book: Where everything is kept.
        settings: Limits.
        doorkeeper: Knows tokens.
        listeners: Who is told what happens.
        hosting: Takes the leases of the events that are run here.
    """

    def __init__(
        self,
        league: League,
        book: RecordBook,
        settings: Settings,
        *,
        doorkeeper: Doorkeeper,
        listeners: Listeners,
        hosting: Hosting,
    ) -> None:
        self.practice = Practice(league, settings)
        self.closing = False
        self._league, self._book, self._settings = league, book, settings
        self.listeners, self.hosting = listeners, hosting
        self.pulse = Pulse()
        self.inlet: asyncio.Future[Inlet] = asyncio.get_running_loop().create_future()
        """Where hosted drivers connect; known once the lobby is open."""
        self.scrutineers = Scrutineers(league, settings, inlet=self.inlet)
        self.entrance = Entrance(self, book, settings, doorkeeper)
        self._paddocks: dict[str, Paddock] = {}
        self._opening: dict[str, asyncio.Lock] = {}
        self._runs: dict[str, asyncio.Task[None]] = {}
        self._looking: asyncio.Task[None] | None = None
        self._ordered: set[str] = set()
        """Events whose organiser is giving the start just now."""

    async def open(self, inlet: Inlet) -> None:
        """Go on with what was running when the server last stopped, and wait for what may start by itself.

        Args:
            inlet: Where hosted drivers connect.
        """
        self.inlet.set_result(inlet)
        await self._take_up()
        if self.hosting.shared:
            self._looking = asyncio.create_task(self._look_after_others(), name="looking after other hosts")

    async def _look_after_others(self) -> None:
        """Go on with what hosts leave behind that die."""
        while True:
            await asyncio.sleep(self._settings.lease_s)
            try:
                await self._take_up()
            except RecordBookError as error:
                log.warning("%s", error)

    async def _take_up(self) -> None:
        """See to it that somebody goes on with every event that is to go on by itself."""
        for record in await self._book.events():
            by_itself = record.options.autostart or record.options.stays_open
            if record.status == "running" or (record.status == "open" and by_itself):
                try:
                    await self.paddock(record.plan.id)
                except LeagueError:
                    log.exception("event %s cannot go on", record.plan.id)

    async def close(self) -> None:
        """Stop every heat, end hosted drivers, and send everybody away to come back later."""
        if self.closing:
            return
        self.closing = True
        if self._looking is not None:
            self._looking.cancel()
        runs = [task for task in self._runs.values() if not task.done()]
        for task in runs:
            task.cancel()
        if runs:
            await asyncio.wait(runs)
        await self.practice.close()
        for paddock in self._paddocks.values():
            await paddock.stop_hosted()
            paddock.dismiss_all("the server stops; try again later", code=SHUTTING_DOWN)
            await paddock.broadcast.close()
        self.inlet.cancel()

    # -- events --------------------------------------------------------------------------------------

    async def create(
        self, plan: EventPlan, options: EventOptions, *, of: tuple[str, Sequence[str]] | None = None
    ) -> EventRecord:
        """Add an event, after looking whether everything that it names is there.

        Args:
            plan: The event.
            options: How it is run.
            of: Another event, and those of its entries that are to race here.

        Raises:
            InputError: It names something that does not exist, or there is an event with this id.
        """
        if plan.id in (PRACTICE, SCRUTINEERING):
            raise InputError(f"event id {plan.id!r} is taken: it is an event of this server's own")
        if plan.circuit.removesuffix(":reversed") not in self._league.circuits:
            raise UnknownNameError("circuit", plan.circuit, self._league.circuits)
        circuit = await asyncio.to_thread(self._league.circuit, plan.circuit)
        self._league.car(plan.car)
        self._league.check_room(plan, circuit)
        for sensor in plan.rules.sensors:
            self._league.sensor(sensor)
        for entry in plan.entries:
            self.check_agent(entry.agent, plan.rules.sensors)
        options = replace(options, stays_open=stays_open(self._league.format(plan.format)))
        if of is None:
            await self._book.add_event(plan, options)
        else:
            await self._book.add_event_of(plan, options, of=of[0], entries=of[1])
        if options.autostart or options.stays_open:
            await self.paddock(plan.id)
        return await self._book.event(plan.id)

    def check_agent(self, name: str, sensors: Sequence[str]) -> None:
        """Whether an agent may be hosted by name where these sensors are shown.

        Only registered ones may be, never a file or a module.

        Raises:
            UnknownNameError: There is none of this name.
            InputError: It needs to see more.
        """
        hostable = set(self._league.agents) - {"onnx"}
        if name not in hostable:
            raise UnknownNameError("agent", name, hostable)
        if missing := self.unseen(name, sensors):
            shown = ", ".join(read_asked(text).name for text in sensors)
            raise InputError(
                f"agent {name!r} needs to see {', '.join(missing)}; the event shows {shown}: "
                f"create it with --sensor {missing[0]}"
            )

    def unseen(self, name: str, sensors: Sequence[str]) -> list[str]:
        """What a registered agent needs to see beyond what these sensors show."""
        shown = [read_asked(text).name for text in sensors]
        wanted = getattr(self._league.agents[name], "sensors", ())  # of a class; a function does not say
        return [want for want in wanted if want not in shown] if isinstance(wanted, tuple) else []

    async def start(self, event_id: str) -> None:
        """Start an event.

        Raises:
            RaceError: It is not open, or nobody has entered.
            UnknownNameError: There is no such event.
        """
        paddock = await self.paddock(event_id)
        if paddock.record.status != "open" or event_id in self._ordered:
            raise RaceError(f"event {event_id!r} is {paddock.record.status}, expected an open one")
        if all(entry.id in paddock.record.withdrawn for entry in paddock.record.plan.entries):
            raise RaceError(f"event {event_id!r} has no entries; nobody would race")
        self._ordered.add(event_id)
        try:
            await self._book.set_status(event_id, "running")
        finally:
            self._ordered.discard(event_id)
        await paddock.refresh()

    async def abort(self, event_id: str, reason: str = "the organiser stopped the event") -> None:
        """Stop an event for good; the heat under way counts for nothing.

        Raises:
            RaceError: It is over already.
            UnknownNameError: There is no such event.
        """
        paddock = await self.paddock(event_id)
        if paddock.record.status not in ("open", "running"):
            raise RaceError(f"event {event_id!r} is {paddock.record.status}; there is nothing to stop")
        run = self._runs.get(event_id)
        if run is not None and not run.done():
            run.cancel()
            await asyncio.wait((run,))
        await self._end(paddock, reason)

    async def close_entries(self, event_id: str, closes_at: datetime | None) -> None:
        """Say when an event takes no more entries and submissions.

        Raises:
            RaceError: It is over.
            UnknownNameError: There is no such event.
        """
        paddock = await self.paddock(event_id)
        if paddock.record.status not in ("open", "running"):
            raise RaceError(f"event {event_id!r} is {paddock.record.status} and takes no entries anyway")
        await self._book.set_closing(event_id, closes_at)
        await paddock.refresh()

    async def wait_for_end(self, event_id: str) -> None:
        """Wait until an event is over, however it ends; at once if it is.

        Raises:
            UnknownNameError: There is no such event.
        """
        await self.paddock(event_id)
        run = self._runs.get(event_id)
        if run is not None:
            await asyncio.wait((run,))

    async def paddock(self, event_id: str) -> Paddock:
        """An event's paddock, opened if need be.

        Raises:
            UnknownNameError: There is no such event.
        """
        if event_id in self._paddocks:
            return self._paddocks[event_id]
        record = await self._book.event(event_id)
        async with self._opening.setdefault(event_id, asyncio.Lock()):
            if event_id not in self._paddocks:
                circuit = await asyncio.to_thread(self._league.circuit, record.plan.circuit)
                paddock = Paddock(
                    await self._book.event(event_id), circuit,
                    book=self._book, settings=self._settings, inlet=self.inlet,
                )  # fmt: skip
                await paddock.open()
                self._paddocks[event_id] = paddock
                await self.show(paddock)
                if not self.closing and paddock.record.status in ("open", "running"):
                    self._runs[event_id] = asyncio.create_task(self._run(paddock), name=f"event {event_id}")
        self._opening.pop(event_id, None)
        return self._paddocks[event_id]

    async def broadcast(self, event_id: str) -> Broadcast | None:
        """Where an event can be watched; None if there is no such event."""
        try:
            return (await self.paddock(event_id)).broadcast
        except UnknownNameError:
            return None

    def present(self, event_id: str) -> Paddock | None:
        """An event's paddock, if anything happened there since the server started."""
        return self._paddocks.get(event_id)

    def open_paddocks(self) -> list[Paddock]:
        """Paddocks of all events in which anything happened since the server started."""
        return [*self._paddocks.values()]

    async def show(self, paddock: Paddock) -> None:
        """Put up the board of an event in which something changed."""
        await self._event_run(paddock).post_board()

    def _event_run(self, paddock: Paddock, lease: Lease | None = None) -> EventRun:
        return EventRun(
            paddock, league=self._league, book=self._book, settings=self._settings,
            listeners=self.listeners, pulse=self.pulse, lease=lease,
        )  # fmt: skip

    async def _run(self, paddock: Paddock) -> None:
        """See to it that an event is run, here or elsewhere; the one task that an event has."""
        while True:
            try:
                await self.hosting.run(paddock.event_id, partial(self._run_here, paddock))
            except LeaseLostError as error:
                log.warning("%s", error)
                await paddock.stop_hosted()
                for driver in paddock.drivers.values():  # no goodbye: they are to come back, by any host
                    if driver.line is not None:
                        driver.line.fail("shutting_down", "the event goes on elsewhere; connect again")
                await asyncio.sleep(2 * self._settings.lease_s)  # whoever is better off goes first
            except RecordBookError as error:
                # A full disk decides nothing: what was finished stands, and the rest is raced again.
                log.error("event %s cannot go on: %s; trying again", paddock.event_id, error)
                paddock.problem = str(error)
                await asyncio.sleep(self._settings.lease_s)
            else:
                return

    async def _run_here(self, paddock: Paddock, lease: Lease) -> None:
        """Wait for an event's start, and run it."""
        await paddock.refresh()  # another host may have run it until now
        await paddock.open()
        if paddock.record.status not in ("open", "running"):
            return
        paddock.problem = ""
        try:
            while paddock.record.status == "open":
                if self._may_autostart(paddock):
                    await self._book.set_status(paddock.event_id, "running", lease=lease)
                    await paddock.refresh()
                    break
                await paddock.stir.wait()
            await self._event_run(paddock, lease).run()
        except (LeaseLostError, RecordBookError):
            raise
        except Exception as error:
            log.exception("event %s failed", paddock.event_id)
            await self._end(paddock, f"the server failed: {error}")
            return
        await paddock.stop_hosted()
        paddock.dismiss_all("the event is over")

    def _may_autostart(self, paddock: Paddock) -> bool:
        options = paddock.record.options
        enough = options.autostart is not None and len(paddock.present()) >= options.autostart
        return enough or options.stays_open

    async def _end(self, paddock: Paddock, reason: str) -> None:
        """Close an event that came to no end of its own."""
        paddock.problem = reason
        await paddock.stop_hosted()
        for heat in await self._book.heats(paddock.event_id):
            if heat.status == "running":
                await self._book.abandon_heat(paddock.event_id, heat.plan.id, reason)
        await self._book.set_status(paddock.event_id, "aborted")
        await paddock.refresh()
        paddock.dismiss_all(reason)
