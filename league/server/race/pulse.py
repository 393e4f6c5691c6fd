"""The pulse of the races under way: how many ticks were driven, and how late they opened.

Touched in every tick, so it is plain numbers; `metrics` shows them to Prometheus.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import Final

LATE_S: Final = (0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5)
"""Upper edges of the buckets in which lateness is counted; one more bucket holds what is beyond."""


class Pulse:
    """Counts of one server since it started."""

    def __init__(self) -> None:
        self.ticks = 0
        """Ticks that were driven."""
        self.buckets = [0] * (len(LATE_S) + 1)
        """Ticks of heats that keep time, by how late they opened."""
        self.late_s = 0.0
        """The sum of all lateness."""

    def opened(self, late_s: float) -> None:
        """Count a tick that was due at some time, and opened `late_s` after it."""
        late_s = max(0.0, late_s)
        self.buckets[bisect_left(LATE_S, late_s)] += 1
        self.late_s += late_s
