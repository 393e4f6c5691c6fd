"""Knockouts: duels after which losers are out, at once or after the second time."""

from __future__ import annotations

from league import DoubleElimination, EventPlan, Leg, SingleElimination, StagedFormat, hookimpl

BEST_OF = 3
"""Heats of a match of "best-of", where the event's `runs` ask for no other number."""


class SingleKnockout(StagedFormat):
    """Duels of a drawn bracket; byes are in the first round only."""

    name = "single-elimination"
    about = "duels; who loses one is out"

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        return (Leg(SingleElimination(self.name)),)


class DoubleKnockout(StagedFormat):
    """Duels on two sides, those without a loss and those with one."""

    name = "double-elimination"
    about = "duels; who loses two is out"

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        return (Leg(DoubleElimination(self.name)),)


class BestOf(StagedFormat):
    """A knockout whose matches are several heats, in which the two swap sides; `runs` says how many.

    The number is made odd, so that one of them wins: 3 where the event says nothing.
    """

    name = "best-of"
    about = "duels over the best of three heats or more, sides swapped; who loses one is out"

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        runs = event.rules.runs if event.rules.runs > 1 else BEST_OF
        return (Leg(SingleElimination(self.name, best_of=runs | 1)),)


@hookimpl
def register_formats() -> dict[str, type[StagedFormat]]:
    """Offer the formats."""
    return {style.name: style for style in (SingleKnockout, DoubleKnockout, BestOf)}
