"""The scrutineers: every uploaded model is looked at, asked, and driven for a lap alone before it may race.

They look at one model at a time, and stand back behind the races that are under way.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import statistics
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from league.errors import RaceError, RemoteProtocolError
from league.hooks.building import build_heat
from league.hooks.catalogue import League
from league.host import Task
from league.racing.heat import Heat
from league.racing.metadata import MODEL_FILE
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.telling import briefing_fields
from league.scrutineering.examine import NICENESS, examine
from league.scrutineering.report import Check, Report
from league.server.race.driver import Driver, Stir
from league.server.race.hosted import HostedDriver
from league.server.race.inlet import Inlet
from league.server.race.live import LiveHeat
from league.server.race.settings import Settings
from league.store.records import ModelFiles
from league.track.circuit import Circuit
from league.wire.messages import ERROR_CODES, Hello

log = logging.getLogger(__name__)

SCRUTINEERING: Final = "scrutineering"
"""The id under which a driver asks for its solo lap; no event may have it."""
MOST_WAITING: Final = 8
PATIENCE_S: Final = 60.0
"""Time for the driver of the solo lap to start."""
USUAL_S: Final = 10.0
"""What a model takes, as long as none has been looked at."""
MOST_S: Final = 300.0


@dataclass(slots=True, eq=False)
class InLine:
    """A model's place in the line."""

    event: str
    sha256: str
    came_s: float
    begun_s: float | None = None
    """When its turn came."""


class Scrutineers:
    """Look at models, one after the other.

    Args:
        league: Circuits, cars and sensors.
        settings: Limits.
        inlet: Where the driver of the solo lap connects; known once the server has started.
    """

    def __init__(self, league: League, settings: Settings, *, inlet: asyncio.Future[Inlet]) -> None:
        self._league, self._settings, self._inlet = league, settings, inlet
        self._turn = asyncio.Lock()
        self._expected: dict[str, Driver] = {}
        self._line: list[InLine] = []
        self._took_s: deque[float] = deque(maxlen=20)
        self.most_s = MOST_S
        """A model that takes longer is given up, so that nobody behind it waits for ever."""

    async def inspect(self, event: EventPlan, circuit: Circuit, model: ModelFiles) -> Report:
        """Look at a model that wants to enter an event; takes seconds.

        Raises:
            RaceError: Too many are waiting already, or it took too long.
        """
        if self.waiting >= MOST_WAITING:
            raise RaceError(f"{MOST_WAITING} models are waiting for the scrutineers; try again in a minute")
        place = InLine(event.id, model.sha256, asyncio.get_running_loop().time())
        self._line.append(place)
        try:
            async with self._turn:
                began = place.begun_s = asyncio.get_running_loop().time()
                try:
                    return await asyncio.wait_for(self._inspect(event, circuit, model), self.most_s)
                except TimeoutError:
                    raise RaceError(f"the scrutineers gave up on the model after {self.most_s:g} s") from None
                finally:
                    self._took_s.append(asyncio.get_running_loop().time() - began)
        finally:
            self._line.remove(place)

    @property
    def waiting(self) -> int:
        """Models that are looked at or wait for it."""
        return len(self._line)

    def line(self) -> list[dict[str, Any]]:
        """Who is looked at and who waits, first to last, each with the time that it will take yet."""
        now = asyncio.get_running_loop().time()
        usual_s = statistics.median(self._took_s) if self._took_s else USUAL_S
        told, ahead_s = [], 0.0
        for position, place in enumerate(self._line, start=1):
            spent_s = 0.0 if place.begun_s is None else now - place.begun_s
            ahead_s += min(max(usual_s - spent_s, 1.0), self.most_s)
            told.append(
                {
                    "position": position,
                    "event": place.event,
                    "sha256": place.sha256,
                    "waited_s": round(now - place.came_s, 1),
                    "expected_s": round(ahead_s, 1),
                }
            )
        return told

    def admit(self, hello: Hello) -> Driver:
        """The driver of a solo lap.

        Raises:
            RemoteProtocolError: Nobody is waited for, or somebody else.
        """
        driver = self._expected.get(hello.token or "")
        if driver is None:
            code = "auth"
            raise RemoteProtocolError(
                code, "no solo lap is waiting for this driver", close=ERROR_CODES[code].close
            )
        return driver

    # -- one model ---------------------------------------------------------------------------------

    async def _inspect(self, event: EventPlan, circuit: Circuit, model: ModelFiles) -> Report:
        plan = self._plan(event)
        heat = await asyncio.to_thread(build_heat, self._league, plan, circuit)
        report = await examine(
            model,
            self._assignment(event, heat),
            most_bytes=self._settings.model_bytes,
            limits=self._settings.hosted_limits,
        )
        if report.passed and self._settings.solo_lap_s:
            lap = await self._drive(heat, model)
            report = report.model_copy(update={"checks": (*report.checks, lap)})
        log.info("scrutineers, event %s, model %.12s: %s", event.id, report.sha256, report.reason or "passed")
        return report

    def _plan(self, event: EventPlan) -> HeatPlan:
        """One lap alone, as fast as the driver answers, and with nothing in the way."""
        rules = event.rules.model_copy(
            update={
                "laps": 1,
                "clock": "lockstep",
                "time_limit_s": self._settings.solo_lap_s or event.rules.time_limit_s,
                "max_resets": None,
                "lap_may_finish": False,
                "boxes": 0,
                "box_places": (),
                "bots": 0,
            }
        )
        return HeatPlan(
            id="solo-lap", phase=SCRUTINEERING, circuit=event.circuit, car=event.car, rules=rules,
            seed=event.seed, grid=(EntryPlan(id="model", name="model", agent=MODEL_FILE, kind="onnx"),),
        )  # fmt: skip

    def _assignment(self, event: EventPlan, heat: Heat) -> dict[str, Any]:
        """What the model is told, with the time that it will have in the event."""
        answer_s = self._settings.deadline_s
        if event.rules.clock == "realtime":
            answer_s = event.rules.tick_s - self._settings.realtime_margin_s
        return briefing_fields(
            heat.briefing(0),
            obs_spec=[
                {"name": sensor.name, "id": sensor.id, "size": sensor.size, **sensor.describe()}
                for sensor in heat.sensors
            ],
            deadline_ms=answer_s * 1000,
            bank_ms=round(self._settings.bank_s * 1000),
        )

    async def _drive(self, heat: Heat, model: ModelFiles) -> Check:
        """The solo lap, driven by the same program in the same cage as in the race."""
        driver = Driver(SCRUTINEERING, heat.plan.grid[0], stirred=Stir())
        driver.resume_token = secrets.token_hex(32)
        token = secrets.token_hex(32)
        task = Task(
            line=-1, event=SCRUTINEERING, name="model", agent="", token=token, kind="onnx",
            sha256=model.sha256, limits=self._settings.hosted_limits,
        )  # fmt: skip
        program = HostedDriver(task, model, inlet=await self._inlet, ended=driver.die, niceness=NICENESS)
        # Standing back behind the races, it may take long to start; that is not the model's fault.
        patient = self._settings.model_copy(
            update={"countdown_s": 0.0, "ready_s": PATIENCE_S, "no_show_s": PATIENCE_S}
        )
        live = LiveHeat(heat, [driver], settings=patient)
        self._expected[token] = driver
        driving = asyncio.create_task(program.run(), name="driving a solo lap")
        try:
            await live.run()
        finally:
            del self._expected[token]
            driver.dismiss("the solo lap is over")
            driving.cancel()
            await asyncio.wait((driving,))
        return self._judge(heat)

    def _judge(self, heat: Heat) -> Check:
        (entry,) = heat.result().entries
        seat = heat.drivers[0]
        answered = f"{seat.asked - seat.missed} of {seat.asked} questions answered in time"
        if entry.status == "FIN":
            found = f"a lap in {entry.laps[0].time_s:.3f} s, {entry.off_tracks} off-tracks, {answered}"
        else:
            found = f"{entry.progress_pct:.0f} % of a lap, {answered}: {entry.reason or entry.status}"
        expected = f"a lap alone within {heat.plan.rules.time_limit_s:g} s, off-tracks allowed"
        return Check.of("solo lap", entry.status == "FIN", found, expected)
