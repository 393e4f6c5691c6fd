"""Rating heats: the heats that tell most about who is stronger, until that is known well enough."""

from __future__ import annotations

from league import (
    EventPlan,
    HeatPlan,
    HeatResult,
    Standing,
    best_runs,
    derive_seed,
    fit_ratings,
    hookimpl,
    orders_of,
    tells_most,
)

MOST_HEATS = 500
"""An event ends here even if its drivers are too much alike to be told apart."""


class RatingHeats:
    """Head-to-head heats between those whose strengths are least sure, until all are as sure as asked.

    The event waits while another one is running: it fills a server's idle hours.
    """

    name = "rating"
    about = "the heats that tell most, while nothing else is raced, until every strength is known well"
    waits_for_quiet = True

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """The one heat that tells most after those that were raced; none once all strengths are sure."""
        drivers = tuple(entry.id for entry in event.entries)
        if len(drivers) < 2 or len(raced) >= MOST_HEATS:
            return ()
        fitted = fit_ratings(orders_of(raced))
        sure = {rating.driver for rating in fitted.ratings if rating.plus_minus <= event.plus_minus}
        if sure >= set(drivers):
            return ()
        by_id = {entry.id: entry for entry in event.entries}
        name = f"{self.name}-{len(raced) + 1}"
        return (
            HeatPlan(
                id=name,
                phase=self.name,
                circuit=event.circuit,
                car=event.car,
                rules=event.rules,
                seed=derive_seed(event.seed, name),
                grid=tuple(by_id[driver] for driver in tells_most(fitted, drivers, event.grid_size)),
            ),
        )

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """The strongest first; times are of each entry's best run."""
        fitted = fit_ratings(orders_of(raced))
        rows = {row.entry_id: row for row in best_runs(event.entries, raced)}
        rated = [rating.driver for rating in fitted.ratings if rating.driver in rows]
        order = [*rated, *(entry for entry in rows if entry not in set(rated))]
        return tuple(
            rows[entry].model_copy(update={"place": place, "gap_s": None})
            for place, entry in enumerate(order, start=1)
        )


@hookimpl
def register_formats() -> dict[str, type[RatingHeats]]:
    """Offer the format."""
    return {RatingHeats.name: RatingHeats}
