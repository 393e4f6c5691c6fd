"""A physical car that is driven: a driver of the league's looks from above, and the car follows the road."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest
from body import Body
from firmware import FIRMWARE, interpreter
from house import CIRCUIT, LEAGUE, house
from owner import Owner
from track import Beside

from league import DEEPRACER
from league.racing.plan import EntryPlan
from league.testing.programs import Program
from league.timing.client import TimingLine

PORT = 4243
CAR = EntryPlan(id="car", name="Matchbox", kind="physical")
RULES = {
    "laps": 1,
    "min_lap_s": 2.0,
    "clock": "realtime",
    "control_hz": 20,
    "time_limit_s": 110.0,
    "lap_clock": "line",
}
FULL_MPS = 4.0
CAR_AT = f"udp:127.0.0.1:{PORT}?full_speed_mps={FULL_MPS}"


@pytest.mark.slow
async def test_a_driver_of_the_league_drives_a_real_car_by_what_a_camera_above_sees(tmp_path: Path) -> None:
    circuit = LEAGUE.circuit(CIRCUIT)
    body = Body(circuit, DEEPRACER, full_speed_mps=FULL_MPS)
    with ExitStack() as stack:
        firmware = Program("", interpreter(), FIRMWARE, PORT, on_line=body.hear)
        stack.callback(firmware.end, signal.SIGKILL)
        firmware.wait_for("drive 0")
        async with house(countdown_s=0.0) as home, aiohttp.ClientSession() as http:
            await home.create(style="physical-time-trial", rules=RULES)
            await home.book.add_entry("cup", CAR, source="", hosted=False)
            paddock = await home.lobby.paddock("cup")
            await paddock.refresh()
            await paddock.open()
            issue = home.book.issue_token
            token = await issue("entry", name=CAR.name, event_id="cup", entry_id=CAR.id)
            eye = await issue("timing", name="camera", event_id="cup")
            person = await issue("timekeeper", name="Tim", event_id="cup")
            bridge = Program(
                "", sys.executable, "-m", "league", "bridge", CAR_AT,
                "--event", "cup", "--as", CAR.name, "--server", home.url, "--token", token,
                "--agent", "pure-pursuit", "--cap", "0.2", "--page", "off", "--state", tmp_path,
                env={"NO_COLOR": "1", "COLUMNS": "300"},
            )  # fmt: skip
            stack.callback(bridge.end)
            owner = Owner(bridge)
            await owner.prepare()
            # A timekeeper who does not listen for long is gone; so it is another one each time.
            async with TimingLine.open(home.url, eye, device="camera above") as above:
                await home.lobby.start("cup")
                async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                    await keeper.state(lambda said: said["phase"] == "waiting")
                    body.on_track = True
                    assert (await keeper.do("green"))["type"] == "done"
                async with asyncio.timeout(100), owner.at_hand():
                    await body.roll(above, name=CAR.name, until=lambda: body.stands_after(laps=1))
                    await above.delivered()
            async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                await keeper.state(lambda said: said["phase"] == "driven")
                await keeper.do("confirm")
            await home.end_of("cup")
            (result,) = await home.book.results("cup")
    (entry,) = result.entries
    assert (entry.status, len(entry.laps)) == ("FIN", 1)
    began_ns, ended_ns = body.crossed_ns[:2]
    assert entry.laps[0].time_s == pytest.approx((ended_ns - began_ns) / 1e9, abs=2e-3)
    half_m = min(float(circuit.width_left_m.min()), float(circuit.width_right_m.min()))
    assert body.widest_m < half_m + DEEPRACER.width_m / 2, "wheels stayed on its road"
