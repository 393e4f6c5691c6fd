"""The turn of the bridge: asks the gate, tells the car, shows the guardian a sign of life, again and again.

Everything that may go wrong with a car ends here in the same way: the gate closes and the car is stopped.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from league.bridge.guard import Guard
from league.bridge.keeping import Logbook, calibration_of
from league.errors import LeagueError
from league.gate.car import Capabilities, CarCommand, CarDriver, Sample, StopResult
from league.gate.gate import Gate, Passed, Refusal, State, Wanted
from league.gate.limits import GateLimits

log = logging.getLogger(__name__)

TURN_S: Final = 0.02
"""The bridge turns so often; the car is told something as often as it likes."""
SHUT_S: Final = 0.001
"""The gate is looked at so long after a command became too old."""
APPLY_S: Final = 0.05
CONNECT_S: Final = 10.0
RECONNECT_S: Final = 0.5
STOP_S: Final = 0.3
STOPS: Final = 3
END_S: Final = 1.0
SOURCE_BITS: Final = 32
FORGET_S: Final = 1.0
"""Telemetry older than this is not known any more."""
SENSES: Final = ("scan", "camera", "pose", "speed_mps")
"""What an agent drives by; one of them may fall silent while the car goes on telling the others."""

Tell = Callable[[str], None]


@dataclass(slots=True)
class Link:
    """How the connection to the server is, for people."""

    about: str = "not connected"
    heard_s: float | None = None
    """When the server was heard last, on the monotonic clock."""
    round_trip_ms: float | None = None
    heat: str = ""
    racing: bool = False
    """Whether the server shows ticks, so that its silence means something."""

    def state(self) -> dict[str, Any]:
        """For a page or a terminal."""
        age_s = None if self.heard_s is None else round(time.monotonic() - self.heard_s, 3)
        return {
            "about": self.about,
            "age_s": age_s,
            "round_trip_ms": self.round_trip_ms,
            "heat": self.heat,
        }


class Ride:
    """One car, from its first connection to the last stop; use `run`, and everything else while it runs.

    Args:
        ref: The car's address.
        make: Makes a driver for it, not yet connected.
        logbook: Entered; what is kept beside the car.
        guarded: Whether a guardian process is needed; only cars that stop by themselves may do without.
        cap: The owner's cap on drive, in the car's unit.
        hold_s: How long a command is good for.
        tell: Told what happens, in a line for people.
    """

    def __init__(
        self,
        ref: str,
        make: Callable[[], CarDriver],
        logbook: Logbook,
        *,
        guarded: bool = True,
        cap: float | None = None,
        hold_s: float = 0.25,
        tell: Tell = lambda line: None,
    ) -> None:
        self.ref = ref
        self.car: Capabilities | None = None
        """What the car can; None until it was connected once."""
        self.name = ref
        self.sample: Sample | None = None
        self._heard_s: dict[str, float] = {}
        """What the car told last."""
        self.passed = Passed(0.0, 0.0, State.OFFLINE)
        """What the car was told last."""
        self.late = 0
        """Turns that came so late that the gate closed for it, or nearly."""
        self.lacks = ""
        """The sense that whoever drives needs and has not; it is not asked meanwhile."""
        self.last_stop: StopResult | None = None
        self.gate = Gate(GateLimits(), now_s=time.monotonic(), estopped=bool(logbook.estop))
        if logbook.estop:
            self.gate.why = logbook.estop
        self.guard = Guard(ref, on_trip=self._tripped) if guarded else None
        self._make, self._logbook, self._tell = make, logbook, tell
        self._cap, self._hold_s = cap, hold_s
        self.link = Link()
        """How the connection to the server is."""
        self._calibration = self._driver_name = ""
        self._sources = 0
        self.openings = 0
        """How often somebody allowed driving."""
        self._driver: CarDriver | None = None
        self._trouble = ""
        self._numbers = itertools.count(1)
        self._seen = self.gate.state
        self._due_s = 0.0
        self._stopping: asyncio.Task[None] | None = None

    # -- what others ask -------------------------------------------------------------------------

    def offer(self, steer_rad: float, drive: float, *, seq: int, born_s: float) -> Refusal | None:
        """Give the gate a command, in the car's unit; may be called from any one thread."""
        return self.gate.offer(Wanted(seq, steer_rad, drive, born_s), time.monotonic())

    def new_source(self) -> int:
        """Where the numbers of a new source of commands begin: after those of all others."""
        self._sources += 1
        return self._sources << SOURCE_BITS

    @property
    def command_age_s(self) -> float | None:
        """How old the newest command is that was taken."""
        born_s = self.gate.newest_s
        return None if born_s is None else round(time.monotonic() - born_s, 3)

    @property
    def signs_tested(self) -> bool:
        """Whether the signs of this calibration were tested."""
        return self.car is not None and self._logbook.signs_tested(self._calibration)

    def keep_signs(self) -> None:
        """The sign test passed."""
        self._logbook.keep_signs(self._calibration)

    @property
    def guarded(self) -> bool:
        """Whether the car is watched, or needs nobody."""
        return self.guard is None or self.guard.watching

    async def make_ready(self, *, token: bool, testing: bool = False) -> str:
        """Allow driving; gives the objection, if there is one.

        Args:
            token: Whether whoever asks has the token.
            testing: For the sign test itself.
        """
        signs = testing or self.signs_tested
        objection = self.gate.objection(time.monotonic(), token=token, signs=signs, guarded=self.guarded)
        if objection or self._driver is None:
            return objection or "not connected"
        if self._stopping is not None:
            await asyncio.wait((self._stopping,))
        try:
            async with asyncio.timeout(STOP_S * 4):
                await self._driver.arm()
        except Exception as error:  # noqa: BLE001 - a driver may raise anything; the car stays as it is
            self._fault(error)
            return f"the car does not arm: {self._trouble}"
        objection = self.gate.make_ready(time.monotonic(), token=token, signs=signs, guarded=self.guarded)
        self.openings += not objection
        return objection

    def disarm(self, why: str) -> None:
        """Take the permission to drive away; the car stops within a turn."""
        self.gate.disarm(why, time.monotonic())

    def emergency_stop(self, why: str) -> None:
        """Stop, and stay stopped until somebody beside the car clears it."""
        fresh = self.gate.state is not State.ESTOP
        self.gate.emergency_stop(why, time.monotonic())
        if fresh:
            # First the car, then the file.
            self._notice()
            self._logbook.keep_estop(why)

    def clear(self, *, local: bool) -> str:
        """End an emergency stop; gives the objection, if there is one."""
        seen = self.fresh_sample()
        speed_mps = seen.speed_mps if seen is not None else None
        objection = self.gate.clear(time.monotonic(), local=local, speed_mps=speed_mps)
        if not objection:
            self._logbook.keep_estop("")
        return objection

    def fresh_sample(self) -> Sample | None:
        """What the car told, if it is not too long ago."""
        sample = self.sample
        fresh = sample is not None and time.monotonic() - sample.at_s <= FORGET_S
        return sample if fresh else None

    # -- the course of things ----------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and drive what the gate lets through, until cancelled; then stop the car."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_turning(), name="turning")
                group.create_task(self._keep_driving(), name="driving")
                if self.guard is not None:
                    group.create_task(self._keep_guarded(self.guard), name="guarding")
        except ExceptionGroup as faults:
            raise faults.exceptions[0] from None
        finally:
            self.gate.lose("the bridge ends", time.monotonic())
            if self._driver is not None:
                await self._leave(self._driver, "the bridge ends")
            if self.guard is not None:
                await self.guard.close()

    async def _keep_turning(self) -> None:
        while True:
            self._turn_over()
            now_s = time.monotonic()
            if now_s >= self._due_s:
                self._due_s += TURN_S
            if self._due_s < now_s:
                self.late += now_s - self._due_s > TURN_S
                self._due_s = now_s
            # What is too old is let go of then, and not up to a turn later.
            due_s = min(self._due_s, self.gate.shuts_s + SHUT_S)
            await asyncio.sleep(max(due_s - now_s, 0.0))

    async def _keep_driving(self) -> None:
        trouble = ""
        while True:
            driver = self._make()
            self._driver_name = driver.name
            try:
                async with asyncio.timeout(CONNECT_S):
                    car = await driver.connect()
            except Exception as error:  # noqa: BLE001 - a driver may raise anything; it is tried again
                if self._words(error) != trouble:  # the same again and again is said once
                    trouble = self._words(error)
                    self._report(f"{self.name}: {trouble}", error)
                await self._end(driver)
            else:
                trouble = ""
                self._welcome(driver, car)
                listening = asyncio.create_task(self._listen(driver), name="hearing the car")
                try:
                    await self._drive(driver)
                finally:
                    listening.cancel()
                await self._leave(driver, self._trouble)
            await asyncio.sleep(RECONNECT_S)

    def _welcome(self, driver: CarDriver, car: Capabilities) -> None:
        self.car, self.name, self._driver = car, driver.name, driver
        self._calibration = calibration_of(self.ref, car.calibration)
        self._trouble = ""
        self.gate.connect(time.monotonic(), GateLimits.of(car, cap=self._cap, hold_s=self._hold_s))
        self._report(f"{self.name}: connected")

    async def _drive(self, driver: CarDriver) -> None:
        """Tell the car what the gate passes, until something is wrong with the car."""
        assert self.car is not None
        apart_s = max(TURN_S, 1.0 / self.car.hz[1])
        due_s = time.monotonic()
        while not self._trouble:
            if self._stopping is None or self._stopping.done():
                passed = self._turn_over()  # just before it is sent, so that nothing old is
                try:
                    async with asyncio.timeout(APPLY_S):
                        await driver.apply(CarCommand(next(self._numbers), passed.steer_rad, passed.drive))
                except Exception as error:  # noqa: BLE001 - whatever it is, the car is not driven on with it
                    self._fault(error)
            now_s = time.monotonic()
            due_s = max(due_s + apart_s, now_s)
            await asyncio.sleep(due_s - now_s)
        if self._stopping is not None:
            await asyncio.wait((self._stopping,))

    def _turn_over(self) -> Passed:
        """One turn: first the gate, then the sign of life, so that none is given for a stalled gate."""
        self.passed = passed = self.gate.ask(time.monotonic())
        if self.guard is not None:
            self.guard.beat(may_move=passed.state is State.ARMED)
        self._notice()
        return passed

    def _notice(self) -> None:
        """Stop the car when the gate has closed."""
        before, self._seen = self._seen, self.gate.state
        if self._seen is before:
            return
        self._report(f"{self.name}: {self._seen}: {self.gate.why}")
        was_open = before in (State.READY, State.ARMED)
        if (was_open or self._seen is State.ESTOP) and self._seen is not State.ARMED and self._driver:
            self._begin_to_stop(self._driver, self.gate.why)

    def _begin_to_stop(self, driver: CarDriver, why: str) -> None:
        if self._stopping is None or self._stopping.done():
            self._stopping = asyncio.create_task(self._stop(driver, why), name="stopping the car")

    async def _stop(self, driver: CarDriver, why: str) -> None:
        for _ in range(STOPS):
            try:
                async with asyncio.timeout(STOP_S):
                    self.last_stop = await driver.stop(why)
            except Exception as error:  # noqa: BLE001 - the promise not to raise was broken; try again
                self._report(f"{self.name}: stop: {self._words(error)}", error)
                self.last_stop = "unreachable"
            if self.last_stop == "acked":
                break
        with contextlib.suppress(Exception):
            async with asyncio.timeout(STOP_S):
                await driver.disarm()
        if self.last_stop == "unreachable":
            self._trouble = self._trouble or "the car could not be reached to stop it"
            self.gate.lose(self._trouble, time.monotonic())

    async def _listen(self, driver: CarDriver) -> None:
        try:
            async for sample in driver.telemetry():
                self.sample = self._remembered(sample)
                if sample.armed is False and self.gate.state is State.ARMED:
                    self.gate.disarm("the car disarmed itself", time.monotonic())
        except Exception as error:  # noqa: BLE001 - a car that cannot be heard is not driven
            self._fault(error)
        else:
            self._fault(ConnectionError("its connection ended"))

    def _remembered(self, sample: Sample) -> Sample:
        """What the car tells now, with what it told lately; a sense that fell silent is unknown again."""
        self._heard_s.update({name: sample.at_s for name in SENSES if getattr(sample, name) is not None})
        known = sample.over(self.fresh_sample())
        silent: dict[str, Any] = {
            name: None for name, heard_s in self._heard_s.items() if sample.at_s - heard_s > FORGET_S
        }
        return replace(known, **silent)

    async def _leave(self, driver: CarDriver, why: str) -> None:
        self._driver = None
        await self._stop(driver, why)
        await self._end(driver)

    async def _end(self, driver: CarDriver) -> None:
        try:
            async with asyncio.timeout(END_S):
                await driver.close()
        except Exception as error:  # noqa: BLE001 - the promise not to raise was broken; it is left behind
            self._report(f"{self.name}: close: {self._words(error)}", error)

    async def _keep_guarded(self, guard: Guard) -> None:
        try:
            await guard.start()
            self._report("the guardian watches")
        except LeagueError as error:
            self._report(str(error))
        while True:
            await asyncio.sleep(TURN_S)
            if not guard.watching:
                self.disarm(f"no guardian: {guard.about}")

    def _tripped(self) -> None:
        self.gate.disarm("the guardian stopped the car: this process was silent", time.monotonic())
        self._report("the guardian stopped the car")

    def _fault(self, error: BaseException) -> None:
        """Something is wrong with the car: close the gate, stop it, connect again."""
        if self._trouble:
            return
        self._trouble = self._words(error)
        self.gate.lose(self._trouble, time.monotonic())
        if self.gate.state is State.ESTOP:  # which stays, and so would say nothing of it
            self._report(f"{self.name}: {self._trouble}")
        self._notice()
        if not isinstance(error, LeagueError | OSError | TimeoutError):
            log.error("the car's driver failed", exc_info=error)

    def _report(self, line: str, error: BaseException | None = None) -> None:
        self._tell(line)
        log.info("%s", line, exc_info=error if log.isEnabledFor(logging.DEBUG) else None)

    def _words(self, error: BaseException) -> str:
        text = " ".join(str(error).split()).removeprefix(f"{self._driver_name}: ")
        if isinstance(error, TimeoutError) and not text:
            return "it did not answer in time"
        return text or type(error).__name__
