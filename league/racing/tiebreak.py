"""The tie-break chain: from heats among the same entries to one order, without a tie left.

The chain is points, wins, median three-lap time, best lap, head-to-head among those still level, entry id.

Pure: functions of results.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import groupby
from math import inf
from statistics import median

from league.racing.result import EntryResult, HeatResult

THREE = 3


@dataclass(slots=True)
class Card:
    """What one entry brings to a comparison."""

    entry: str
    points: Fraction = Fraction(0)
    wins: int = 0
    starts: int = 0
    three_laps_s: list[float] = field(default_factory=list)
    best_lap_s: float = inf

    @property
    def median_s(self) -> float:
        """Median time for three laps over the heats in which it drove three; infinite without any."""
        return median(self.three_laps_s) if self.three_laps_s else inf

    @property
    def key(self) -> tuple[Fraction, int, float, float]:
        """The links of the chain that one entry has on its own, smallest first."""
        return -self.points, -self.wins, self.median_s, self.best_lap_s


def competes(entry: EntryResult) -> bool:
    """Whether a result can score: the entry started, and nobody took the result away."""
    return entry.status not in ("DNS", "DSQ", "VOID")


def counts(heat: HeatResult) -> bool:
    """Whether a heat stands: one in which every result is void does not."""
    return any(entry.status != "VOID" for entry in heat.entries)


def share_beaten(heat: HeatResult, entry_id: str) -> Fraction:
    """The share of its opponents that an entry beat: 1 for winning, whatever the heat's size."""
    rows = [entry for entry in heat.entries if entry.status != "VOID"]
    at = next((index for index, entry in enumerate(rows) if entry.entry_id == entry_id), None)
    if at is None or len(rows) < 2 or not competes(rows[at]):
        return Fraction(0)
    return Fraction(len(rows) - 1 - at, len(rows) - 1)


def three_laps_s(heat: HeatResult, entry: EntryResult) -> float | None:
    """The time for the first three laps; None if it did not drive three."""
    if len(entry.laps) >= THREE:
        return sum(lap.time_s for lap in entry.laps[:THREE])
    return entry.total_s if heat.laps == THREE else None


def cards(
    entries: Iterable[str], heats: Iterable[HeatResult], bonus: Mapping[str, Fraction] | None = None
) -> dict[str, Card]:
    """Every entry's card.

    Args:
        entries: Who is compared.
        heats: What they raced, in any order.
        bonus: Points that were not raced for: a bye's.
    """
    made = {entry: Card(entry, (bonus or {}).get(entry, Fraction(0))) for entry in entries}
    for heat in heats:
        for row in heat.entries:
            card = made.get(row.entry_id)
            if card is None or not competes(row):
                continue
            card.starts += 1
            share = share_beaten(heat, row.entry_id)
            card.points += share
            card.wins += share == 1
            time_s = three_laps_s(heat, row)
            if time_s is not None:
                card.three_laps_s.append(time_s)
            if row.fastest_lap_s is not None:
                card.best_lap_s = min(card.best_lap_s, row.fastest_lap_s)
    return made


def rank(
    entries: Sequence[str], heats: Sequence[HeatResult], bonus: Mapping[str, Fraction] | None = None
) -> tuple[str, ...]:
    """Entries by the whole chain, first to last; who has neither started nor had a bye is last."""
    made = cards(entries, heats, bonus)
    ordered = sorted(made.values(), key=_order)
    placed: list[str] = []
    for _, level in groupby(ordered, key=_order):
        names = [card.entry for card in level]
        placed += names if len(names) == 1 else settle(names, heats)
    return tuple(placed)


def _order(card: Card) -> tuple[bool, tuple[Fraction, int, float, float]]:
    return card.starts == 0 and card.points == 0, card.key


def settle(level: Sequence[str], heats: Iterable[HeatResult]) -> list[str]:
    """The last two links: how often each finished before the others that are level, then the entry id."""
    ahead = dict.fromkeys(level, 0)
    for heat in heats:
        rows = [row for row in heat.entries if row.entry_id in ahead and row.status != "VOID"]
        for index, row in enumerate(rows):
            if competes(row):
                ahead[row.entry_id] += len(rows) - 1 - index
    return sorted(level, key=lambda entry: (-ahead[entry], entry))
