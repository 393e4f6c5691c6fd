"""Incidents: what somebody should look at, where in the recording it is, and what advisers think of it.

A detector files them from a recording, a racer by a protest; neither decides anything. What is decided is a
line of the ledger that names the incident.

Pure: values only.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from league.racing.ledger import Decision, in_force

BEFORE_S: Final = 5.0
AFTER_S: Final = 2.0
"""What a clip shows besides the moment itself."""
PROTEST_S: Final = 15 * 60.0
"""So long after a heat its racers may protest."""
PROTEST: Final = "protest"
"""The kind of an incident that a racer files."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Clip(_Value):
    """A part of a heat's recording, in ticks; both ends are in it."""

    from_tick: Annotated[int, Field(ge=0)]
    to_tick: Annotated[int, Field(ge=0)]


class Incident(_Value):
    """Something to look at."""

    number: Annotated[int, Field(ge=0)] = 0
    """Counts the incidents of an event, from 1; 0 until it is filed."""
    heat: str
    kind: Annotated[str, Field(min_length=1, max_length=32)]
    """A word, such as "contact", "cut" or "protest"."""
    source: Annotated[str, Field(max_length=64)]
    """The detector, or who protests."""
    entry: str
    """Whose conduct it is about."""
    other: str = ""
    """Another entry that took part."""
    text: Annotated[str, Field(max_length=500)] = ""
    """What was seen, in one line."""
    tick: Annotated[int, Field(ge=0)] = 0
    time_us: Annotated[int, Field(ge=0)] = 0
    """When, on the heat's clock."""
    clip: Clip | None = None
    seen: dict[str, Any] = {}
    """Figures, by name with their unit: closing_mps, lasted_s."""

    @property
    def key(self) -> str:
        """What tells it from every other incident: filed again, it is the same one."""
        return "/".join((self.heat, self.source, self.kind, str(self.tick), self.entry, self.other))


class Opinion(_Value):
    """What an adviser thinks of an incident; nothing follows from it until a person decides."""

    adviser: Annotated[str, Field(max_length=64)] = ""
    advice: Annotated[str, Field(min_length=1, max_length=32)]
    """The kind of decision that it would make: "penalty", "no-action"."""
    seconds: float | None = None
    """Of a penalty."""
    why: Annotated[str, Field(max_length=500)] = ""
    confidence: Annotated[float, Field(ge=0, le=1)]


def clip_at(tick: int, *, until: int | None = None, hz: int, ticks: int) -> Clip:
    """The clip that shows a moment.

    Args:
        tick: Where it begins.
        until: Where it ends; None is the same tick.
        hz: Ticks a second.
        ticks: How many the recording has.
    """
    end = tick if until is None else until
    return Clip(
        from_tick=max(0, tick - round(BEFORE_S * hz)),
        to_tick=max(0, min(ticks - 1, end + round(AFTER_S * hz))),
    )


def settled_by(incidents: Iterable[Incident], ledger: Iterable[Decision]) -> dict[int, tuple[Decision, ...]]:
    """The decisions in force about every incident, by its number; none means that it is open."""
    lines = sorted(ledger, key=lambda line: line.number)
    about: dict[int, list[Decision]] = {incident.number: [] for incident in incidents}
    for line in in_force(lines):
        if line.incident in about and line.kind != "undo":
            about[line.incident].append(line)
    return {number: tuple(found) for number, found in about.items()}
