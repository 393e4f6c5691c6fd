"""Ladder: challenges from the bottom to the top."""

from __future__ import annotations

from league import EventPlan, Ladder, Leg, StagedFormat, hookimpl


class LadderFormat(StagedFormat):
    """The last to enter challenges the one above, the winner the next; `runs` climbs of the whole ladder."""

    name = "ladder"
    about = "the winner of each duel challenges the next one up; order of entering, last first"
    drawn = False

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        return (Leg(Ladder(self.name, event.rules.runs)),)


@hookimpl
def register_formats() -> dict[str, type[LadderFormat]]:
    """Offer the format."""
    return {LadderFormat.name: LadderFormat}
