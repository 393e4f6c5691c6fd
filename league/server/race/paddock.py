"""One event while the server is up: its drivers, the processes of hosted ones, and its viewers."""

from __future__ import annotations

import asyncio
import logging
import secrets
import statistics
from collections import deque
from collections.abc import Collection, Mapping
from typing import Any

from league.errors import LeagueError, RaceError, UnknownNameError
from league.host import Task
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.result import HeatResult, Standing
from league.server.race.driver import Driver, Stir
from league.server.race.hosted import HostedDriver
from league.server.race.inlet import Inlet
from league.server.race.settings import Settings
from league.server.race.timing import TimingDesk
from league.server.race.watch import Broadcast, hello_message
from league.store.book import RecordBook
from league.store.records import EventRecord
from league.track.circuit import Circuit

log = logging.getLogger(__name__)

SILENT = ("DNS", "DNF-timeout")
"""How drivers end that did not speak."""


class Paddock:
    """Where an event's drivers come together.

    Args:
        record: The event as the record book has it.
        circuit: Its circuit.
        book: Where entries are kept.
        settings: Limits of hosted drivers.
        inlet: Where hosted drivers connect; known once the server has started.
    """

    def __init__(
        self,
        record: EventRecord,
        circuit: Circuit,
        *,
        book: RecordBook,
        settings: Settings,
        inlet: asyncio.Future[Inlet],
    ) -> None:
        self.record = record
        self.circuit = circuit
        self.stir = Stir()
        """Somebody arrived or departed, or the event's state changed."""
        self.entering = asyncio.Lock()
        """Held while an entry is added, so that no two get the same id."""
        self.drivers: dict[str, Driver] = {}
        self.hosted: set[str] = set()
        """Entries that the server drives itself."""
        self.broadcast = Broadcast(hello_message(self._about(), circuit))
        self.problem = ""
        """Why the event was aborted, if it was."""
        self.heat: str | None = None
        """The heat under way."""
        self.again: asyncio.Task[None] | None = None
        """The simulated heat under way, while it can be raced again."""
        self.going = asyncio.Event()
        """Whether heats may begin; cleared while the organiser pauses."""
        self.going.set()
        self.standings: tuple[Standing, ...] = ()
        self.timing = TimingDesk(record.plan.id, book)
        """Where physical cars are timed."""
        self._book, self._settings, self._inlet = book, settings, inlet
        self.waiting: tuple[HeatPlan, ...] = ()
        """Heats that are to be raced, as the format last said."""
        self.took_s: deque[float] = deque(maxlen=20)
        """How long the newest heats took."""
        self.ended_s: dict[str, float] = {}
        """When each heat raced here ended, by the event loop's clock: nobody sets it forth or back."""
        self.versions: dict[str, int] = {}
        """Which version of its entry a hosted driver was started with."""
        self._processes: dict[str, asyncio.Task[None]] = {}
        self._starts: dict[str, int] = {}

    @property
    def event_id(self) -> str:
        """The event."""
        return self.record.plan.id

    def _about(self) -> Mapping[str, Any]:
        plan = self.record.plan
        return {
            "id": plan.id,
            "name": plan.name,
            "status": self.record.status,
            "circuit": plan.circuit,
            "format": plan.format,
            "car": plan.car,
            "laps": plan.rules.laps,
            "clock": plan.rules.clock,
        }

    async def open(self) -> None:
        """Look up which entries are hosted."""
        for entry in self.record.plan.entries:
            if (await self._book.entry_source(self.event_id, entry.id)).hosted:
                self.hosted.add(entry.id)

    async def refresh(self) -> None:
        """Take the event from the book again, after it was changed there."""
        before = self.record.status
        self.record = await self._book.event(self.event_id)
        for gone in self.record.withdrawn:
            self._withdraw(gone)
        if self.record.status != before:
            self.broadcast.introduce(hello_message(self._about(), self.circuit))
        self.stir()

    # -- the organiser's hand ----------------------------------------------------------------------

    def pause(self) -> None:
        """Let the heat under way come to its end, and no other begin until `resume`.

        Raises:
            RaceError: The event is over.
        """
        if self.record.status not in ("open", "running"):
            raise RaceError(f"event {self.event_id!r} is {self.record.status}; there is nothing to pause")
        self.going.clear()

    def resume(self) -> None:
        """Let heats begin again."""
        self.going.set()

    def race_again(self) -> str:
        """Break the simulated heat under way off; it is raced again from its start, with the same seed.

        Returns:
            Its id.

        Raises:
            RaceError: None is under way; a run of real cars is the timekeeper's.
        """
        if self.again is None or self.heat is None:
            raise RaceError(f"event {self.event_id!r} has no simulated heat under way to race again")
        self.again.cancel()
        self.again = None
        return self.heat

    # -- drivers -----------------------------------------------------------------------------------

    def driver(self, entry_id: str) -> Driver:
        """The driver of an entry, connected or not.

        Raises:
            UnknownNameError: There is no such entry.
        """
        if entry_id not in self.drivers:
            self.drivers[entry_id] = Driver(self.event_id, self.entry(entry_id), stirred=self.stir)
            self.drivers[entry_id].resume_token = secrets.token_hex(32)
        return self.drivers[entry_id]

    def entry(self, entry_id: str) -> EntryPlan:
        """An entry by its id.

        Raises:
            UnknownNameError: There is no such entry.
        """
        for entry in self.record.plan.entries:
            if entry.id == entry_id:
                return entry
        raise UnknownNameError("entry", entry_id, [entry.id for entry in self.record.plan.entries])

    def waits(self, entry_id: str) -> bool:
        """Whether a heat with an entry is to come that has not begun."""
        return any(
            entry.id == entry_id for heat in self.waiting if heat.id != self.heat for entry in heat.grid
        )

    def queue(self) -> list[dict[str, Any]]:
        """The heats to come, the one under way first, each with the time until it will be over."""
        usual_s = statistics.median(self.took_s) if self.took_s else None
        order = sorted(self.waiting, key=lambda heat: heat.id != self.heat)
        return [
            {
                "position": position,
                "heat": heat.id,
                "phase": heat.phase,
                "running": heat.id == self.heat,
                "entries": [{"id": entry.id, "name": entry.name} for entry in heat.grid],
                "expected_s": None if usual_s is None else round(position * usual_s, 1),
            }
            for position, heat in enumerate(order, start=1)
        ]

    def present(self) -> set[str]:
        """Entries that could race now: connected, or hosted and so started when they are to race."""
        return (self.connected() | self.hosted) - self.record.withdrawn

    def connected(self) -> set[str]:
        """Entries whose driver is connected."""
        return {entry_id for entry_id, driver in self.drivers.items() if driver.connected}

    def away_because(self) -> Mapping[str, str]:
        """Why drivers are not connected, by entry, in words."""
        return {
            entry_id: driver.away_because for entry_id, driver in self.drivers.items() if not driver.connected
        }

    def _withdraw(self, entry_id: str) -> None:
        driver = self.drivers.get(entry_id)
        if entry_id in self._processes:
            self._processes[entry_id].cancel()
        if driver is not None and not driver.gone_for_good:
            if driver.line is not None:
                driver.line.fail("removed", "this entry was withdrawn from the event")
            driver.die("it was withdrawn from the event")

    def dismiss_all(self, reason: str, *, code: int = 1000) -> None:
        """Say goodbye to every driver."""
        for driver in self.drivers.values():
            driver.dismiss(reason, code=code)

    # -- hosted drivers ----------------------------------------------------------------------------

    async def start_hosted(self, entry_ids: list[str]) -> None:
        """Start the processes of those entries that are hosted and have none running."""
        wanted = [entry_id for entry_id in entry_ids if entry_id in self.hosted - self.record.withdrawn]
        for entry_id in wanted:
            running = self._processes.get(entry_id)
            if running is not None and running.cancelling():
                await asyncio.wait((running,))
            # One that somebody drives from elsewhere, with the entry's token, is not taken from them.
            if (running is None or running.done()) and not self.driver(entry_id).connected:
                await self._start(entry_id, await self._inlet)

    async def _start(self, entry_id: str, inlet: Inlet) -> None:
        source = await self._book.entry_source(self.event_id, entry_id)
        starts = self._starts.get(entry_id, 0)
        if starts > self._settings.hosted_starts:
            return
        self._starts[entry_id] = starts + 1
        self.versions[entry_id] = source.version
        settings, driver = self._settings, self.driver(entry_id)
        driver.gone_for_good = False
        token = await self._book.issue_token(
            "entry", name="hosted", event_id=self.event_id, entry_id=entry_id
        )
        task = Task(
            line=-1,
            event=self.event_id,
            name=source.plan.name,
            agent=source.source,
            token=token,
            kind="onnx" if source.model is not None else "scripted",
            sha256=source.model.sha256 if source.model is not None else "",
            limits=settings.hosted_limits,
        )

        def ended(why: str) -> None:
            if driver.hello is None or driver.hello.token == token or not driver.connected:
                driver.die(why)  # and not somebody else who drives this entry by now

        process = HostedDriver(task, source.model, inlet=inlet, ended=ended)
        self._processes[entry_id] = asyncio.create_task(
            self._keep(process, driver), name=f"hosting {self.event_id}/{entry_id}"
        )

    async def _keep(self, process: HostedDriver, driver: Driver) -> None:
        try:
            await process.run()
        except (OSError, LeagueError) as error:
            log.exception("cannot host %s of event %s", driver.entry.name, self.event_id)
            driver.die(f"the server could not start it: {error}")

    def end_silent(self, result: HeatResult) -> None:
        """End the processes of those that did not speak in a heat.

        One that never got ready or stopped answering may loop for ever; the next heat starts it anew.
        """
        for entry in result.entries:
            running = self._processes.get(entry.entry_id) if entry.status in SILENT else None
            if running is not None and not running.done():
                self.driver(entry.entry_id).dismiss("it did not speak; its program is ended")
                running.cancel()

    async def rest_hosted(self, entry_ids: list[str]) -> None:
        """End the processes of those who drove, and do not count their next start as one more."""
        for entry_id in entry_ids:
            if entry_id in self._processes and not self._processes[entry_id].done():
                self.driver(entry_id).dismiss("its run is over")
            self._starts.pop(entry_id, None)
        await self.stop_hosted(entry_ids)

    async def stop_hosted(self, entry_ids: Collection[str] | None = None) -> None:
        """End hosted drivers' processes, by default everybody's, and wait until they are gone."""
        running = [
            task
            for entry_id, task in self._processes.items()
            if not task.done() and (entry_ids is None or entry_id in entry_ids)
        ]
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
