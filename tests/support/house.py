"""A server on loopback, and drivers that do exactly what a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import promised
from aiohttp import web
from databases import new_book

from league import Agent, Command, League, Observation
from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY
from league.server.race.lobby import Lobby
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions
from league.wire.clientside import ClientSession
from league.wire.messages import (
    SUBPROTOCOL,
    Assign,
    Entry,
    Hello,
    Obs,
    Resume,
)

LEAGUE = League()
CIRCUIT = "clubhouse-loop"
PATIENCE_S = 60.0


class Steady(Agent):
    """Keeps near the middle of the road."""

    def act(self, seen: Observation) -> Command:
        steer_rad = -seen.offset_m - 1.5 * seen.heading_error_rad
        return Command(steer_rad=steer_rad, speed_mps=1.2)


@dataclass
class House:
    """A server that runs."""

    url: str
    app: web.Application
    book: RecordBook

    @property
    def lobby(self) -> Lobby:
        return self.app[LOBBY]

    async def create(
        self,
        event_id: str = "cup",
        *,
        style: str = "head-to-head",
        laps: int = 1,
        autostart: int | None = None,
        open_entry: bool = True,
        pace: float | None = None,
        entries: tuple[EntryPlan, ...] = (),
        rules: Mapping[str, Any] | None = None,
        **plan: Any,
    ) -> EventPlan:
        """Add an event of one short heat, unless it says otherwise."""
        made = EventPlan(
            id=event_id,
            name=event_id.title(),
            circuit=CIRCUIT,
            format=style,
            entries=entries,
            rules=Rules.parse({"laps": laps, **(rules or {})}),
            **plan,
        )
        await self.lobby.create(made, EventOptions(autostart, open_entry, pace))
        return made

    async def end_of(self, event_id: str = "cup") -> None:
        """Wait until an event is over."""
        async with asyncio.timeout(PATIENCE_S):
            await self.lobby.wait_for_end(event_id)

    async def statuses(self, event_id: str = "cup") -> dict[str, str]:
        """The status of every entry in an event's only heat, by name."""
        (result,) = await self.book.results(event_id)
        return {entry.name: entry.status for entry in result.entries}

    async def reasons(self, event_id: str = "cup") -> dict[str, str]:
        """Why entries did not finish its only heat, by name."""
        (result,) = await self.book.results(event_id)
        return {entry.name: entry.reason for entry in result.entries}


@asynccontextmanager
async def house(where: str = "", *, league: League = LEAGUE, **settings: Any) -> AsyncIterator[House]:
    """A server with its own record book, an empty one unless it says where; held to its OpenAPI document."""
    async with new_book() if not where else await RecordBook.open(where) as book:
        app = create_app(league, book, Settings(port=0, **settings))
        listener = promised.Listener(app)
        async with serving(app, host="127.0.0.1", port=0) as url:
            yield House(url, app, book)
        assert not listener.broken, "\n".join(listener.broken)


class Peer:
    """A driver by hand: every message is said and heard one by one."""

    def __init__(self, http: aiohttp.ClientSession, url: str, name: str, *, event: str = "cup") -> None:
        self.name, self.event = name, event
        self.session = ClientSession()
        self.told: list[Any] = []
        self.resume: Resume | None = None
        self.socket: aiohttp.ClientWebSocketResponse
        self._http, self._url = http, url

    async def connect(self) -> Peer:
        """Up to `welcome`."""
        self.session = ClientSession()
        self.socket = await self._http.ws_connect(
            f"{self._url}/ws/agent", protocols=(SUBPROTOCOL,), compress=0, autoping=False
        )
        await self.hear("Welcome")
        return self

    async def join(self, *, token: str | None = None, resume: Resume | None = None, **hello: Any) -> Peer:
        """Up to `accepted`."""
        await self.connect()
        await self.say(
            self.session.hello(Hello(self.event, Entry(self.name), token=token, resume=resume, **hello))
        )
        accepted = await self.hear("Accepted")
        self.resume = Resume(accepted.session, accepted.resume_token)
        return self

    async def rejoin(self) -> Peer:
        """Connect again and go on with the session."""
        return await self.join(resume=self.resume)

    async def get_ready(self) -> Assign:
        """From `assign` to `ready`."""
        assign: Assign = await self.hear("Assign")
        await self.say(self.session.ready())
        return assign

    async def start(self) -> Obs:
        """Up to the first observation."""
        await self.get_ready()
        obs: Obs = await self.hear("Obs")
        return obs

    async def answer(self, obs: Obs, *, steer_rad: float | None = None, speed_mps: float = 1.2) -> None:
        """Answer one observation, by default as `Steady` does."""
        if steer_rad is None:
            steer_rad = steady(obs)
        await self.say(self.session.act(obs.k, steer_rad, speed_mps))

    async def drive(self, obs: Obs, *, until: Callable[[Obs], bool] | int) -> Obs:
        """Answer until an observation is as wished, or so many ticks; gives the next one, unanswered."""
        count = 0
        while not (count >= until if isinstance(until, int) else until(obs)):
            await self.answer(obs)
            obs = await self.hear("Obs")
            count += 1
        return obs

    async def drive_to_the_end(self, obs: Obs) -> Any:
        """Answer everything until the result, and leave with it."""
        await self.answer(obs)
        while isinstance(told := await self.hear("Obs", "Result"), Obs):
            await self.answer(told)
        await self.leave()
        return told

    async def say(self, frame: bytes | str) -> None:
        """Send a frame, whatever it is."""
        if isinstance(frame, str):
            await self.socket.send_str(frame)
        else:
            await self.socket.send_bytes(frame)

    async def hear(self, *kinds: str) -> Any:
        """The next message of one of these types; others are remembered in `told`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                frame = await self.socket.receive()
                if frame.type not in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                    if frame.type in (aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG):
                        continue
                    raise ConnectionError(f"{frame.type.name} {self.socket.close_code} instead of {kinds}")
                for told in self.session.receive(frame.data):
                    self.told.append(told)
                    if type(told).__name__ in kinds:
                        return told

    async def closed(self) -> int | None:
        """Wait for the end, whatever is said before it; gives the close code."""
        async with asyncio.timeout(PATIENCE_S):
            async for frame in self.socket:
                if frame.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT):
                    self.told += self.session.receive(frame.data)
        return self.socket.close_code

    def break_off(self) -> None:
        """Lose the connection without a word."""
        transport = self.socket._response.connection.transport  # type: ignore[union-attr]
        assert transport is not None
        transport.abort()

    async def leave(self) -> None:
        """Close the connection."""
        await self.socket.close()


def steady(obs: Obs) -> float:
    """What `Steady` steers."""
    from league.racing.telling import read_observation

    return Steady().act(read_observation(obs.k, obs.fields)).steer_rad
