"""What a driver is told of its drive: moment by moment, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from league.wire.messages import Countdown, Event, Finish, Go, Late, Told


@dataclass(frozen=True, slots=True)
class Progress:
    """Something that happened on the drive."""

    kind: str
    """"connected", "lost", or the type of the message from the server: "assign", "go", "event", "result" …"""
    text: str
    """One line for people."""
    told: Told | None = None
    """The message, where there is one."""


@dataclass(slots=True)
class Drive:
    """What became of a drive; grows while it goes on."""

    entry_id: str = ""
    reason: str = ""
    """Why it ended, in the server's words."""
    heats: list[str] = field(default_factory=list)
    by_heat: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """Each heat's result JSON, the last revision."""
    answers: int = 0
    skipped: int = 0
    """Observations that were not answered because a newer one had come meanwhile."""
    late: int = 0
    """Answers that the server dropped because they came too late."""
    returns: int = 0
    """Connections made anew."""
    clock_offset_us: float = 0.0
    """The server's clock less ours, by the quickest exchange."""
    round_trip_us: float = float("inf")
    """Of the quickest exchange."""

    @property
    def results(self) -> tuple[Mapping[str, Any], ...]:
        """The result JSON of each heat, in the order in which they came."""
        return tuple(self.by_heat.values())


def in_words(told: Told) -> str:
    """A message as one line for people."""
    match told:
        case Countdown():
            return f"start in {told.left_s:g} s"
        case Go():
            return f"go at tick {told.k}" if told.k else "go"
        case Late():
            return f"answer to tick {told.k} came {told.us / 1e3:.1f} ms too late"
        case Event():
            return f"{told.kind} of seat {told.seat} at {told.t_us / 1e6:.3f} s"
        case Finish():
            return f"heat {told.heat} is over"
        case _:
            return type(told).__name__.lower()
