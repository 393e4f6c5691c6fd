"""How an episode of training starts and ends, as data.

Pure: values with checks. `league.sim.marshal` applies them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, inf, isfinite, pi
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from league.errors import ConfigError
from league.sim import marshal

After = Literal["ignore", "reset", "end"]
"""What follows: nothing, being put back on the road as in a race, or the end of the episode."""

_AFTER = {"ignore": marshal.IGNORE, "reset": marshal.SEND_BACK, "end": marshal.END}
_RULES = ("off_track", "immobilised", "reversed", "collision")
_TIMES = (
    "off_track_penalty_s",
    "immobilised_penalty_s",
    "reversed_penalty_s",
    "collision_penalty_s",
)
_MOST = ("max_resets", "max_resets_per_lap")


@dataclass(frozen=True, kw_only=True)
class Starts:
    """Where an episode starts: on the start line, or anywhere on the road.

    A car that starts elsewhere than on the line drives its first lap once it has crossed it. With
    several cars in a world they start on a grid, as in a race, and it is the whole grid that is moved.

    Raises:
        ConfigError: A share is not within 0 to 1, or a number is negative.
    """

    on_line: float = 1.0
    """Share of the episodes that start on the line, standing, on the centre line and along the road."""
    standing: float = 0.5
    """Share of the others that start standing."""
    speed_mps: float = 2.0
    """The rest starts at up to this speed."""
    spread: float = 0.6
    """Share of the width that the car leaves free over which it is placed (one car in a world only)."""
    heading_rad: float = 0.3
    """Its direction differs from the road's by up to this (one car in a world only)."""

    def __post_init__(self) -> None:
        for name in ("on_line", "standing", "spread"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ConfigError(f"starts: {name} is {getattr(self, name)}, expected 0 to 1")
        if not (isfinite(self.speed_mps) and self.speed_mps >= 0.0):
            raise ConfigError(f"starts: speed_mps is {self.speed_mps}, expected 0 or more")
        if not 0.0 <= self.heading_rad <= pi:
            raise ConfigError(f"starts: heading_rad is {self.heading_rad}, expected 0 to pi")


@dataclass(frozen=True, kw_only=True)
class Episode:
    """What ends an episode, and what else the referee of a batch does.

    What the words mean is in `league.racing.rules`; times are counted in whole ticks.

    Raises:
        ConfigError: A word or number is out of range.
    """

    time_limit_s: float = 30.0
    """An episode as long as this is truncated."""
    laps: int = 0
    """Laps after which a car's episode ends; 0 is never."""
    laps_end: Literal["truncated", "terminated"] = "truncated"
    """What that end counts as. Terminated makes an agent that is paid for progress drive slowly: it
    cannot see the end of its income coming."""
    off_track: After = "end"
    immobilised: After = "end"
    reversed: After = "end"
    collision: After = "ignore"
    immobilised_s: float = 1.0
    reversed_s: float = 1.0
    off_track_penalty_s: float = 3.0
    immobilised_penalty_s: float = 0.0
    reversed_penalty_s: float = 3.0
    collision_penalty_s: float = 5.0
    min_lap_s: float = 0.0
    """A lap driven in less does not count as the best."""
    max_resets: int | None = None
    """With one more than these, the episode ends."""
    max_resets_per_lap: int | None = None
    """A lap with more does not count as the best."""
    sectors: int = 3
    grid_gap_m: float = 0.75
    starts: Starts = field(default_factory=Starts)

    def __post_init__(self) -> None:
        for name in _RULES:
            if getattr(self, name) not in _AFTER:
                raise ConfigError(
                    f"episode: {name} is {getattr(self, name)!r}, expected one of {', '.join(_AFTER)}"
                )
        if self.laps_end not in ("truncated", "terminated"):
            raise ConfigError(f"episode: laps_end is {self.laps_end!r}, expected truncated or terminated")
        for name in ("time_limit_s", "immobilised_s", "reversed_s", "grid_gap_m"):
            value = getattr(self, name)
            if not (isfinite(value) and value > 0.0):
                raise ConfigError(f"episode: {name} is {value}, expected more than 0")
        for name in (*_TIMES, "min_lap_s"):
            value = getattr(self, name)
            if not (isfinite(value) and value >= 0.0):
                raise ConfigError(f"episode: {name} is {value}, expected 0 or more")
        if self.laps < 0 or self.laps != int(self.laps):
            raise ConfigError(f"episode: laps is {self.laps}, expected a whole number, 0 or more")
        for name in _MOST:
            value = getattr(self, name)
            if value is not None and (value < 0 or value != int(value)):
                raise ConfigError(f"episode: {name} is {value}, expected a whole number, 0 or more")
        if not 1 <= self.sectors <= 10:
            raise ConfigError(f"episode: sectors is {self.sectors}, expected 1 to 10")

    def settings(self, control_hz: int) -> NDArray[np.float64]:
        """The row of numbers that the compiled referee reads, at this many ticks a second."""
        row = np.zeros(marshal.SETTINGS)
        row[marshal.LAPS_TO_DRIVE], row[marshal.SECTORS] = self.laps, self.sectors
        row[marshal.LAPS_TRUNCATE] = self.laps_end == "truncated"
        row[marshal.LEAST_LAP_US] = self.min_lap_s * 1e6
        most = [inf if getattr(self, name) is None else getattr(self, name) for name in _MOST]
        row[marshal.MOST_RESETS : marshal.MOST_LAP_RESETS + 1] = most
        row[marshal.TICK_US] = 1e6 / control_hz
        row[marshal.LIMIT_TICKS] = max(1, ceil(self.time_limit_s * control_hz - 1e-9))
        row[marshal.STILL_TICKS] = max(1, round(self.immobilised_s * control_hz))
        row[marshal.BACKWARD_TICKS] = max(1, round(self.reversed_s * control_hz))
        rules = [_AFTER[getattr(self, name)] for name in _RULES]
        row[marshal.AFTER_OFF_TRACK : marshal.AFTER_COLLISION + 1] = rules
        waits = [round(getattr(self, name) * control_hz) for name in _TIMES]
        row[marshal.OFF_TRACK_PENALTY : marshal.COLLISION_PENALTY + 1] = waits
        row[marshal.GRID_GAP_M] = self.grid_gap_m
        row[marshal.ON_LINE], row[marshal.STAND_STILL] = self.starts.on_line, self.starts.standing
        row[marshal.SPREAD], row[marshal.HEADING] = self.starts.spread, self.starts.heading_rad
        row[marshal.SPEED] = self.starts.speed_mps
        return row
