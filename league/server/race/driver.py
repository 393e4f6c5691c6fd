"""One entry's driver as the server knows it, whatever socket it speaks through at the moment."""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from league.errors import LocalProtocolError
from league.racing.plan import EntryPlan
from league.server.race.line import Line
from league.wire.messages import Bye, Hello, Said, Sync


class Race(Protocol):
    """What a driver who takes part in a heat passes on."""

    def hear(self, driver: Driver, said: Said) -> None:
        """Something that is about the heat."""

    def arrived(self, driver: Driver) -> None:
        """It speaks through a new line from now on."""

    def departed(self, driver: Driver, why: str, *, for_good: bool) -> None:
        """Its line is gone; with `for_good` it will not come back."""


class Driver:
    """One entry's driver: at most one line, which may change, and at most one heat at a time.

    Args:
        event_id: The event that it is in.
        entry: Who it is.
        stirred: Called whenever it arrives or departs.
    """

    def __init__(self, event_id: str, entry: EntryPlan, *, stirred: Callable[[], None]) -> None:
        self.event_id, self.entry = event_id, entry
        self.session_id = secrets.token_hex(16)
        self.resume_token = ""
        self.race: Race | None = None
        self.hello: Hello | None = None
        """What it said when it last connected."""
        self.away_because = "it has not connected"
        """Why it is not connected, in words."""
        self.gone_for_good = False
        """Whether its program ended by itself, so that nobody should wait for it."""
        self._line: Line | None = None
        self._stirred = stirred
        self._end = ""
        """Why its program ended, if it did."""

    @property
    def line(self) -> Line | None:
        """What it can be spoken to through now; None as soon as either side has ended it."""
        return self._line if self._line is not None and self._line.open else None

    @property
    def connected(self) -> bool:
        """Whether it can be spoken to."""
        return self._line is not None and self._line.open

    def may_resume(self, session: str, token: str) -> bool:
        """Whether this is the secret that the driver was given when it was accepted."""
        right = hmac.compare_digest(session.encode(), self.session_id.encode())
        return (
            right
            and bool(self.resume_token)
            and hmac.compare_digest(token.encode(), self.resume_token.encode())
        )

    def connect(self, line: Line, hello: Hello) -> None:
        """Speak through this line from now on; the newest authenticated one wins."""
        before, self._line = self._line, line
        self.hello = hello
        self.gone_for_good, self._end = False, ""
        if before is not None:
            if self.race is not None:
                self.race.departed(self, "it was replaced by a newer connection", for_good=False)
            before.fail("replaced", "a newer connection drives this entry now")
        if self.race is not None:
            self.race.arrived(self)
        self._stirred()

    def disconnect(self, line: Line, why: str) -> None:
        """Its line ended; one that was replaced before changes nothing."""
        if line is not self._line:
            return
        self._line = None
        why = self.away_because = self._end or why
        if self.race is not None:
            self.race.departed(self, why, for_good=self.gone_for_good)
        self._stirred()

    def die(self, why: str) -> None:
        """Its program ended: there is nothing to wait for."""
        self.gone_for_good = True
        self._end = self.away_because = why
        # Otherwise its line is about to break off, and takes this reason.
        if self._line is None:
            if self.race is not None:
                self.race.departed(self, why, for_good=True)
            self._stirred()

    def hear(self, line: Line, said: Said) -> None:
        """Take what came through a line."""
        if line is not self._line:
            return
        if isinstance(said, Sync):
            line.say(line.session.sync_reply(said, time.monotonic()))
        elif isinstance(said, Bye):
            self.gone_for_good = True
            # Its line ends a little later; who asks meanwhile is to hear the reason already.
            self.away_because = self._end = f"it said goodbye{': ' if said.reason else ''}{said.reason}"
            line.end(1000, self._end)
        elif self.race is not None:
            self.race.hear(self, said)

    def dismiss(self, reason: str, *, code: int = 1000) -> None:
        """Say goodbye and close the line, if there is one."""
        line = self.line
        if line is None:
            return
        with suppress(LocalProtocolError):  # it said goodbye first
            line.say(line.session.bye(reason))
        line.end(code, reason)


class Stir:
    """Something happened that somebody may be waiting for; many happenings are one."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def __call__(self) -> None:
        """Wake whoever waits."""
        self._event.set()

    async def wait(self, most_s: float | None = None) -> bool:
        """Wait until something happens, or for so long; says whether something did."""
        try:
            async with asyncio.timeout(most_s):
                await self._event.wait()
        except TimeoutError:
            return False
        self._event.clear()
        return True
