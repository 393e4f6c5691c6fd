"""Watching: one event's news, encoded once and fanned out to every viewer.

`Broadcast.publish` is plain and cheap (it stores a reference and asks the event loop for a turn), so a
race may call it in its tick. The bytes are made when the first viewer needs them and shared by all; a
viewer whose connection is full is passed over and later gets only the latest frame, never a queue.
"""

from __future__ import annotations

import asyncio
import json
import logging
import math
import socket as sockets
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import msgpack
import numpy as np
from aiohttp import WSCloseCode, web
from numpy.typing import ArrayLike

from league.track.circuit import Circuit

log = logging.getLogger(__name__)

MSGPACK: Final = "league.v1"
JSON: Final = "league.v1.json"
SUBPROTOCOLS: Final = (JSON, MSGPACK)

FRAMES_PER_S = 30.0
SNAP_S = 1.0
BACKLOG_BYTES = 64 * 1024
"""Unsent bytes of one viewer beyond which nothing more is handed to its connection."""
LOG_LENGTH = 128
"""Messages that a slow viewer may be behind before it is given the present state instead."""
SLICE = 50
"""Viewers served in one turn of the event loop, so that a race never waits for all of them."""

MOST_VIEWERS = 5000
"""Viewers of one event; more are asked to come back later."""

PENALTY, OFF_TRACK, OUT, FINISHED = 1, 2, 4, 8
"""Bits of a car's flags in a frame: stands for a penalty, off the road, out of the race, finished."""

Codec = Literal["json", "msgpack", "events"]
"""JSON and msgpack in frames of a WebSocket; JSON as server-sent events."""


class Line(Protocol):
    """What a broadcast needs of a connection; every asyncio transport has it."""

    def write(self, data: bytes) -> None:
        """Send, or keep what cannot be sent yet; never waits."""

    def get_write_buffer_size(self) -> int:
        """Bytes kept and not yet sent."""

    def is_closing(self) -> bool:
        """Whether it is closed or about to be."""


class Parcel:
    """One message, and its bytes on the wire once somebody has asked for them."""

    __slots__ = ("_frames", "message")

    def __init__(self, message: Mapping[str, Any]) -> None:
        self.message = message
        self._frames: dict[Codec, bytes] = {}

    def frame(self, codec: Codec) -> tuple[bytes, bool]:
        """Give the message as a complete frame or event, and whether it was just made.

        One that cannot be encoded is a fault of ours: it is logged and left out, and the race goes on.
        """
        made = self._frames.get(codec)
        if made is not None:
            return made, False
        try:
            made = event_chunk(self.message) if codec == "events" else websocket_frame(self.message, codec)
        except (TypeError, ValueError, OverflowError):
            log.exception("a %r message for viewers cannot be encoded", self.message.get("type"))
            made = b""
        self._frames[codec] = made
        return made, True


class Viewer:
    """One connection that watches; made by `Broadcast.join`."""

    __slots__ = ("_codec", "_frames", "_line", "_next", "_seen_frame", "_seen_snap")

    def __init__(self, line: Line, codec: Codec, *, frames: bool, following: int) -> None:
        self._line = line
        self._codec = codec
        self._frames = frames
        self._next = following
        self._seen_frame: Parcel | None = None
        self._seen_snap: Parcel | None = None

    def serve(self, feed: Broadcast) -> None:
        """Hand over what is new, as far as the connection takes it."""
        line = self._line
        if line.is_closing():
            return
        if self._next < feed.first:
            if line.get_write_buffer_size():
                return
            self._next = feed.end
            self._seen_snap = self._seen_frame = None
            for parcel in feed.present():
                self._send(feed, parcel)
        while self._next < feed.end and line.get_write_buffer_size() < BACKLOG_BYTES:
            self._send(feed, feed.log[self._next - feed.first])
            self._next += 1
        if not self._frames or self._next < feed.end or line.get_write_buffer_size():
            return
        if feed.snap is not None and feed.snap is not self._seen_snap:
            self._send(feed, feed.snap)
        if feed.frame is not None and feed.frame is not self._seen_frame:
            self._send(feed, feed.frame)
        self._seen_snap, self._seen_frame = feed.snap, feed.frame

    def _send(self, feed: Broadcast, parcel: Parcel) -> None:
        data, made = parcel.frame(self._codec)
        feed.encoded += made
        if data:
            feed.sent += 1
            self._line.write(data)


class Broadcast:
    """Everything that the viewers of one event are told.

    Messages are mappings with a "type". A "frame" or "snap" replaces the one before it; "board" and
    "heat" are sent in order and the latest is kept for newcomers; anything else is sent in order.

    Args:
        hello: The first message of every viewer: the event and its circuit.
        clock: Seconds that never go back.
    """

    def __init__(self, hello: Mapping[str, Any], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.viewers: set[Viewer] = set()
        self.log: deque[Parcel] = deque()
        self.first = 0
        """Number of the oldest message in the log."""
        self.snap: Parcel | None = None
        self.frame: Parcel | None = None
        self.encoded = 0
        """How often a message was turned into bytes."""
        self.sent = 0
        """How many messages were handed to connections."""
        self._hello = Parcel(hello)
        self._kept: dict[str, Parcel] = {}
        self._clock = clock
        self._served_at = -math.inf
        self._snap_at = -math.inf
        self._turn: asyncio.Handle | None = None
        self._round: list[Viewer] = []
        self._again = False
        self._open: set[web.WebSocketResponse] = set()
        self.closed = asyncio.Event()
        """Set when the server shuts down."""

    @property
    def end(self) -> int:
        """Number of the message that comes next."""
        return self.first + len(self.log)

    # -- from the race -------------------------------------------------------------------------

    def wants_frame(self) -> bool:
        """Whether a frame published now would be seen: somebody watches and the last one is old enough."""
        return bool(self.viewers) and self._clock() - self._served_at >= 1 / FRAMES_PER_S

    def wants_snap(self) -> bool:
        """Whether a second has passed since the last full picture; true without viewers, too."""
        return self._clock() - self._snap_at >= SNAP_S

    def publish(self, message: Mapping[str, Any]) -> None:
        """Tell everybody; returns at once. The message must not be changed afterwards."""
        parcel = Parcel(message)
        kind = message["type"]
        if kind == "frame":
            self.frame = parcel
            self._plan(urgent=False)
            return
        if kind == "snap":
            self._snap_at = self._clock()
            self.snap, self.frame = parcel, None
        else:
            self._keep(kind, parcel)
        self._plan(urgent=True)

    def introduce(self, hello: Mapping[str, Any]) -> None:
        """Change what newcomers are told first; those who watch already are told, too."""
        self._hello = Parcel(hello)
        self.publish(hello)

    def _keep(self, kind: str, parcel: Parcel) -> None:
        """Append to the log; a heat other than the one last pictured makes that picture void."""
        if kind in ("board", "heat"):
            self._kept[kind] = parcel
        if kind == "heat" and self.snap and self.snap.message["heat"] != parcel.message["heat"]:
            self.snap = self.frame = None
        self.log.append(parcel)
        if len(self.log) > LOG_LENGTH:
            self.log.popleft()
            self.first += 1

    # -- to the viewers ------------------------------------------------------------------------

    def present(self) -> list[Parcel]:
        """List what a newcomer is told before the picture: the event, the board and the heat."""
        return [self._hello, *(self._kept[kind] for kind in ("board", "heat") if kind in self._kept)]

    def join(self, line: Line, codec: Codec = "json", *, frames: bool = True) -> Viewer:
        """Let a connection watch; it is told the present state before anything else.

        Args:
            line: Where to write.
            codec: How to write.
            frames: Whether it wants to see the cars; off for boards.
        """
        viewer = Viewer(line, codec, frames=frames, following=self.first - 1)
        viewer.serve(self)
        self.viewers.add(viewer)
        return viewer

    def leave(self, viewer: Viewer) -> None:
        """Forget a viewer."""
        self.viewers.discard(viewer)

    async def close(self) -> None:
        """Send every viewer away: the server shuts down, they may try again."""
        if self._turn is not None:
            self._turn.cancel()
        self.closed.set()
        parting = (socket.close(code=4012, message=b"the server shuts down") for socket in [*self._open])
        await asyncio.gather(*parting, return_exceptions=True)

    async def show(self, socket: web.WebSocketResponse, line: Line, *, frames: bool = True) -> None:
        """Serve one prepared socket until it goes away."""
        codec: Codec = "msgpack" if socket.ws_protocol == MSGPACK else "json"
        viewer = self.join(line, codec, frames=frames)
        self._open.add(socket)
        try:
            async for said in socket:
                # A viewer has nothing to say; pings never get here.
                await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=f"{said.type.name}?".encode())
        finally:
            self.leave(viewer)
            self._open.discard(socket)

    def _plan(self, *, urgent: bool) -> None:
        """See to it that the viewers are served: in the loop's next turn, or when a frame is due."""
        if not self.viewers:
            return
        if self._round:
            self._again = True
            return
        if self._turn is not None:
            if not urgent:
                return
            self._turn.cancel()
        wait_s = 0.0 if urgent else self._served_at + 1 / FRAMES_PER_S - self._clock()
        self._turn = asyncio.get_running_loop().call_later(max(0.0, wait_s), self._serve)

    def _serve(self) -> None:
        """Serve a slice of the viewers, then let others have the loop."""
        if not self._round:
            self._served_at = self._clock()
            self._again = False
            self._round = [*self.viewers]
        now, self._round = self._round[:SLICE], self._round[SLICE:]
        for viewer in now:
            viewer.serve(self)
        self._turn = asyncio.get_running_loop().call_soon(self._serve) if self._round else None
        if self._again and not self._round:
            self._plan(urgent=True)


class Grandstand(Protocol):
    """Finds what can be watched; the lobby is one."""

    async def broadcast(self, event_id: str) -> Broadcast | None:
        """Find the broadcast of an event; None if there is no such event."""


GRANDSTAND: web.AppKey[Grandstand] = web.AppKey("grandstand")


async def watch_socket(request: web.Request) -> web.StreamResponse:
    """`GET /ws/watch?event=ID[&frames=0]`: follow an event; `frames=0` leaves the moving cars out."""
    event_id = request.query.get("event", "")
    broadcast = await request.app[GRANDSTAND].broadcast(event_id)
    if broadcast is None:
        return _refusal(404, "unknown_event", f"there is no event {event_id[:64]!r}")
    if len(broadcast.viewers) >= MOST_VIEWERS:
        return _refusal(503, "full", f"{MOST_VIEWERS} viewers watch this event already; try later")
    socket = web.WebSocketResponse(protocols=SUBPROTOCOLS, compress=False, heartbeat=10, max_msg_size=1024)
    await socket.prepare(request)
    if request.transport is not None:
        keep_backlog_here(request.transport)
        await broadcast.show(socket, request.transport, frames=request.query.get("frames") != "0")
    return socket


def _refusal(status: int, code: str, message: str) -> web.Response:
    return web.json_response({"error": {"code": code, "message": message}}, status=status)


# -- messages --------------------------------------------------------------------------------------


def hello_message(event: Mapping[str, Any], circuit: Circuit) -> dict[str, Any]:
    """Build the first message of every viewer; `event` holds at least id, name and status."""
    return {"type": "hello", "event": dict(event), "circuit": outline(circuit)}


def outline(circuit: Circuit) -> dict[str, Any]:
    """Describe a circuit as browsers draw it: lines of [x, y] in metres, to the millimetre."""
    lines = {name: getattr(circuit, name).round(3).tolist() for name in ("centre", "left", "right")}
    return {
        "id": circuit.id,
        "name": circuit.name,
        "length_m": round(circuit.length_m, 3),
        "direction": circuit.direction,
        **lines,
    }


def frame_message(heat: str, tick: int, time_us: int, cars: Sequence[int]) -> dict[str, Any]:
    """Where the cars are; `cars` comes from `frame_cars`."""
    return {"type": "frame", "heat": heat, "k": tick, "t_us": time_us, "cars": cars}


def frame_cars(
    pose: ArrayLike, speed_mps: ArrayLike, *, lap: ArrayLike, along_m: ArrayLike, flags: ArrayLike
) -> list[int]:
    """Cars as flat whole numbers: seat, x_mm, y_mm, yaw_mrad, v_mm_s, lap, s_mm, flags for each.

    Args:
        pose: x and y of the chassis origin in m, and yaw in rad, by seat, shape (n, 3).
        speed_mps: Shape (n,), like the others.
        lap: The lap each car is on.
        along_m: How far along that lap.
        flags: The sum of `PENALTY`, `OFF_TRACK`, `OUT`, `FINISHED`.
    """
    where = np.asarray(pose, dtype=np.float64)
    table = np.empty((len(where), 8))
    table[:, 0] = np.arange(len(where))
    table[:, 1:4] = where * 1000
    table[:, 4] = np.asarray(speed_mps, dtype=np.float64) * 1000
    table[:, 5] = lap
    table[:, 6] = np.asarray(along_m, dtype=np.float64) * 1000
    table[:, 7] = flags
    flat: list[int] = np.rint(table).astype(np.int64).ravel().tolist()
    return flat


def websocket_frame(message: Mapping[str, Any], codec: Codec) -> bytes:
    """Encode a message as one unmasked, uncompressed WebSocket frame (RFC 6455, section 5.2)."""
    if codec == "json":
        opcode, body = 0x1, json.dumps(message, separators=(",", ":"), allow_nan=False).encode()
    else:
        opcode, body = 0x2, msgpack.packb(message)
    size = len(body)
    if size < 126:
        head = bytes((0x80 | opcode, size))
    elif size < 65536:
        head = bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big")
    return head + body


def event_chunk(message: Mapping[str, Any]) -> bytes:
    """Encode a message as one server-sent event, in a chunk of an HTTP/1.1 answer (RFC 9112, section 7.1)."""
    data = json.dumps(message, separators=(",", ":"), allow_nan=False)
    return chunk(f"event: {message['type']}\ndata: {data}\n\n".encode())


def chunk(body: bytes) -> bytes:
    """Wrap bytes as one chunk of an HTTP/1.1 answer."""
    return b"%x\r\n%b\r\n" % (len(body), body)


def keep_backlog_here(transport: asyncio.BaseTransport) -> None:
    """Let the kernel hold little unsent data, so that a slow viewer is seen to be slow in time."""
    raw = transport.get_extra_info("socket")
    option = getattr(sockets, "TCP_NOTSENT_LOWAT", None)
    if raw is not None and option is not None and raw.family in (sockets.AF_INET, sockets.AF_INET6):
        raw.setsockopt(sockets.IPPROTO_TCP, option, 16 * 1024)
