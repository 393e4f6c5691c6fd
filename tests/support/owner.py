"""The person beside a physical car in a test: types into its bridge what a person would."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from league.testing.programs import Program

TRIES = 12
READY = "ready: an operator allowed driving"
CLOSED = re.compile(r": (disarmed|neutral): (?!the heat is over|it does not race)")
OBJECTIONS = "neutral for|is offline|no guardian|does not arm|broken off"


async def heard(program: Program, pattern: str, *, after: int = 0) -> str:
    """A line with a pattern in it, once there is one."""
    return str((await asyncio.to_thread(program.wait_for, pattern, after=after))[0])


class Owner:
    """Tests the signs, arms the car, and arms it again whenever it stopped.

    Args:
        bridge: The car's bridge.
    """

    def __init__(self, bridge: Program) -> None:
        self._bridge = bridge

    async def prepare(self) -> None:
        """With the wheels up: the sign test; then the car may drive."""
        word = await self._token()
        await heard(self._bridge, "the guardian watches")
        await self._ask(f"signs {word}", "wheels turn LEFT")
        self._bridge.type("yes")
        await heard(self._bridge, "the signs are right")
        await self._ask(f"arm {word}", READY)

    @asynccontextmanager
    async def at_hand(self) -> AsyncIterator[None]:
        """Inside the block: a busy machine stalls and the gate closes as it should; it is armed again."""
        arming = asyncio.create_task(self._keep_armed(await self._token(), len(self._bridge.lines)))
        try:
            yield
        finally:
            arming.cancel()
            await asyncio.wait((arming,))

    async def _keep_armed(self, word: str, seen: int) -> None:
        while True:
            await asyncio.sleep(0.1)
            lines, seen = self._bridge.lines[seen:], len(self._bridge.lines)
            if any(CLOSED.search(line) for line in lines):
                await self._ask(f"arm {word}", f"{READY}|: armed: driving|the car is armed")

    async def _ask(self, line: str, granted: str) -> None:
        """Type it as often as it takes."""
        for _ in range(TRIES):
            mark = len(self._bridge.lines)
            self._bridge.type(line)
            if re.search(granted, await heard(self._bridge, f"{granted}|{OBJECTIONS}", after=mark)):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"{line!r} is not granted: {self._bridge.lines[-10:]}")

    async def _token(self) -> str:
        return (await heard(self._bridge, r"^token \d{6}$")).split()[1]
