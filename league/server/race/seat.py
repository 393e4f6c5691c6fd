"""A place on the grid: the driver in it and how the server stands with that driver in this heat."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from league.errors import LocalProtocolError
from league.racing.driving import HOLD_TICKS
from league.server.race.driver import Driver
from league.wire.messages import LateAct


@dataclass(slots=True, eq=False)
class Seat:
    """One seat of a heat."""

    number: int
    driver: Driver
    bank_s: float
    """What is left for late answers."""
    sensors: tuple[str, ...] = ("state",)
    """What the driver wants to see, as far as it is offered."""
    ready: bool = False
    """Whether the driver, on its present line, has said so."""
    racing: bool = True
    """Whether the car still is in the race."""
    awaited: bool = False
    """Whether the open tick lacks this driver's answer."""
    shown: bool = False
    """Whether the open tick was shown to this driver."""
    refused: bool = False
    """Whether the answer to the open tick was no usable command."""
    assigned_s: float = 0.0
    spoke_s: float = 0.0
    """When the driver last said that it is getting ready."""
    lost_us: int | None = None
    """The heat's clock when the driver was lost; None while it races."""
    lost_because: str = ""
    returns: int = 0

    @property
    def away(self) -> bool:
        """Whether the driver is not there at the moment but may be again."""
        return self.racing and not (self.ready and self.driver.connected)

    def assign(self, fields: Mapping[str, Any], now_s: float) -> None:
        """Send the driver to the grid, if it can be spoken to."""
        line, hello = self.driver.line, self.driver.hello
        self.ready = False
        if line is None:
            return
        if hello is not None:
            self.sensors = tuple(name for name in hello.want if name in fields["sensors"])
        self.assigned_s = self.spoke_s = now_s
        line.say(line.session.assign({**fields, "sensors": list(self.sensors)}))

    def go(self, tick: int) -> None:
        """Show the green light."""
        line = self.driver.line
        if line is not None:
            line.say(line.session.go(tick))
            self.lost_us = None

    def countdown(self, left_s: float) -> None:
        """Say that the start is near."""
        line = self.driver.line
        if line is not None and self.ready:
            line.say(line.session.countdown(left_s))

    def tell_late(self, said: LateAct, streak: int) -> None:
        """Answer an answer that came too late."""
        line = self.driver.line
        if line is not None:
            policy = "hold" if streak <= HOLD_TICKS else "brake"
            line.say(line.session.late(said, policy=policy, streak=streak))

    def object(self, code: str, problem: str) -> None:
        """Say that something was wrong, and go on."""
        line = self.driver.line
        if line is not None:
            line.say(line.session.error(code, problem))

    def abandon(self, heat: str) -> None:
        """Say that a heat came to no result, so that the driver can be sent to the grid again."""
        line = self.driver.line
        if line is not None and line.session.heat == heat:
            with suppress(LocalProtocolError):  # it is not on the grid
                line.say(line.session.finish([]))

    def conclude(self, heat: str, order: list[Mapping[str, Any]], result: Mapping[str, Any]) -> None:
        """Say how the heat ended, unless this line never heard of it."""
        line = self.driver.line
        if line is None or line.session.heat != heat:
            return
        try:
            line.say(line.session.finish(order))
            line.say(line.session.result(result))
        except LocalProtocolError:
            return  # it left, or came back too late to be assigned again
