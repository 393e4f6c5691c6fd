"""A car without wires: a driver that does and notes what a test says."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from league import Capabilities, CarCommand, CarError, Sample, StopResult
from league.bridge.keeping import Logbook
from league.bridge.ride import Ride
from league.gate.gate import State

PATIENCE_S = 60.0


class Puppet:
    """One connection to the car; `Cars` makes them."""

    def __init__(self, cars: Cars) -> None:
        self.name = "puppet"
        self._cars = cars
        self._ended = asyncio.Event()

    async def connect(self) -> Capabilities:
        self._cars.note("connect")
        if self._cars.unplugged:
            raise CarError("puppet: unplugged")
        return self._cars.can

    async def arm(self) -> None:
        self._cars.note("arm")
        if self._cars.refuses_to_arm:
            raise CarError("puppet: it will not")

    async def apply(self, command: CarCommand) -> None:
        self._cars.told.append(command)
        await self._cars.on_apply(command)

    async def telemetry(self) -> AsyncIterator[Sample]:
        while not self._cars.silent.is_set():
            try:
                async with asyncio.timeout(0.05):
                    await self._cars.silent.wait()
            except TimeoutError:
                yield Sample(time.monotonic(), speed_mps=self._cars.speed_mps, battery=0.5)

    async def stop(self, why: str) -> StopResult:
        self._cars.note(f"stop: {why}")
        return self._cars.on_stop()

    async def disarm(self) -> None:
        self._cars.note("disarm")

    async def close(self) -> None:
        self._cars.note("close")


async def _nothing(command: CarCommand) -> None:
    pass


class Cars:
    """What every connection to the one car shares."""

    def __init__(self) -> None:
        self.can = Capabilities(steer_max_rad=0.4, full_speed_mps=4.0)
        self.unplugged = self.refuses_to_arm = False
        self.speed_mps: float | None = None
        self.silent = asyncio.Event()
        self.told: list[CarCommand] = []
        self.did: list[str] = []
        self.on_apply: Callable[[CarCommand], object] = _nothing  # type: ignore[assignment]
        self.on_stop: Callable[[], StopResult] = lambda: "acked"

    def note(self, what: str) -> None:
        self.did.append(what)

    @property
    def stops(self) -> list[str]:
        return [what.removeprefix("stop: ") for what in self.did if what.startswith("stop: ")]

    def make(self) -> Puppet:
        return Puppet(self)


class Rider:
    """A ride that runs, and what it said."""

    def __init__(self, ride: Ride, cars: Cars, lines: list[str]) -> None:
        self.ride, self.cars, self.lines = ride, cars, lines
        self._base, self._seq = ride.new_source(), 0

    def offer(self, drive: float, steer_rad: float = 0.0) -> object:
        self._seq += 1
        return self.ride.offer(steer_rad, drive, seq=self._base + self._seq, born_s=time.monotonic())

    async def until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not holds():  # noqa: ASYNC110 - anything may be asked
                await asyncio.sleep(0.005)

    async def state(self, state: State) -> None:
        await self.until(lambda: self.ride.gate.state is state)

    async def arm(self) -> None:
        """As an operator does, again and again until neutral has lasted."""
        await self.until(lambda: self.ride.car is not None)
        async with asyncio.timeout(PATIENCE_S):
            while "neutral" in (said := await self.ride.make_ready(token=True, testing=True)):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert said == "", said
        self._base, self._seq = self.ride.new_source(), 0
        assert self.offer(0.0) is None

    async def drive(self, drive: float = 0.2) -> None:
        """Arm, and drive until the car was told so."""
        await self.arm()

        def moves() -> bool:
            self.offer(drive)
            return bool(self.cars.told) and self.cars.told[-1].drive > 0

        await self.until(moves)


@asynccontextmanager
async def riding(folder: Path, cars: Cars | None = None) -> AsyncIterator[Rider]:
    """A ride of a puppet without a guardian, which stops when the block ends."""
    cars, lines = cars or Cars(), []
    with Logbook("puppet:here", folder) as logbook:
        ride = Ride("puppet:here", cars.make, logbook, guarded=False, tell=lines.append)
        running = asyncio.create_task(ride.run())
        try:
            yield Rider(ride, cars, lines)
        finally:
            running.cancel()
            await asyncio.wait((running,))
