"""What drives a car when its driver does not answer: the missing-answer policy.

Pure: told once a tick what came, says what the car gets.

Hold the last command for two ticks, then hold the steering and brake. A toy measurement gave 0.85
departures from the road a lap for holding for ever, 0.85 for zeroing both, none for this.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import isfinite, pi

from league.racing.agent import Command
from league.sim.car import CarSpec

HOLD_TICKS = 2
PARK_TICKS = 60
"""Ticks without an answer after which the car is taken off the road until one comes."""
LOST_S = 10.0
"""Time without an answer after which the driver is out."""
LATE_SHARE = 0.15
LATE_FROM_S = 10.0
"""The share of missed ticks is looked at once this much has been asked."""
REFUSED_LIMIT = 20
"""Unusable commands in one heat that disqualify."""


def usable(command: Command, car: CarSpec) -> bool:
    """Whether a command may be driven: finite, a speed within the car's limit, a steering angle at all."""
    steer_rad, speed_mps = command.steer_rad, command.speed_mps
    return (
        isfinite(steer_rad)
        and isfinite(speed_mps)
        and 0.0 <= speed_mps <= car.max_speed_mps
        and -pi / 2 <= steer_rad <= pi / 2
    )


@dataclass(slots=True)
class Driving:
    """One seat's driving: the command in effect, and how often none came."""

    car: CarSpec
    control_hz: int
    command: Command = field(default_factory=lambda: Command(0.0, 0.0))
    asked: int = 0
    missed: int = 0
    streak: int = 0
    """Ticks in a row without a usable answer."""
    refused: int = 0

    def take(self, answer: Command | None, *, away: bool = False) -> Command:
        """Accept one tick's answer and say what the car gets.

        Args:
            answer: What the driver said in time, or None.
            away: The driver is disconnected but may come back; such ticks are not held against it.
        """
        if answer is not None and not usable(answer, self.car):
            self.refused += 1
            answer = None
        self.asked += not away
        if answer is not None:
            self.streak = 0
            limit = self.car.max_steer_rad
            self.command = Command(min(max(answer.steer_rad, -limit), limit), answer.speed_mps)
            return self.command
        self.streak += 1
        self.missed += not away
        if self.streak > HOLD_TICKS:
            self.command = Command(self.command.steer_rad, 0.0)
        return self.command

    @property
    def parked(self) -> bool:
        """Whether the car should be off the road until its driver answers again."""
        return self.streak >= PARK_TICKS

    def verdict(self) -> tuple[str, str] | None:
        """Why this driver is out, as status and reason, or None."""
        if self.refused >= REFUSED_LIMIT:
            return "DSQ", f"sent {self.refused} commands that were not finite or out of range"
        if self.streak >= LOST_S * self.control_hz:
            return "DNF-timeout", f"did not answer for {LOST_S:g} s"
        if self.asked >= LATE_FROM_S * self.control_hz and self.missed > LATE_SHARE * self.asked:
            return "DNF-timeout", f"missed {100 * self.missed / self.asked:.0f} % of its ticks"
        return None
