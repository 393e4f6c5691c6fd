"""Who goes first on a busy computer: what stops a car, before what looks at it or writes about it."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

NICE: Final = -10
"""Before everything that nobody gave a priority, such as a desktop, a recording or a training run."""
REALTIME: Final = 10
"""Of the guardian: before every program with the usual schedule."""


def go_first(*, realtime: bool = False) -> None:
    """Ask the system to run this process, and what it starts, before others; what is refused is done without.

    It needs the right to do so: of root, or `LimitNICE=-10` and `LimitRTPRIO=10` in a systemd unit.

    Args:
        realtime: Before all programs that share the computer's time, and not only first among them. Only for
            what sleeps nearly always.
    """
    with suppress(OSError, AttributeError):  # not allowed, or not on this system
        os.setpriority(os.PRIO_PROCESS, 0, min(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    if realtime:
        with suppress(OSError, AttributeError):
            os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(REALTIME))
