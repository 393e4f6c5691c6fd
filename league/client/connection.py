"""One connection of a driver to a server, from the upgrade to its end; the shell around `ClientSession`."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, TypeVar

import aiohttp
from yarl import URL

from league.client.cockpit import Cockpit
from league.client.report import Drive, Progress, in_words
from league.errors import (
    ConfigError,
    LeagueError,
    LocalProtocolError,
    ProtocolError,
    RaceError,
    why_unreachable,
)
from league.racing.agent import Agent, Command
from league.racing.telling import read_observation
from league.wire import grammar
from league.wire.clientside import ClientSession
from league.wire.codec import Frame
from league.wire.messages import (
    AUTH,
    CLOSE_CODES,
    FINAL_CLOSES,
    SHUTTING_DOWN,
    SUBPROTOCOL,
    SUBPROTOCOL_JSON,
    Accepted,
    Assign,
    Bye,
    Hello,
    Late,
    Limits,
    Obs,
    Problem,
    Result,
    Resume,
    SyncReply,
    Told,
    Welcome,
)

SLOW_S = 0.02
"""An answer that takes longer is thought about in a thread, so that the connection stays alive meanwhile."""
QUICK_AGAIN = 15
"""So many quick answers in a row, and the thread is left again."""
EPILOGUE_S = 10.0
"""Time for an agent to take note of its last result."""
ANSWER_S = 15.0
"""Time that the server has to greet and accept."""
ASKED_WRONGLY = ("unknown_event", "auth", "not_in_event")
"""What a driver is refused for that whoever started it can put right: it named what is not there."""

_LIMITS = Limits()
_T = TypeVar("_T")


class Lost(Exception):  # noqa: N818 - not an error but a reason to connect again
    """The connection is gone, and another may help."""

    def __init__(self, reason: str, *, retry_s: float | None = None) -> None:
        self.retry_s = retry_s
        super().__init__(reason)


class Driving:
    """What outlives a connection: the agent, the session to resume, the report.

    Args:
        make: Makes an agent for each heat.
        url: Of the agent endpoint.
        hello: What to say of this entry; sensors and session are filled in.
        tell: Told what happens.
        remember: Told what is needed to resume.
    """

    def __init__(
        self,
        make: Callable[[], Agent],
        url: str,
        hello: Hello,
        tell: Callable[[Progress], None],
        remember: Callable[[Resume], None],
    ) -> None:
        self.make, self.url, self.hello = make, url, hello
        self.tell, self.remember = tell, remember
        self.report = Drive()
        self.resume = hello.resume
        self.sensors: tuple[str, ...] = ()
        self.cockpit: Cockpit | None = None
        self.quick = True
        """Whether the agent answers so quickly that it needs no thread."""
        # One thread, so that an agent is never in two calls at once.
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="agent")


class Connection:
    """One connection, from the upgrade to its end."""

    def __init__(self, driver: Driving, http: aiohttp.ClientSession) -> None:
        self.driver, self.http, self.report = driver, http, driver.report
        self.session = ClientSession(codec=driver.hello.codec)
        self.accepted = False
        self.resumed = False
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None
        self._thinking = False
        self._next: Obs | None = None
        self._epilogue: asyncio.Task[None] | None = None

    async def run(self) -> str:
        """Drive until the server says bye, and return its reason.

        Raises:
            Lost: Connect again.
            ProtocolError, RaceError: This is the end.
        """
        self._socket = await self._connect()
        try:
            return await self._listen(self._socket)
        except (ProtocolError, RaceError) as error:
            await self._say_bye(str(error))
            raise
        except asyncio.CancelledError:
            await self._say_bye("the driver was stopped")
            raise
        except ConnectionError as error:
            raise Lost(f"the connection broke off: {error}") from None
        finally:
            self._remember_tick()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await self._socket.close()

    # -- connecting ----------------------------------------------------------------------------

    async def _connect(self) -> aiohttp.ClientWebSocketResponse:
        url, wanted = self.driver.url, SUBPROTOCOL if self.session.codec == "msgpack" else SUBPROTOCOL_JSON
        try:
            async with asyncio.timeout(ANSWER_S):
                # With the event in the address, one of several hosts can send us on to the one that runs it.
                made = await self.http.ws_connect(
                    URL(url).update_query(event=self.driver.hello.event),
                    protocols=(wanted,),
                    compress=0,
                    # aiohttp waits half of this for the answer to a ping: dead after 15 s of silence.
                    heartbeat=_LIMITS.dead_s * 2 / 3,
                    max_msg_size=2 * _LIMITS.server_bytes,
                    timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            if error.status in (429, 502, 503, 504):
                raise Lost(f"{url} answers {error.status}") from None
            raise ProtocolError(
                f"{url} answers HTTP {error.status}, expected a WebSocket that speaks {wanted}"
            ) from None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            reason = why_unreachable(error)
            if self.report.entry_id:
                raise Lost(f"cannot reach {url}: {reason}") from None
            raise ProtocolError(f"no server answers at {url}: {reason}") from None
        if made.protocol != wanted:
            await made.close()
            raise ProtocolError(f"{url} speaks {made.protocol or 'no sub-protocol'}, expected {wanted}")
        raw = made.get_extra_info("socket")
        if raw is not None and raw.family in (socket.AF_INET, socket.AF_INET6):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    async def _listen(self, made: aiohttp.ClientWebSocketResponse) -> str:
        while True:
            joined = self.session.state in grammar.JOINED
            try:
                message = await made.receive(None if joined else ANSWER_S)
            except TimeoutError:
                raise Lost(f"{self.driver.url} did not greet or accept within {ANSWER_S:g} s") from None
            if message.type is aiohttp.WSMsgType.BINARY or message.type is aiohttp.WSMsgType.TEXT:
                for told in self.session.receive(message.data):
                    if isinstance(told, Obs):
                        await self._see(told)
                    elif isinstance(told, Bye):
                        self._mention(told, f"the server says bye: {told.reason or 'no reason'}")
                        await self._hear_out()
                        return told.reason
                    else:
                        await self._hear(told)
            else:
                if self._failure is not None:
                    raise self._failure
                raise self._ended(made.close_code, message)

    def _ended(self, code: int | None, message: aiohttp.WSMessage) -> Exception:
        """Why the connection is over: reason to connect again, or not."""
        words = CLOSE_CODES.get(code or 0, "")
        if code == AUTH and self._forget():
            return Lost("the session cannot be resumed")
        if code in FINAL_CLOSES:
            extra = message.extra if isinstance(message.extra, str) else ""
            return ProtocolError(f"the server closed the connection: {extra or words} (code {code})")
        if code == SHUTTING_DOWN:
            return Lost(words, retry_s=1.0)
        return Lost(f"the connection broke off (code {code})")

    def _forget(self) -> bool:
        """Begin anew instead of resuming; False if that was not what we tried."""
        if self.accepted or self.driver.resume is None:
            return False
        self.driver.resume = None
        return True

    # -- what the server says ------------------------------------------------------------------

    async def _hear(self, told: Told) -> None:
        match told:
            case Welcome():
                hello = replace(self.driver.hello, resume=self.driver.resume, want=self.driver.sensors)
                await self._send(self.session.hello(hello))
            case Accepted():
                self._join(told)
            case Problem():
                self._object(told)
            case SyncReply():
                self._synchronise(told)
            case Assign():
                self._take_seat(told)
            case Result():
                self._classify(told)
            case _:
                self._mention(told)

    def _join(self, told: Accepted) -> None:
        self.accepted, self.resumed = True, told.resumed
        self.report.entry_id = told.entry_id
        if told.resume_token:
            self.driver.resume = Resume(told.session, told.resume_token)
            self.driver.remember(self.driver.resume)
        self._mention(told, "back in the event" if told.resumed else "in the event")
        self._spawn(self._keep_synchronised())

    def _object(self, told: Problem) -> None:
        self._mention(told, f"{told.message} ({told.code})")
        if not told.fatal:
            return
        if told.code in ("resume", "auth") and self._forget():
            raise Lost("the session cannot be resumed")
        if told.retry_s is not None or told.code in ("shutting_down", "busy", "internal"):
            raise Lost(told.message, retry_s=told.retry_s or 1.0)
        refusal = f"the server refuses: {told.message} ({told.code})"
        raise ConfigError(refusal) if told.code in ASKED_WRONGLY else ProtocolError(refusal)

    async def _keep_synchronised(self) -> None:
        while True:
            await self._send(self.session.sync(time.monotonic_ns() / 1e3))
            await asyncio.sleep(_LIMITS.sync_s)

    def _synchronise(self, told: SyncReply) -> None:
        now_us = time.monotonic_ns() / 1e3
        round_trip_us = (now_us - told.t0) - (told.t2 - told.t1)
        if round_trip_us < self.report.round_trip_us:
            self.report.round_trip_us = round_trip_us
            self.report.clock_offset_us = ((told.t1 - told.t0) + (told.t2 - now_us)) / 2
        self._mention(told, f"round trip {round_trip_us / 1e3:.1f} ms")

    # -- before and after the race -------------------------------------------------------------

    def _take_seat(self, told: Assign) -> None:
        driver = self.driver
        cockpit = driver.cockpit
        if not (self.resumed and cockpit is not None and cockpit.heat == told.heat):
            cockpit = driver.cockpit = Cockpit(driver.make, driver.hello.entry.name, told)
            driver.quick = True
            self.report.heats.append(told.heat)
        self._next = None
        self._mention(told, f"seat {told.seat} in heat {told.heat}")
        self._spawn(self._get_ready(cockpit))

    async def _get_ready(self, cockpit: Cockpit) -> None:
        """Prepare in the thread, and say every second that it is still going on."""
        if cockpit.preparing is None:
            cockpit.preparing = asyncio.get_running_loop().run_in_executor(
                self.driver.thread, cockpit.prepare
            )
        preparing, waited_s = cockpit.preparing, 0.0
        while not preparing.done():
            if self._at(cockpit.heat, grammar.LOADING):
                await self._send(self.session.loading(min(0.95, waited_s / _LIMITS.ready_s)))
            await asyncio.wait((preparing,), timeout=1.0)
            waited_s += 1.0
        preparing.result()
        if self._at(cockpit.heat, grammar.LOADING):
            await self._send(self.session.ready(cockpit.load_ms, cockpit.warm_ms_p99))

    def _classify(self, told: Result) -> None:
        first = told.heat not in self.report.by_heat
        self.report.by_heat[told.heat] = told.result
        self._mention(told, f"result of heat {told.heat}, revision {told.revision}")
        cockpit = self.driver.cockpit
        if first and cockpit is not None and cockpit.heat == told.heat and cockpit.ready:
            self._epilogue = self._spawn(self._in_thread(cockpit.finish, told.result))

    async def _hear_out(self) -> None:
        """Let an agent that was told its result think about it before it all ends."""
        if self._epilogue is not None:
            await asyncio.wait((self._epilogue,), timeout=EPILOGUE_S)
        if self._failure is not None:
            raise self._failure

    # -- the race ------------------------------------------------------------------------------

    async def _see(self, told: Obs) -> None:
        """Answer at once if the agent is quick; otherwise in the thread, always the newest only."""
        driver = self.driver
        if self._thinking:
            self.report.skipped += self._next is not None
            self._next = told
        elif driver.quick:
            cockpit = self._cockpit()
            command, us = cockpit.act(read_observation(told.k, told.fields))
            driver.quick = us < SLOW_S * 1e6
            await self._answer(told, command, us)
        else:
            self._thinking = True
            self._spawn(self._think(told))

    async def _think(self, told: Obs | None) -> None:
        quick = 0
        try:
            while told is not None and told.heat == self.session.heat:
                seen = read_observation(told.k, told.fields)
                command, us = await self._in_thread(self._cockpit().act, seen)
                await self._answer(told, command, us)
                quick = quick + 1 if us < SLOW_S * 1e6 / 4 else 0
                if quick >= QUICK_AGAIN and self._next is None:
                    self.driver.quick = True
                    return
                told, self._next = self._next, None
        finally:
            self._thinking = False

    async def _answer(self, told: Obs, command: Command, us: int) -> None:
        if not self._at(told.heat, grammar.RACING):
            return
        frame = self.session.act(told.k, command.steer_rad, command.speed_mps, us=us, note=command.note)
        self.report.answers += 1
        await self._send(frame)

    # -- inside --------------------------------------------------------------------------------

    def _cockpit(self) -> Cockpit:
        assert self.driver.cockpit is not None
        return self.driver.cockpit

    def _at(self, heat: str, state: str) -> bool:
        """Whether that heat is still the one, and in that state."""
        return self.session.heat == heat and self.session.state == state

    def _remember_tick(self) -> None:
        driver = self.driver
        if driver.resume is not None and self.session.tick is not None:
            driver.resume = replace(driver.resume, last_k=self.session.tick)

    def _mention(self, told: Told, text: str = "") -> None:
        if isinstance(told, Late):
            self.report.late += 1
        kind = "sync" if isinstance(told, SyncReply) else type(told).__name__.lower()
        self.driver.tell(Progress(kind, text or in_words(told), told))

    async def _send(self, frame: Frame) -> None:
        assert self._socket is not None
        if isinstance(frame, bytes):
            await self._socket.send_bytes(frame)
        else:
            await self._socket.send_str(frame)

    async def _in_thread(self, call: Callable[..., _T], *given: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self.driver.thread, call, *given)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(self._watch(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would complain
        return task

    async def _watch(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work beside listening; if it fails, that is the end of the drive."""
        try:
            await work
        except ConnectionError:
            pass  # whoever listens finds out as well
        except LeagueError as error:
            self._failure = error
            await self._say_bye(str(error))
            assert self._socket is not None
            await self._socket.close()

    async def _say_bye(self, reason: str) -> None:
        with suppress(LocalProtocolError, ConnectionError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._send(self.session.bye(reason[:300]))
