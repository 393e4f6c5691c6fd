"""Swiss: a few rounds against opponents who did as well."""

from __future__ import annotations

from league import EventPlan, Leg, StagedFormat, Swiss, hookimpl


class SwissFormat(StagedFormat):
    """Pairs of neighbours in the standings, as many rounds as find the best."""

    name = "swiss"
    about = "rounds of pairs who did as well so far; nobody is out, nobody meets twice"

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        return (Leg(Swiss(self.name)),)


@hookimpl
def register_formats() -> dict[str, type[SwissFormat]]:
    """Offer the format."""
    return {SwissFormat.name: SwissFormat}
