"""One race, tick by tick: commands in, facts out.

Pure: no clock and no I/O. The headless runner, the server and the verifier all drive this same object,
so a heat is a function of its plan, its circuit, its car and the answers it was given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from math import nan

import numpy as np
from numpy.typing import NDArray

from league.errors import RaceError
from league.racing import BEHAVIOR
from league.racing.agent import Briefing, Command, FloatVector, Observation, Penalty
from league.racing.driving import Driving
from league.racing.fact import Fact
from league.racing.objects import objects_of
from league.racing.plan import HeatPlan
from league.racing.recording import Recording, Retirement, header_bytes
from league.racing.referee import Car, Referee
from league.racing.result import CircuitFacts, EntryResult, HeatResult, Status
from league.racing.standing import classify, fastest, score_s
from league.sim.car import CarSpec
from league.sim.layout import STATE_SIZE
from league.sim.sensor import Seeded, Sensor
from league.sim.world import World
from league.track.circuit import Circuit

FRAME_FIELDS = ("x_m", "y_m", "yaw_rad", "speed_mps", "along_m", "lap", "flags")
"""Columns of `Heat.frame`; x and y are of the chassis origin, along_m of the nose."""
STANDS, OFF_TRACK, OUT, FINISHED = 1, 2, 4, 8
"""Bits of the flags column."""

_NO_STATE = np.zeros(STATE_SIZE, dtype=np.float32)
_NO_STATE.setflags(write=False)


class Heat:
    """A race in progress.

    Args:
        plan: Grid, laps, rules, seed.
        circuit: The circuit that the plan names.
        car: The car that everybody drives.
        sensors: What observations carry, one instance each, in the order of `plan.rules.sensors`.

    Raises:
        ConfigError: There is no room for the boxes and bots that the rules ask for.
    """

    def __init__(
        self,
        plan: HeatPlan,
        circuit: Circuit,
        car: CarSpec,
        sensors: Sequence[Sensor],
    ) -> None:
        self.plan, self.circuit, self.car = plan, circuit, car
        self.boxes, self.bots = objects_of(plan.rules, plan.seed, circuit, car, len(plan.grid))
        self.sensors = tuple(sensors)
        for sensor in self.sensors:
            if isinstance(sensor, Seeded):
                sensor.begin(plan.seed)
        self.n = len(plan.grid)
        self.tick = 0
        self.overruns = 0
        """Ticks in which the server was late itself; nobody is charged for them."""
        self.world = World(
            circuit,
            [car] * self.n,
            control_hz=plan.rules.control_hz,
            boxes=self.boxes,
            bots=self.bots,
            spins=plan.rules.spins,
            seed=plan.seed,
        )
        self.referee = Referee(self.world, plan.rules)
        self.drivers = [Driving(car, plan.rules.control_hz) for _ in range(self.n)]
        self.facts: list[Fact] = []
        self._pending: list[Fact] = [Fact(0, 0, "start", -1)]
        self._answers: list[NDArray[np.float64]] = []
        self._away: list[tuple[int, int]] = []
        self._retirements: list[Retirement] = []
        self._frames: list[NDArray[np.float64]] = [self.frame()]
        self._bot_frames: list[NDArray[np.float64]] = [self.bot_frame()]
        self._commands = np.zeros((self.n, 2))
        self._digest = hashlib.sha256(header_bytes(plan, circuit, car, self.boxes, self.bots))
        self._digest.update(self.world.state_bytes())

    # -- before and between ticks ------------------------------------------------------------------

    @property
    def time_us(self) -> int:
        """The heat's clock: the start of the tick that is about to be driven."""
        return self.referee.time_us(self.tick)

    @property
    def finished(self) -> bool:
        """Whether nobody is racing any more."""
        return self.referee.finished

    @property
    def live(self) -> list[bool]:
        """Per seat: still racing, and so asked for a command."""
        return [car.racing for car in self.referee.cars]

    def briefing(self, seat: int) -> Briefing:
        """What the driver in a seat is told before the start."""
        return Briefing(
            heat=self.plan.id,
            seat=seat,
            circuit=self.circuit,
            car=self.car,
            rules=self.plan.rules,
            seed=self.plan.seed,
            sensors=tuple(sensor.name for sensor in self.sensors),
            opponents=tuple(
                (other, entry.name) for other, entry in enumerate(self.plan.grid) if other != seat
            ),
            boxes=self.boxes,
        )

    def observe(self) -> list[Observation | None]:
        """What every driver sees now; None for those that are done."""
        seen = {sensor.name: sensor.sense(self.world) for sensor in self.sensors}
        state = seen.pop("state", None)
        time_us = self.time_us
        observations: list[Observation | None] = []
        for car in self.referee.cars:
            if not car.racing:
                observations.append(None)
                continue
            seat = car.seat
            sensors: dict[str, FloatVector] = {name: rows[seat] for name, rows in seen.items()}
            observations.append(
                Observation(
                    tick=self.tick,
                    time_us=time_us,
                    state=_NO_STATE if state is None else state[seat],
                    sensors=sensors,
                    lap=len(car.laps),
                    penalty=Penalty(car.why or "waiting", car.stands_ticks) if car.standing else None,
                    missed=self.drivers[seat].streak,
                )
            )
        return observations

    def frame(self) -> NDArray[np.float64]:
        """Where every car is now, shape (cars, 7); columns are `FRAME_FIELDS`."""
        rows = np.empty((self.n, len(FRAME_FIELDS)))
        rows[:, :3] = self.world.pose
        rows[:, 3] = self.world.speed_mps
        rows[:, 4] = self.world.along_m
        for car in self.referee.cars:
            flags = STANDS if car.standing else 0
            flags |= OFF_TRACK if self.world.wheels_off[car.seat] == 4 else 0
            if not car.racing:
                flags |= FINISHED if car.status == "FIN" else OUT
            rows[car.seat, 5] = len(car.laps)
            rows[car.seat, 6] = flags
        return rows

    def bot_frame(self) -> NDArray[np.float64]:
        """Where every bot is now, shape (bots, 4): x, y and yaw of its middle, and its speed."""
        bots = self.world.bots
        return np.column_stack((bots.pose, bots.speed_mps))

    # -- ticks -----------------------------------------------------------------------------------

    def advance(self, answers: Sequence[Command | None], *, away: Collection[int] = ()) -> list[Fact]:
        """Drive one tick.

        Args:
            answers: Per seat the command for this tick, or None where none came in time. Unusable
                commands count as missing, and twenty of them disqualify.
            away: Seats whose driver is disconnected but may come back; their silence is not held
                against them, the missing-answer policy drives on.

        Returns:
            What happened since the last call, in order.

        Raises:
            RaceError: The heat is over, or there are not as many answers as seats.
        """
        if self.finished:
            raise RaceError(f"heat {self.plan.id!r} is over; it cannot be driven on")
        if len(answers) != self.n:
            raise RaceError(f"heat {self.plan.id!r} has {self.n} seats, got {len(answers)} answers")
        facts, self._pending = self._pending, []
        logged = np.full((self.n, 2), nan)
        for seat, (car, answer) in enumerate(zip(self.referee.cars, answers, strict=True)):
            if not car.racing:
                continue
            driver = self.drivers[seat]
            if answer is not None:
                logged[seat] = answer.steer_rad, answer.speed_mps
            if seat in away:
                self._away.append((self.tick, seat))
            command = driver.take(answer, away=seat in away)
            self._commands[seat] = command.steer_rad, command.speed_mps
            if driver.parked != car.parked:
                facts += self.referee.park(seat, driver.parked, self.tick)
        self.world.step(self._commands)
        facts += self.referee.judge(self.tick)
        for seat, car in enumerate(self.referee.cars):
            verdict = self.drivers[seat].verdict() if car.racing else None
            if verdict is not None:
                facts += self._end(seat, *verdict)
        self._answers.append(logged)
        self._digest.update(logged.tobytes())
        self._digest.update(self.world.state_bytes())
        self.tick += 1
        self._frames.append(self.frame())
        self._bot_frames.append(self.bot_frame())
        self.facts += facts
        return facts

    def retire(self, seat: int, status: Status, reason: str) -> None:
        """Take a car out of the race, for a reason outside the referee's view."""
        if not self.referee.cars[seat].racing:
            return
        self._retirements.append(Retirement(self.tick, seat, status, reason))
        self._pending += self._end(seat, status, reason)
        if self.finished:
            # No tick follows that could hand the facts out.
            self.facts += self._pending

    def _end(self, seat: int, status: str, reason: str) -> list[Fact]:
        known: Status = status  # type: ignore[assignment]
        facts = self.referee.end(seat, known, reason, self.tick)
        self._digest.update(repr((self.tick, seat, status, reason)).encode())
        return facts

    # -- afterwards --------------------------------------------------------------------------------

    def result(self) -> HeatResult:
        """The classification as it stands; final once the heat is finished."""
        plan, rules = self.plan, self.plan.rules
        return HeatResult(
            heat=plan.id,
            phase=plan.phase,
            circuit=CircuitFacts(
                id=self.circuit.id,
                length_m=round(self.circuit.length_m, 6),
                sha256=self.circuit.sha256,
            ),
            car=self.car.id,
            laps=rules.laps,
            rank=rules.rank,
            seed=plan.seed,
            behavior=BEHAVIOR,
            clock=rules.clock,
            entries=classify([self._entry(car) for car in self.referee.cars]),
            state_hash=self._digest.hexdigest(),
            overruns=self.overruns,
        )

    def recording(self) -> Recording:
        """Everything needed to replay this heat and to prove its result."""
        return Recording(
            plan=self.plan,
            circuit=self.circuit,
            car=self.car,
            boxes=self.boxes,
            bots=self.bots,
            answers=np.stack(self._answers) if self._answers else np.empty((0, self.n, 2)),
            away=tuple(self._away),
            retirements=tuple(self._retirements),
            frames=np.stack(self._frames),
            bot_frames=np.stack(self._bot_frames),
            facts=tuple(self.facts),
            result=self.result(),
        )

    def _entry(self, car: Car) -> EntryResult:
        entry = self.plan.grid[car.seat]
        best = fastest(car.laps)
        total_s = None if car.total_us is None else car.total_us / 1e6
        whole_m = self.plan.rules.laps * self.circuit.length_m
        return EntryResult(
            place=1,
            name=entry.name,
            agent=entry.agent,
            status=car.status or "DNF-timeout",
            entry_id=entry.id,
            reason=car.reason,
            total_s=total_s,
            score_s=score_s(self.plan.rules, car.laps, total_s),
            laps=tuple(car.laps),
            fastest_lap_s=best.time_s if best else None,
            fastest_lap_off_tracks=best.off_tracks if best else 0,
            off_tracks=car.off_tracks,
            resets=car.resets,
            collisions=car.collisions,
            progress_pct=100.0
            if car.status == "FIN" and car.total_us is not None
            else round(min(max(100 * car.progress_m / whole_m, 0.0), 100.0), 3),
        )
