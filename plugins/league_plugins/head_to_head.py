"""Head-to-head: 2 to 8 cars on the grid at once."""

from __future__ import annotations

import numpy as np

from league import (
    EntryPlan,
    EventPlan,
    HeatPlan,
    HeatResult,
    Standing,
    best_runs,
    derive_seed,
    hookimpl,
)


class HeadToHead:
    """Everybody races once, in heats of at most the event's grid size; ranked on the score.

    More entries than fit on one grid are drawn by the seed into heats whose sizes differ by one at most.
    """

    name = "head-to-head"
    about = "2 to 8 cars on the grid at once"
    ranks_best_runs = True

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """The heats that have not been raced."""
        done = {heat.heat for heat in raced}
        plans = (
            HeatPlan(
                id=f"heat-{number}",
                phase=self.name,
                circuit=event.circuit,
                car=event.car,
                rules=event.rules,
                seed=derive_seed(event.seed, self.name, number),
                grid=grid,
            )
            for number, grid in enumerate(self._grids(event), start=1)
        )
        return tuple(plan for plan in plans if plan.id not in done)

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Every entry's best run."""
        return best_runs(event.entries, raced)

    def _grids(self, event: EventPlan) -> list[tuple[EntryPlan, ...]]:
        entries = event.entries
        heats = -(-len(entries) // event.grid_size)
        if heats <= 1:
            return [entries] if entries else []
        draw = np.random.default_rng(derive_seed(event.seed, "draw", *(entry.id for entry in entries)))
        drawn = [entries[index] for index in draw.permutation(len(entries))]
        return [tuple(drawn[heat::heats]) for heat in range(heats)]


@hookimpl
def register_formats() -> dict[str, type[HeadToHead]]:
    """Offer the format."""
    return {HeadToHead.name: HeadToHead}
