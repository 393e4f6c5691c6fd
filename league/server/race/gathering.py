"""Before the start of a heat: drivers are sent to the grid, get ready, or are left out."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from league.racing.heat import Heat
from league.racing.physical import PhysicalHeat
from league.racing.telling import briefing_fields
from league.server.race.driver import Stir
from league.server.race.seat import Seat
from league.server.race.settings import Settings


class Gathering:
    """Waits for the drivers of a heat, each for as long as the protocol grants.

    A driver has `ready_s` to get ready, counted anew whenever it says that it is loading; nobody is waited
    for longer than `no_show_s`.

    Args:
        heat: The race, at its start.
        seats: Who is to sit where.
        settings: Time limits.
        answer_s: Time for each answer, as drivers are told.
    """

    def __init__(
        self, heat: Heat | PhysicalHeat, seats: Sequence[Seat], settings: Settings, *, answer_s: float
    ) -> None:
        self.stir = Stir()
        """To be called when a driver arrived, departed, or said something."""
        self._heat, self._seats, self._settings, self._answer_s = heat, seats, settings, answer_s
        self._clock = asyncio.get_running_loop().time

    async def run(self, awaited: Sequence[Seat] | None = None) -> None:
        """Send everybody to the grid, wait until they are ready, and leave out who is not in time.

        Args:
            awaited: Who is waited for; everybody by default.
        """
        began_s = self._clock()
        for seat in self._seats:
            self.assign(seat)
        awaited = self._seats if awaited is None else awaited
        while waiting := [seat for seat in awaited if seat.away]:
            now_s = self._clock()
            due_s = {seat.number: self._patience_ends_s(seat, began_s) for seat in waiting}
            for seat in waiting:
                if now_s >= due_s[seat.number]:
                    self._leave_out(seat)
            if any(seat.away for seat in waiting):
                await self.stir.wait(max(0.0, min(due_s.values()) - now_s))

    def assign(self, seat: Seat) -> None:
        """Send a driver to the grid, if it is connected."""
        realtime = self._heat.plan.rules.clock == "realtime"
        fields = briefing_fields(
            self._heat.briefing(seat.number),
            obs_spec=[
                {"name": sensor.name, "id": sensor.id, "size": sensor.size, **sensor.describe()}
                for sensor in self._heat.sensors
            ],
            deadline_ms=self._answer_s * 1000,
            bank_ms=0 if realtime else round(self._settings.bank_s * 1000),
        )
        seat.assign(fields, self._clock())

    def _patience_ends_s(self, seat: Seat, began_s: float) -> float:
        settings, driver = self._settings, seat.driver
        if driver.connected:
            return min(seat.spoke_s + settings.ready_s, seat.assigned_s + settings.no_show_s)
        return began_s if driver.gone_for_good else began_s + settings.no_show_s

    def _leave_out(self, seat: Seat) -> None:
        """Start without a driver that is not there or not ready."""
        settings, driver = self._settings, seat.driver
        if driver.connected:
            reason = f"was not ready within {settings.ready_s:g} s"
            seat.object("no_show", f"the heat starts without you: {driver.entry.name} {reason}")
        elif driver.gone_for_good:
            reason = driver.away_because
        else:
            reason = f"did not appear within {settings.no_show_s:g} s: {driver.away_because}"
        self._heat.retire(seat.number, "DNS", reason)
        seat.racing = False
