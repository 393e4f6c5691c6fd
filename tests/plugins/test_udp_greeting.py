"""How the UDP driver begins a session with a car that another controller had, or has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from league import CarError, League
from league_plugins import udp_car
from league_plugins.udp_car import BUSY, HELLO, PACKET, WELCOME


class Taken(asyncio.DatagramProtocol):
    """A car that is taken for so many greetings."""

    def __init__(self, greetings: float) -> None:
        self.left = greetings

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, addr: Any) -> None:
        magic, version, kind, session, number, *_ = PACKET.unpack(data)
        if kind == HELLO:
            self.left -= 1
            answer = BUSY if self.left >= 0 else WELCOME
            session = 0 if answer == BUSY else 7
            self.transport.sendto(PACKET.pack(magic, version, answer, session, number, 0, 0, 420, 250), addr)


@asynccontextmanager
async def car(greetings: float) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(lambda: Taken(greetings), local_addr=("127.0.0.1", 0))
    try:
        yield f"udp:127.0.0.1:{transport.get_extra_info('sockname')[1]}"
    finally:
        transport.close()


async def test_what_a_bridge_left_behind_is_waited_for() -> None:
    async with car(greetings=3) as ref:
        driver = League().car_driver(ref)
        assert (await driver.connect()).native_deadman_s == 0.25
        await driver.close()


async def test_a_car_that_somebody_else_goes_on_driving_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp_car, "LEASE_S", 0.2)
    async with car(greetings=float("inf")) as ref:
        driver = League().car_driver(ref)
        with pytest.raises(CarError, match="somebody else drives it"):
            await driver.connect()
        await driver.close()
