"""Posing as the Donkey simulator: a Donkeycar's own pilot drives in an event, and never notices.

Every connection becomes an entry, named after the car: a driver like every other, whose agent shows the
simulator's telemetry to the pilot and answers with the pilot's newest control.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np

from league.client.driving import drive
from league.client.report import Progress
from league.errors import LeagueError, RaceError
from league.racing.agent import Agent, Briefing, Command, Observation
from league.wire.donkeysim import DonkeySimSession, Seen
from league.wire.messages import Assign, Event, Finish, Go

PORT: Final = 9091
IDLE_S: Final = 0.1
"""Between two pictures outside a heat: a client must be shown something to get ready."""
CONFIG_S: Final = 1.5
"""A client that has not named its car so long after it was loaded gets a name from us."""
LOCKSTEP_S: Final = 0.03
"""A lockstep tick takes so long, though it could close at once: a pilot takes its own time. It is not enough
for most, as they look 20 times a second; events for Donkeycars want the realtime clock."""
ANSWER_S: Final = 0.025
"""A realtime tick waits so long for the pilot to answer what it was just shown."""
_BACKLOG_BYTES: Final = 400_000
_CAMERA: Final = (120, 160)


@dataclass(frozen=True, slots=True)
class Invitation:
    """Where the cars of a posing server race.

    Args:
        server: The league's address.
        event: The event's id.
        token: The entry's token, where the event wants one.
        full_speed_mps: Speed at full throttle; by default the event's car's own.
    """

    server: str
    event: str
    token: str | None = None
    full_speed_mps: float | None = None


async def pose(
    invitation: Invitation,
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    tell: Callable[[str], None] = lambda line: None,
    on_open: Callable[[int], None] = lambda port: None,
) -> None:
    """Pose as the simulator until cancelled.

    Args:
        invitation: Where connections race.
        host: Address to listen on.
        port: Port to listen on; 0 for any.
        tell: Told what happens, in a line for people.
        on_open: Told the port, once it is open.

    Raises:
        RaceError: The port cannot be had.
    """
    guests: set[asyncio.Task[Any]] = set()

    async def welcome(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        guests.add(task)
        try:
            await Guest(invitation, reader, writer, tell).run()
        finally:
            guests.discard(task)

    try:
        server = await asyncio.start_server(welcome, host, port)
    except OSError as error:
        raise RaceError(f"cannot pose as a simulator at {host}:{port}: {error.strerror or error}") from None
    try:
        on_open(server.sockets[0].getsockname()[1])
        await asyncio.Event().wait()
    finally:
        server.close()
        for guest in guests:
            guest.cancel()
        await asyncio.gather(*guests, return_exceptions=True)


class Guest:
    """One Donkey client: its connection here, and its entry there.

    The entry runs in a thread with an event loop of its own, because its agent waits for the pilot.
    """

    def __init__(
        self,
        invitation: Invitation,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        tell: Callable[[str], None],
    ) -> None:
        self.session = DonkeySimSession()
        self.heard = threading.Condition()
        """Notified when a control arrives, or the client is gone."""
        self.gone = False
        self.invitation = invitation
        self._reader, self._writer, self._tell = reader, writer, tell
        self._loop = asyncio.get_running_loop()
        self._shown_s = 0.0

    async def run(self) -> None:
        """Serve the client until it leaves, or the event is over."""
        self._writer.write(self.session.greeting())
        listening = asyncio.create_task(self._listen())
        racing = asyncio.create_task(self._race())
        try:
            await asyncio.wait({listening, racing}, return_when=asyncio.FIRST_COMPLETED)
            for task in (listening, racing):
                if task.done():
                    task.result()
        except LeagueError as error:
            self._tell(f"{self.session.car_name or 'a Donkeycar'}: {error}")
        finally:
            with self.heard:
                self.gone = True
                self.heard.notify_all()
            for task in (listening, racing):
                task.cancel()
            await asyncio.gather(listening, racing, return_exceptions=True)
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()

    def show(self, seen: Seen) -> None:
        """Send telemetry; from any thread."""
        self._loop.call_soon_threadsafe(self._send, self.session.telemetry(seen))

    def cross(self, time_s: float) -> None:
        """Tell of a crossing of the line, so long after the green light; from any thread."""
        # Clients take a time of 0 for a line that was never crossed.
        self._loop.call_soon_threadsafe(self._send, self.session.crossing(1.0 + time_s))

    def tell_race(self, *, begins: bool) -> None:
        """Tell that a heat begins, or is over; from any thread."""
        self._loop.call_soon_threadsafe(self._send, self.session.race(begins))

    def _send(self, data: bytes) -> None:
        # A client that does not read gets no more pictures until it has.
        if not self._writer.is_closing() and self._writer.transport.get_write_buffer_size() < _BACKLOG_BYTES:
            self._shown_s = time.monotonic()
            self._writer.write(data)

    async def _listen(self) -> None:
        while data := await self._read():
            before = self.session.controls
            answer = self.session.receive(data)
            if answer:
                self._writer.write(answer)
            if self.session.controls != before:
                with self.heard:
                    self.heard.notify_all()

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except OSError:
            return b""

    async def _race(self) -> None:
        idling = asyncio.create_task(self._idle())
        try:
            began_s: float | None = None
            while began_s is None or not (self.session.car_name or time.monotonic() - began_s > CONFIG_S):
                await asyncio.sleep(0.02)
                if began_s is None and self.session.loaded:
                    began_s = time.monotonic()
            peer = self._writer.get_extra_info("peername")
            name = self.session.car_name or f"Donkeycar {peer[1] if peer else ''}".strip()
            self._tell(f"{name} races in {self.invitation.event}")
            driver = _Driver(self, name, self._tell)
            driving = asyncio.ensure_future(asyncio.to_thread(driver.run))
            try:
                await asyncio.shield(driving)
            finally:
                driver.stop()
                with suppress(LeagueError, asyncio.CancelledError):
                    await driving
        finally:
            idling.cancel()

    async def _idle(self) -> None:
        """Show a black picture where no heat shows another."""
        nothing = Seen(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None)
        while True:
            await asyncio.sleep(IDLE_S)
            if self.session.loaded and time.monotonic() - self._shown_s > 2 * IDLE_S:
                self._send(self.session.telemetry(nothing))


class _Driver:
    """The entry of one guest, in a thread."""

    def __init__(self, guest: Guest, name: str, tell: Callable[[str], None]) -> None:
        self._guest, self._name, self._tell = guest, name, tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._stopped = False
        self._seat = -1

    def run(self) -> None:
        """Race until the event is over, or `stop` is called.

        Raises:
            LeagueError: The server refuses, or the heat went wrong.
        """
        with suppress(asyncio.CancelledError):
            asyncio.run(self._run())

    def stop(self) -> None:
        """Leave; from any thread."""
        self._stopped = True
        if self._loop is not None and self._task is not None:
            with suppress(RuntimeError):  # its loop may have ended by itself
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _run(self) -> None:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self._stopped:
            return
        guest = self._guest
        report = await drive(
            _Seat.of(guest),
            server=guest.invitation.server,
            event=guest.invitation.event,
            name=self._name,
            token=guest.invitation.token,
            version="Donkey simulator client",
            on_progress=self._hear,
        )
        guest.show(Seen(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None))
        for result in report.results:
            for entry in result["entries"]:
                if entry["name"] == self._name:
                    self._tell(
                        f"{self._name}: {entry['status']}, place {entry['place']}, {entry['total_s']} s"
                    )

    def _hear(self, progress: Progress) -> None:
        told = progress.told
        if isinstance(told, Assign):
            self._seat = told.seat
        elif isinstance(told, Go):
            self._guest.tell_race(begins=True)
            self._guest.cross(0.0)
        elif isinstance(told, Event) and told.kind == "lap" and told.seat == self._seat:
            self._guest.cross(told.t_us / 1e6)
        elif isinstance(told, Finish):
            self._guest.tell_race(begins=False)
        elif progress.kind in ("connected", "accepted", "lost"):
            self._tell(f"{self._name}: {progress.text}")


class _Seat(Agent):
    """One heat of a guest."""

    sensors: ClassVar[tuple[str, ...]] = ("state", "pose", "camera")

    def __init__(self, guest: Guest) -> None:
        self._guest = guest
        self._steer_rad, self._speed_mps = 0.5, 4.0
        self._lockstep = True

    @classmethod
    def of(cls, guest: Guest) -> Callable[[], Agent]:
        """What makes the seats of a guest."""
        return lambda: cls(guest)

    def prepare(self, briefing: Briefing) -> None:
        """Take the car's limits."""
        self._steer_rad = briefing.car.max_steer_rad
        self._speed_mps = min(
            self._guest.invitation.full_speed_mps or briefing.car.max_speed_mps, briefing.car.max_speed_mps
        )
        self._lockstep = briefing.rules.clock == "lockstep"

    def act(self, seen: Observation) -> Command:
        """Show the pilot what the car sees, and take its newest control."""
        began_s = time.monotonic()
        guest = self._guest
        if guest.gone:
            raise RaceError("the Donkey client has left")
        camera, pose = seen.sensors.get("camera"), seen.sensors.get("pose")
        if camera is None or pose is None:
            raise RaceError("a Donkeycar needs the sensors camera and pose; this event does not offer both")
        before = guest.session.controls
        guest.show(
            Seen(
                seen.time_us / 1e6, float(pose[0]), float(pose[1]), float(pose[2]), seen.speed_mps,
                seen.yaw_rate_radps, seen.offset_m, np.asarray(camera, np.float32).reshape(_CAMERA),
            )
        )  # fmt: skip
        self._wait(before, began_s)
        control = guest.session.control
        steer_rad = -control.steering * self._steer_rad
        if control.brake > 0.0 or control.throttle <= 0.0:
            return Command(steer_rad, 0.0)
        return Command(steer_rad, control.throttle * self._speed_mps)

    def _wait(self, before: int, began_s: float) -> None:
        """Give the pilot its time: lockstep would otherwise run away from it."""
        guest = self._guest
        until_s = began_s + (LOCKSTEP_S if self._lockstep else ANSWER_S)
        with guest.heard:
            while not guest.gone and (left_s := until_s - time.monotonic()) > 0:
                if not self._lockstep and guest.session.controls > before:
                    return
                guest.heard.wait(left_s)

    def finish(self, result: Mapping[str, Any]) -> None:
        """Nothing: the pilot is shown black pictures again."""
