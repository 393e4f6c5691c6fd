"""Time trial: every entry drives alone, once; the best score wins."""

from __future__ import annotations

from league import EventPlan, HeatPlan, HeatResult, Standing, best_runs, derive_seed, hookimpl


class TimeTrial:
    """One car at a time, ranked on total, best lap or best average as the rules say."""

    name = "time-trial"
    about = "one car at a time, ranked on time"
    ranks_best_runs = True

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """A heat for every entry that has not driven yet."""
        done = {heat.heat for heat in raced}
        plans = (
            HeatPlan(
                id=f"{self.name}-{entry.id}",
                phase=self.name,
                circuit=event.circuit,
                car=event.car,
                rules=event.rules,
                seed=derive_seed(event.seed, self.name, entry.id),
                grid=(entry,),
            )
            for entry in event.entries
        )
        return tuple(plan for plan in plans if plan.id not in done)

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Every entry's best run."""
        return best_runs(event.entries, raced)


@hookimpl
def register_formats() -> dict[str, type[TimeTrial]]:
    """Offer the format."""
    return {TimeTrial.name: TimeTrial}
