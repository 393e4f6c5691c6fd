"""Results: what one heat, or several together, say of each entry.

Pure: values only. The JSON form is the one that `league race --json` prints.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Status = Literal["FIN", "DNF-crash", "DNF-timeout", "DNF-disconnect", "DNS", "DSQ", "VOID"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class LapResult(_Value):
    """One finished lap."""

    time_s: float
    off_tracks: int = 0
    resets: int = 0
    collisions: int = 0
    valid: bool = True
    sectors_s: tuple[float, ...] = ()


class EntryResult(_Value):
    """What one entry achieved; times in seconds with microsecond resolution."""

    place: int
    name: str
    agent: str
    status: Status
    entry_id: str
    reason: str = ""
    """Why it did not finish, in words; empty if it did."""
    total_s: float | None = None
    """Time for all laps, penalties inside; None if they were not all driven."""
    gap_s: float | None = None
    """Behind the first, by the measure that ranks; None where there is none."""
    score_s: float | None = None
    """The measure that ranks: total, best lap or best average."""
    laps: tuple[LapResult, ...] = ()
    fastest_lap_s: float | None = None
    fastest_lap_off_tracks: int = 0
    off_tracks: int = 0
    resets: int = 0
    collisions: int = 0
    progress_pct: float = 0.0
    """Share of all laps, 0 to 100."""
    attempts: int = 1
    """How many runs it is the best of."""


class CircuitFacts(_Value):
    """Which circuit it was."""

    id: str
    length_m: float
    sha256: str


class HeatResult(_Value):
    """The classification of one heat."""

    heat: str
    phase: str = ""
    circuit: CircuitFacts
    car: str
    laps: int
    rank: str
    seed: int
    behavior: int
    clock: str
    entries: tuple[EntryResult, ...]
    state_hash: str
    """SHA-256 over every car's state at every tick: equal hashes mean the very same race."""
    overruns: int = 0
    """Ticks in which the server itself was late; no car is charged for them."""

    def of(self, entry_id: str) -> EntryResult | None:
        """What one entry achieved here, or None if it did not take part."""
        return next((entry for entry in self.entries if entry.entry_id == entry_id), None)


class Standing(EntryResult):
    """An entry's place in an event."""

    heats: int = Field(default=0, ge=0)
    """Heats that count into it."""
    owner: str = ""
    """Whose entry it is, where somebody with an account entered it."""
