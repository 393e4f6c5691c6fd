"""Scores and places: from laps to a classification, of one heat or of several.

Pure: functions of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from league.racing.plan import EntryPlan
from league.racing.result import EntryResult, HeatResult, LapResult, Standing
from league.racing.rules import Rules

Row = TypeVar("Row", bound=EntryResult)

# An entry that finished is before one that did not, whatever its time.
_ORDER = {"FIN": 0, "DNF-crash": 1, "DNF-timeout": 1, "DNF-disconnect": 1, "DNS": 2, "DSQ": 3, "VOID": 4}


def score_s(rules: Rules, laps: Sequence[LapResult], total_s: float | None) -> float | None:
    """The measure that ranks, or None if there is none.

    "total" is the time for all laps; "best_lap" the fastest valid lap; "best_average" the lowest mean of
    `average_laps` consecutive valid laps.
    """
    if rules.rank == "total":
        return total_s
    if rules.rank == "best_lap":
        return min((lap.time_s for lap in laps if lap.valid), default=None)
    span = rules.average_laps
    windows = (laps[start : start + span] for start in range(len(laps) - span + 1))
    averages = [
        sum(lap.time_s for lap in window) / span for window in windows if all(lap.valid for lap in window)
    ]
    return round(min(averages), 6) if averages else None


def fastest(laps: Sequence[LapResult]) -> LapResult | None:
    """The fastest valid lap."""
    return min((lap for lap in laps if lap.valid), key=lambda lap: lap.time_s, default=None)


def sort_key(entry: EntryResult) -> tuple[int, float, float, float, str]:
    """What classification sorts by: finished, score, distance, fastest lap, entry id."""
    order = rank_order(entry.status, entry.score_s, entry.progress_pct, entry.fastest_lap_s)
    return *order, entry.entry_id


def rank_order(
    status: str, score_s: float | None, progress_pct: float, fastest_lap_s: float | None
) -> tuple[int, float, float, float]:
    """What results are ranked by, whoever achieved them."""
    scored = status == "FIN" and score_s is not None
    score = score_s if scored and score_s is not None else float("inf")
    best = fastest_lap_s if fastest_lap_s is not None else float("inf")
    order = _ORDER[status] if scored or status != "FIN" else 1
    return order, score, -progress_pct, best


def classify(entries: Iterable[Row]) -> tuple[Row, ...]:
    """Entries in order, with places from 1 and gaps to the first."""
    ordered = sorted(entries, key=sort_key)
    first = ordered[0].score_s if ordered and ordered[0].status == "FIN" else None
    placed = []
    for place, entry in enumerate(ordered, start=1):
        behind = None
        if first is not None and entry.status == "FIN" and entry.score_s is not None:
            behind = round(entry.score_s - first, 6)
        placed.append(entry.model_copy(update={"place": place, "gap_s": behind}))
    return tuple(placed)


_STEP = 10**13


def rank_key(entry: EntryResult) -> int:
    """A whole number that databases can sort by: of two results, the one with the lower key ranks first.

    Results with equal keys may still differ in what `sort_key` looks at last.
    """
    if entry.status == "FIN" and entry.score_s is not None:
        return max(0, min(round(entry.score_s * 1e6), _STEP - 1))
    order = 1 if entry.status == "FIN" else _ORDER[entry.status]
    return order * _STEP + max(0, min(int((100.0 - entry.progress_pct) * 1e9), _STEP - 1))


VOID_KEY = _ORDER["VOID"] * _STEP
"""Keys from here on are of results that do not count."""


def best_runs(entries: Sequence[EntryPlan], raced: Iterable[HeatResult]) -> tuple[Standing, ...]:
    """Standings in which every entry counts with its best run of the given heats.

    Entries that have not raced come last, in the order in which they entered.
    """
    runs: dict[str, list[EntryResult]] = {entry.id: [] for entry in entries}
    for heat in raced:
        for result in heat.entries:
            if result.entry_id in runs and result.status != "VOID":
                runs[result.entry_id].append(result)
    best = {entry: (min(mine, key=sort_key), len(mine)) for entry, mine in runs.items() if mine}
    return rank_best(entries, best)


def rank_best(
    entries: Sequence[EntryPlan], best: Mapping[str, tuple[EntryResult, int]]
) -> tuple[Standing, ...]:
    """Standings from every entry's best run and how many runs it is the best of.

    Entries that are not in `best` come last, in the order in which they entered.
    """
    mine = [best[entry.id] for entry in entries if entry.id in best]
    mine.sort(key=lambda pair: sort_key(pair[0]))
    first = mine[0][0].score_s if mine and mine[0][0].status == "FIN" else None
    rows = [_standing(result, place, runs, first) for place, (result, runs) in enumerate(mine, start=1)]
    rows += [
        Standing(
            place=place,
            name=entry.name,
            agent=entry.agent,
            status="DNS",
            entry_id=entry.id,
            reason="has not raced",
            attempts=0,
        )
        for place, entry in enumerate((e for e in entries if e.id not in best), start=len(rows) + 1)
    ]
    return tuple(rows)


def _standing(result: EntryResult, place: int, runs: int, first_s: float | None) -> Standing:
    """A result as a standing; it was checked when it was made, which thousands of rows need not be again."""
    behind = None
    if first_s is not None and result.status == "FIN" and result.score_s is not None:
        behind = round(result.score_s - first_s, 6)
    changed = {"place": place, "gap_s": behind, "attempts": runs, "heats": runs}
    return Standing.model_construct(**(result.__dict__ | changed))
