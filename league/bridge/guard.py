"""The bridge's end of the guardian: starts it, shows it signs of life, hears what it says."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from league.bridge import guardian
from league.errors import CarError

START_S: Final = 20.0
"""Time for a guardian to start and to reach the car."""
END_S: Final = 3.0


class Guard:
    """One guardian process; use `start`, `beat` in every turn, and `close`.

    Args:
        ref: The car's address.
        on_trip: Called when the guardian stopped the car because this process was silent.
    """

    def __init__(self, ref: str, *, on_trip: Callable[[], None]) -> None:
        self.watching = False
        """Whether it lives and has its own connection to the car."""
        self.about = "not started"
        """How it is, in words."""
        self.pid = 0
        self._ref, self._on_trip = ref, on_trip
        self._process: asyncio.subprocess.Process | None = None
        self._pipe = -1
        self._reader: asyncio.Task[None] | None = None
        self._stirred = asyncio.Event()

    async def start(self) -> None:
        """Start it and wait until it watches.

        Raises:
            CarError: It did not in time; it goes on trying.
        """
        reading, self._pipe = os.pipe()
        os.set_blocking(self._pipe, False)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "league.bridge.guardian", self._ref,
                stdin=reading, stdout=asyncio.subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(reading)
        self.pid = self._process.pid
        self.about = "starting"
        self._reader = asyncio.create_task(self._read(), name="hearing the guardian")
        try:
            async with asyncio.timeout(START_S):
                while not self.watching:
                    await self._stirred.wait()
                    self._stirred.clear()
        except TimeoutError:
            raise CarError(f"the guardian does not reach the car: {self.about}") from None

    def beat(self, *, may_move: bool) -> None:
        """Show a sign of life; never waits."""
        if self._pipe < 0:
            return
        try:
            os.write(self._pipe, guardian.MAY_MOVE if may_move else guardian.STANDS)
        except BlockingIOError:
            return  # it does not read; 64 KiB of signs wait for it already
        except OSError:
            self._gone()

    async def close(self) -> None:
        """Say farewell, and see that it ends."""
        if self._pipe >= 0:
            with suppress(OSError):
                os.write(self._pipe, guardian.FAREWELL)
            os.close(self._pipe)
            self._pipe = -1
        process = self._process
        if process is None:
            return
        try:
            async with asyncio.timeout(END_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reader is not None:
            await asyncio.wait((self._reader,))

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            word, _, rest = line.decode(errors="replace").strip().partition(" ")
            if word == guardian.WATCHING:
                self.watching, self.about = True, "watching"
            elif word == guardian.BLIND:
                self.watching, self.about = False, rest or "it has no connection to the car"
            elif word == guardian.TRIPPED:
                self._on_trip()
            self._stirred.set()
        self._gone()

    def _gone(self) -> None:
        if self.watching or self.about == "starting":
            self.watching, self.about = False, "the guardian is gone"
        self._stirred.set()
