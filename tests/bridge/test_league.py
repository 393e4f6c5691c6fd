"""A real league, a real bridge, and a car in MicroPython: laps by a gate, and a stop from the timekeeper."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from firmware import FIRMWARE, interpreter
from house import House, house
from owner import Owner, heard
from track import Beside

from league.racing.plan import EntryPlan
from league.testing.programs import Program

pytestmark = pytest.mark.slow

PORT = 4242


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house(countdown_s=0.0) as running:
        yield running


@pytest.fixture
def car() -> object:
    with ExitStack() as stack:
        firmware = Program("", interpreter(), FIRMWARE, PORT)
        stack.callback(firmware.end, signal.SIGKILL)
        firmware.wait_for("drive 0")
        yield firmware


async def enter(home: House) -> tuple[str, str]:
    """An event with one physical car; the tokens of its bridge and of the timekeeper."""
    rules = {"laps": 2, "min_lap_s": 0.0, "clock": "realtime", "control_hz": 20}
    await home.create(style="physical-time-trial", entries=(), rules=rules)
    entry = EntryPlan(id="car", name="Matchbox", kind="physical")
    await home.book.add_entry("cup", entry, source="", hosted=False)
    paddock = await home.lobby.paddock("cup")
    await paddock.refresh()
    await paddock.open()
    return (
        await home.book.issue_token("entry", name="Matchbox", event_id="cup", entry_id="car"),
        await home.book.issue_token("timekeeper", name="Tim", event_id="cup"),
    )


def begin(home: House, token: str, state: Path, *, port: int = PORT) -> Program:
    """A bridge to the car at a port."""
    return Program(
        "", sys.executable, "-m", "league", "bridge", f"udp:127.0.0.1:{port}", "--event", "cup",
        "--as", "Matchbox", "--server", home.url, "--token", token, "--agent", "league.testing.mischief:Goes",
        "--page", "off", "--state", state, env={"NO_COLOR": "1", "COLUMNS": "300"},
    )  # fmt: skip


async def test_a_car_laps_by_a_gate_and_stops_for_the_timekeeper(
    home: House, car: Program, tmp_path: Path
) -> None:
    token, keeper_token = await enter(home)
    gate_token = await home.book.issue_token("timing", name="gate", event_id="cup")
    bridge = begin(home, token, tmp_path)
    try:
        await heard(bridge, "in the event")
        owner = Owner(bridge)
        await owner.prepare()
        async with (
            aiohttp.ClientSession() as http,
            Beside.open(http, home.url, "/ws/timing", token=gate_token) as gate,
            Beside.open(http, home.url, "/ws/control", token=keeper_token) as keeper,
        ):
            await home.lobby.start("cup")
            await keeper.state(lambda said: said["phase"] == "waiting")
            mark = len(car.lines)
            async with owner.at_hand():
                assert (await keeper.do("green"))["type"] == "done"
                await heard(car, r"drive [1-9]\d{3}", after=mark)
            for _ in range(3):
                await gate.cross()
                await asyncio.sleep(0.3)
            stands = await keeper.state(lambda said: said["phase"] == "driven")
            (seat,) = stands["run"]["seats"]
            assert len(seat["laps"]) == 2

            mark = len(car.lines)
            assert (await keeper.do("stop", why="a child on the track"))["type"] == "done"
            await heard(bridge, "estop: a child on the track")
            await heard(car, "drive 0", after=mark)
            await keeper.do("confirm")
            await home.end_of("cup")
        (result,) = await home.book.results("cup")
        assert [(entry.name, entry.status, len(entry.laps)) for entry in result.entries] == [
            ("Matchbox", "FIN", 2)
        ]
    finally:
        await asyncio.to_thread(bridge.end)
    assert car.lines[-1] in ("drive 0", "steer 0")


async def test_a_bridge_elsewhere_with_the_same_token_takes_the_place_and_the_first_lets_go_of_its_car(
    home: House, car: Program, tmp_path: Path
) -> None:
    token, keeper_token = await enter(home)
    first, second = begin(home, token, tmp_path / "here"), None
    try:
        await heard(first, "in the event")
        owner = Owner(first)
        await owner.prepare()
        await home.lobby.start("cup")
        async with (
            owner.at_hand(),
            aiohttp.ClientSession() as http,
            Beside.open(http, home.url, "/ws/control", token=keeper_token) as keeper,
        ):
            await keeper.state(lambda said: said["phase"] == "waiting")
            mark = len(car.lines)
            assert (await keeper.do("green"))["type"] == "done"
            await heard(car, r"drive [1-9]\d{3}", after=mark)
        # To another car: on another computer it would not see the lock of the first one.
        second = begin(home, token, tmp_path / "elsewhere", port=PORT + 1)
        await heard(first, "a newer connection drives this entry now")
        assert await asyncio.to_thread(first.process.wait, 30) == 1
        assert [line for line in car.lines if line.startswith("drive")][-1] == "drive 0"
    finally:
        for bridge in filter(None, (first, second)):
            await asyncio.to_thread(bridge.end)
