"""Patience with a stranger's function: one that never returns ends the command, with the line it hangs in."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final

LONG_S: Final = 10.0
"""A call is looked at every so often; one that is still the same is given up."""


@contextmanager
def patience(file: str | Path, long_s: float = LONG_S) -> Iterator[None]:
    """Give a call into a file up that lasts for more than `long_s`, at most twice that.

    A TimeoutError is raised where the call hangs; whoever called it says which line that is.
    Only the main thread's calls are looked at, and only there may this be used.

    Args:
        file: The function's file.
        long_s: How long a call may last.
    """
    known = str(file)
    seen: FrameType | None = None

    def look(number: int, frame: FrameType | None) -> None:
        nonlocal seen
        call = None
        while frame is not None:
            if frame.f_code.co_filename == known:
                call = frame
            frame = frame.f_back
        if call is not None and call is seen:
            seen = None
            raise TimeoutError(f"no answer for {long_s:g} s; does it loop for ever?")
        seen = call

    before = signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, long_s, long_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        seen = None
