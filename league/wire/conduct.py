"""How a driver behaves on its connection: what it said too much, and when that is enough.

Pure: it is told the time.
"""

from __future__ import annotations

from league.errors import RemoteProtocolError
from league.wire import grammar
from league.wire.messages import BAD_FRAME, RATE, Counts, Limits
from league.wire.pace import Pace


class Conduct:
    """Counts what one driver does, and decides which fault was the last.

    Args:
        limits: What it may do.
    """

    def __init__(self, limits: Limits) -> None:
        self.counts = Counts()
        self.pace = Pace(limits.messages_per_tick)
        self._limits = limits

    def admit(self, now_s: float) -> bool:
        """Whether one more frame may be read now.

        Raises:
            RemoteProtocolError: It exceeds the rate for the first time in this tick, or once too often.
        """
        self.counts.frames += 1
        if self.pace.admit(now_s):
            return True
        self.counts.rate += 1
        problem = f"more than {self._limits.messages_per_tick} messages a tick"
        if self.counts.rate >= self._limits.strikes:
            raise RemoteProtocolError("rate", f"{problem}, {self.counts.rate} times", close=RATE)
        if not self.pace.warned:
            self.pace.warned = True
            raise RemoteProtocolError("rate", f"{problem}; what comes beyond is not read")
        return False

    def strike(self, error: RemoteProtocolError, state: str) -> RemoteProtocolError:
        """Count a frame that cannot be used, and decide whether it was the last."""
        self.counts.bad += 1
        if error.close is not None and error.code != "bad_frame":
            return error
        last = state in (grammar.NEW, grammar.GREETED) or self._struck_out
        return RemoteProtocolError(error.code, str(error), close=BAD_FRAME if last else None)

    def out_of_order(self, kind: str, state: str) -> RemoteProtocolError:
        """Count a message that may not be sent now, and decide whether it was the last."""
        self.counts.order += 1
        now = ", ".join(grammar.allowed(state, "client"))
        last = state == grammar.GREETED or self._struck_out
        return RemoteProtocolError(
            "order",
            f"{kind!r} in state {state!r}, expected one of: {now}",
            close=BAD_FRAME if last else None,
        )

    @property
    def _struck_out(self) -> bool:
        return self.counts.bad + self.counts.order >= self._limits.strikes
