"""One driver's connection as the server sees it: a state machine without I/O.

Pure: it is given frames and the time, and gives back frames and what was said. It owns no socket, no clock
and no heat; whoever runs it sends what it encodes, and asks the heat what to do with what was said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from math import pi
from typing import Any

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire import grammar
from league.wire.checking import READERS, bad_field, describe
from league.wire.codec import Frame, decode, encode
from league.wire.conduct import Conduct
from league.wire.messages import (
    ERROR_CODES,
    PROTO,
    Act,
    Codec,
    Hello,
    LateAct,
    Limits,
    RefusedAct,
    Said,
    Sync,
)

# A command for exactly the car's top speed that went through float32 may lie this much above it.
_ROUNDING = 1.0 + 1e-6


class AgentSession:
    """One agent socket, from `welcome` to `bye`.

    Call the methods named after messages to get the frame to send; `LocalProtocolError` says that the
    grammar does not allow it now. Give every frame that arrives to `receive`. In a heat: `observe` opens a
    tick, answers come in through `receive`, `close_tick` closes it and says which answer counts.

    Args:
        server: Name and version of the server, for people.
        behavior: Behaviour version of physics and rules.
        nonce: Random text of this connection.
        limits: What this driver may do.
        auth: Ways to be accepted: "token", "resume", "open".
        codec: What to speak until `hello` chooses; from the sub-protocol.
    """

    def __init__(
        self,
        *,
        server: str,
        behavior: int,
        nonce: str,
        limits: Limits = Limits(),  # noqa: B008 - an immutable value
        auth: tuple[str, ...] = ("token",),
        codec: Codec = "msgpack",
    ) -> None:
        self.state = grammar.NEW
        self.codec: Codec = codec
        self.limits = limits
        self._conduct = Conduct(limits)
        self.counts, self._pace = self._conduct.counts, self._conduct.pace
        self.hello: Hello | None = None
        """What the driver said of itself."""
        self.heat: str | None = None
        """The heat it is assigned to, or was last."""
        self.tick: int | None = None
        """The tick shown last; None before the first of a heat."""
        self.answered = False
        """Whether the open tick has an answer, be it a refused one: nobody needs to wait any longer."""
        self._server, self._behavior, self._nonce, self._auth = server, behavior, nonce, auth
        self._open = False
        self._answer: Act | None = None
        self._closed_s = 0.0
        self._last: dict[str, Any] | None = None
        self._top_mps = 0.0
        self._ended: deque[str] = deque(maxlen=8)
        self._newest_k = -1

    # -- what arrives --------------------------------------------------------------------------

    def receive(self, frame: Frame, now_s: float) -> list[Said]:
        """Read one frame.

        Args:
            frame: Bytes of a binary frame, or text of a text frame; both are understood at any time.
            now_s: Any monotonic clock, in seconds.

        Returns:
            What was said: nothing or one thing. Nothing for a type that this version does not know, for
            messages about a heat that is over, for what exceeds the rate, and after the end.

        Raises:
            RemoteProtocolError: Answer it with `refuse`; where it has a close code, close with that.
        """
        if self.state == grammar.OVER:
            return []
        if not self._conduct.admit(now_s):
            return []
        try:
            message = decode(frame, limit=self.limits.agent_bytes)
        except RemoteProtocolError as error:
            raise self._strike(error) from None
        kind: str = message["type"]
        if kind == "act" and self.state == grammar.RACING:
            return self._act(message, now_s)
        then = grammar.follow(self.state, "client", kind)
        if then is None:
            return self._out_of_order(kind, message)
        try:
            said = READERS[kind](message, now_s)
        except RemoteProtocolError as error:
            raise self._strike(error) from None
        if kind in grammar.ABOUT_A_HEAT and message["heat"] != self.heat:
            return self._other_heat(message)
        if isinstance(said, Hello):
            self.hello, self.codec = said, said.codec
        self.state = then
        return [said]

    def close_tick(self, now_s: float) -> Act | None:
        """Close the open tick: what arrives for it from now on is late.

        Returns:
            The last answer that came in time, or None if there was none or it was refused.
        """
        if not self._open:
            return None
        self._open = False
        self._closed_s = now_s
        answer, self._answer = self._answer, None
        if answer is None:
            self.counts.missed += 1
        if not self.answered:
            self._pace.owe()
        self._last = {"k": self.tick, "us": answer.us if answer else 0, "used": answer is not None}
        return answer

    @property
    def waiting(self) -> bool:
        """Whether a tick is open and unanswered."""
        return self._open and not self.answered

    # -- what is said --------------------------------------------------------------------------

    def welcome(self) -> Frame:
        """The first message, right after the connection is made."""
        return self._say(
            {
                "type": "welcome",
                "proto": list(PROTO),
                "server": self._server,
                "behavior": self._behavior,
                "nonce": self._nonce,
                "limits": self.limits.as_dict(),
                "auth": list(self._auth),
            }
        )

    def accept(self, session: str, resume_token: str, entry_id: str, *, resumed: bool = False) -> Frame:
        """The driver is in; with `resumed`, in the session that it asked to go on with."""
        return self._say(
            {
                "type": "accepted",
                "session": session,
                "resume_token": resume_token,
                "entry_id": entry_id,
                "resumed": resumed,
            }
        )

    def error(self, code: str, message: str, *, fatal: bool = False, retry_s: float | None = None) -> Frame:
        """Something was wrong. A fatal error is the last message: close with `ERROR_CODES[code].close`."""
        told = {
            "type": "error",
            "code": code,
            "message": message,
            "fatal": fatal,
            "doc": ERROR_CODES[code].doc,
        }
        if retry_s is not None:
            told["retry_s"] = retry_s
        frame = self._say(told)
        if fatal:
            self.state = grammar.OVER
        return frame

    def refuse(self, error: RemoteProtocolError) -> Frame:
        """The answer to what `receive` raised; fatal if it has a close code."""
        return self.error(error.code, str(error), fatal=error.close is not None)

    def sync_reply(self, said: Sync, now_s: float) -> Frame:
        """Our clock when the question came and now; both from the clock given to `receive`."""
        return self._say({"type": "sync", "t0": said.t0, "t1": said.at_s * 1e6, "t2": now_s * 1e6})

    def assign(self, fields: Mapping[str, Any]) -> Frame:
        """A heat to race.

        Args:
            fields: From `league.racing.telling.briefing_fields`; "heat", "seat", "hz", "act_spec" are needed.
        """
        heat = self._needed(fields, "heat", str)
        hz = self._needed(fields, "hz", int)
        top_mps = float(self._needed(fields, "act_spec", dict)["speed_mps"][1])
        ended = self.heat
        frame = self._say({"type": "assign", **fields})
        if ended is not None and ended != heat and ended not in self._ended:
            self._ended.append(ended)
        self.heat, self.tick, self._open, self.answered = heat, None, False, False
        self._answer = self._last = None
        self._top_mps, self._newest_k = top_mps * _ROUNDING, -1
        self._pace.tick_s = 1.0 / hz
        self._pace.forget()
        return frame

    def countdown(self, left_s: float) -> Frame:
        """The start is `left_s` away."""
        return self._say({"type": "countdown", "heat": self.heat, "left_s": left_s})

    def go(self, k: int = 0) -> Frame:
        """The green light; for a driver who comes back, `k` is the tick the heat is at."""
        return self._say({"type": "go", "heat": self.heat, "k": k})

    def observe(self, k: int, fields: Mapping[str, Any], *, deadline_us: int, bank_ms: int = 0) -> Frame:
        """What the driver sees at tick `k`; opens that tick and closes the one before.

        Args:
            k: Greater than any tick shown in this heat.
            fields: From `league.racing.telling.observation_fields`.
            deadline_us: Time to answer from now on.
            bank_ms: What is left of the bank for late answers.

        Raises:
            LocalProtocolError: The driver is not racing, or `k` is not greater.
        """
        if self.state != grammar.RACING:
            raise self._not_now("obs")
        tick = self.tick
        if tick is not None and k <= tick:
            raise LocalProtocolError(f"obs for tick {k} after tick {tick}, expected a greater one")
        if self._open:
            self.close_tick(self._closed_s)
        message = {
            "type": "obs",
            "heat": self.heat,
            "k": k,
            "dl_us": deadline_us,
            "bank_ms": bank_ms,
            **fields,
        }
        if self._last is not None:
            message["last"] = self._last
        frame = encode(message, self.codec)
        self.tick, self._open, self.answered = k, True, False
        self._pace.renew()
        return frame

    def late(self, said: LateAct, *, policy: str, streak: int) -> Frame:
        """An answer came too late and was dropped.

        Args:
            said: What `receive` returned.
            policy: What drives meanwhile: "hold" or "brake".
            streak: Missing answers in a row.
        """
        return self._say(
            {
                "type": "late",
                "heat": said.heat,
                "k": said.k,
                "us": said.late_us,
                "policy": policy,
                "streak": streak,
            }
        )

    def event(self, fact: Mapping[str, Any]) -> Frame:
        """A fact of the race, from `Fact.as_dict()`."""
        return self._say({"type": "event", "heat": self.heat, **fact})

    def finish(self, order: Iterable[Mapping[str, Any]]) -> Frame:
        """The heat is over, also for who never started; `order` is provisional, with every lap."""
        frame = self._say({"type": "finish", "heat": self.heat, "order": list(order)})
        self._open = False
        return frame

    def result(
        self, result: Mapping[str, Any], *, revision: int = 0, final: bool = True, changes: Iterable[str] = ()
    ) -> Frame:
        """The heat's result JSON; a higher revision replaces a lower one."""
        return self._say(
            {
                "type": "result",
                "heat": self.heat,
                "revision": revision,
                "final": final,
                "result": result,
                "changes": list(changes),
            }
        )

    def bye(self, reason: str) -> Frame:
        """The end, in words."""
        return self._say({"type": "bye", "reason": reason})

    # -- inside --------------------------------------------------------------------------------

    def _say(self, message: dict[str, Any]) -> Frame:
        then = grammar.follow(self.state, "server", message["type"])
        if then is None:
            raise self._not_now(message["type"])
        frame = encode(message, self.codec)
        if then != self.state:
            self._pace.renew()
            self.state = then
        return frame

    def _not_now(self, kind: str) -> LocalProtocolError:
        now = ", ".join(grammar.allowed(self.state, "server")) or "nothing"
        return LocalProtocolError(f"{kind!r} cannot be sent in state {self.state!r}, expected one of: {now}")

    @staticmethod
    def _needed(fields: Mapping[str, Any], key: str, kind: type) -> Any:
        value = fields.get(key)
        if not isinstance(value, kind):
            raise LocalProtocolError(f"assign.{key}: expected {kind.__name__}, found {describe(value)}")
        return value

    def _strike(self, error: RemoteProtocolError) -> RemoteProtocolError:
        return self._conduct.strike(error, self.state)

    def _out_of_order(self, kind: str, message: Mapping[str, Any]) -> list[Said]:
        if kind not in grammar.CLIENT_TYPES:
            self.counts.unknown += 1
            return []
        heat = message.get("heat")
        if kind in grammar.ABOUT_A_HEAT and type(heat) is str and self._over(heat):
            return self._crossed(message)
        raise self._conduct.out_of_order(kind, self.state)

    def _act(self, message: Mapping[str, Any], now_s: float) -> list[Said]:
        """Read an answer while racing; the hot path."""
        get = message.get
        k, heat = get("k"), get("heat")
        if type(k) is not int or k < 0:
            raise self._strike(bad_field("act.k", "the number of a tick", k))
        if type(heat) is not str or heat != self.heat:
            return self._other_heat(message)
        tick = self.tick
        if tick is None or k > tick:
            self.counts.future += 1
            shown = "none" if tick is None else str(tick)
            raise RemoteProtocolError(
                "future", f"act.k: expected the tick shown last ({shown}), found {describe(k)}"
            )
        if k < tick or not self._open:
            return [self._late(heat, k, now_s)]
        us, note = get("us", 0), get("note", "")
        if type(us) is not int or not 0 <= us <= 1 << 53:
            raise self._strike(bad_field("act.us", "a whole number of microseconds", us))
        if note != "" and not self._fits(note):
            raise self._strike(bad_field("act.note", f"text of at most {self.limits.note_bytes} bytes", note))
        steer, speed = get("steer_rad"), get("speed_mps")
        if type(steer) is not float and type(steer) is not int:
            raise self._strike(bad_field("act.steer_rad", "a number", steer))
        if type(speed) is not float and type(speed) is not int:
            raise self._strike(bad_field("act.speed_mps", "a number", speed))
        if self.answered:
            self.counts.duplicates += 1
        self.answered = True
        if not (-pi <= steer <= pi and 0 <= speed <= self._top_mps):  # NaN fails every comparison
            return [self._refused(heat, k, steer, speed)]
        self.counts.acts += 1
        self._newest_k = k
        act = self._answer = Act(heat, k, float(steer), float(speed), us, note)
        return [act]

    def _refused(self, heat: str, k: int, steer: float, speed: float) -> RefusedAct:
        self._answer = None
        self.counts.refused += 1
        if -pi <= steer <= pi:
            problem = f"act.speed_mps: expected 0 to {self._top_mps:.4g}, found {describe(speed)}"
        else:
            problem = f"act.steer_rad: expected -3.1416 to 3.1416, found {describe(steer)}"
        return RefusedAct(heat, k, problem)

    def _late(self, heat: str, k: int, now_s: float) -> LateAct:
        self.counts.late += 1
        if k > self._newest_k:
            self._newest_k = k
            self._pace.settle()
        return LateAct(heat, k, max(0, round((now_s - self._closed_s) * 1e6)))

    def _fits(self, note: object) -> bool:
        if type(note) is not str or len(note) > self.limits.note_bytes:
            return False
        try:
            return len(note.encode()) <= self.limits.note_bytes
        except UnicodeEncodeError:
            return False

    def _over(self, heat: str) -> bool:
        return heat in self._ended or (self.state == grammar.FINISHED and heat == self.heat)

    def _other_heat(self, message: Mapping[str, Any]) -> list[Said]:
        """A message about another heat than the one assigned: it crossed ours if that one is over."""
        heat = message.get("heat")
        if type(heat) is str and self._over(heat):
            return self._crossed(message)
        where = f"{message['type']}.heat"
        raise self._strike(
            RemoteProtocolError(
                "wrong_heat", f"{where}: expected {describe(self.heat)}, found {describe(heat)}"
            )
        )

    def _crossed(self, message: Mapping[str, Any]) -> list[Said]:
        """A message about a heat that is over: no fault, for ours was on its way to the driver."""
        self.counts.stale += 1
        return []
