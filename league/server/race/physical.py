"""A run of physical cars between devices, timekeeper and bridges: from the grid to a result that stands.

A bridge, if the car has one, is an agent like any other; a car without one is only timed. Losing the
connection to a bridge is not losing the car: the bridge stops it by itself, and the clock goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from league.errors import LocalProtocolError, RaceError
from league.racing.physical import PhysicalHeat
from league.server.race.driver import Driver
from league.server.race.live import LiveHeat, OnTick
from league.server.race.pulse import Pulse
from league.server.race.seat import Seat
from league.server.race.settings import Settings
from league.server.race.timing import TimingDesk
from league.wire.messages import EMERGENCY_STOP

_LOOK_S: Final = 0.5


class SteppedAsideError(RaceError):
    """A run that is not raced to its end now, because the timekeeper wishes something else."""


class LivePhysicalHeat(LiveHeat):
    """Runs one heat with physical cars.

    Args:
        heat: The heat, at its start or where a stopped server left it.
        drivers: By seat; those of physical cars may never connect.
        desk: Where timekeeper and devices are heard.
        settings: Time limits.
        on_tick: Called after every tick, and once before the first, with what happened.
    """

    def __init__(
        self,
        heat: PhysicalHeat,
        drivers: Sequence[Driver],
        *,
        desk: TimingDesk,
        settings: Settings,
        on_tick: OnTick = lambda facts: None,
        pulse: Pulse | None = None,
    ) -> None:
        super().__init__(heat, drivers, settings=settings, on_tick=on_tick, pulse=pulse)
        self._physical, self._desk = heat, desk
        self._cars = [self.seats[seat] for seat in heat.physical]
        self._rivals = [seat for seat in self.seats if seat not in self._cars]
        desk.on_wish, desk.on_stop = self._wished, self._stop_cars

    def departed(self, driver: Driver, why: str, *, for_good: bool) -> None:
        """A driver was lost; a physical car is timed all the same, and its bridge may come back."""
        super().departed(driver, why, for_good=for_good and self._by_driver[driver] not in self._cars)

    def arrived(self, driver: Driver) -> None:
        """A driver connected."""
        seat = self._by_driver[driver]
        if seat in self._cars:
            seat.returns = 0
        super().arrived(driver)

    async def _get_to_the_line(self) -> None:
        """Everybody to the grid; then the timekeeper gives the light."""
        if self._desk.green:
            for seat in self._cars:
                self._gathering.assign(seat)
            return  # it was given before the server stopped
        await self._gathering.run(self._rivals)
        while not self._may_start():
            self._obey()
            await self._gathering.stir.wait(_LOOK_S)
        self._desk.show("countdown")
        await self._count_down()
        self._obey()
        await self._desk.give_green()

    def _may_start(self) -> bool:
        if "green" in self._desk.wishes:
            return True
        ready = all(seat.ready and seat.driver.connected for seat in self._cars)
        return self._settings.green_light == "ready" and ready

    def _wished(self) -> None:
        self._gathering.stir()

    def _stop_cars(self, why: str) -> None:
        """Tell every bridge to stop its car; only somebody beside the car can clear it."""
        fact = {"k": self.heat.tick, "t_us": self.heat.time_us, "kind": EMERGENCY_STOP, "data": {"why": why}}
        for seat in self._cars:
            line = seat.driver.line
            if line is not None:
                with suppress(LocalProtocolError):  # it is not on the grid, and so not driven
                    line.say(line.session.event({**fact, "seat": seat.number}))

    def _obey(self) -> None:
        wishes = self._desk.wishes
        if "again" in wishes:
            raise SteppedAsideError(wishes["again"] or "the timekeeper wishes it to be run again")
        if "choose" in wishes and not self._desk.green:
            raise SteppedAsideError(f"{wishes['choose']} goes first")

    def _close_tick(self) -> None:
        super()._close_tick()
        self._obey()
        heat, desk = self._physical, self._desk
        driven = heat.driven
        if driven != (desk.phase == "driven"):
            desk.show("driven" if driven else "running")
        if not driven:
            desk.wishes.pop("confirm", None)
        elif "confirm" in desk.wishes or self._stands_by_itself():
            heat.confirmed = True

    def _stands_by_itself(self) -> bool:
        """Whether nobody has touched the run for long enough, and nothing waits for a person."""
        patience_s = self._settings.confirm_s
        if patience_s is None or self._physical.sheet.waiting:
            return False
        return self._desk.now_ns() - self._desk.changed_ns >= patience_s * 1e9

    def _report_the_end(self) -> None:
        """Nothing: every fact was told in its tick, and what was corrected since is in the result."""

    def _give_up(self, seat: Seat) -> bool:
        return seat not in self._cars
