"""The rules of a DeepRacer club evening with real cars, as the DeepRacer Event Manager (DREM) has them.

Pure: values only.
"""

from __future__ import annotations

from typing import Any, Final

from league.errors import ConfigError
from league.racing.rules import Rules

FORMAT: Final = "physical-time-trial"
MINUTES: Final = (1.0, 10.0)
"""How long a run may be."""
AVERAGE_LAPS: Final = (3, 7)
RESETS_PER_LAP: Final = (0, 10)
AS_MANY_AS_FIT: Final = 100

DREM: Final[dict[str, Any]] = {
    "laps": AS_MANY_AS_FIT,
    "rank": "best_lap",
    "time_limit_s": 120.0,
    "lap_may_finish": True,
    "min_lap_s": 3.0,
    "lap_clock": "line",
    "runs": 3,
}
"""Fields of `Rules` that are not as elsewhere."""


def drem_rules(**changes: Any) -> Rules:
    """Three runs of two minutes, the best lap counts, the lap under way at the end may finish.

    Args:
        changes: Fields of `Rules` that are different; with "total", `laps` are driven against the clock.

    Raises:
        ConfigError: A value is none that DREM has.
    """
    rules = Rules.parse(DREM | changes)
    if rules.rank == "total" and "laps" not in changes:
        raise ConfigError("rank total: expected a number of laps as well")
    _check("a run", rules.time_limit_s / 60, MINUTES, " minutes")
    if rules.rank == "best_average":
        _check("an average", rules.average_laps, AVERAGE_LAPS, " laps")
    if rules.max_resets_per_lap is not None:
        _check("a lap", rules.max_resets_per_lap, RESETS_PER_LAP, " resets")
    return rules


def _check(what: str, found: float, within: tuple[float, float], unit: str) -> None:
    if not within[0] <= found <= within[1]:
        raise ConfigError(f"{what} of {found:g}{unit}: expected {within[0]:g} to {within[1]:g}")
