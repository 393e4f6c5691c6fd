"""The connection as a driver sees it: the mirror of `league.wire.serverside`, without I/O.

Pure: it is given frames and gives back frames and what was told. It owns no socket, clock or agent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from league.errors import LocalProtocolError, RemoteProtocolError
from league.wire import grammar
from league.wire.checking import bad_field, flag, mapping, number, read_bye, text, version, whole
from league.wire.codec import MAX_SERVER_ITEMS, Frame, decode, encode
from league.wire.messages import (
    BAD_FRAME,
    Accepted,
    Assign,
    Bye,
    Codec,
    Countdown,
    Counts,
    Event,
    Finish,
    Go,
    Hello,
    Late,
    Limits,
    Obs,
    Problem,
    Result,
    SyncReply,
    Told,
    Welcome,
)

_Message = Mapping[str, Any]


class ClientSession:
    """One connection to a server, from `welcome` to `bye`.

    Call the methods named after messages to get the frame to send; `LocalProtocolError` says that the
    grammar does not allow it now. Give every frame that arrives to `receive`.

    Args:
        codec: What to speak; from the sub-protocol that was agreed on.
    """

    def __init__(self, *, codec: Codec = "msgpack") -> None:
        self.state = grammar.NEW
        self.codec: Codec = codec
        self.counts = Counts()
        self.heat: str | None = None
        """The heat assigned last."""
        self.tick: int | None = None
        """The tick shown last."""
        self.welcome: Welcome | None = None
        self._answered = -1
        self._limit = Limits().server_bytes

    # -- what arrives --------------------------------------------------------------------------

    def receive(self, frame: Frame) -> list[Told]:
        """Read one frame.

        Returns:
            What was told: nothing or one thing. Nothing for a type that this version does not know, and
            after the end.

        Raises:
            RemoteProtocolError: The server broke the protocol; close with the code that it carries.
        """
        if self.state == grammar.OVER:
            return []
        self.counts.frames += 1
        message = decode(frame, limit=self._limit, items=MAX_SERVER_ITEMS)
        kind: str = message["type"]
        then = grammar.follow(self.state, "server", kind)
        if then is None:
            return self._out_of_order(kind)
        try:
            told = _READERS[kind](message)
        except RemoteProtocolError as error:
            self.counts.bad += 1
            raise RemoteProtocolError(error.code, str(error), close=error.close or BAD_FRAME) from None
        self.state = then
        if kind == "obs":
            self._see(told)
        elif kind == "assign":
            self.heat, self.tick, self._answered = message["heat"], None, -1
        elif kind == "welcome":
            self._greeted(told)
        elif isinstance(told, Problem) and told.fatal:
            self.state = grammar.OVER
        return [told]

    # -- what is said --------------------------------------------------------------------------

    def hello(self, hello: Hello) -> Frame:
        """Who drives and where; the codec that it names is spoken from here on."""
        message = {
            "type": "hello",
            **{key: value for key, value in asdict(hello).items() if value is not None},
        }
        message["proto"], message["want"] = list(hello.proto), list(hello.want)
        frame = self._say(message)
        self.codec = hello.codec
        return frame

    def sync(self, t0_us: float) -> Frame:
        """Our clock, in µs."""
        return self._say({"type": "sync", "t0": t0_us})

    def loading(self, progress: float = 0.0) -> Frame:
        """Still getting ready; `progress` from 0 to 1."""
        return self._say({"type": "loading", "heat": self.heat, "progress": progress})

    def ready(self, load_ms: float = 0.0, warm_ms_p99: float = 0.0) -> Frame:
        """Ready to start."""
        return self._say({"type": "ready", "heat": self.heat, "load_ms": load_ms, "warm_ms_p99": warm_ms_p99})

    def act(self, k: int, steer_rad: float, speed_mps: float, *, us: int = 0, note: str = "") -> Frame:
        """The answer to tick `k`, with the time it took.

        Raises:
            LocalProtocolError: That tick was not shown, or it or a later one is answered already.
        """
        tick = self.tick
        if self.state != grammar.RACING or tick is None:
            raise self._not_now("act")
        if not self._answered < k <= tick:
            raise LocalProtocolError(
                f"act for tick {k}, expected one from {self._answered + 1} to {tick}, the tick shown last"
            )
        message = {
            "type": "act",
            "heat": self.heat,
            "k": k,
            "steer_rad": steer_rad,
            "speed_mps": speed_mps,
            "us": us,
        }
        if note:
            message["note"] = note
        frame = encode(message, self.codec)
        self._answered = k
        return frame

    def bye(self, reason: str) -> Frame:
        """The end, in words."""
        return self._say({"type": "bye", "reason": reason})

    # -- inside --------------------------------------------------------------------------------

    def _say(self, message: dict[str, Any]) -> Frame:
        then = grammar.follow(self.state, "client", message["type"])
        if then is None:
            raise self._not_now(message["type"])
        frame = encode(message, self.codec)
        self.state = then
        return frame

    def _not_now(self, kind: str) -> LocalProtocolError:
        now = ", ".join(grammar.allowed(self.state, "client")) or "nothing"
        return LocalProtocolError(f"{kind!r} cannot be sent in state {self.state!r}, expected one of: {now}")

    def _out_of_order(self, kind: str) -> list[Told]:
        if kind not in grammar.SERVER_TYPES:
            self.counts.unknown += 1
            return []
        self.counts.order += 1
        now = ", ".join(grammar.allowed(self.state, "server")) or "nothing"
        raise RemoteProtocolError(
            "order", f"{kind!r} in state {self.state!r}, expected one of: {now}", close=BAD_FRAME
        )

    def _see(self, told: Told) -> None:
        assert isinstance(told, Obs)
        if told.heat != self.heat:
            raise RemoteProtocolError(
                "wrong_heat", f"obs.heat: expected {self.heat!r}, found {told.heat!r}", close=BAD_FRAME
            )
        if self.tick is not None and told.k <= self.tick:
            raise RemoteProtocolError(
                "order", f"obs.k: expected more than {self.tick}, found {told.k}", close=BAD_FRAME
            )
        self.tick = told.k

    def _greeted(self, told: Told) -> None:
        assert isinstance(told, Welcome)
        self.welcome = told
        self._limit = max(self._limit, int(told.limits.get("server_bytes", 0)))


def _heat(message: _Message, kind: str) -> str:
    return text(message, kind, "heat", least=1, most=128)


def _welcome(message: _Message) -> Told:
    limits = mapping(message, "welcome", "limits", needed=False)
    auth = message.get("auth", [])
    if type(auth) is not list or not all(type(way) is str for way in auth):
        raise bad_field("welcome.auth", "a list of texts", auth)
    return Welcome(
        proto=version(message, "welcome"),
        server=text(message, "welcome", "server", default="", most=128),
        behavior=whole(message, "welcome", "behavior"),
        nonce=text(message, "welcome", "nonce", default="", most=256),
        limits={
            name: number(limits, "welcome.limits", name, most=2**26)
            for name in Limits().as_dict()
            if name in limits
        },
        auth=tuple(auth),
    )


def _accepted(message: _Message) -> Told:
    return Accepted(
        text(message, "accepted", "session", least=1, most=128),
        text(message, "accepted", "resume_token", default="", most=256),
        text(message, "accepted", "entry_id", default="", most=128),
        flag(message, "accepted", "resumed", default=False),
    )


def _problem(message: _Message) -> Told:
    retry_s = number(message, "error", "retry_s", most=1e6) if message.get("retry_s") is not None else None
    return Problem(
        text(message, "error", "code", least=1),
        text(message, "error", "message", default="", most=1000),
        flag(message, "error", "fatal", default=False),
        retry_s,
        text(message, "error", "doc", default=""),
    )


def _sync(message: _Message) -> Told:
    t0, t1, t2 = (number(message, "sync", key, least=-1e18) for key in ("t0", "t1", "t2"))
    return SyncReply(t0, t1, t2)


def _assign(message: _Message) -> Told:
    return Assign(_heat(message, "assign"), whole(message, "assign", "seat", most=1000), message)


def _countdown(message: _Message) -> Told:
    return Countdown(
        _heat(message, "countdown"), number(message, "countdown", "left_s", default=0.0, most=1e6)
    )


def _go(message: _Message) -> Told:
    return Go(_heat(message, "go"), whole(message, "go", "k", default=0))


def _obs(message: _Message) -> Told:
    heat, k, dl_us = message.get("heat"), message.get("k"), message.get("dl_us")
    if type(heat) is not str:
        raise bad_field("obs.heat", "text", heat)
    if type(k) is not int or k < 0:
        raise bad_field("obs.k", "the number of a tick", k)
    if type(dl_us) is not int:
        raise bad_field("obs.dl_us", "a whole number of microseconds", dl_us)
    return Obs(heat, k, dl_us, message)


def _late(message: _Message) -> Told:
    return Late(
        _heat(message, "late"),
        whole(message, "late", "k"),
        whole(message, "late", "us", default=0),
        text(message, "late", "policy", default=""),
        whole(message, "late", "streak", default=0),
    )


def _event(message: _Message) -> Told:
    return Event(
        _heat(message, "event"),
        whole(message, "event", "k"),
        text(message, "event", "kind", least=1),
        whole(message, "event", "seat", default=-1, least=-1, most=1000),
        whole(message, "event", "t_us", default=0),
        mapping(message, "event", "data", needed=False),
    )


def _finish(message: _Message) -> Told:
    order = message.get("order")
    if type(order) is not list or not all(type(entry) is dict for entry in order):
        raise bad_field("finish.order", "a list of maps", order)
    return Finish(_heat(message, "finish"), tuple(order))


def _result(message: _Message) -> Told:
    changes = message.get("changes", [])
    if type(changes) is not list or not all(type(change) is str for change in changes):
        raise bad_field("result.changes", "a list of texts", changes)
    return Result(
        _heat(message, "result"),
        whole(message, "result", "revision", default=0),
        flag(message, "result", "final", default=False),
        mapping(message, "result", "result"),
        tuple(changes),
    )


def _bye(message: _Message) -> Bye:
    return read_bye(message)


_READERS: Mapping[str, Callable[[_Message], Told]] = {
    "welcome": _welcome,
    "accepted": _accepted,
    "error": _problem,
    "sync": _sync,
    "assign": _assign,
    "countdown": _countdown,
    "go": _go,
    "obs": _obs,
    "late": _late,
    "event": _event,
    "finish": _finish,
    "result": _result,
    "bye": _bye,
}
