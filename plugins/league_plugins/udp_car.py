"""Drives a microcontroller car over UDP: `udp:HOST:PORT`, with the firmware in deploy/firmware on the car.

The car has its own dead-man: after 250 ms without a command its motor stands and it has to be armed again.
The packets are described in plugins/CARS.md.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import struct
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final, cast

from league import (
    Capabilities,
    CarAddress,
    CarCommand,
    CarDriver,
    CarError,
    ConfigError,
    Sample,
    StopResult,
    hookimpl,
    why_unreachable,
)

PORT: Final = 4210
PACKET: Final = struct.Struct("<2sBBIIhhHH")
MAGIC: Final = b"LC"
VERSION: Final = 1
TAG: Final = 8
HELLO, WELCOME, DRIVE, ARM, DISARM, STOP, STATUS, BUSY, PING = range(1, 10)
ARMED = 1
FULL: Final = 32767
MODULUS: Final = 1 << 32

ANSWER_S: Final = 0.1
"""Time for an answer before the question is asked again."""
TRIES: Final = 10
LEASE_S: Final = 1.2
"""A controller that is gone keeps others out for a second; one that is there, for longer."""
STOP_S: Final = 0.02
STOP_TRIES: Final = 4
SILENT_S: Final = 0.4
UNANSWERED: Final = 8
"""A car that answered nothing for so long, and none of so many commands, is not there."""

Answer = tuple[int, int, int, float, float, int, int]
"""Kind, session, number, steering and drive from -1 to 1, and two more numbers by kind."""


@hookimpl
def register_car_drivers() -> dict[str, type[UdpCar]]:
    """Microcontroller cars."""
    return {"udp": UdpCar}


class UdpCar:
    """One car with the reference firmware, or with anything else that speaks its packets.

    Options of the address: `full_speed_mps`, the speed at full throttle; `reverse`; `key_file`, a file with
    the key that the firmware was given.
    """

    def __init__(self, address: CarAddress) -> None:
        self.name = f"udp car at {address.where}"
        self._where = address.host(PORT)
        self._full_speed_mps = address.number("full_speed_mps", 4.0, least=0.1, most=40.0)
        self._reverse = address.flag("reverse")
        self._key = _read_key(address.text("key_file"))
        address.check()
        self._only_stops = address.only_stops
        self._talk: _Talk | None = None
        self._session = self._seq = 0
        self._steer_max_rad = 0.42
        self._armed = False

    async def connect(self) -> Capabilities:
        """Say hello; the car stands when it answers."""
        loop = asyncio.get_running_loop()
        try:
            _, talk = await loop.create_datagram_endpoint(lambda: _Talk(self._key), remote_addr=self._where)
        except OSError as error:
            raise CarError(f"{self.name}: {why_unreachable(error)}") from None
        self._talk = talk
        answer = await self._greet(talk)
        if answer is None:
            raise CarError(f"{self.name}: no answer; is it switched on, and is the key right?")
        if answer[0] == BUSY:
            raise CarError(f"{self.name}: somebody else drives it")
        if answer[0] == WELCOME:
            self._session = answer[1]
            self._steer_max_rad = answer[5] / 1000 or self._steer_max_rad
        return Capabilities(
            steer_max_rad=self._steer_max_rad,
            reverse=self._reverse,
            full_speed_mps=self._full_speed_mps,
            native_deadman_s=answer[6] / 1000 if answer[0] == WELCOME else None,
            stop_ack=True,
            native_arm=True,
            senses=frozenset({"battery"}),
            api_version=str(VERSION),
            calibration=f"{self._steer_max_rad:.3f}",
        )

    async def _greet(self, talk: _Talk) -> Answer | None:
        """Begin a session; one that a bridge left behind, ours perhaps, runs out first."""
        kind = PING if self._only_stops else HELLO
        until_s = time.monotonic() + LEASE_S
        while True:
            number = secrets.randbelow(MODULUS - 1) + 1
            answer = await talk.ask(kind, 0, number, tries=TRIES, answer_s=ANSWER_S)
            if answer is None or answer[0] != BUSY or time.monotonic() > until_s:
                return answer
            await asyncio.sleep(ANSWER_S)

    async def arm(self) -> None:
        """Arm the car itself."""
        talk = self._open()
        for _ in range(TRIES):
            answer = await talk.ask(ARM, self._session, self._next(), tries=1, answer_s=ANSWER_S)
            if answer is not None and answer[0] == STATUS and answer[6] & ARMED:
                self._armed = True
                return
        raise CarError(f"{self.name}: it does not arm")

    async def apply(self, command: CarCommand) -> None:
        """Send one packet."""
        talk = self._open()
        if talk.last_kind == BUSY:
            raise CarError(f"{self.name}: somebody else drives it, or it was switched off and on")
        if talk.unanswered > UNANSWERED and time.monotonic() - talk.heard_s > SILENT_S:
            raise CarError(f"{self.name}: no answer for {SILENT_S:g} s")
        if self._armed and talk.status_of_armed is False:
            self._armed = False
            raise CarError(f"{self.name}: it disarmed itself")
        steer = command.steer_rad / self._steer_max_rad
        talk.say(DRIVE, self._session, self._next(), steer, command.drive)

    async def telemetry(self) -> AsyncIterator[Sample]:
        """What the car answers to every command."""
        talk = self._open()
        while True:
            await talk.changed.wait()
            talk.changed.clear()
            if talk.closed:
                return
            answer = talk.status
            if answer is not None:
                yield Sample(
                    talk.heard_s,
                    steer_rad=answer[3] * self._steer_max_rad,
                    drive=answer[4],
                    armed=bool(answer[6] & ARMED),
                    battery_v=answer[5] / 1000 if answer[5] else None,
                )

    async def stop(self, why: str) -> StopResult:
        """Stop, until the car says that it did."""
        self._armed = False
        talk = self._talk
        if talk is None or talk.closed:
            return "unreachable"
        number = secrets.randbelow(MODULUS)
        answer = await talk.ask(STOP, self._session, number, tries=STOP_TRIES, answer_s=STOP_S)
        return "acked" if answer is not None else "sent"

    async def disarm(self) -> None:
        """Disarm the car itself."""
        self._armed = False
        if self._talk is not None:
            self._talk.say(DISARM, self._session, self._next())

    async def close(self) -> None:
        """Stop and leave."""
        if self._talk is None:
            return
        if not self._only_stops:
            await self.stop("closing")
        self._talk.close()

    def _open(self) -> _Talk:
        if self._talk is None or self._talk.closed:
            raise CarError(f"{self.name}: not connected")
        return self._talk

    def _next(self) -> int:
        self._seq = (self._seq + 1) % MODULUS
        return self._seq


class _Talk(asyncio.DatagramProtocol):
    """Packets to and from one car."""

    def __init__(self, key: bytes) -> None:
        self.closed = False
        self.heard_s, self.unanswered = time.monotonic(), 0
        self.last_kind = 0
        self.status: Answer | None = None
        self.status_of_armed: bool | None = None
        """Whether the car says that it is armed; None until it has said so to this session."""
        self.changed = asyncio.Event()
        self._key = key
        self._waiting: dict[tuple[int, int], asyncio.Future[Answer]] = {}
        self._link: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._link = cast(asyncio.DatagramTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self.changed.set()

    def error_received(self, exc: Exception) -> None:
        """The host is there and nobody listens; silence says the same soon enough."""

    def datagram_received(self, data: bytes, addr: object) -> None:
        answer = self._read(data)
        if answer is None:
            return
        self.heard_s, self.unanswered = time.monotonic(), 0
        kind, session, number = answer[:3]
        if kind == STATUS:
            self.status = answer
            if session:
                self.status_of_armed = bool(answer[6] & ARMED)
            self.changed.set()
        self.last_kind = kind
        waiting = self._waiting.get((session, number)) or self._waiting.get((0, number))
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    async def ask(
        self, kind: int, session: int, number: int, *, tries: int, answer_s: float
    ) -> Answer | None:
        """Say something until it is answered, or so many times."""
        answered: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        key = (session, number)
        self._waiting[key] = answered
        try:
            for _ in range(tries):
                self.say(kind, session, number)
                done, _ = await asyncio.wait((answered,), timeout=answer_s)
                if done:
                    return answered.result()
            return None
        finally:
            del self._waiting[key]

    def say(self, kind: int, session: int, number: int, steer: float = 0.0, drive: float = 0.0) -> None:
        """Send a packet."""
        if self._link is None or self._link.is_closing():
            return
        body = PACKET.pack(MAGIC, VERSION, kind, session, number, _share(steer), _share(drive), 0, 0)
        self._link.sendto(body + self._tag(body))
        self.unanswered += 1

    def close(self) -> None:
        """Send no more."""
        if self._link is not None:
            self._link.close()
        self.closed = True
        self.changed.set()

    def _read(self, data: bytes) -> Answer | None:
        body = data[: PACKET.size]
        if len(body) < PACKET.size or not hmac.compare_digest(data[PACKET.size :], self._tag(body)):
            return None
        magic, version, kind, session, number, steer, drive, first, second = PACKET.unpack(body)
        if magic != MAGIC or version != VERSION or kind not in (WELCOME, STATUS, BUSY):
            return None
        return kind, session, number, steer / FULL, drive / FULL, first, second

    def _tag(self, body: bytes) -> bytes:
        return hmac.digest(self._key, body, "sha256")[:TAG] if self._key else b""


def _share(value: float) -> int:
    return round(min(max(value, -1.0), 1.0) * FULL)


def _read_key(file: str) -> bytes:
    if not file:
        return b""
    try:
        key = Path(file).read_bytes().strip()
    except OSError as error:
        raise ConfigError(f"key_file {file}: {error.strerror}") from None
    if not key:
        raise ConfigError(f"key_file {file}: found an empty file, expected the firmware's key")
    return key


_: type[CarDriver] = UdpCar
