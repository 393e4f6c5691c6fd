"""Physical time trial: every entry drives alone, several runs each; the best one counts.

Physical and simulated entries drive under the same rules and stand on one board. A physical car's laps are
timed in real time; a simulated entry's heats keep the event's clock.
"""

from __future__ import annotations

from league import EntryPlan, EventPlan, HeatPlan, HeatResult, Standing, best_runs, derive_seed, hookimpl


class PhysicalTimeTrial:
    """One car at a time, `runs` times each, ranked on best lap, best average, or the time for all laps.

    Runs come in rounds: everybody's first, then everybody's second. With a fixed number of laps and the
    ranking "total" it is a race against the clock to N laps.
    """

    name = "physical-time-trial"
    about = "one car at a time, real or simulated, several runs each, the best counts"
    ranks_best_runs = True

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """A heat for every run that has not been driven yet."""
        done = {heat.heat for heat in raced}
        plans = (
            self._heat(event, entry, run) for run in range(1, event.rules.runs + 1) for entry in event.entries
        )
        return tuple(plan for plan in plans if plan.id not in done)

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Every entry's best run."""
        return best_runs(event.entries, raced)

    def _heat(self, event: EventPlan, entry: EntryPlan, run: int) -> HeatPlan:
        rules = event.rules
        if entry.kind == "physical":
            rules = rules.model_copy(update={"clock": "realtime"})
        return HeatPlan(
            id=f"run-{run}-{entry.id}",
            phase=f"run-{run}",
            circuit=event.circuit,
            car=event.car,
            rules=rules,
            seed=derive_seed(event.seed, self.name, run, entry.id),
            grid=(entry,),
        )


@hookimpl
def register_formats() -> dict[str, type[PhysicalTimeTrial]]:
    """Offer the format."""
    return {PhysicalTimeTrial.name: PhysicalTimeTrial}
