"""One run of physical cars within an event: begun or taken up again, driven, and committed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from league.errors import RaceError
from league.hooks.building import build_heat
from league.hooks.catalogue import League
from league.racing.fact import Fact
from league.racing.heat import Heat
from league.racing.physical import PhysicalHeat, Sighting, is_physical
from league.racing.plan import HeatPlan
from league.racing.result import HeatResult
from league.server.race.paddock import Paddock
from league.server.race.physical import LivePhysicalHeat, SteppedAsideError
from league.server.race.pulse import Pulse
from league.server.race.scene import Scene
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import Lease

Tell = Callable[[Heat | PhysicalHeat, Scene, Sequence[Fact]], None]


class PhysicalRun:
    """Races heats with physical cars.

    Args:
        paddock: The event's drivers, viewers and timing desk.
        league: Cars and sensors.
        book: Where everything is kept.
        settings: Time limits.
        tell: Told every tick.
        on_result: Told a result that is committed, as a hook and what goes with it.
        pulse: Where ticks are counted.
        lease: By which this host runs the event.
    """

    def __init__(
        self,
        paddock: Paddock,
        *,
        league: League,
        book: RecordBook,
        settings: Settings,
        tell: Tell,
        on_result: Callable[..., None],
        pulse: Pulse,
        lease: Lease | None,
    ) -> None:
        self._paddock, self._league, self._book, self._settings = paddock, league, book, settings
        self._tell, self._on_result, self._pulse, self._lease = tell, on_result, pulse, lease
        self._event_id = paddock.event_id

    async def race(self, planned: HeatPlan, waiting: tuple[HeatPlan, ...]) -> str:
        """Race one; gives the id of the run that is to go first instead or next, if somebody chose."""
        paddock, desk = self._paddock, self._paddock.timing
        attempt, plan = await self._begin(planned)
        paddock.heat = plan.id
        heat = await asyncio.to_thread(self._build, plan)
        scene = Scene(heat, paddock.broadcast)
        written = await self._book.notes(self._event_id, plan.id, attempt)
        desk.waiting = tuple(
            {"id": run.id, "names": [entry.name for entry in run.grid]}
            for run in waiting
            if run.id != plan.id
        )
        desk.begin(heat, attempt, tuple(record.note for record in written))
        try:
            await paddock.start_hosted([entry.id for entry in plan.grid])
            await self._run(heat, scene)
        except BaseException as error:
            if self._goes_on(heat, error):
                raise
            stepped_aside = isinstance(error, SteppedAsideError)
            stopped = isinstance(error, asyncio.CancelledError)
            reason = (
                str(error)
                if stepped_aside
                else "it was stopped"
                if stopped
                else f"the server failed: {error}"
            )
            scene.announce("abandoned")
            with suppress(RaceError):  # it was finished just then
                await self._book.abandon_heat(self._event_id, plan.id, reason, lease=self._lease)
            if not stepped_aside:
                raise
            return desk.wishes.get("choose", plan.id)
        finally:
            paddock.heat = None
            desk.end()
        return ""

    def _goes_on(self, heat: PhysicalHeat, error: BaseException) -> bool:
        """Whether a run whose light was given waits for the server to come back; nothing of it is lost."""
        stopped = isinstance(error, asyncio.CancelledError)
        return stopped and self._paddock.timing.green and heat.ghosts is None

    async def _begin(self, planned: HeatPlan) -> tuple[int, HeatPlan]:
        """The attempt: a new one, or the one that a stopped server left."""
        for record in await self._book.heats(self._event_id):
            if record.plan.id == planned.id and record.status == "running":
                return record.attempt, record.plan
        plan = await asyncio.to_thread(self._league.arrange, self._paddock.record.plan, planned)
        return await self._book.begin_heat(self._event_id, plan, lease=self._lease), plan

    def _build(self, plan: HeatPlan) -> PhysicalHeat:
        """The heat, with all compiled that its ticks need; may take seconds."""
        clock = self._paddock.timing.clock_us
        if not all(is_physical(entry) for entry in plan.grid):
            build_heat(self._league, plan, self._paddock.circuit)
        trial = self._make(plan, lambda: 0)
        trial.see(trial.physical[0], Sighting(0, 0.0, 0.0, 0.0))
        trial.observe()
        return self._make(plan, clock)

    def _make(self, plan: HeatPlan, clock: Callable[[], int]) -> PhysicalHeat:
        sensors = [self._league.sensor(name) for name in plan.rules.sensors]
        return PhysicalHeat(plan, self._paddock.circuit, self._league.car(plan.car), sensors, clock=clock)

    async def _run(self, heat: PhysicalHeat, scene: Scene) -> None:
        paddock, plan = self._paddock, heat.plan
        live = LivePhysicalHeat(
            heat,
            [paddock.driver(entry.id) for entry in plan.grid],
            desk=paddock.timing,
            settings=self._settings,
            on_tick=partial(self._tell, heat, scene),
            pulse=self._pulse,
        )
        scene.announce("starting")
        try:
            result = await self._to_the_book(live, heat)
        except BaseException as error:
            if not self._goes_on(heat, error):
                live.abandon()
            raise
        paddock.ended_s[plan.id] = asyncio.get_running_loop().time()
        live.conclude(result)
        paddock.end_silent(result)
        scene.announce("finished")
        self._on_result("on_heat_finished", event=paddock.record.plan, result=result)

    async def _to_the_book(self, live: LivePhysicalHeat, heat: PhysicalHeat) -> HeatResult:
        """Race a run, and commit what came of it."""
        await live.run()
        result, facts, record = heat.result(), heat.facts, heat.record()
        # Committed before anyone is told, and wholly even if the event is stopped just now.
        await self._book.finish_heat(self._event_id, heat.plan, result, facts, record, lease=self._lease)
        return result
