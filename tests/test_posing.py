"""The league as a Donkey simulator: Donkeycars with pilots of their own race in an event."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy as np
import peers
import pytest
from donkey_pilot import DonkeyPilot
from house import CIRCUIT, LEAGUE, House, Steady, house

from league.client import drive
from league.client.posing import Invitation, pose
from league.errors import RaceError

SENSORS = ("state", "pose", "camera")


@asynccontextmanager
async def posing(home: House, event: str = "cup", **invited: object) -> AsyncIterator[tuple[int, list[str]]]:
    """A simulator for an event; gives its port, and what it says."""
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    said: list[str] = []
    invitation = Invitation(home.url, event, **invited)  # type: ignore[arg-type]
    task = asyncio.create_task(pose(invitation, port=0, tell=said.append, on_open=port.set_result))
    try:
        yield await asyncio.wait_for(port, 60), said
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.slow
async def test_a_donkeycar_races_a_driver_of_the_league() -> None:
    async with house() as home:
        await home.create(autostart=2, rules={"sensors": SENSORS, "clock": "realtime"})
        async with posing(home, full_speed_mps=4.0) as (port, said):
            pilot = DonkeyPilot(LEAGUE.circuit(CIRCUIT), "Blue Donkey")
            rival = drive(Steady, server=home.url, event="cup", name="steady")
            await asyncio.gather(pilot.drive(port), rival)
            await home.end_of()
        (result,) = await home.book.results("cup")
    assert [(entry.status, len(entry.laps)) for entry in result.entries] == [("FIN", 1)] * 2
    crossings = [told["timeStamp"] for told in pilot.told if "starting_line_index" in told]
    assert len(crossings) == 2
    lap_s = next(entry for entry in result.entries if entry.name == "Blue Donkey").laps[0].time_s
    assert crossings[1] - crossings[0] == pytest.approx(lap_s, abs=1e-4)
    assert pilot.picture is not None
    assert np.asarray(pilot.picture).std() > 5, "it saw a road"
    assert "Blue Donkey races in cup" in said


async def test_an_event_without_a_camera_says_so() -> None:
    async with house() as home:
        await home.create(autostart=1)
        async with posing(home) as (port, said):
            pilot = DonkeyPilot(LEAGUE.circuit(CIRCUIT), "Blind")
            await asyncio.wait_for(pilot.drive(port), 60)
            await asyncio.sleep(0.1)
    assert any("camera" in line for line in said), said


async def test_a_donkeycar_that_leaves_does_not_finish() -> None:
    async with house() as home:
        await home.create(autostart=1, rules={"sensors": SENSORS})
        async with posing(home) as (port, _):
            pilot = DonkeyPilot(LEAGUE.circuit(CIRCUIT), "Shy")
            going = asyncio.create_task(pilot.drive(port))
            await asyncio.wait_for(pilot.started.wait(), 60)
            going.cancel()
            await home.end_of()
        statuses = await home.statuses()
    assert statuses["Shy"].startswith("DNF")


async def test_nonsense_ends_the_connection_and_nothing_else() -> None:
    async with house() as home:
        await home.create(autostart=1, rules={"sensors": SENSORS})
        async with posing(home) as (port, said):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"scene_selection_ready" in await reader.readline()
            assert await asyncio.wait_for(reader.read(), 60) == b""
            writer.close()
            assert any("expected a JSON object" in line for line in said)
            _, other = await asyncio.open_connection("127.0.0.1", port)
            other.close()


GYM = """DONKEY_GYM = True
DONKEY_SIM_PATH = "remote"
SIM_HOST = "127.0.0.1"
GYM_CONF = {"body_style": "donkey", "body_rgb": (1, 2, 3), "car_name": "Real Donkey", "font_size": 50}
"""


@pytest.mark.slow
async def test_a_whole_donkeycar_drives_in_the_simulation(tmp_path: Path) -> None:
    place = peers.installed("donkey")
    rules = {"sensors": SENSORS, "clock": "realtime", "time_limit_s": 6.0}
    async with house(countdown_s=0.0) as home:
        await home.create(autostart=1, rules=rules)
        async with posing(home) as (port, said):
            client = peers.SUPPORT / "donkey_gym"
            prefix = ("env", f"PYTHONPATH={client}", f"LEAGUE_DONKEY_PORT={port}")
            car = peers.donkey(place, tmp_path, port=18899, settings=GYM, prefix=prefix)
            await asyncio.to_thread(car.__enter__)
            try:
                async with (
                    aiohttp.ClientSession() as http,
                    http.ws_connect("http://127.0.0.1:18899/wsDrive") as page,
                ):
                    await page.send_json({"angle": 0.0, "throttle": 0.4, "drive_mode": "user"})
                    await home.end_of()
            finally:
                await asyncio.to_thread(car.__exit__)
        (result,) = await home.book.results("cup")
    (entry,) = result.entries
    assert (entry.name, entry.status) == ("Real Donkey", "DNF-timeout")
    assert entry.progress_pct > 5, "its throttle moved it"
    assert "Real Donkey races in cup" in said


async def test_a_port_in_use_is_said_in_one_line() -> None:
    async with house() as home, posing(home) as (port, _):
        with pytest.raises(RaceError, match=f"cannot pose as a simulator at 127.0.0.1:{port}"):
            await pose(Invitation(home.url, "cup"), port=port)
