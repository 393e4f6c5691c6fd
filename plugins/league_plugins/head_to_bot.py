"""Head-to-bot: one entry at a time among cars without a driver; every entry meets the same ones."""

from __future__ import annotations

from league import EventPlan, HeatPlan, HeatResult, Rules, hookimpl
from league_plugins.time_trial import TimeTrial

BOTS = 4
"""The least that DeepRacer's league boards had; where an event asks for none."""


class HeadToBot(TimeTrial):
    """One car at a time among bots that keep to the lane lines; bots are not ranked."""

    name = "head-to-bot"
    about = "one car at a time among bots, ranked on time"

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """A heat for every entry that has not driven yet."""
        return super().next_heats(event.model_copy(update={"rules": with_bots(event.rules)}), raced)


def with_bots(rules: Rules) -> Rules:
    """Rules that put bots on the road; those that do already are left as they are."""
    return rules if rules.bots else rules.model_copy(update={"bots": BOTS})


@hookimpl
def register_formats() -> dict[str, type[HeadToBot]]:
    """Offer the format."""
    return {HeadToBot.name: HeadToBot}
