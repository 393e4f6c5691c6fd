"""An entry's form: what it achieved heat by heat, and against whom.

Pure: results in, values out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from league.racing.result import EntryResult, HeatResult
from league.racing.tiebreak import competes


@dataclass(frozen=True, slots=True)
class Drive:
    """One heat of an entry."""

    heat: HeatResult
    result: EntryResult
    field: int
    """How many cars took part."""


@dataclass(frozen=True, slots=True)
class Rivalry:
    """Two entries in the heats that both were in and competed in."""

    entry_id: str
    name: str
    won: int
    lost: int
    last: str
    """Id of the heat in which they met last."""


def drives_of(results: Sequence[HeatResult], entry_id: str) -> list[Drive]:
    """Every heat of an entry, oldest first."""
    found = ((heat, heat.of(entry_id)) for heat in results)
    return [Drive(heat, result, len(heat.entries)) for heat, result in found if result is not None]


def rivalries_of(results: Sequence[HeatResult], entry_id: str) -> list[Rivalry]:
    """The record against every other entry, the one met most often first."""
    met: dict[str, tuple[str, int, int, str]] = {}
    for heat in results:
        mine = heat.of(entry_id)
        if mine is None or not competes(mine):
            continue
        for other in heat.entries:
            if other.entry_id == entry_id or not competes(other):
                continue
            _, won, lost, _ = met.get(other.entry_id, ("", 0, 0, ""))
            ahead = mine.place < other.place
            met[other.entry_id] = other.name, won + ahead, lost + (not ahead), heat.heat
    found = [Rivalry(entry, name, won, lost, last) for entry, (name, won, lost, last) in met.items()]
    return sorted(found, key=lambda one: (-(one.won + one.lost), one.name, one.entry_id))
