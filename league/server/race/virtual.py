"""Virtual standings: how an event would stand if everybody went on as they drove so far.

Pure: a race and results in, standings out; the format itself works them out, as it will in the end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from league.racing.heat import Heat
from league.racing.plan import EventPlan, Format
from league.racing.referee import Car
from league.racing.result import EntryResult, HeatResult, Standing
from league.racing.standing import classify, score_s

MOST_ENTRIES: Final = 64
"""Of larger events the standings would take too long between two ticks."""
SOONEST_M: Final = 1.0
"""A car that has not come so far says nothing yet about how it will end."""


def projected(heat: Heat) -> HeatResult:
    """The classification if every car that still races kept its average speed to the end."""
    so_far = heat.result()
    cars = {entry.id: car for entry, car in zip(heat.plan.grid, heat.referee.cars, strict=True)}
    rows = [_carried_on(heat, cars[row.entry_id], row) for row in so_far.entries]
    return so_far.model_copy(update={"entries": classify(rows)})


def outlook(
    event: EventPlan, style: Format, raced: Sequence[HeatResult], heat: Heat
) -> Callable[[], tuple[Standing, ...]] | None:
    """What works out an event's virtual standings during a heat; None for an event that is too large."""
    if len(event.entries) > MOST_ENTRIES:
        return None
    before = tuple(raced)
    return lambda: style.standings(event, (*before, projected(heat)))


def _carried_on(heat: Heat, car: Car, row: EntryResult) -> EntryResult:
    if not car.racing or car.progress_m < SOONEST_M:
        return row
    whole_m = heat.plan.rules.laps * heat.circuit.length_m
    total_s = round(heat.time_us / 1e6 * max(1.0, whole_m / car.progress_m), 6)
    score = score_s(heat.plan.rules, car.laps, total_s)
    if score is None:
        return row
    return row.model_copy(update={"status": "FIN", "reason": "", "total_s": total_s, "score_s": score})
