"""Qualifying and final: a time trial decides who races head-to-head, and from where on the grid."""

from __future__ import annotations

from league import (
    EventPlan,
    HeatPlan,
    HeatResult,
    Standing,
    best_runs,
    derive_seed,
    hookimpl,
)

QUALIFYING, FINAL = "qualifying", "final"


class QualifyingFinal:
    """Every entry qualifies alone; the best ones, as many as fit on the grid, race the final.

    The final decides the first places, qualifying all others and the order on the grid.
    """

    name = "qualifying-final"
    about = (
        "a time trial for everybody, then a head-to-head final of the best; "
        "the final places those who race it, qualifying all others"
    )

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """Qualifying heats that have not been raced; after them the final."""
        done = {heat.heat for heat in raced}
        waiting = tuple(
            HeatPlan(
                id=f"{QUALIFYING}-{entry.id}",
                phase=QUALIFYING,
                circuit=event.circuit,
                car=event.car,
                rules=event.rules,
                seed=derive_seed(event.seed, QUALIFYING, entry.id),
                grid=(entry,),
            )
            for entry in event.entries
            if f"{QUALIFYING}-{entry.id}" not in done
        )
        if waiting or FINAL in done:
            return waiting
        by_id = {entry.id: entry for entry in event.entries}
        grid = tuple(by_id[row.entry_id] for row in self._qualifying(event, raced) if row.status != "DNS")
        if len(grid) < 2:
            return ()
        return (
            HeatPlan(
                id=FINAL,
                phase=FINAL,
                circuit=event.circuit,
                car=event.car,
                rules=event.rules,
                seed=derive_seed(event.seed, FINAL),
                grid=grid[: event.grid_size],
            ),
        )

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Finalists by the final, the others by qualifying."""
        qualifying = self._qualifying(event, raced)
        final = next((heat for heat in raced if heat.phase == FINAL), None)
        if final is None:
            return qualifying
        attempts = {row.entry_id: row.attempts for row in qualifying}
        rows = [
            Standing(**{**row.model_dump(), "heats": 2, "attempts": attempts.get(row.entry_id, 0) + 1})
            for row in final.entries
        ]
        raced_final = {row.entry_id for row in rows}
        rows += [row for row in qualifying if row.entry_id not in raced_final]
        return tuple(
            row.model_copy(
                update={"place": place, **({} if row.entry_id in raced_final else {"gap_s": None})}
            )
            for place, row in enumerate(rows, start=1)
        )

    @staticmethod
    def _qualifying(event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        return best_runs(event.entries, (heat for heat in raced if heat.phase == QUALIFYING))


@hookimpl
def register_formats() -> dict[str, type[QualifyingFinal]]:
    """Offer the format."""
    return {QualifyingFinal.name: QualifyingFinal}
