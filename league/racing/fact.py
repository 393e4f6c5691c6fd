"""Race facts: what the referee saw happen, in order.

Pure: values only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

WITH_BOX, WITH_BOT = -1, -2
"""What a contact was with where it was no entry's car."""

KINDS = (
    "start",  # the green light; seat -1
    "sector",  # data: sector (from 0), time_us of the sector
    "lap",  # data: lap (from 1), time_us, off_tracks, resets, collisions, valid
    "off_track",  # data: along_m
    "contact",  # data: with (seat, WITH_BOX or WITH_BOT), closing_mps, charged (bool)
    "immobilised",
    "reversed",
    "reset",  # put back on the road; data: along_m, offset_m, why
    "penalty",  # data: why, ticks; the car stands for that long
    "released",  # may drive again
    "parked",  # out of the race but classified with what it did; data: reason
    "finish",  # all laps done; data: total_us
    "dnf",  # data: status, reason
    "flag",  # data: flag; seat -1 is everybody
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened.

    Args:
        tick: The tick in which it happened, from 0.
        time_us: When, on the heat's clock, interpolated within the tick where that means something.
        kind: One of `KINDS`.
        seat: Whose car; -1 for everybody's.
        data: What the kind's comment in `KINDS` lists; JSON-safe.
    """

    tick: int
    time_us: int
    kind: str
    seat: int
    data: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The fact as it travels and is stored."""
        return {
            "k": self.tick,
            "t_us": self.time_us,
            "kind": self.kind,
            "seat": self.seat,
            "data": self.data,
        }
