"""Object avoidance: a time trial past boxes; every entry meets the same ones."""

from __future__ import annotations

from league import EventPlan, HeatPlan, HeatResult, Rules, hookimpl
from league_plugins.time_trial import TimeTrial

BOXES = 4
"""As many as DeepRacer's live finals had at least; where an event asks for none."""


class ObjectAvoidance(TimeTrial):
    """One car at a time on a road with boxes, placed by the event or drawn from its seed."""

    name = "object-avoidance"
    about = "one car at a time past boxes, ranked on time"

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """A heat for every entry that has not driven yet."""
        return super().next_heats(event.model_copy(update={"rules": with_boxes(event.rules)}), raced)


def with_boxes(rules: Rules) -> Rules:
    """Rules that put boxes on the road; those that do already are left as they are."""
    if rules.boxes or rules.box_places:
        return rules
    return rules.model_copy(update={"boxes": BOXES})


@hookimpl
def register_formats() -> dict[str, type[ObjectAvoidance]]:
    """Offer the format."""
    return {ObjectAvoidance.name: ObjectAvoidance}
