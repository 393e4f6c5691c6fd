"""What a car last told, for whoever asks next: nothing waits in line, and no picture hides behind a speed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from league import Sample


class Newest:
    """Holds one sample until it is fetched; newer figures replace older ones, and what is not known stays."""

    def __init__(self) -> None:
        self._sample: Sample | None = None
        self._closed = False
        self._changed = asyncio.Event()

    def put(self, sample: Sample) -> None:
        """Add what the car tells now."""
        # A picture beside figures that it does not repeat, and the other way round.
        self._sample = sample.over(self._sample)
        self._changed.set()

    def close(self) -> None:
        """End every iteration, now or at its next step."""
        self._closed = True
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Sample]:
        """What is new, until the end."""
        while not self._closed:
            await self._changed.wait()
            self._changed.clear()
            sample, self._sample = self._sample, None
            if sample is not None and not self._closed:
                yield sample
        self._changed.set()
