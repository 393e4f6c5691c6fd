"""How many messages a driver may send: three a tick, and no more.

Pure: it is told the time.
"""

from __future__ import annotations

_OWED_MOST = 60
# Where no tick sets the pace, this long counts as one: the length of a tick at the usual 15 Hz.
_IDLE_TICK_S = 1 / 15


class Pace:
    """Counts down what may still be said in this tick.

    A tick begins when `renew` is called, and whenever its time has passed without that. Answers that a
    driver owes from earlier ticks are granted on top, because a network that stalls delivers them at once.

    Args:
        each: Messages for each tick.
    """

    def __init__(self, each: int) -> None:
        self.tick_s = _IDLE_TICK_S
        self.warned = False
        """Whether somebody was told of an excess in this tick."""
        self._each, self._left, self._owed = each, each, 0
        self._since_s: float | None = None

    def renew(self) -> None:
        """A tick begins, or something else was said that asks for an answer."""
        self._left = self._each + self._owed
        self._since_s = None
        self.warned = False

    def admit(self, now_s: float) -> bool:
        """Whether one more message may be read now."""
        if self._since_s is None:
            self._since_s = now_s
        elif now_s - self._since_s >= self.tick_s:
            self.renew()
            self._since_s = now_s
        if self._left <= 0:
            return False
        self._left -= 1
        return True

    def owe(self) -> None:
        """A tick closed without an answer, which may still come."""
        self._owed = min(self._owed + 1, _OWED_MOST)

    def settle(self) -> None:
        """An answer came late."""
        self._owed = max(self._owed - 1, 0)

    def forget(self) -> None:
        """Nothing is owed any more."""
        self._owed = 0
