"""Round robin: everybody meets everybody."""

from __future__ import annotations

from league import EventPlan, Leg, RoundRobin, StagedFormat, hookimpl


class RoundRobinFormat(StagedFormat):
    """Heats of at most the event's grid size until every pair has met; ranked on the opponents beaten."""

    name = "round-robin"
    about = "everybody meets everybody, in heats of the grid's size"

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """One stage."""
        return (Leg(RoundRobin(self.name, event.grid_size)),)


@hookimpl
def register_formats() -> dict[str, type[RoundRobinFormat]]:
    """Offer the format."""
    return {RoundRobinFormat.name: RoundRobinFormat}
