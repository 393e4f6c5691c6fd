"""A club evening: qualifying, round robin, double elimination, and a final over three heats."""

from __future__ import annotations

from league import DoubleElimination, EventPlan, Leg, RoundRobin, Series, Solo, StagedFormat, hookimpl


class Evening(StagedFormat):
    """Everybody qualifies alone, meets everybody, and stays in until the second loss.

    Each part seeds the next. The last two, one of them without a loss, race the final: best of three heats,
    sides swapped.
    """

    name = "evening"
    about = "qualifying, round robin, double elimination, final over the best of three"
    drawn = False

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """Four stages."""
        return (
            Leg(Solo("qualifying")),
            Leg(RoundRobin("round-robin", event.grid_size)),
            Leg(DoubleElimination("double-elimination", final=False)),
            Leg(Series("final", 3), best=2),
        )


@hookimpl
def register_formats() -> dict[str, type[Evening]]:
    """Offer the format."""
    return {Evening.name: Evening}
