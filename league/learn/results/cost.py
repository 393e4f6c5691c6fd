"""What a run cost: time, processor hours, energy, and money at a stated price."""

from __future__ import annotations

import os
import resource
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

RAPL = Path("/sys/class/powercap")
"""Where Linux tells what a processor has used; often only root may read it."""

CPU_HOUR_USD = 0.04
"""A processor core for an hour, about what clouds ask for a rented one; to be replaced by one's own."""
CLOUD_HOUR_USD = 3.50
"""What AWS asked for an hour of training or evaluation in its DeepRacer console."""


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices in US dollars."""

    cpu_hour_usd: float = CPU_HOUR_USD
    cloud_hour_usd: float = CLOUD_HOUR_USD


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost card of a run."""

    wall_s: float
    """From the first tick to the last update, evaluations included, compiling not."""
    cpu_hours: float
    """Of all its processes."""
    energy_wh: float | None
    """Of the whole processor while the run went on; None where nobody may read it."""
    steps: int
    simulated_hours: float
    cpu_hour_usd: float
    cost_usd: float
    cloud_hour_usd: float
    cloud_usd: float
    """What driving the simulated hours in real time would have cost in the cloud."""
    cores: int
    load_before: float | None
    """Other work on the machine when the run began; it makes wall time longer, not processor hours."""

    def as_dict(self) -> dict[str, Any]:
        """Every figure by name."""
        return asdict(self)


class Meter:
    """Counts what this process and its children use, from when it is started."""

    def __init__(self) -> None:
        self._began_s, self._cpu_s = time.perf_counter(), _cpu_s()
        self._joules = _counters(RAPL)
        self._load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        self._more = {"wall_s": 0.0, "cpu_s": 0.0}

    @property
    def earlier(self) -> dict[str, float]:
        """What was counted before this one was started."""
        return dict(self._more)

    def add(self, earlier: dict[str, float]) -> None:
        """Count what the same run used before it was interrupted, as of `so_far`."""
        self._more = {key: self._more[key] + float(earlier.get(key, 0.0)) for key in self._more}

    def so_far(self) -> dict[str, float]:
        """Wall and processor seconds used."""
        return {
            "wall_s": self._more["wall_s"] + time.perf_counter() - self._began_s,
            "cpu_s": self._more["cpu_s"] + _cpu_s() - self._cpu_s,
        }

    def card(self, *, steps: int, control_hz: int, prices: Prices) -> Cost:
        """What was used up to now."""
        used = self.so_far()
        simulated_h, cpu_h = steps / control_hz / 3600.0, used["cpu_s"] / 3600.0
        joules = _used(self._joules, _counters(RAPL), _ranges(RAPL))
        return Cost(
            wall_s=round(used["wall_s"], 3),
            cpu_hours=round(cpu_h, 6),
            energy_wh=None if joules is None else round(joules / 3600.0, 4),
            steps=steps,
            simulated_hours=round(simulated_h, 4),
            cpu_hour_usd=prices.cpu_hour_usd,
            cost_usd=round(cpu_h * prices.cpu_hour_usd, 6),
            cloud_hour_usd=prices.cloud_hour_usd,
            cloud_usd=round(simulated_h * prices.cloud_hour_usd, 2),
            cores=os.cpu_count() or 1,
            load_before=self._load,
        )


def _cpu_s() -> float:
    """Processor seconds of this process and of its children that have ended."""
    parts = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(part.ru_utime + part.ru_stime for part in parts)


def _counters(folder: Path) -> dict[str, int]:
    """The energy counters of all processors in microjoules, those that can be read."""
    return _read(folder, "energy_uj")


def _ranges(folder: Path) -> dict[str, int]:
    return _read(folder, "max_energy_range_uj")


def _read(folder: Path, name: str) -> dict[str, int]:
    found: dict[str, int] = {}
    # intel-rapl:0 is a whole processor; intel-rapl:0:1 and the like are parts of it.
    for zone in sorted(folder.glob("intel-rapl:*")):
        if zone.name.count(":") == 1:
            try:
                found[zone.name] = int((zone / name).read_text())
            except (OSError, ValueError):
                continue
    return found


def _used(before: dict[str, int], after: dict[str, int], ranges: dict[str, int]) -> float | None:
    """Joules between two readings; counters start again at 0 when they are full."""
    both = before.keys() & after.keys()
    if not both:
        return None
    return sum((after[key] - before[key]) % (ranges.get(key, 2**62) + 1) for key in both) / 1e6
