"""The gate: lets commands through to a car only while everything is as it should be.

It starts closed. A person opens it, beside the car; one thing amiss closes it until a person opens it again.
Commands that arrive afterwards move nothing, however good they are.

    OFFLINE ──connect──▶ NEUTRAL ──make_ready──▶ READY ──first command, drive 0──▶ ARMED
       ▲                    ▲ ▲                    │                                │
       │                    │ └──────too long──────┘                                │
       └──lose── from any   └──────────make_ready from here, too── DISARMED ◀─amiss─┘
    ESTOP: from any; left only by clear, which only somebody beside the car may ask for.

Pure: whoever uses it says what time it is, on any clock that only grows.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from math import inf, isfinite

from league.gate.limits import GateLimits

STANDING_MPS = 0.05
"""A car slower than this stands."""
_NEVER = -inf


class State(StrEnum):
    """What the gate allows. Only ARMED lets a drive through that is not 0."""

    OFFLINE = "offline"
    """No connection to the car."""
    NEUTRAL = "neutral"
    """The car is told to stand; nobody has asked to drive it."""
    READY = "ready"
    """A person beside the car has allowed driving; the first command arms it."""
    ARMED = "armed"
    """Commands reach the car."""
    DISARMED = "disarmed"
    """It was armed, and something was amiss; a person has to allow driving again."""
    ESTOP = "estop"
    """An emergency stop, latched."""


class Refusal(StrEnum):
    """Why a command was not taken."""

    NOT_A_NUMBER = "not a finite number"
    OUT_OF_RANGE = "out of the car's range"
    OUT_OF_ORDER = "older than the one before"
    STALE = "too old"
    FUTURE = "from the future"
    FIRST_MOVES = "the first command must be drive 0"
    CLOSED = "not armed"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A command on its way to the gate."""

    seq: int
    """Grows with every command of one source."""
    steer_rad: float
    drive: float
    born_s: float
    """When what it answers was true, on the gate's clock."""


@dataclass(frozen=True, slots=True)
class Passed:
    """What the car is to be told now."""

    steer_rad: float
    drive: float
    state: State


class Gate:
    """Between everybody who wants to drive a car and the car.

    Args:
        limits: What the car may do.
        now_s: The time.
        estopped: Whether an emergency stop was in force when the program last ended.
    """

    def __init__(self, limits: GateLimits, *, now_s: float, estopped: bool = False) -> None:
        self.limits = limits
        self.state = State.ESTOP if estopped else State.OFFLINE
        self.why = "an emergency stop from before" if estopped else "not connected"
        """Why the gate is in this state, in words."""
        self.refused: Counter[Refusal] = Counter()
        """Commands not taken since somebody last allowed driving, by reason."""
        self.taken = 0
        """Commands taken."""
        self._lowered = inf
        self._online = False
        self._now_s = now_s
        self._asked_s = now_s
        self._neutral_since_s: float | None = None
        self._ready_since_s = _NEVER
        self._closed_s = _NEVER
        self._seq = -1
        self._wanted = Wanted(-1, 0.0, 0.0, _NEVER)
        self._steer_rad = self._drive = 0.0

    @property
    def newest_s(self) -> float | None:
        """When the newest command was born that was taken; None if there was none."""
        return self._wanted.born_s if self.taken else None

    @property
    def shuts_s(self) -> float:
        """When the gate closes, should no fresh command come; infinite where it is closed."""
        return self._wanted.born_s + self.limits.hold_s if self.state is State.ARMED else inf

    # -- the connection to the car ---------------------------------------------------------------

    def connect(self, now_s: float, limits: GateLimits | None = None) -> None:
        """The car is connected and stands in neutral; it may have told what its limits are."""
        self._watch(now_s)
        self.limits = limits or self.limits
        self._online = True
        self._neutral_since_s = None
        if self.state is not State.ESTOP:
            self._close(State.NEUTRAL, "connected")

    def lose(self, why: str, now_s: float) -> None:
        """The connection to the car is gone, or the car does not do as it is told."""
        self._watch(now_s)
        self._online = False
        self._neutral_since_s = None
        if self.state is not State.ESTOP:
            self._close(State.OFFLINE, why)

    # -- people ------------------------------------------------------------------------------------

    def objection(self, now_s: float, *, token: bool, signs: bool, guarded: bool) -> str:
        """Why the car may not be made ready now; empty if it may.

        Args:
            now_s: The time.
            token: Whether whoever asks has the token that lies beside the car.
            signs: Whether the signs of this calibration were tested with the wheels up.
            guarded: Whether a guardian is watching, or the car needs none.
        """
        self._watch(now_s)
        if self.state not in (State.NEUTRAL, State.DISARMED, State.READY):
            return f"the car is {self.state}: {self.why}"
        if not token:
            return "this needs the token that was printed beside the car"
        if not signs:
            return "the signs of this calibration have not been tested with the wheels up"
        if not guarded:
            return "no guardian watches the car"
        since_s = self._neutral_since_s
        if since_s is None or now_s - since_s < self.limits.neutral_s:
            return f"the car has not been in neutral for {self.limits.neutral_s:g} s"
        return ""

    def make_ready(self, now_s: float, *, token: bool, signs: bool, guarded: bool) -> str:
        """Allow driving, from the next command with drive 0 on; gives the objection, if there is one."""
        objection = self.objection(now_s, token=token, signs=signs, guarded=guarded)
        if not objection:
            self.state, self.why = State.READY, "an operator allowed driving"
            self._ready_since_s = now_s
            self.refused.clear()
        return objection

    def disarm(self, why: str, now_s: float) -> None:
        """Take the permission to drive away."""
        self._watch(now_s)
        if self.state is State.READY:
            self._close(State.NEUTRAL, why)
        elif self.state is State.ARMED:
            self._close(State.DISARMED, why)

    def emergency_stop(self, why: str, now_s: float) -> None:
        """Close the gate until somebody beside the car clears it; the first reason stands."""
        self._watch(now_s)
        if self.state is not State.ESTOP:
            self._close(State.ESTOP, why)

    def clear(self, now_s: float, *, local: bool, speed_mps: float | None = None) -> str:
        """End an emergency stop; gives the objection, if there is one.

        Args:
            now_s: The time.
            local: Whether whoever asks stands beside the car.
            speed_mps: What the car says of its speed, if it knows it.
        """
        self._watch(now_s)
        if self.state is not State.ESTOP:
            return "there is no emergency stop"
        if not local:
            return "an emergency stop is cleared beside the car only"
        if speed_mps is not None and not abs(speed_mps) < STANDING_MPS:
            return f"the car still moves: {speed_mps:.2f} m/s"
        self._close(State.NEUTRAL if self._online else State.OFFLINE, "the emergency stop was cleared")
        return ""

    # -- the server --------------------------------------------------------------------------------

    @property
    def cap(self) -> float:
        """Largest drive that passes now: the owner's, or what the server lowered it to."""
        return min(self.limits.drive_cap, self._lowered)

    def lower(self, cap: float) -> None:
        """Lower the cap for this heat; what would raise it is ignored."""
        if isfinite(cap) and cap < self.cap:
            self._lowered = max(0.0, cap)

    def begin_heat(self) -> None:
        """Another heat: the cap is the owner's again, until the server lowers it."""
        self._lowered = inf

    # -- commands ----------------------------------------------------------------------------------

    def offer(self, wanted: Wanted, now_s: float) -> Refusal | None:
        """Take a command, or say why not; the newest one taken is what `ask` gives."""
        self._watch(now_s)
        refusal = self._refuse(wanted, now_s)
        if refusal is not None:
            self.refused[refusal] += 1
            return refusal
        if self.state is State.READY:
            self.state, self.why = State.ARMED, "driving"
            self._asked_s = now_s
        self.taken += 1
        self._wanted = wanted
        return None

    def ask(self, now_s: float) -> Passed:
        """What the car is to be told now; to be asked at least every `pulse_s`."""
        before_s = self._asked_s
        self._watch(now_s)
        self._asked_s = self._now_s
        elapsed_s = min(max(self._now_s - before_s, 0.0), self.limits.pulse_s)
        armed = self.state is State.ARMED
        self._drive = self._next_drive(self._wanted.drive, elapsed_s) if armed else 0.0
        self._steer_rad = self._next_steer(armed, elapsed_s)
        self._count_neutral(elapsed_s, self._now_s - before_s)
        return Passed(self._steer_rad, self._drive, self.state)

    # -- inside ------------------------------------------------------------------------------------

    def _watch(self, now_s: float) -> None:
        """Close the gate for what happened since it was last looked at."""
        limits = self.limits
        backwards = now_s < self._now_s
        self._now_s = now_s
        if self.state is State.READY and now_s - self._ready_since_s > limits.ready_s:
            self._close(State.NEUTRAL, f"nobody drove for {limits.ready_s:g} s")
        if self.state is not State.ARMED:
            return
        if backwards:
            self._close(State.DISARMED, "the clock went back")
        elif now_s - self._asked_s > limits.pulse_s:
            self._close(State.DISARMED, f"the bridge stalled for {now_s - self._asked_s:.2f} s")
        elif now_s - self._wanted.born_s > limits.hold_s:
            self._close(State.DISARMED, f"no fresh command for {limits.hold_s:g} s")

    def _close(self, state: State, why: str) -> None:
        self.state, self.why = state, why
        self._closed_s = self._now_s

    def _refuse(self, wanted: Wanted, now_s: float) -> Refusal | None:
        limits = self.limits
        numbers = (wanted.steer_rad, wanted.drive, wanted.born_s)
        # A bool is an int to Python, and a text may compare as anything.
        if not all(type(number) in (float, int) and isfinite(number) for number in numbers):
            return Refusal.NOT_A_NUMBER
        least = -limits.drive_max if limits.reverse else 0.0
        if not (least <= wanted.drive <= limits.drive_max and abs(wanted.steer_rad) <= _QUARTER_TURN):
            return Refusal.OUT_OF_RANGE
        if wanted.seq <= self._seq:
            return Refusal.OUT_OF_ORDER
        self._seq = wanted.seq
        if wanted.born_s > now_s:
            return Refusal.FUTURE
        if now_s - wanted.born_s > limits.hold_s:
            return Refusal.STALE
        if self.state is State.READY:
            return None if wanted.drive == 0 else Refusal.FIRST_MOVES
        return None if self.state is State.ARMED else Refusal.CLOSED

    def _next_drive(self, wanted: float, elapsed_s: float) -> float:
        """Towards what is wanted: at once where that is slower, else at the rate allowed, by way of 0."""
        wanted = min(max(wanted, -self.cap), self.cap)
        now = min(max(self._drive, -self.cap), self.cap)
        if wanted * now < 0:
            now = 0.0
        if abs(wanted) <= abs(now):
            return wanted
        step = self.limits.rise_per_s * elapsed_s
        return min(wanted, now + step) if wanted > 0 else max(wanted, now - step)

    def _next_steer(self, armed: bool, elapsed_s: float) -> float:
        limits = self.limits
        if armed:
            target_rad = min(max(self._wanted.steer_rad, -limits.steer_cap_rad), limits.steer_cap_rad)
        elif self._now_s - self._closed_s < limits.centre_after_s:
            return self._steer_rad
        else:
            target_rad = 0.0
        step_rad = limits.steer_per_s * elapsed_s
        return min(max(target_rad, self._steer_rad - step_rad), self._steer_rad + step_rad)

    def _count_neutral(self, elapsed_s: float, gap_s: float) -> None:
        """Since when the car has been told, without a gap, to stand."""
        standing = self._online and self.state in (State.NEUTRAL, State.DISARMED, State.READY)
        if not standing or gap_s != elapsed_s:  # longer than a pulse, or backwards
            self._neutral_since_s = None
        if standing and self._neutral_since_s is None:
            self._neutral_since_s = self._now_s


_QUARTER_TURN = 1.58
"""No wheel is steered further; an angle beyond this is no angle (rad)."""
