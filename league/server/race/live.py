"""A heat between sockets: who is shown what, when a tick closes, and what counts as an answer.

Everything that decides the race is in `league.racing.heat.Heat`; this only says which answers came in
time. Two clocks: lockstep closes a tick when everybody has answered, realtime when its time is over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from math import nan
from typing import Any, Final

from league.racing.agent import Command
from league.racing.fact import Fact
from league.racing.heat import Heat
from league.racing.physical import PhysicalHeat
from league.racing.result import HeatResult
from league.racing.telling import observation_fields
from league.server.race.driver import Driver
from league.server.race.gathering import Gathering
from league.server.race.pulse import Pulse
from league.server.race.seat import Seat
from league.server.race.settings import Settings
from league.wire.messages import Act, LateAct, Loading, Ready, RefusedAct, Said

CATCH_UP_S: Final = 0.25
"""A paced heat that fell behind by more than this does not catch up the rest."""
# Turns of the event loop after a deadline: one for reading the sockets, one for the readers to be woken.
_GRACE_TURNS: Final = 2
# What a refused answer is for the heat: it counts it, and its recording shows it again.
_REFUSED: Final = Command(nan, 0.0)

OnTick = Callable[[Sequence[Fact]], None]


class LiveHeat:
    """Runs one heat with drivers that answer over their lines.

    Args:
        heat: The race, at its start.
        drivers: By seat.
        settings: Time limits.
        pace: Speed as a multiple of real time; None is as fast as the drivers answer.
        on_tick: Called after every tick, and once before the first, with what happened.
        pulse: Where ticks are counted.
    """

    def __init__(
        self,
        heat: Heat | PhysicalHeat,
        drivers: Sequence[Driver],
        *,
        settings: Settings,
        pace: float | None = None,
        on_tick: OnTick = lambda facts: None,
        pulse: Pulse | None = None,
    ) -> None:
        self.heat = heat
        self._pulse = pulse or Pulse()
        self.seats = [Seat(number, driver, settings.bank_s) for number, driver in enumerate(drivers)]
        self.started = False
        """Whether the lights went green."""
        self._by_driver = {seat.driver: seat for seat in self.seats}
        self._settings = settings
        self._on_tick = on_tick
        self._loop = asyncio.get_running_loop()
        self._clock = self._loop.time
        rules = heat.plan.rules
        self._tick_s = rules.tick_s
        self._realtime = rules.clock == "realtime"
        self._period_s = self._tick_s if self._realtime else self._tick_s / pace if pace else 0.0
        self._answer_s = self._tick_s - settings.realtime_margin_s if self._realtime else settings.deadline_s
        self._gathering = Gathering(heat, self.seats, settings, answer_s=self._answer_s)
        self._due_s = 0.0
        """When the next tick may open."""
        self._closes_s = 0.0
        """When the open tick closes at the latest, banks left aside."""
        self._waiting = 0
        """Seats whose answer the open tick lacks."""
        self._gate: asyncio.Future[None] | None = None
        self._alarm: asyncio.TimerHandle | None = None
        self._open = False
        """Whether a tick was shown and not yet driven."""
        self._in_bank = False
        self._excused = False
        self._told = 0
        """Facts that have been told."""

    # -- the course of a heat --------------------------------------------------------------------

    async def run(self) -> None:
        """Gather the drivers, count down, and race to the end."""
        for seat in self.seats:
            seat.driver.race = self
        try:
            await self._get_to_the_line()
            self._start()
            while not self.heat.finished:
                await self._wait_for_opening()
                self._open_tick()
                if self._waiting or self._realtime:
                    self._gate = self._loop.create_future()
                    await self._gate
                    self._gate = None
                else:
                    await asyncio.sleep(0)  # whatever happens, others get their turn
                if self._open:
                    self._close_tick()
            self._report_the_end()
        finally:
            if self._alarm is not None:
                self._alarm.cancel()
            for seat in self.seats:
                if seat.driver.race is self:
                    seat.driver.race = None

    def abandon(self) -> None:
        """Tell the drivers that the heat came to nothing."""
        for seat in self.seats:
            seat.abandon(self.heat.plan.id)

    def conclude(self, result: HeatResult) -> None:
        """Tell the drivers the result; only after it has been committed."""
        told = result.model_dump(mode="json")
        for seat in self.seats:
            seat.conclude(result.heat, told["entries"], told)

    # -- what drivers say ------------------------------------------------------------------------

    def hear(self, driver: Driver, said: Said) -> None:
        """Take what a driver says about this heat."""
        seat = self._by_driver[driver]
        if isinstance(said, Act):
            self._answered(seat)
        elif isinstance(said, LateAct):
            seat.tell_late(said, self.heat.drivers[seat.number].streak)
        elif isinstance(said, RefusedAct):
            seat.refused = True
            seat.object("bad_command", said.problem)
            self._answered(seat)
        elif isinstance(said, Loading):
            seat.spoke_s = self._clock()
            self._gathering.stir()
        elif isinstance(said, Ready):
            seat.ready = True
            if self.started and seat.racing:
                seat.go(self.heat.tick)
            self._gathering.stir()

    def arrived(self, driver: Driver) -> None:
        """A driver connected: send it to the grid, or back into its running car."""
        seat = self._by_driver[driver]
        if not seat.racing:
            return
        if self.started:
            seat.returns += 1
        self._gathering.assign(seat)
        self._gathering.stir()

    def departed(self, driver: Driver, why: str, *, for_good: bool) -> None:
        """A driver was lost; it may return while its time on the heat's clock lasts, and so often."""
        seat = self._by_driver[driver]
        seat.ready = False
        if self.started and seat.racing:
            seat.lost_us = self.heat.time_us
            seat.lost_because = why
            if for_good:
                self._retire(seat, why)
            elif seat.returns >= self._settings.resumes:
                self._retire(seat, f"{why}; it had returned {seat.returns} times already")
        if seat.awaited:
            self._answered(seat)
        self._gathering.stir()

    # -- the start -------------------------------------------------------------------------------

    async def _get_to_the_line(self) -> None:
        await self._gathering.run()
        await self._count_down()

    async def _count_down(self) -> None:
        left_s = self._settings.countdown_s if self._period_s else 0.0
        starts_s = self._clock() + left_s
        while True:
            for seat in self.seats:
                seat.countdown(round(max(left_s, 0.0), 3))
            if left_s <= 0:
                return
            await asyncio.sleep(min(left_s, 1.0))
            left_s = starts_s - self._clock()

    def _start(self) -> None:
        self.started = True
        for seat in self.seats:
            if seat.racing and not seat.away:
                seat.go(0)
            elif seat.racing:
                # It was lost during the countdown; perhaps it is back already and getting ready again.
                seat.lost_us, seat.lost_because = 0, seat.driver.away_because
        self._due_s = self._clock()
        self._on_tick(())

    # -- a tick ------------------------------------------------------------------------------------

    async def _wait_for_opening(self) -> None:
        """Wait until the tick may open; only paced and realtime heats, and those with a lost driver, do.

        In lockstep the heat's clock runs as fast as drivers answer. If a lost driver were simply counted
        as missing, its five seconds would be over in milliseconds. So while somebody may return, the
        heat's clock does not run faster than the one on the wall.
        """
        away = any(seat.away for seat in self.seats)
        if away:
            self._give_up_the_lost()
        period_s = max(self._period_s, self._tick_s) if away else self._period_s
        now_s = self._clock()
        if period_s and self._due_s > now_s:
            await asyncio.sleep(self._due_s - now_s)
            now_s = self._clock()
        if self._period_s:
            self._pulse.opened(now_s - self._due_s)
        slack_s = (self._tick_s if self._realtime else CATCH_UP_S) if self._period_s else 0.0
        self._due_s = max(self._due_s, now_s - slack_s) + period_s

    def _give_up_the_lost(self) -> None:
        """Retire those whose time to return is over."""
        limit_us = self._settings.resume_s * 1e6
        for seat in self.seats:
            if not seat.away or seat.driver.connected or seat.lost_us is None or not self._give_up(seat):
                continue
            if self.heat.time_us - seat.lost_us >= limit_us:
                self._retire(seat, f"{seat.lost_because}; it did not return within {limit_us / 1e6:g} s")

    def _give_up(self, seat: Seat) -> bool:
        """Whether a lost driver's car is out once its time to return is over."""
        return True

    def _retire(self, seat: Seat, reason: str) -> None:
        self.heat.retire(seat.number, "DNF-disconnect", reason)
        seat.racing = False

    def _open_tick(self) -> None:
        """Show everybody the tick."""
        heat = self.heat
        now_s = self._clock()
        self._open = True
        self._in_bank = self._excused = False
        self._closes_s = (
            self._due_s - self._settings.realtime_margin_s if self._realtime else now_s + self._answer_s
        )
        deadline_us = max(0, round((self._closes_s - now_s) * 1e6))
        waiting = 0
        for seat, seen in zip(self.seats, heat.observe(), strict=True):
            line = seat.driver.line
            seat.shown = seat.awaited = seat.ready and seat.racing and seen is not None and line is not None
            if not seat.shown:
                continue
            assert seen is not None
            assert line is not None
            bank_ms = 0 if self._realtime else int(seat.bank_s * 1000)
            line.say(
                line.session.observe(
                    heat.tick,
                    observation_fields(seen, seat.sensors),
                    deadline_us=deadline_us,
                    bank_ms=bank_ms,
                )
            )
            waiting += 1
        self._waiting = waiting
        if self._alarm is None and (waiting or self._realtime):
            self._alarm = self._loop.call_at(self._closes_s, self._ring)

    def _answered(self, seat: Seat) -> None:
        """One answer less to wait for; the last one closes a lockstep tick."""
        if not seat.awaited:
            return
        seat.awaited = False
        if self._in_bank:
            seat.bank_s = max(0.0, seat.bank_s - (self._clock() - self._closes_s))
        self._waiting -= 1
        if self._waiting == 0 and not self._realtime:
            self._let_close()

    def _ring(self) -> None:
        """The alarm: set once and again, not for every tick, for most ticks close long before it."""
        self._alarm = None
        if self._gate is None:
            return
        now_s = self._clock()
        if now_s < self._closes_s:
            self._alarm = self._loop.call_at(self._closes_s, self._ring)
            return
        if now_s - self._closes_s > self._tick_s and not self._excused:
            # The server was late itself. It says so, and the time is on nobody's account.
            self.heat.overruns += 1
            self._excused = True
        self._deadline(self.heat.tick, _GRACE_TURNS)

    def _deadline(self, tick: int, turns: int) -> None:
        """Close a tick, or let the late use their banks; what has arrived by now is read first."""
        if self._gate is None or self._gate.done() or tick != self.heat.tick:
            return
        if turns:
            self._loop.call_soon(self._deadline, tick, turns - 1)
            return
        late = [seat for seat in self.seats if seat.awaited]
        if self._realtime or self._in_bank or not late:
            for seat in late:
                seat.bank_s = 0.0
            self._let_close()
            return
        self._in_bank = True
        if self._excused:
            self._closes_s = self._clock()
        expires_s = self._closes_s + max(seat.bank_s for seat in late)
        self._alarm = self._loop.call_at(expires_s, self._bank_is_empty)

    def _bank_is_empty(self) -> None:
        self._alarm = None
        self._deadline(self.heat.tick, _GRACE_TURNS)

    def _let_close(self) -> None:
        if self._in_bank and self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if self._gate is None or self._gate.done():
            return
        try:
            if self._go_on():
                return
        except Exception as error:  # noqa: BLE001 - it is the race's, not that of the driver who spoke last
            self._gate.set_exception(error)
        else:
            self._gate.set_result(None)

    def _go_on(self) -> bool:
        """Drive this tick and open the next at once, if nothing has to be waited for in between.

        This is most ticks of most heats. Doing it in the same turn of the event loop in which the last
        answer was read saves a turn, and with it a system call, for every tick.
        """
        if self._period_s:
            return False
        self._close_tick()
        if self.heat.finished or any(seat.away for seat in self.seats):
            return False
        self._open_tick()
        return self._waiting > 0

    def _close_tick(self) -> None:
        """Take the answers, drive the tick, and tell what happened."""
        self._open = False
        now_s = self._clock()
        answers: list[Command | None] = []
        away: list[int] = []
        for seat in self.seats:
            answer = self._take(seat, now_s)
            answers.append(answer)
            if seat.racing and answer is None and (self._excused or seat.away):
                away.append(seat.number)
        heat = self.heat
        if heat.finished:
            return  # the last car was retired while this tick was open
        facts = heat.advance(answers, away=away)
        self._pulse.ticks += 1
        self._told += len(facts)
        if facts:
            self._report(facts)
        self._on_tick(facts)

    def _take(self, seat: Seat, now_s: float) -> Command | None:
        """The seat's answer to the tick that closes now."""
        line = seat.driver.line
        refused, seat.refused = seat.refused, False
        if not seat.shown or line is None or not seat.ready:
            return None
        act = line.session.close_tick(now_s)
        if act is not None:
            return Command(act.steer_rad, act.speed_mps, act.note)
        return _REFUSED if refused else None

    def _report_the_end(self) -> None:
        """Tell what no tick followed: the last car was retired, or nobody ever started."""
        if facts := self.heat.facts[self._told :]:
            self._report(facts)
            self._on_tick(facts)

    def _report(self, facts: Sequence[Fact]) -> None:
        """Tell every driver of this heat what happened, and note who is out."""
        told: list[Mapping[str, Any]] = [fact.as_dict() for fact in facts]
        for seat in self.seats:
            line = seat.driver.line
            if line is None or line.session.heat != self.heat.plan.id:
                continue
            for fact in told:
                line.say(line.session.event(fact))
        for seat, live in zip(self.seats, self.heat.live, strict=True):
            seat.racing = live
