"""Events that stay open: entries come, drive alone when they ask for it, and come again."""

from __future__ import annotations

from collections import Counter

from league import EventPlan, HeatPlan, HeatResult, Standing, best_runs, derive_seed, hookimpl


class OpenTimeTrial:
    """Many attempts, the best counts.

    Every run of an entry has the same seed: the same model has the same time, however often it comes.
    """

    name = "open-time-trial"
    about = "one car at a time while the event stays open; every submission is a run, and the best counts"
    ranks_best_runs = True
    stays_open = True

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """Runs that were asked for and not driven, in the order in which they were asked for."""
        done = {heat.heat for heat in raced}
        by_id = {entry.id: entry for entry in event.entries}
        runs: Counter[str] = Counter()
        plans = []
        for entry in event.asked or tuple(by_id):
            runs[entry] += 1
            heat = f"{self.name}-{entry}-{runs[entry]}"
            if entry in by_id and heat not in done:
                plans.append(
                    HeatPlan(
                        id=heat,
                        phase=self.name,
                        circuit=event.circuit,
                        car=event.car,
                        rules=event.rules,
                        seed=self._seed(event, entry, runs[entry]),
                        grid=(by_id[entry],),
                    )
                )
        return tuple(plans)

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Every entry's best run."""
        return best_runs(event.entries, raced)

    def _seed(self, event: EventPlan, entry: str, run: int) -> int:
        return derive_seed(event.seed, self.name, entry)


class Practice(OpenTimeTrial):
    """The same for practising: every run has a seed of its own, so that chance falls differently."""

    name = "practice"
    about = "one car at a time whenever it likes; it counts for no other event"

    def _seed(self, event: EventPlan, entry: str, run: int) -> int:
        return derive_seed(event.seed, self.name, entry, run)


@hookimpl
def register_formats() -> dict[str, type[OpenTimeTrial]]:
    """Offer both formats."""
    return {style.name: style for style in (OpenTimeTrial, Practice)}
