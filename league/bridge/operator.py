"""What a person beside the car may do: allow driving, test the signs, stop, and clear a stop.

Only somebody who can read the screen of the car's computer has the token, and a token is good for ten
minutes. Stopping needs none.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from typing import Any, Final

from league.bridge.ride import Ride
from league.gate.gate import State
from league.gate.limits import speed_for

TOKEN_S: Final = 600.0
TRIES: Final = 5
"""Wrong tokens before a new one is made, so that nobody on the network can try them all."""

STEER_S: Final = 1.5
SPIN_S: Final = 1.5
PAUSE_S: Final = 0.5
TEST_DRIVE: Final = 0.6
"""Share of the cap with which the wheels are spun in the test."""

QUESTION: Final = "Did the front wheels turn LEFT, and then the wheels spin FORWARD?"


class Operator:
    """The person's side of one ride.

    Args:
        ride: The car.
    """

    def __init__(self, ride: Ride) -> None:
        self.ride = ride
        self.asking = ""
        """A question that waits for yes or no."""
        self.testing = False
        self._token, self._since_s, self._wrong = _new_token(), time.monotonic(), 0

    @property
    def token(self) -> str:
        """What has to be typed to allow driving; changes every ten minutes."""
        if time.monotonic() - self._since_s > TOKEN_S:
            self._renew()
        return self._token

    async def arm(self, token: str) -> str:
        """Allow driving; gives the objection, if there is one."""
        if self.testing:
            return "the sign test goes on"
        return await self.ride.make_ready(token=self._knows(token))

    async def test_signs(self, token: str) -> str:
        """With the wheels up: turn them left, then spin them forward; gives the objection, if any.

        Afterwards `asking` holds the question whose answer decides.
        """
        if self.testing:
            return "the sign test goes on already"
        objection = await self.ride.make_ready(token=self._knows(token), testing=True)
        if objection:
            return objection
        self.testing, self.asking = True, ""
        try:
            why = await self._move_a_little()
        finally:
            self.testing = False
            self.ride.disarm("the sign test is over")
        if not why:
            self.asking = QUESTION
        return why

    def answer(self, yes: bool, token: str) -> str:
        """What the person saw; gives what follows from it."""
        if not self.asking:
            return "nothing was asked"
        if not self._knows(token):
            return "this needs the token that was printed beside the car"
        self.asking = ""
        if yes:
            self.ride.keep_signs()
            return "the signs are right; they will be tested again when the calibration changes"
        return "the signs are wrong: turn them in the car's calibration or in its address, and test again"

    def stop(self, why: str) -> None:
        """Stop, and stay stopped."""
        self.ride.emergency_stop(why)

    def clear(self, token: str) -> str:
        """End an emergency stop; gives the objection, if there is one."""
        if not self._knows(token):
            return "this needs the token that was printed beside the car"
        return self.ride.clear(local=True)

    def state(self) -> dict[str, Any]:
        """How everything is, for a page or a terminal."""
        ride = self.ride
        gate, car, seen = ride.gate, ride.car, ride.fresh_sample()
        told: dict[str, Any] = {
            "car": ride.name,
            "state": str(gate.state),
            "why": gate.why,
            "steer_rad": round(ride.passed.steer_rad, 3),
            "drive": round(ride.passed.drive, 3),
            "cap": gate.cap,
            "own_cap": gate.limits.drive_cap,
            "unit": car.drive_unit if car else "",
            "cap_mps": round(speed_for(gate.cap, car), 2) if car else None,
            "hold_ms": round(gate.limits.hold_s * 1e3),
            "taken": gate.taken,
            "refused": {str(reason): count for reason, count in gate.refused.items()},
            "guardian": ride.guard.about if ride.guard else "none",
            "deadman_s": car.native_deadman_s if car else None,
            "signs_tested": ride.signs_tested,
            "command_age_s": ride.command_age_s,
            "lacks": ride.lacks,
            "car_age_s": round(time.monotonic() - ride.sample.at_s, 3) if ride.sample else None,
            "late_turns": ride.late,
            "last_stop": ride.last_stop,
            "asking": self.asking,
            "testing": self.testing,
            "link": ride.link.state(),
        }
        if seen is not None:
            told["speed_mps"], told["battery"] = seen.speed_mps, seen.battery
            told["battery_v"], told["note"] = seen.battery_v, seen.note
        return told

    async def _move_a_little(self) -> str:
        """The test itself; gives why it was broken off, if it was."""
        ride = self.ride
        base, seq = ride.new_source(), 0
        assert ride.car is not None
        left_rad = ride.car.steer_max_rad / 2
        spin = ride.gate.cap * TEST_DRIVE
        for for_s, steer_rad, drive in (
            (PAUSE_S, 0.0, 0.0), (STEER_S, left_rad, 0.0), (PAUSE_S, 0.0, 0.0), (SPIN_S, 0.0, spin),
        ):  # fmt: skip
            until_s = time.monotonic() + for_s
            while time.monotonic() < until_s:
                seq += 1
                ride.offer(steer_rad, drive, seq=base + seq, born_s=time.monotonic())
                if ride.gate.state is not State.ARMED:
                    return f"the test was broken off: {ride.gate.why}"
                await asyncio.sleep(0.02)
        return ""

    def _knows(self, token: str) -> bool:
        right = hmac.compare_digest(token.strip().encode(), self.token.encode())
        self._wrong = 0 if right else self._wrong + 1
        if self._wrong >= TRIES:
            self._renew()
        return right

    def _renew(self) -> None:
        self._token, self._since_s, self._wrong = _new_token(), time.monotonic(), 0


def _new_token() -> str:
    return f"{secrets.randbelow(10**6):06d}"
