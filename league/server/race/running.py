"""Running one event: asks its format what comes next, races it, keeps the result, and tells everybody."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from league.errors import RaceError
from league.hooks.building import build_heat
from league.hooks.catalogue import League
from league.racing.fact import Fact
from league.racing.heat import Heat
from league.racing.incident import Incident
from league.racing.physical import PhysicalHeat, is_physical
from league.racing.plan import Format, HeatPlan
from league.racing.recording import Recording
from league.racing.result import HeatResult, Standing
from league.server.race.listeners import Listeners
from league.server.race.live import LiveHeat
from league.server.race.paddock import Paddock
from league.server.race.pulse import Pulse
from league.server.race.run import PhysicalRun
from league.server.race.scene import Scene
from league.server.race.settings import Settings
from league.server.race.virtual import outlook
from league.store.book import RecordBook
from league.store.records import HeatRecord, Lease

log = logging.getLogger(__name__)

MOST_ROWS = 500
"""Rows of a board that are sent to everybody who watches; pages show the others."""
MOST_HEATS = 100
"""Heats in such a message that were raced, and that come next."""
LOOK_S = 2.0
"""How often an event for idle hours looks whether it may go on, and an open one whether it is over."""
CUT_OFF = "the server stopped while it was raced"


class EventRun:
    """One run of an event, from its start, or from where a stopped server left it, to its end.

    Args:
        paddock: The event's drivers and viewers.
        league: Formats, cars, sensors.
        book: Where results are kept.
        listeners: Who is told what happens.
        pulse: Where ticks are counted.
        lease: By which this host runs the event; None for somebody who only looks.
    """

    def __init__(
        self,
        paddock: Paddock,
        *,
        league: League,
        book: RecordBook,
        settings: Settings,
        listeners: Listeners,
        pulse: Pulse,
        lease: Lease | None = None,
    ) -> None:
        self._paddock, self._league, self._book = paddock, league, book
        self._settings, self._listeners, self._pulse = settings, listeners, pulse
        self._event_id, self._lease = paddock.event_id, lease
        self._format = league.format(paddock.record.plan.format)
        self._advising: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Race every heat that the format asks for, and close the event.

        Cancelling it abandons the heat under way, which is raced again when the event goes on.
        """
        for heat in await self._book.heats(self._event_id):
            if heat.status == "running" and not await self._may_go_on(heat):
                await self._book.abandon_heat(self._event_id, heat.plan.id, CUT_OFF, lease=self._lease)
        if not self._paddock.record.options.stays_open:  # there, drivers are started run by run
            await self._paddock.start_hosted([entry.id for entry in self._paddock.record.plan.entries])
        first = ""
        try:
            while True:
                waiting = await self.post_board()
                chosen = self._choose(waiting, first)
                if chosen is None:
                    if await self._more_may_come():
                        continue
                    break
                await self._quiet()
                await self._paddock.going.wait()
                began_s = asyncio.get_running_loop().time()
                first = await self._race(chosen, waiting)
                self._paddock.took_s.append(asyncio.get_running_loop().time() - began_s)
                await asyncio.sleep(self._settings.between_heats_s)
        finally:
            if self._advising is not None:
                await asyncio.wait((self._advising,))
        await self._book.set_status(self._event_id, "finished", lease=self._lease)
        await self._paddock.refresh()
        await self.post_board()

    def _choose(self, waiting: tuple[HeatPlan, ...], first: str) -> HeatPlan | None:
        """The heat to race next, if there is one: that which somebody chose, or the first.

        Where an event stays open, nobody waits behind those who are not there.
        """
        if self._paddock.record.options.stays_open:
            there = self._paddock.present()
            waiting = tuple(
                heat
                for heat in waiting
                if all(entry.id in there or is_physical(entry) for entry in heat.grid)
            )
        return next((heat for heat in waiting if heat.id == first), waiting[0] if waiting else None)

    async def _more_may_come(self) -> bool:
        """Wait until there may be more to race; False once the entries of an event are closed."""
        while (options := self._paddock.record.options).stays_open:
            left_s = LOOK_S
            if options.closes_at is not None:  # asked again and again: clocks on walls are put right
                left_s = min(left_s, (options.closes_at - self._book.now()).total_seconds())
            if left_s <= 0:
                return False
            if await self._paddock.stir.wait(left_s):
                return True
        return False

    async def _quiet(self) -> None:
        """Wait until nothing else is raced, if this event is for idle hours."""
        while waits_for_quiet(self._format):
            others = await self._book.running()
            styles = {style for event, style in others.items() if event != self._event_id}
            known = [self._league.format(style) for style in styles & {*self._league.formats}]
            if all(waits_for_quiet(style) or stays_open(style) for style in known):
                return
            await asyncio.sleep(LOOK_S)  # other hosts on the same book begin and end events, too

    async def post_board(self, racing: str | None = None) -> tuple[HeatPlan, ...]:
        """Tell everybody the standings, and say which heats come next."""
        event = self._paddock.record.plan
        judged = await self._book.judged(self._event_id)
        raced = judged.results

        def stand() -> tuple[tuple[HeatPlan, ...], tuple[Standing, ...]]:
            return self._format.next_heats(event, raced), self._format.standings(event, raced)

        large = len(event.entries) > MOST_ROWS  # heats of other events must not wait while it is worked out
        waiting, standings = await asyncio.to_thread(stand) if large else stand()
        self._paddock.waiting = waiting
        heats = [{"id": heat.heat, "phase": heat.phase, "status": "finished"} for heat in raced[-MOST_HEATS:]]
        heats += [
            {"id": plan.id, "phase": plan.phase, "status": "running" if plan.id == racing else "waiting"}
            for plan in waiting[:MOST_HEATS]
        ]
        rows = [row.model_dump(mode="json") for row in standings[:MOST_ROWS]]
        self._paddock.broadcast.publish(
            {"type": "board", "standings": rows, "heats": heats, "revision": judged.revision}
        )
        if standings != self._paddock.standings:
            self._paddock.standings = standings
            self._listeners.tell("on_standings_changed", event=event, standings=standings)
        return waiting

    # -- one heat ------------------------------------------------------------------------------------

    async def _race(self, planned: HeatPlan, waiting: tuple[HeatPlan, ...]) -> str:
        """Race one heat; gives the id of the one that is to come next, if somebody chose."""
        if not any(is_physical(entry) for entry in planned.grid):
            await self._race_or_again(planned)
            return ""
        run = PhysicalRun(
            self._paddock, league=self._league, book=self._book, settings=self._settings,
            tell=self._tell, on_result=self._listeners.tell, pulse=self._pulse, lease=self._lease,
        )  # fmt: skip
        await self.post_board(racing=planned.id)
        return await run.race(planned, waiting)

    async def _may_go_on(self, heat: HeatRecord) -> bool:
        """Whether a heat that was cut off goes on where it was: the cars did not stop with the server."""
        if not all(is_physical(entry) for entry in heat.plan.grid):
            return False
        notes = await self._book.notes(self._event_id, heat.plan.id)
        return any(record.note.kind == "green" for record in notes)

    async def _race_or_again(self, planned: HeatPlan) -> None:
        """Race a simulated heat, unless the organiser breaks it off; the format then asks for it anew."""
        racing = self._paddock.again = asyncio.create_task(self._race_simulated(planned))
        try:
            await racing
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if self._paddock.again is racing or (this is not None and this.cancelling()):
                raise  # it is the whole event that stops
            log.info("event %s: heat %s is raced again", self._event_id, planned.id)
        finally:
            self._paddock.again = None

    async def _race_simulated(self, planned: HeatPlan) -> None:
        event = self._paddock.record.plan
        plan = await asyncio.to_thread(self._league.arrange, event, planned)
        await self._book.begin_heat(self._event_id, plan, lease=self._lease)
        self._paddock.heat = plan.id
        heat = await asyncio.to_thread(build_heat, self._league, plan, self._paddock.circuit)
        raced = await self._book.results(self._event_id)
        scene = Scene(heat, self._paddock.broadcast, outlook=outlook(event, self._format, raced, heat))
        try:
            await self._paddock.start_hosted([entry.id for entry in plan.grid])
            await self._run(heat, scene)
        except BaseException as error:
            stopped = isinstance(error, asyncio.CancelledError)
            reason = "it was stopped" if stopped else f"the server failed: {error}"
            scene.announce("abandoned")
            with suppress(RaceError):  # it was finished just then
                await self._book.abandon_heat(self._event_id, plan.id, reason, lease=self._lease)
            raise
        finally:
            self._paddock.heat = None
            self._paddock.waiting = tuple(one for one in self._paddock.waiting if one.id != plan.id)

    async def _run(self, heat: Heat, scene: Scene) -> None:
        paddock, plan = self._paddock, heat.plan
        live = LiveHeat(
            heat,
            [paddock.driver(entry.id) for entry in plan.grid],
            settings=self._settings,
            pace=paddock.record.options.pace,
            on_tick=partial(self._tell, heat, scene),
            pulse=self._pulse,
        )
        scene.announce("starting")
        await self.post_board(racing=plan.id)
        try:
            result, recording, incidents = await self._to_the_book(live, heat)
        except BaseException:
            live.abandon()
            raise
        paddock.ended_s[plan.id] = asyncio.get_running_loop().time()
        live.conclude(result)
        paddock.end_silent(result)
        if paddock.record.options.stays_open:
            await paddock.rest_hosted([entry.id for entry in plan.grid])
        scene.announce("finished")
        self._listeners.tell("on_heat_finished", event=paddock.record.plan, result=result)
        if incidents:
            self._advising = asyncio.create_task(self._advise(recording, self._advising))

    async def _to_the_book(
        self, live: LiveHeat, heat: Heat
    ) -> tuple[HeatResult, Recording, tuple[Incident, ...]]:
        """Race a heat, and commit what came of it."""
        await live.run()
        result = heat.result()
        recording, content, incidents = await asyncio.to_thread(self._look_back, heat)
        # Committed before anyone is told, and wholly even if the event is stopped just now.
        await self._book.finish_heat(
            self._event_id, heat.plan, result, heat.facts, content, incidents,
            lease=self._lease, versions=self._paddock.versions,
        )  # fmt: skip
        return result, recording, incidents

    def _look_back(self, heat: Heat) -> tuple[Recording, bytes, tuple[Incident, ...]]:
        """What the recording of a heat is, and what stewards should look at in it."""
        recording = heat.recording()
        return recording, recording.to_bytes(), self._league.detect(recording)

    async def _advise(self, recording: Recording, before: asyncio.Task[None] | None) -> None:
        """Ask advisers about a heat's incidents, one heat after the other."""
        if before is not None:
            await asyncio.wait((before,))
        for filed in await self._book.incidents(self._event_id):
            if filed.incident.heat == recording.plan.id:
                for opinion in await asyncio.to_thread(self._league.advise, filed.incident, recording):
                    await self._book.add_opinion(self._event_id, filed.incident.number, opinion)

    def _tell(self, heat: Heat | PhysicalHeat, scene: Scene, facts: Sequence[Fact]) -> None:
        """Show a tick to viewers and queue news for plugins."""
        if not heat.tick and not facts:
            scene.announce("running")
        scene.show(facts)
        for fact in facts:
            self._inform(heat, fact)

    def _inform(self, heat: Heat | PhysicalHeat, fact: Fact) -> None:
        event, plan = self._paddock.record.plan, heat.plan
        told: dict[str, Any] = {"event": event, "heat": plan.id}
        if fact.kind == "start":
            names = tuple(entry.name for entry in plan.grid)
            self._listeners.tell("on_heat_started", **told, names=names)
        elif fact.kind == "lap":
            self._listeners.tell("on_lap", **told, name=plan.grid[fact.seat].name, lap=fact.data)
        elif fact.kind == "penalty":
            self._listeners.tell("on_penalty", **told, name=plan.grid[fact.seat].name, penalty=fact.data)


def stays_open(style: Format) -> bool:
    """Whether events of a format are raced while they take entries."""
    return bool(getattr(style, "stays_open", False))


def waits_for_quiet(style: Format) -> bool:
    """Whether events of a format are raced only while no other one is running."""
    return bool(getattr(style, "waits_for_quiet", False))
