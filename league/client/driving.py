"""The drive as a whole: connecting, and again where that helps, until the end."""

from __future__ import annotations

import asyncio
import random
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

import aiohttp

from league import __version__
from league.client.connection import Connection, Driving, Lost
from league.client.inherited import Inherited
from league.client.report import Drive, Progress
from league.errors import ConfigError, LeagueError, ProtocolError, RaceError
from league.racing.agent import Agent
from league.wire.messages import AGENT_PATH, Codec, Entry, Hello, Limits, Resume, Sdk

_LIMITS = Limits()
# Time between two attempts to come back: short at first, because a heat waits 5 s and no longer.
_BACKOFF_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.5, 3.0, 5.0)


async def drive(
    make: Callable[[], Agent],
    *,
    server: str,
    event: str,
    name: str,
    token: str | None = None,
    kind: str = "remote",
    version: str = "",
    sha256: str = "",
    licence: str = "",
    codec: Codec = "msgpack",
    patience_s: float = 60.0,
    resume: Resume | None = None,
    line: socket.socket | None = None,
    on_accepted: Callable[[Resume], None] | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Drive:
    """Drive in every heat that the server assigns, until it says bye.

    A connection that breaks is made anew: at once and at most twice in a heat, whose car stands still if
    it takes longer than 5 s; between heats for as long as `patience_s` lasts.

    Args:
        make: Makes a new agent for each heat; an agent class will do.
        server: Address: "ws://host:port", "wss://…", "http://…", "https://…" or "host:port".
        event: The event's id.
        name: Name of the entry, for the board.
        token: The entry's token, where the event is not open to everybody.
        kind: "onnx", "scripted", "remote" or "physical".
        version: Of the agent, for the record.
        sha256: Of the model file, if there is one.
        licence: Of the agent or model.
        codec: "json" to be able to read what is said.
        patience_s: How long to try to reach a server that was there once, or that says it will be back.
        resume: Session of an earlier process to go on with; if it is too late for that, a new one begins.
        line: A socket that is connected to the server already, to be used instead of connecting to
            `server`; when it breaks off, the drive is over.
        on_accepted: Told what a later process needs to resume.
        on_progress: Told what happens, on the event loop; must not take long.

    Raises:
        ConfigError: The address cannot be used, there is no such event, or the token is not good for it.
        ProtocolError: The server cannot be reached, refuses this driver, or breaks the protocol.
        RaceError: The agent failed; the message is its error in one line.
    """
    hello = Hello(
        event=event,
        entry=Entry(name, version, kind, sha256, licence),
        codec=codec,
        token=token,
        sdk=Sdk("python", __version__),
        resume=resume,
    )
    tell = on_progress or (lambda progress: None)
    url = agent_url(server)
    driving = Driving(make, url, hello, tell, on_accepted or (lambda accepted: None))
    loop = asyncio.get_running_loop()
    attempt, since_s = 0, time.monotonic()
    try:
        driving.sensors = await loop.run_in_executor(driving.thread, _wanted, make)
        async with aiohttp.ClientSession(connector=Inherited(line) if line is not None else None) as http:
            while True:
                connection = Connection(driving, http)
                try:
                    driving.report.reason = await connection.run()
                    return driving.report
                except Lost as lost:
                    if line is not None:
                        raise ProtocolError(f"lost the server: {lost}") from None
                    if connection.accepted:
                        attempt, since_s = 0, time.monotonic()
                    if time.monotonic() - since_s > patience_s:
                        raise ProtocolError(f"lost {url} for more than {patience_s:g} s: {lost}") from None
                    await _wait(driving, lost, attempt)
                    attempt += 1
    finally:
        driving.thread.shutdown(wait=False, cancel_futures=True)


def agent_url(server: str) -> str:
    """The WebSocket address of a server's agent endpoint.

    Args:
        server: "ws://…", "wss://…", "http://…", "https://…" or "host:port", with or without a path.

    Raises:
        ConfigError: It is no such address.
    """
    expected = "expected ws://, wss://, http:// or https:// and a host, or host:port"
    full = server.strip()
    try:
        parts = urlsplit(full if "://" in full else f"ws://{full}")
        port = parts.port
    except ValueError as error:
        raise ConfigError(f"server address {server!r}: {error}; {expected}") from None
    scheme = {"ws": "ws", "http": "ws", "wss": "wss", "https": "wss"}.get(parts.scheme)
    if scheme is None or not parts.hostname or port == 0 or any(sign.isspace() for sign in full):
        raise ConfigError(f"server address {server!r}: {expected}")
    path = parts.path.rstrip("/").removesuffix(AGENT_PATH)
    return urlunsplit((scheme, parts.netloc, path + AGENT_PATH, parts.query, ""))


def _wanted(make: Callable[[], Agent]) -> tuple[str, ...]:
    """The sensors that an agent asks for; one is made to find out, if `make` is not its class."""
    sensors = getattr(make, "sensors", None)
    if sensors is None:
        try:
            sensors = make().sensors
        except LeagueError:
            raise
        except Exception as error:
            raise RaceError(f"the agent cannot be made: {type(error).__name__}: {error}") from error
    return tuple(sensors)


async def _wait(driving: Driving, lost: Lost, attempt: int) -> None:
    """Wait before connecting again; not at all long while a heat goes on without us."""
    wait_s = _BACKOFF_S[min(attempt, len(_BACKOFF_S) - 1)] * random.uniform(0.8, 1.2)
    cockpit = driving.cockpit
    if lost.retry_s is not None:
        wait_s = max(wait_s, lost.retry_s)
    elif attempt == 0 and cockpit is not None and cockpit.heat not in driving.report.by_heat:
        cockpit.returns += 1
        if cockpit.returns > _LIMITS.resumes:
            wait_s = _LIMITS.resume_s  # this heat is over for us; be there for the next one
    driving.tell(Progress("lost", f"{lost}; connecting again in {wait_s:.1f} s"))
    await asyncio.sleep(wait_s)
    driving.report.returns += 1
