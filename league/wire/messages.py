"""Every message of the agent protocol as a type, with the codes and limits that go with them.

Pure: values only. The order of messages is in `league.wire.grammar`, their bytes in `league.wire.codec`.
Every message is a map with the key "type" (the class name in lower case) and the fields below; unknown
keys are ignored. Types with `from` in their first line tell who sends them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, NamedTuple

Codec = Literal["msgpack", "json"]
CODECS: tuple[Codec, ...] = ("msgpack", "json")

PROTO = (1, 0)
"""Major and minor version. Another major version is refused; minor versions may add keys and types."""
SUBPROTOCOL = "league.v1"
"""WebSocket sub-protocol: msgpack in binary frames."""
SUBPROTOCOL_JSON = "league.v1.json"
"""The same messages as JSON in text frames, for debugging."""
SUBPROTOCOLS: Mapping[str, Codec] = {SUBPROTOCOL: "msgpack", SUBPROTOCOL_JSON: "json"}

AGENT_PATH = "/ws/agent"
EMERGENCY_STOP = "emergency_stop"
"""Kind of the `event` at which a bridge stops its physical car, until somebody beside the car clears it."""

BAD_FRAME = 4000
AUTH = 4001
VERSION = 4002
RATE = 4003
TOO_LARGE = 4004
HEARTBEAT = 4008
REPLACED = 4009
NOT_IN_EVENT = 4010
REMOVED = 4011
SHUTTING_DOWN = 4012

CLOSE_CODES: Mapping[int, str] = {
    BAD_FRAME: "too many frames that are no messages, or the first one was none",
    AUTH: "the token, or the session to resume, is not known",
    VERSION: "the two sides speak different major versions",
    RATE: "more messages than three a tick, again and again",
    TOO_LARGE: "a message larger than the limit",
    HEARTBEAT: "no sign of life for too long",
    REPLACED: "a newer connection drives this entry now",
    NOT_IN_EVENT: "this entry does not take part in this event",
    REMOVED: "the organiser removed this entry",
    SHUTTING_DOWN: "the server stops; try again later",
}
"""Every WebSocket close code that the league uses, in words."""
FINAL_CLOSES = frozenset({BAD_FRAME, AUTH, VERSION, RATE, TOO_LARGE, REPLACED, NOT_IN_EVENT, REMOVED})
"""Close codes after which connecting again is of no use."""


class ErrorCode(NamedTuple):
    """What an `error` message's code means."""

    about: str
    close: int | None
    """The close code that follows where the error is fatal."""
    doc: str
    """The word under which the protocol's handbook explains it."""


ERROR_CODES: Mapping[str, ErrorCode] = {
    "bad_frame": ErrorCode("a frame that is no message at all", BAD_FRAME, "frames"),
    "too_large": ErrorCode("a message larger than the limit", TOO_LARGE, "limits"),
    "bad_field": ErrorCode("a field is missing, of the wrong type or out of bounds", BAD_FRAME, "fields"),
    "order": ErrorCode("a message that the grammar does not allow now", BAD_FRAME, "order"),
    "future": ErrorCode("an answer to a tick that has not been shown", None, "ticks"),
    "wrong_heat": ErrorCode("an answer that names a heat this driver is not in", None, "ticks"),
    "bad_command": ErrorCode(
        "a command that is not finite or out of range: it counts as missing", None, "commands"
    ),
    "rate": ErrorCode("more messages than three a tick", RATE, "limits"),
    "version": ErrorCode("the two sides speak different major versions", VERSION, "versions"),
    "auth": ErrorCode("the token, or the session to resume, is not known", AUTH, "joining"),
    "unknown_event": ErrorCode("no event has that id", NOT_IN_EVENT, "joining"),
    "not_in_event": ErrorCode("this entry does not take part in this event", NOT_IN_EVENT, "joining"),
    "not_open": ErrorCode("the event takes no entries now", NOT_IN_EVENT, "joining"),
    "removed": ErrorCode("the organiser removed this entry", REMOVED, "joining"),
    "replaced": ErrorCode("a newer connection drives this entry now", REPLACED, "resuming"),
    "resume": ErrorCode("the session cannot be resumed: too late or too often", AUTH, "resuming"),
    "no_show": ErrorCode("not ready in time; the heat starts without this driver", None, "starting"),
    "busy": ErrorCode("the server can take no more connections now", SHUTTING_DOWN, "joining"),
    "shutting_down": ErrorCode("the server stops; try again later", SHUTTING_DOWN, "joining"),
    "internal": ErrorCode("the server's own fault; no driver is charged", None, "joining"),
}
"""Every code that an `error` message may carry."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server grants every driver; told in `welcome`."""

    agent_bytes: int = 64 * 1024
    """Largest message from a driver."""
    server_bytes: int = 1024 * 1024
    """Largest message from the server."""
    messages_per_tick: int = 3
    strikes: int = 20
    """So many bad frames, or so many messages beyond the rate, close the connection."""
    refusals: int = 20
    """So many refused commands in a heat disqualify."""
    note_bytes: int = 256
    ready_s: float = 20.0
    """Time to get ready after `assign`."""
    no_show_s: float = 60.0
    hello_s: float = 10.0
    """Time to say hello after `welcome`."""
    sync_s: float = 5.0
    """How often a driver synchronises its clock."""
    ping_s: float = 5.0
    dead_s: float = 15.0
    """A silent connection is dead after this."""
    resume_s: float = 5.0
    """A driver may come back within this time of the heat's clock."""
    resumes: int = 2
    """How often a driver may come back in one heat."""

    @property
    def socket_bytes(self) -> int:
        """What the transport should let through, so that a message over the limit is answered with 4004."""
        return 4 * self.agent_bytes

    def as_dict(self) -> dict[str, float]:
        """Every limit by name, as `welcome` carries them."""
        return asdict(self)


# -- from the driver -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Entry:
    """What a driver says of itself in `hello`."""

    name: str
    version: str = ""
    kind: str = "remote"
    """"onnx", "scripted", "remote" or "physical"."""
    sha256: str = ""
    """Of the model file, if there is one."""
    licence: str = ""


@dataclass(frozen=True, slots=True)
class Sdk:
    """What a driver is written with."""

    lang: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class Resume:
    """The session that a driver wants to go on with."""

    session: str
    token: str
    """The `resume_token` of `accepted`."""
    last_k: int = -1
    """The last tick it saw; -1 for none."""


@dataclass(frozen=True, slots=True)
class Hello:
    """`hello` from the driver: who it is and which event it wants to race in."""

    event: str
    entry: Entry
    proto: tuple[int, int] = PROTO
    codec: Codec = "msgpack"
    """What both sides speak from here on."""
    token: str | None = None
    sdk: Sdk = Sdk()
    want: tuple[str, ...] = ("state",)
    """Sensors that it needs."""
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Sync:
    """`sync` from the driver: its clock, at joining and every 5 s."""

    t0: float
    """The driver's clock in µs, any origin; sent back as it came."""
    at_s: float
    """When it arrived, on the receiver's clock; not on the wire."""


@dataclass(frozen=True, slots=True)
class Loading:
    """`loading` from the driver: still getting ready, so that a slow start is never silent."""

    heat: str
    progress: float = 0.0
    """0 to 1."""


@dataclass(frozen=True, slots=True)
class Ready:
    """`ready` from the driver: it can start."""

    heat: str
    load_ms: float = 0.0
    warm_ms_p99: float = 0.0
    """Slowest of its trial answers."""


class Act(NamedTuple):
    """`act` from the driver: its answer to tick `k`, finite and within the car's limits."""

    heat: str
    k: int
    steer_rad: float
    speed_mps: float
    us: int = 0
    """Time it took, as the driver measured it."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class LateAct:
    """An `act` for a tick that is closed: dropped and counted; answer it with `AgentSession.late`."""

    heat: str
    k: int
    late_us: int
    """How long ago the tick closed; for older ticks at least this long."""


@dataclass(frozen=True, slots=True)
class RefusedAct:
    """An `act` for the open tick whose command is not finite or out of range: it counts as missing."""

    heat: str
    k: int
    problem: str
    """What was found and what was expected, for `AgentSession.error("bad_command", problem)`."""


@dataclass(frozen=True, slots=True)
class Bye:
    """`bye` from either side: the end, with the reason."""

    reason: str = ""


Said = Hello | Sync | Loading | Ready | Act | LateAct | RefusedAct | Bye
"""What `AgentSession.receive` may return."""


# -- from the server -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Welcome:
    """`welcome` from the server: which league this is and what it allows."""

    proto: tuple[int, int]
    server: str
    behavior: int
    """Results are comparable only within one."""
    nonce: str
    limits: Mapping[str, float]
    auth: tuple[str, ...]
    """Ways to be accepted: "token", "resume", "open"."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """`accepted` from the server: the driver is in."""

    session: str
    resume_token: str
    entry_id: str
    resumed: bool = False
    """Whether an earlier session goes on; its heat, if one runs, is assigned again."""


@dataclass(frozen=True, slots=True)
class Problem:
    """`error` from the server: something was wrong; if fatal, the connection closes."""

    code: str
    message: str
    fatal: bool = False
    retry_s: float | None = None
    doc: str = ""


@dataclass(frozen=True, slots=True)
class SyncReply:
    """`sync` from the server: when the question came and when the answer left, in µs of its clock."""

    t0: float
    t1: float
    t2: float


@dataclass(frozen=True, slots=True)
class Assign:
    """`assign` from the server: a heat to race; `league.racing.telling` turns it into a `Briefing`."""

    heat: str
    seat: int
    fields: Mapping[str, Any]
    """The whole message: circuit, car, laps, rules, obs_spec, act_spec, hz, clock, deadline_ms, bank_ms …"""


@dataclass(frozen=True, slots=True)
class Countdown:
    """`countdown` from the server: the start is near."""

    heat: str
    left_s: float


@dataclass(frozen=True, slots=True)
class Go:
    """`go` from the server: the green light; for a driver who comes back, `k` says where the heat is."""

    heat: str
    k: int = 0


class Obs(NamedTuple):
    """`obs` from the server: what the driver sees at tick `k` and how long it may think."""

    heat: str
    k: int
    dl_us: int
    """Time to answer, in µs from now, without the bank."""
    fields: Mapping[str, Any]
    """The whole message: t_us, sensors, lap, flag, penalty, missed, bank_ms, last."""


@dataclass(frozen=True, slots=True)
class Late:
    """`late` from the server: an answer came after its tick had closed and was dropped."""

    heat: str
    k: int
    us: int
    """How late it was."""
    policy: str
    """What drives meanwhile: "hold" or "brake"."""
    streak: int
    """Missing answers in a row."""


@dataclass(frozen=True, slots=True)
class Event:
    """`event` from the server: a fact of the race, see `league.racing.fact.Fact`."""

    heat: str
    k: int
    kind: str
    seat: int
    t_us: int = 0
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finish:
    """`finish` from the server: the heat is over; the provisional order with every lap."""

    heat: str
    order: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """`result` from the server: the heat's result, in the form of the result JSON."""

    heat: str
    revision: int
    final: bool
    result: Mapping[str, Any]
    changes: tuple[str, ...] = ()


Told = (
    Welcome
    | Accepted
    | Problem
    | SyncReply
    | Assign
    | Countdown
    | Go
    | Obs
    | Late
    | Event
    | Finish
    | Result
    | Bye
)
"""What `ClientSession.receive` may return."""


@dataclass(slots=True)
class Counts:
    """What one connection has seen so far; every number only grows."""

    frames: int = 0
    acts: int = 0
    """Answers taken, duplicates included."""
    missed: int = 0
    """Ticks that closed without a usable answer."""
    late: int = 0
    duplicates: int = 0
    """Second answers to one tick; the last before the close wins."""
    future: int = 0
    refused: int = 0
    """Commands that are not finite or out of range."""
    bad: int = 0
    """Frames that are no message, or with a bad field."""
    order: int = 0
    """Messages that the grammar does not allow then."""
    unknown: int = 0
    """Messages of a type that this version does not know."""
    rate: int = 0
    """Messages beyond the rate, dropped unread."""
    stale: int = 0
    """Messages about a heat that was over already."""

    def as_dict(self) -> dict[str, int]:
        """Every count by name."""
        return asdict(self)
