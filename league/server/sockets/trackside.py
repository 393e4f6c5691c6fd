"""`GET /ws/timing` and `GET /ws/control`: timing devices, and the people who judge what they say."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, get_args

from aiohttp import WSMsgType, web

from league import __version__
from league.errors import InputError, LeagueError, RaceError, RemoteProtocolError
from league.racing.crossings import OF_ENTRIES, ON_CROSSINGS, NoteKind
from league.racing.trackside import (
    MOST_BYTES,
    AskTime,
    Crossing,
    Decide,
    Greeting,
    read_decision,
    read_device,
    read_greeting,
)
from league.server.door.admission import roles_for, who
from league.server.keys import BOOK, DOORKEEPER, LOBBY, SETTINGS
from league.server.race.timing import Device, TimingDesk, Wish
from league.server.rest.contract import operation
from league.server.rest.shapes import TimingLines
from league.server.sockets.agents import check_protocol
from league.store.records import TokenRecord
from league.wire.codec import decode, encode
from league.wire.messages import AUTH, BAD_FRAME, NOT_IN_EVENT, SHUTTING_DOWN, SUBPROTOCOLS, Codec

log = logging.getLogger(__name__)

HELLO_S: Final = 10.0
HEARTBEAT_S: Final = 10.0
"""A ping after so long; without an answer for half as long again the connection is dead."""
MOST_ERRORS: Final = 20
"""So many messages that mean nothing end a connection."""
LOOK_S: Final = 0.05
"""A timekeeper is shown what stands at most so often."""
_WISHES: Final[Mapping[str, Wish]] = {wish: wish for wish in get_args(Wish)}
_DEEDS: Final[Mapping[str, NoteKind]] = {deed: deed for deed in (*ON_CROSSINGS, *OF_ENTRIES, "undo")}


SOCKETS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("trackside sockets")


def add_trackside(app: web.Application) -> None:
    """Give an application both sockets, and what was written down."""
    app[SOCKETS] = set()
    app.add_routes(routes())
    app.on_shutdown.append(_say_goodbye)


async def _say_goodbye(app: web.Application) -> None:
    """Everybody beside the track may come back later."""
    parting = (socket.close(code=SHUTTING_DOWN, message=b"the server stops") for socket in [*app[SOCKETS]])
    await asyncio.gather(*parting, return_exceptions=True)


def routes() -> list[web.RouteDef]:
    """Both sockets, and what was written down."""
    return [
        web.get("/ws/timing", timing_socket),
        web.get("/ws/control", control_socket),
        web.get("/api/v1/events/{event}/heats/{heat}/timing", written),
    ]


@operation(TimingLines, tag="heats")
async def written(request: web.Request) -> web.Response:
    """What devices and timekeepers wrote down for a heat, in order; anybody may read it."""
    event, heat = request.match_info["event"], request.match_info["heat"]
    records = await request.app[BOOK].notes(event, heat)
    lines = [
        {**record.note.model_dump(mode="json"), "written_at": record.written_at.isoformat()}
        for record in records
    ]
    return web.json_response({"heat": heat, "lines": lines})


async def timing_socket(request: web.Request) -> web.StreamResponse:
    """A timing device: hello, then crossings, each answered when it is in the record book."""
    return await _serve(request, _hear_device)


async def control_socket(request: web.Request) -> web.StreamResponse:
    """A timekeeper: hello, then decisions; and what stands, after every change."""
    return await _serve(request, _hear_timekeeper)


class Talk:
    """One connection after its hello."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        codec: Codec,
        desk: TimingDesk,
        record: TokenRecord,
        hello: Greeting,
    ) -> None:
        self.socket, self.codec, self.desk, self.record, self.hello = socket, codec, desk, record, hello
        self.errors = 0

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send a message, unless the connection is gone."""
        frame = encode(message, self.codec)
        try:
            if isinstance(frame, str):
                await self.socket.send_str(frame)
            else:
                await self.socket.send_bytes(frame)
        except ConnectionError:
            log.debug("a listener left before it was answered")

    async def object(self, code: str, problem: str, **more: Any) -> None:
        """Say that something was wrong."""
        self.errors += 1
        await self.say({"type": "error", "code": code, "message": problem, **more})

    async def listen(self, hear: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Read until the other side leaves, or makes no sense too often."""
        async for frame in self.socket:
            if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
                break
            try:
                await hear(decode(frame.data, limit=MOST_BYTES))
            except RemoteProtocolError as error:
                await self.object(error.code, str(error))
            if self.errors >= MOST_ERRORS:
                await self.socket.close(code=BAD_FRAME, message=b"too much that makes no sense")


Hear = Callable[[Talk], Awaitable[None]]


async def _serve(request: web.Request, hear: Hear) -> web.StreamResponse:
    check_protocol(request)
    socket = web.WebSocketResponse(
        protocols=tuple(SUBPROTOCOLS), compress=False, heartbeat=HEARTBEAT_S, max_msg_size=MOST_BYTES
    )
    await socket.prepare(request)
    codec = SUBPROTOCOLS[socket.ws_protocol or ""]
    try:
        talk = await _greet(request, socket, codec)
    except (RemoteProtocolError, LeagueError) as error:
        code = error.code if isinstance(error, RemoteProtocolError) else "not_found"
        close = (error.close if isinstance(error, RemoteProtocolError) else NOT_IN_EVENT) or BAD_FRAME
        frame = encode({"type": "error", "code": code, "message": str(error), "fatal": True}, codec)
        if isinstance(frame, str):
            await socket.send_str(frame)
        else:
            await socket.send_bytes(frame)
        await socket.close(code=close, message=str(error).encode()[:120])
        return socket
    if talk is not None:
        request.app[SOCKETS].add(socket)
        try:
            await hear(talk)
        finally:
            request.app[SOCKETS].discard(socket)
    return socket


async def _greet(request: web.Request, socket: web.WebSocketResponse, codec: Codec) -> Talk | None:
    """The hello, and whether its token is good for this; None if nobody said one."""
    try:
        first = await socket.receive(timeout=HELLO_S)
    except TimeoutError:
        raise RemoteProtocolError(
            "order", f"nothing was said within {HELLO_S:g} s", close=BAD_FRAME
        ) from None
    if first.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        return None
    hello = read_greeting(decode(first.data, limit=MOST_BYTES))
    record = await _bearer(request, hello.token) if hello.token else who(request)
    if record is None:
        raise RemoteProtocolError("auth", "found no token, and nobody who is signed in", close=AUTH)
    roles = roles_for(request)
    if record.role not in roles:
        wanted = " or ".join(sorted(roles))
        raise RemoteProtocolError(
            "role", f"found a token of role {record.role}, expected {wanted}", close=AUTH
        )
    event = record.event_id or hello.event
    if not event or (hello.event and hello.event != event):
        raise RemoteProtocolError(
            "not_in_event", f"the token is good for event {event!r}, not {hello.event!r}", close=NOT_IN_EVENT
        )
    paddock = await request.app[LOBBY].paddock(event)
    talk = Talk(socket, codec, paddock.timing, record, hello)
    await talk.say(
        {
            "type": "welcome",
            "server": f"{request.app[SETTINGS].name} (racing-league {__version__})",
            "event": event,
            "role": record.role,
            "now_ns": paddock.timing.now_ns(),
            "cars": [[entry.id, entry.name] for entry in paddock.record.plan.entries],
        }
    )
    return talk


async def _bearer(request: web.Request, token: str) -> TokenRecord:
    """What the token in a hello allows.

    Raises:
        RemoteProtocolError: It is not good, or too many from there were not.
    """
    doorkeeper = request.app[DOORKEEPER]
    address = doorkeeper.address_of(request)
    if doorkeeper.wait_s(address) > 0:
        raise RemoteProtocolError("auth", "too many wrong tokens from this address; try later", close=AUTH)
    record = await doorkeeper.look_up(token, address)
    if record is None:
        raise RemoteProtocolError("auth", "the token is not good", close=AUTH)
    return record


# -- devices -------------------------------------------------------------------------------------------


async def _hear_device(talk: Talk) -> None:
    desk = talk.desk
    # By the token: two devices may call themselves the same.
    name = f"{talk.hello.device or talk.record.name or 'device'} #{talk.record.number}"
    device = desk.devices.setdefault(name, Device(name))
    device.lines += 1
    device.heard_ns = desk.now_ns()
    desk.show()

    async def hear(given: dict[str, Any]) -> None:
        arrived_ns = desk.now_ns()
        said = read_device(given)
        device.heard_ns = arrived_ns
        if isinstance(said, AskTime):
            times = {"t0_ns": said.t0_ns, "t1_ns": arrived_ns, "t2_ns": desk.now_ns()}
            await talk.say({"type": "sync", **times})
        elif isinstance(said, Crossing):
            await _cross(talk, name, said)
        else:
            desk.see(said.ts_ns, said.car, said.x_m, said.y_m, said.yaw_rad, said.speed_mps)

    try:
        await talk.listen(hear)
    finally:
        device.lines -= 1
        desk.show()


async def _cross(talk: Talk, device: str, said: Crossing) -> None:
    try:
        number, why_not = await talk.desk.cross(
            device, said.seq, said.ts_ns, point=said.point, car=said.car, confidence=said.confidence
        )
    except RaceError as error:  # the run ended just now
        number, why_not = 0, str(error)
    answer = {"type": "ack", "seq": said.seq, "number": number}
    await talk.say(answer | ({"reason": why_not} if why_not else {}))


# -- timekeepers ---------------------------------------------------------------------------------------


async def _hear_timekeeper(talk: Talk) -> None:
    changed = asyncio.Event()
    changed.set()
    stop_watching = talk.desk.watch(changed.set)
    showing = asyncio.create_task(_show(talk, changed), name="showing a timekeeper what stands")

    async def hear(given: dict[str, Any]) -> None:
        await _do(talk, read_decision(given))

    try:
        await talk.listen(hear)
    finally:
        stop_watching()
        showing.cancel()
        await asyncio.wait((showing,))


async def _show(talk: Talk, changed: asyncio.Event) -> None:
    while True:
        await changed.wait()
        changed.clear()
        await talk.say(talk.desk.state())
        await asyncio.sleep(LOOK_S)


async def _do(talk: Talk, said: Decide) -> None:
    """Do what a timekeeper says; who said it is the token's name, never what a message claims."""
    desk, said_by = talk.desk, talk.record.bearer
    try:
        if said.what in _WISHES:
            desk.wish(_WISHES[said.what], said.why if said.what in ("again", "stop") else said.run)
            log.info("event %s: %s wishes %s %s", desk.event_id, said_by, said.what, said.run)
            await talk.say({"type": "done", "id": said.id})
            return
        note = await desk.decide(
            said_by, _DEEDS[said.what], command=f"{talk.record.number}:{said.id}", target=said.target,
            entry=said.entry, at_us=said.at_us, why=said.why, revision=said.revision,
        )  # fmt: skip
    except (InputError, RaceError) as error:
        code = "bad_request" if isinstance(error, InputError) else "conflict"
        await talk.object(code, str(error), id=said.id)
        return
    log.info("event %s: %s", desk.event_id, json.dumps(note.model_dump(mode="json")))
    await talk.say({"type": "done", "id": said.id, "number": note.number})
