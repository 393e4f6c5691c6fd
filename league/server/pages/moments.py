"""What happened in a heat, as lines for people.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from league.racing.fact import Fact
from league.racing.plan import HeatPlan
from league.server.pages import words


@dataclass(frozen=True, slots=True)
class Moment:
    """One line of a heat's timeline."""

    at_s: float
    time: str
    seat: int
    name: str
    text: str
    tone: str
    kind: str


def moments_of(plan: HeatPlan, facts: Sequence[Fact]) -> list[Moment]:
    """The facts that are worth a line, in order."""
    names = [entry.name for entry in plan.grid]
    hz = plan.rules.control_hz
    told = ((fact, words.tell(fact, names, hz)) for fact in facts)
    return [
        Moment(
            at_s=fact.time_us / 1e6,
            time=words.clock(fact.time_us),
            seat=fact.seat,
            name=names[fact.seat] if 0 <= fact.seat < len(names) else "",
            text=text,
            tone=words.tone(fact),
            kind=fact.kind,
        )
        for fact, text in told
        if text
    ]
