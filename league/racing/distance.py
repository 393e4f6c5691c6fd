"""How far a race goes, in words."""

from __future__ import annotations

from typing import Final

MOST_LAPS: Final = 100
"""A race over so many is one for as many as fit into its time."""


def distance(laps: int) -> str:
    """Write a race's distance: "1 lap", "3 laps"."""
    return "as many laps as fit" if laps >= MOST_LAPS else f"{laps} lap{'s' * (laps != 1)}"
