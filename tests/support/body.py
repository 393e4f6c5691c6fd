"""The body of a car whose electronics are real: wheels, a road under them, and what a camera above sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from math import cos, sin, tan

from league import CarSpec, Circuit
from league.racing.linetimer import LineTimer, Seen
from league.timing.client import TimingLine

FULL = 32767
LOCK_RAD = 0.42
"""As the reference firmware has it."""
STEP_S = 0.01
PICTURE_S = 0.03
STILL_MPS = 0.01
FOLLOWS_S = 0.15
"""The motor takes so long to follow."""


class Body:
    """Moves as its motor and its servo are told, which are lines that a firmware prints.

    Args:
        circuit: What it stands on, its nose just behind the line.
        car: How long it is and how far its wheels turn.
        full_speed_mps: Its speed at full drive.
    """

    def __init__(self, circuit: Circuit, car: CarSpec, *, full_speed_mps: float) -> None:
        self._circuit, self._car, self._full_mps = circuit, car, full_speed_mps
        self.yaw_rad = float(circuit.heading_at(0.0))
        x, y = (float(value) for value in circuit.at(0.0))
        back_m = car.nose_m + 0.05
        self.x_m, self.y_m = x - back_m * cos(self.yaw_rad), y - back_m * sin(self.yaw_rad)
        self.speed_mps = 0.0
        self.on_track = False
        """The sign test is done on a box."""
        self.widest_m = 0.0
        """Furthest that it was from the middle of the road."""
        self.crossed_ns: list[int] = []
        self._drive = self._steer = 0.0

    def hear(self, at_s: float, line: str) -> None:
        """A line of the firmware; may be called from a thread."""
        word, _, value = line.partition(" ")
        if word == "drive":
            self._drive = int(value) / FULL
        elif word == "steer":
            self._steer = int(value) / FULL

    def stands_after(self, *, laps: int) -> bool:
        """Whether it has driven so many laps, and come to a stop."""
        return len(self.crossed_ns) > laps and self.speed_mps < STILL_MPS

    async def roll(self, line: TimingLine, *, name: str, until: Callable[[], bool]) -> None:
        """Move in real time, and tell the league what a camera above the track sees."""
        timer = LineTimer(self._circuit, nose_m=self._car.nose_m)
        at_s = shown_s = time.monotonic()
        while not until():
            await asyncio.sleep(STEP_S)
            now_s = time.monotonic()
            while at_s < now_s:
                self._move(min(STEP_S, now_s - at_s))
                at_s += STEP_S
            at_s = now_s
            if now_s - shown_s < PICTURE_S:
                continue
            shown_s = now_s
            seen = Seen(line.clock.at(round(now_s * 1e9)), self.x_m, self.y_m, self.yaw_rad)
            crossed = timer.see(seen)
            if crossed is not None:
                self.crossed_ns.append(crossed.ts_ns)
                line.cross(crossed.ts_ns, car=name)
            await line.see(seen.ts_ns, name, self.x_m, self.y_m, self.yaw_rad, self.speed_mps)

    def _move(self, for_s: float) -> None:
        wanted_mps = self._drive * self._full_mps if self.on_track else 0.0
        self.speed_mps += (wanted_mps - self.speed_mps) * min(1.0, for_s / FOLLOWS_S)
        car = self._car
        turn = tan(self._steer * LOCK_RAD) / (car.rear_axle_m + car.front_axle_m) * self.speed_mps * for_s
        # The rear axle goes where the car points; the origin lies before it.
        swing_m = car.rear_axle_m * turn
        self.x_m += self.speed_mps * for_s * cos(self.yaw_rad) - swing_m * sin(self.yaw_rad)
        self.y_m += self.speed_mps * for_s * sin(self.yaw_rad) + swing_m * cos(self.yaw_rad)
        self.yaw_rad += turn
        beside_m = abs(float(self._circuit.project([self.x_m, self.y_m]).offset_m))
        self.widest_m = max(self.widest_m, beside_m)
