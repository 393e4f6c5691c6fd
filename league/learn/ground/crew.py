"""The threads that share a batch's work."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

LEAST = 256
"""Fewer worlds than this for each thread are not worth waking one."""


def cores() -> int:
    """How many processors this program may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(cars: int, threads: int | None = None) -> int:
    """Into how many parts the work for so many cars is best cut; at most `threads`, by default the cores."""
    most = cores() if threads is None else threads
    return max(1, min(most, cars // LEAST))


@lru_cache(maxsize=1)
def crew() -> ThreadPoolExecutor:
    """The threads, one fewer than there are cores: whoever asks for the work does a part of it too."""
    return ThreadPoolExecutor(max(1, cores() - 1), thread_name_prefix="league-crew")
