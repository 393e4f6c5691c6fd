"""How threads share the work of a batch: pieces of it, of which whoever is free takes the next. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from league.sim.lanes import LANES

LEAST_PIECE = 64
"""Worlds of a piece of work; calling a kernel for fewer costs a tenth of the time that it takes, and more."""


class Waiting(Protocol):
    """The result of work given to a crew."""

    def result(self) -> Any:
        """Wait for it."""


class Crew(Protocol):
    """Who shares the work: any `concurrent.futures.Executor` whose workers are threads."""

    def submit(self, work: Callable[..., Any], /, *given: Any) -> Waiting:
        """Begin a piece of work."""


def cuts(worlds: int, sharers: int) -> list[int]:
    """Where each piece of the work begins, and the last one ends.

    Equal shares would wait for whichever processor is held up: on a shared machine one of two mostly is. So
    each piece is a part of what is left, and the last ones are small: guided self-scheduling
    (Polychronopoulos and Kuck, 1987). They end where cars that are driven side by side do.

    Args:
        worlds: How many there are to drive.
        sharers: How many share them; one alone takes all at once.
    """
    ends = [0]
    while ends[-1] < worlds:
        left = worlds - ends[-1]
        piece = left if sharers == 1 else max(left // (2 * sharers), LEAST_PIECE)
        piece = min(-(-piece // LANES) * LANES, -(-worlds // sharers))
        ends.append(min(worlds, ends[-1] + piece))
    return ends


def share(crew: Crew, sharers: int, pieces: Sequence[Any], work: Callable[[Any], object]) -> None:
    """Do every piece of the work once, the caller along with the crew, and wait until all are done.

    Args:
        crew: Who helps.
        sharers: How many do it, the caller included.
        pieces: What `work` is called with, in this order.
        work: Must let other threads run, and write only what is its piece's own.
    """
    left = deque(pieces)

    def take() -> None:
        while True:
            try:
                piece = left.popleft()
            except IndexError:
                return
            work(piece)

    others = [crew.submit(take) for _ in range(min(sharers, len(pieces)) - 1)]
    take()
    for other in others:
        other.result()
