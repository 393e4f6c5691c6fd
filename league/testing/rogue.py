"""Clients that try a server: a rogue who says whatever it likes, and a good driver who races beside it."""

from __future__ import annotations

import asyncio
import secrets
import socket
import threading
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from math import atan2, sin
from typing import Any, ClassVar

import aiohttp

from league.client import Drive, agent_url, drive
from league.errors import LeagueError, RemoteProtocolError
from league.racing.agent import Agent, Briefing, Command, Observation
from league.racing.telling import read_observation
from league.testing.finding import Unmet, expect
from league.wire.codec import MAX_SERVER_ITEMS, Frame, decode, encode
from league.wire.messages import CLOSE_CODES, PROTO, SUBPROTOCOL, Limits

EVENT = "conformance"
PATIENCE_S = 10.0
"""How long a server may take for anything that it has to do."""
LOOK_AHEAD = 1
"""The point of the road ahead that is steered for: the second, at 0.8 m."""
SPEED_MPS = 1.2


def steer_along(seen: Observation) -> Command:
    """Drive along the centre line: pure pursuit of a point ahead."""
    x_m, y_m = float(seen.ahead[LOOK_AHEAD, 0]), float(seen.ahead[LOOK_AHEAD, 1])
    away_m = max((x_m**2 + y_m**2) ** 0.5, 0.1)
    # The radius through the point, R = away / (2 sin(angle)); the wheels turn by about wheelbase / R. The
    # effective wheelbase of the DeepRacer at this speed and turn is about 0.3 m.
    return Command(max(-0.5, min(0.5, 0.6 * sin(atan2(y_m, x_m)) / away_m)), SPEED_MPS)


class Rogue:
    """A raw connection to a server's agent endpoint, past every state machine.

    Args:
        http: To connect with.
        server: The server's address.
        name: Name of the entry.
    """

    patience_s: ClassVar[float] = PATIENCE_S
    """How long it waits for anything that the server has to do."""

    def __init__(self, http: aiohttp.ClientSession, server: str, name: str) -> None:
        self.name = name
        self.heat = ""
        self.accepted: Mapping[str, Any] = {}
        self.beside_may_start = threading.Event()
        """Set to let the good driver beside it get ready."""
        self._http, self._url = http, agent_url(server)
        self._socket: aiohttp.ClientWebSocketResponse | None = None

    # -- legal steps ---------------------------------------------------------------------------

    async def connect(self) -> None:
        """Connect, anew if need be, and be welcomed."""
        if self._socket is not None:
            await self._socket.close()
        try:
            async with asyncio.timeout(self.patience_s):
                self._socket = await self._http.ws_connect(
                    self._url, protocols=(SUBPROTOCOL,), max_msg_size=2 * Limits().server_bytes
                )
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unmet("a connection", f"{type(error).__name__}: {error}") from None
        await self.hear("welcome")

    @classmethod
    def beside(cls, other: Rogue) -> Rogue:
        """Another connection of the same entry."""
        newer = cls(other._http, other._url, other.name)
        newer.heat = other.heat
        return newer

    async def upgrade(self, subprotocol: str) -> tuple[int, str]:
        """Ask for a WebSocket of some sub-protocol; the answer's status and body."""
        headers = {
            "Connection": "Upgrade",
            "Upgrade": "websocket",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": b64encode(secrets.token_bytes(16)).decode(),
            "Sec-WebSocket-Protocol": subprotocol,
        }
        http_url = "http" + self._url.removeprefix("ws")
        try:
            async with asyncio.timeout(self.patience_s), self._http.get(http_url, headers=headers) as answer:
                return answer.status, await answer.text() if answer.status != 101 else ""
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unmet("an answer over HTTP", f"{type(error).__name__}: {error}") from None

    def hello(self, **changed: Any) -> dict[str, Any]:
        """A good `hello`, with changes."""
        return {
            "type": "hello",
            "proto": list(PROTO),
            "codec": "msgpack",
            "event": EVENT,
            "entry": {"name": self.name, "kind": "remote"},
            "sdk": {"lang": "python", "version": "rogue"},
            "want": ["state"],
            **changed,
        }

    async def join(self, **changed: Any) -> None:
        """Connect, say hello and be accepted."""
        await self.connect()
        await self.say(self.hello(**changed))
        self.accepted = await self.hear("accepted")

    async def take_seat(self) -> None:
        """Join, and be assigned to the heat."""
        await self.join()
        self.heat = (await self.hear("assign", within_s=20.0))["heat"]

    async def start(self) -> dict[str, Any]:
        """Join and get ready, up to the first observation."""
        await self.take_seat()
        await self.say({"type": "ready", "heat": self.heat})
        return await self.hear("obs", within_s=30.0)

    def answer(self, obs: Mapping[str, Any], **changed: Any) -> dict[str, Any]:
        """A good `act`, with changes."""
        command = steer_along(read_observation(obs["k"], obs))
        return {
            "type": "act",
            "heat": self.heat,
            "k": obs["k"],
            "steer_rad": command.steer_rad,
            "speed_mps": command.speed_mps,
            "us": 10,
            **changed,
        }

    async def drive(self, obs: Mapping[str, Any], ticks: int) -> dict[str, Any]:
        """Answer so many ticks well, from the one given on; the observation after them."""
        for _ in range(ticks):
            await self.say(self.answer(obs))
            obs = await self.hear("obs")
        return dict(obs)

    async def result(self, obs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Our entry of the result, after driving well until then; without an observation, after watching."""
        if obs is not None:
            await self.say(self.answer(obs))
        while True:
            message = await self.next(within_s=60.0)
            if message["type"] == "obs" and obs is not None:
                await self.say(self.answer(message))
            elif message["type"] == "result":
                for entry in message["result"]["entries"]:
                    if entry["name"] == self.name:
                        return dict(entry)
                raise Unmet(f"{self.name!r} in the result", "no such entry")

    async def leave(self) -> None:
        """Say bye and close, if that is still possible."""
        if self._socket is not None and not self._socket.closed:
            with suppress(ConnectionError):
                await self.say({"type": "bye", "reason": "the check is over"})
            await self._socket.close()

    # -- any step ------------------------------------------------------------------------------

    async def say(self, message: Mapping[str, Any]) -> None:
        """Send a message, whatever it is."""
        await self.say_frame(encode(message, "msgpack"))

    async def say_frame(self, frame: Frame) -> None:
        """Send a frame, whatever it holds."""
        assert self._socket is not None
        if isinstance(frame, bytes):
            await self._socket.send_bytes(frame)
        else:
            await self._socket.send_str(frame)

    def drop(self) -> None:
        """Cut the connection without a word."""
        assert self._socket is not None
        raw = self._socket.get_extra_info("socket")
        if raw is not None:
            raw.shutdown(socket.SHUT_RDWR)

    async def next(self, *, within_s: float | None = None, expected: str = "a message") -> dict[str, Any]:
        """The next message.

        Raises:
            Unmet: The connection closed, nothing came, or what came is no message.
        """
        assert self._socket is not None
        within_s = self.patience_s if within_s is None else within_s
        try:
            received = await self._socket.receive(within_s)
        except TimeoutError:
            raise Unmet(f"{expected} in time", "nothing") from None
        if received.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
            raise Unmet(expected, f"the end, code {self._socket.close_code}")
        try:
            return decode(received.data, limit=Limits().server_bytes, items=MAX_SERVER_ITEMS)
        except RemoteProtocolError as error:
            raise Unmet(expected, str(error)) from None

    async def hear(self, kind: str, *, within_s: float | None = None) -> dict[str, Any]:
        """The next message of a type; others are passed over, except errors."""
        within_s = self.patience_s if within_s is None else within_s
        until_s = time.monotonic() + within_s
        while (left_s := until_s - time.monotonic()) > 0:
            message = await self.next(within_s=left_s, expected=repr(kind))
            if message["type"] == kind:
                return message
            if message["type"] == "error":
                raise Unmet(repr(kind), f"error {message.get('code')!r}: {message.get('message')}")
        raise Unmet(f"{kind!r} within {within_s:g} s", "other messages")

    async def is_told(self, code: str) -> dict[str, Any]:
        """The next error, which must have this code."""
        error = await self.hear("error")
        expect(error.get("code") == code, f"error {code!r}", f"{error.get('code')!r}: {error.get('message')}")
        expect(bool(error.get("message")), "a message in words", "none")
        return error

    async def is_closed(self, *codes: int) -> None:
        """The connection ends with one of these codes; whatever is said before is passed over."""
        assert self._socket is not None
        expected = " or ".join(f"{code} ({CLOSE_CODES.get(code, 'WebSocket')})" for code in codes)
        until_s = time.monotonic() + self.patience_s
        while not self._socket.closed:
            try:
                await self._socket.receive(max(0.01, until_s - time.monotonic()))
            except TimeoutError:
                raise Unmet(f"close code {expected}", "an open connection") from None
        expect(self._socket.close_code in codes, f"close code {expected}", self._socket.close_code)


class GoodDriver:
    """A well-behaved client that notes whether it was ever made to miss a tick.

    Args:
        server: The server's address.
        name: Name of the entry.
        may_start: It is not ready before this is set.
    """

    def __init__(self, server: str, name: str, may_start: threading.Event) -> None:
        self.name = name
        self.ticks: list[int] = []
        self.missed = 0
        self._server, self._may_start = server, may_start

    async def race(self) -> None:
        """Race one heat.

        Raises:
            Unmet: A tick was missed, an answer was late, or the race was not finished.
        """
        try:
            report = await drive(
                self._agent, server=self._server, event=EVENT, name=self.name, patience_s=5.0
            )
        except LeagueError as error:
            raise Unmet("the good driver beside it races on", str(error)) from None
        self._judge(report)

    def _judge(self, report: Drive) -> None:
        whose = "the good driver beside it"
        expect(
            self.ticks == list(range(len(self.ticks))) and bool(self.ticks),
            f"every tick shown to {whose}",
            f"{len(self.ticks)} ticks, the last {self.ticks[-1:]}",
        )
        expect(
            not self.missed and not report.late and not report.skipped,
            f"no tick missed by {whose}",
            f"{self.missed} missed, {report.late} late, {report.skipped} skipped",
        )
        expect(not report.returns, f"one connection of {whose}", f"{report.returns + 1}")
        statuses = [
            entry.get("status")
            for result in report.results
            for entry in result.get("entries", ())
            if entry.get("name") == self.name
        ]
        expect(statuses == ["FIN"], f"{whose} finishes", statuses)

    def _agent(self) -> Agent:
        return _Careful(self)

    def wait_for_start(self) -> None:
        """Wait, in the agent's thread, until the start is allowed."""
        self._may_start.wait(PATIENCE_S)


class _Careful(Agent):
    """Drives along the centre line and keeps notes."""

    def __init__(self, driver: GoodDriver) -> None:
        self._driver = driver

    def prepare(self, briefing: Briefing) -> None:
        """Wait for the start."""
        self._driver.wait_for_start()

    def act(self, seen: Observation) -> Command:
        """Steer along the road."""
        driver = self._driver
        if seen.tick == 0:  # what was noted before were trial answers
            driver.ticks.clear()
            driver.missed = 0
        driver.ticks.append(seen.tick)
        driver.missed += seen.missed
        return steer_along(seen)
