"""Drivers for tests of cars: one that simply goes, and answers nonsense as soon as it is told to.

What it is told lies in the file that LEAGUE_MISCHIEF names: nothing, or one of the words in `NONSENSE`.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, ClassVar, Final

from league.racing.agent import Agent, Command, Observation

SPEED_MPS: Final = 1.0
STEER_RAD: Final = 0.1

_TIME = time.time
NONSENSE: Final[dict[str, tuple[Any, Any]]] = {
    "nan": (STEER_RAD, float("nan")),
    "infinite": (float("inf"), SPEED_MPS),
    "text": (STEER_RAD, "full"),
    "nothing": (None, None),
    "range": (STEER_RAD, 1e6),
    "backward": (STEER_RAD, -SPEED_MPS * 3),
}


class Goes(Agent):
    """Drives ahead, a little to the left, for ever, and looks at nothing."""

    sensors: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        path = os.environ.get("LEAGUE_MISCHIEF")
        self._file = Path(path) if path else None

    def act(self, seen: Observation) -> Command:
        """Answer one tick, with sense or without."""
        word = self._file.read_text() if self._file is not None and self._file.exists() else ""
        if word == "crash":
            raise RuntimeError("told to")
        if word.startswith("hang"):
            time.sleep(float(word.removeprefix("hang")))
        if word.startswith("clock"):
            jump_s = float(word.removeprefix("clock"))
            time.time = lambda: _TIME() + jump_s
        steer_rad, speed_mps = NONSENSE.get(word, (STEER_RAD, SPEED_MPS))
        return Command(steer_rad, speed_mps)
