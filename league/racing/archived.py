"""Boards of the DeepRacer League as people archived them: from a table to an event with one heat.

Pure. The columns are those of the league's own tables (Rank, Alias, LapCount, AvgLapTime, BestLapTime,
TotalLapTime, ResetCount, OffTrackCount, CollisionCount …); times are milliseconds. Single laps are not in
them, so a result from there has a best lap and a total, and no list of laps.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Final, Literal

from league.errors import InputError
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult
from league.racing.rules import Rules
from league.racing.standing import classify

HEAT: Final = "board"
_NEEDED: Final = ("Alias", "BestLapTime")
_LONGEST_MS: Final = 10**9
Rank = Literal["total", "best_lap", "best_average"]
_SCORES: Final[Mapping[Rank, str]] = {
    "total": "TotalLapTime",
    "best_lap": "BestLapTime",
    "best_average": "AvgLapTime",
}


def read_board(
    text: str, *, event_id: str, name: str, circuit: CircuitFacts, rank: Rank = "total", source: str = "board"
) -> tuple[EventPlan, HeatPlan, HeatResult]:
    """An event, its only heat, and the heat's result.

    Args:
        text: The table as CSV, with a line of column names; unknown columns are left alone.
        event_id: Of the event.
        name: Of the event.
        circuit: Where it was raced.
        rank: The measure that ranked.
        source: What errors call the table.

    Raises:
        InputError: It is no such table; the message names the line.
    """
    lines = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), restval="")
    columns = [*dict.fromkeys((*_NEEDED, _SCORES[rank]))]
    missing = [column for column in columns if column not in (lines.fieldnames or ())]
    if missing:
        raise InputError(
            f"{source}: there is no column {missing[0]!r}, expected a DeepRacer league table with "
            f"{', '.join(columns)}"
        )
    try:
        rows = [*lines]
    except csv.Error as error:
        raise InputError(f"{source}: line {lines.line_num}: not CSV ({error})") from None
    if not rows:
        raise InputError(f"{source}: there is nobody on it")
    results = [
        _entry(row, number, rank, f"{source}: line {number + 1}") for number, row in enumerate(rows, 1)
    ]
    laps = max((_whole(row, "LapCount", source) or 0 for row in rows), default=0)
    rules = Rules.parse({"laps": min(max(laps, 1), 100), "rank": rank})
    entries = tuple(EntryPlan(id=result.entry_id, name=result.name, agent=result.agent) for result in results)
    event = EventPlan(
        id=event_id, name=name, circuit=circuit.id, format="time-trial", rules=rules, entries=entries
    )
    heat = HeatPlan(id=HEAT, phase=HEAT, circuit=circuit.id, car=event.car, rules=rules, seed=0, grid=entries)
    result = HeatResult(
        heat=HEAT, phase=HEAT, circuit=circuit, car=event.car, laps=rules.laps, rank=rank, seed=0, behavior=0,
        clock=rules.clock, state_hash="", entries=classify(results),
    )  # fmt: skip
    return event, heat, result


def _entry(row: Mapping[str, str], number: int, rank: Rank, where: str) -> EntryResult:
    alias = " ".join(row["Alias"].split())[:64]
    if not alias:
        raise InputError(f"{where}: there is no name in column 'Alias'")
    score_ms = _whole(row, _SCORES[rank], where)
    return EntryResult(
        place=number,
        name=alias,
        agent="DeepRacer League",
        status="FIN" if score_ms else "DNF-timeout",
        reason="" if score_ms else "no time on the board",
        entry_id=f"rank-{number:04}",
        total_s=_seconds(_whole(row, "TotalLapTime", where)),
        score_s=_seconds(score_ms),
        fastest_lap_s=_seconds(_whole(row, "BestLapTime", where)),
        off_tracks=_whole(row, "OffTrackCount", where) or 0,
        resets=_whole(row, "ResetCount", where) or 0,
        collisions=_whole(row, "CollisionCount", where) or 0,
        progress_pct=100.0 if score_ms else 0.0,
    )


def _whole(row: Mapping[str, str], column: str, where: str) -> int | None:
    """A figure of a row; None where there is none."""
    text = (row.get(column) or "").strip()
    if not text:
        return None
    try:
        found = round(float(text))
    except (ValueError, OverflowError):
        found = -1
    if not 0 <= found <= _LONGEST_MS:
        raise InputError(f"{where}: {column} is {text[:20]!r}, expected a whole number from 0")
    return found


def _seconds(time_ms: int | None) -> float | None:
    return round(time_ms / 1000, 3) if time_ms else None
