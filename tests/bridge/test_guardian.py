"""The guardian: it stops the car when the bridge is dead or frozen, and not before."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from puppet import Cars

from league import CarError, League, hookimpl
from league.bridge import guardian
from league.bridge.guard import Guard


class Watched:
    """A guardian in this process, the pipe to it, and what it says."""

    def __init__(self, cars: Cars, said: list[str], pipe: int, running: asyncio.Task[None]) -> None:
        self.cars, self.said, self.pipe, self.running = cars, said, pipe, running

    async def until(self, word: str) -> None:
        async with asyncio.timeout(60):
            while not any(line.startswith(word) for line in self.said):  # noqa: ASYNC110 - a list, no event
                await asyncio.sleep(0.005)

    async def beat(self, what: bytes, for_s: float) -> None:
        loop = asyncio.get_running_loop()
        until_s = loop.time() + for_s
        while loop.time() < until_s:
            os.write(self.pipe, what)
            await asyncio.sleep(0.02)


@asynccontextmanager
async def watched(
    monkeypatch: pytest.MonkeyPatch, cars: Cars, *, patience_s: float = 60.0
) -> AsyncIterator[Watched]:
    class Plugin:
        @hookimpl
        def register_car_drivers(self) -> dict[str, Any]:
            return {"puppet": lambda address: cars.make()}

    said: list[str] = []
    monkeypatch.setattr(guardian, "say", said.append)
    monkeypatch.setattr(guardian, "PATIENCE_S", patience_s)
    monkeypatch.setattr(guardian, "RECONNECT_S", 0.02)
    reading, writing = os.pipe()
    league = League(extra=[Plugin()], installed=False)
    running = asyncio.create_task(guardian.Guardian("puppet:here", league, said=reading).run())
    made = Watched(cars, said, writing, running)
    try:
        yield made
    finally:
        if made.pipe >= 0:
            os.close(made.pipe)
        async with asyncio.timeout(60):
            await running
        os.close(reading)


async def test_a_bridge_that_dies_has_its_car_stopped_five_times(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch, Cars()) as made:
        await made.until(guardian.WATCHING)
        await made.beat(guardian.MAY_MOVE, 0.1)
        assert made.cars.stops == []
        os.close(made.pipe)
        made.pipe = -1
        await made.running
    assert made.cars.stops == ["the bridge is gone"] * guardian.STOPS
    assert made.cars.did[-1] == "close"
    assert f"{guardian.STOPPED} acked" in made.said


async def test_a_frozen_bridge_has_its_car_stopped_until_it_says_that_it_stands(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Long enough that no machine keeps this program waiting for so long while it beats.
    async with watched(monkeypatch, Cars(), patience_s=1.0) as made:
        await made.until(guardian.WATCHING)
        await made.beat(guardian.MAY_MOVE, 0.1)
        await made.until(guardian.TRIPPED)
        await made.beat(guardian.MAY_MOVE, 0.3)
        count = len(made.cars.stops)
        await made.beat(guardian.MAY_MOVE, 0.3)
        assert len(made.cars.stops) > count  # it lives again, but does not say that its gate is closed
        await made.beat(guardian.STANDS, 0.3)
        count = len(made.cars.stops)
        await made.beat(guardian.STANDS, 0.3)
        assert len(made.cars.stops) == count
        assert set(made.cars.stops) == {"the bridge is frozen"}


async def test_a_farewell_stops_the_car_once_more_and_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with watched(monkeypatch, Cars()) as made:
        await made.until(guardian.WATCHING)
        os.write(made.pipe, guardian.STANDS + guardian.FAREWELL)
        await made.running
        assert set(made.cars.stops) == {"the bridge ended"}


async def test_a_guardian_that_loses_the_car_says_so_and_connects_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cars = Cars()
    cars.unplugged = True
    async with watched(monkeypatch, cars) as made:
        await made.until(f"{guardian.BLIND} puppet: unplugged")
        cars.unplugged = False
        await made.until(guardian.WATCHING)
        made.said.clear()
        cars.silent.set()
        await made.until(f"{guardian.BLIND} its connection to the car ended")
        cars.silent.clear()
        await made.until(guardian.WATCHING)
        os.write(made.pipe, guardian.FAREWELL)


async def test_a_guardian_process_that_finds_no_car_is_no_guardian(monkeypatch: pytest.MonkeyPatch) -> None:
    from league.bridge import guard as bridges_end

    monkeypatch.setattr(bridges_end, "START_S", 0.2)
    guard = Guard("udp:127.0.0.1:9", on_trip=lambda: None)
    with pytest.raises(CarError, match="the guardian does not reach the car"):
        await guard.start()
    assert guard.pid
    await guard.close()
    guard.beat(may_move=False)
    assert not guard.watching
