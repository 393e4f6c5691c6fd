"""A real Donkeycar races in an event by what its camera sees, driven by a network in ONNX beside it."""

from __future__ import annotations

import asyncio
import shutil
import sys
from pathlib import Path

import aiohttp
import peers
import pytest
from house import CIRCUIT, house
from owner import Owner, heard
from road import FULL_SPEED_MPS, LOCK_RAD, Road, train_pilot, with_camera
from track import Beside

from league import League
from league.racing.plan import EntryPlan
from league.testing.programs import Program
from league_plugins.on_car import donkey_part

CAR = EntryPlan(id="car", name="Blue Donkey", kind="physical")
LAPS = 1
PATIENCE_S = 180.0
RULES = {
    "laps": LAPS, "min_lap_s": 3.0, "time_limit_s": 600.0, "lap_clock": "line", "clock": "realtime",
    "sensors": ("state", "pose", "camera"),
}  # fmt: skip
PART = """    ctr = add_user_controller(V, cfg, use_joystick)
    from donkey_part import LeaguePart
    V.add(LeaguePart(port=18885), inputs=["cam/image_array"],
          outputs=["user/steering", "user/throttle", "user/mode"], threaded=True)
"""
CAMERA = f"camera=yes&full_speed_mps={FULL_SPEED_MPS}&steer_max_rad={LOCK_RAD}"


@pytest.mark.slow
@pytest.mark.parametrize("where", ["127.0.0.1:18885?via=part&", "127.0.0.1:18884?"], ids=["part", "wsDrive"])
async def test_a_network_that_sees_through_a_donkeycars_camera_drives_laps_that_stand_on_the_board(
    donkeycar: Path, tmp_path: Path, where: str
) -> None:
    circuit = League().circuit(CIRCUIT)
    pilot = await asyncio.to_thread(train_pilot, circuit, tmp_path / "pilot", speed_mps=0.7)
    loop = asyncio.get_running_loop()
    crossings: asyncio.Queue[int] = asyncio.Queue()
    picture = tmp_path / "picture.npy"
    road = Road(circuit, picture, lambda at_ns: loop.call_soon_threadsafe(crossings.put_nowait, at_ns))

    def change(manage: str) -> str:
        manage = with_camera(manage, picture)
        return manage.replace(PART.splitlines(keepends=True)[0], PART) if "via=part" in where else manage

    car = peers.donkey(donkeycar, tmp_path, port=18884, change=change)
    shutil.copy(donkey_part.__file__, tmp_path / "donkeycar")
    async with house(countdown_s=0.0) as home, aiohttp.ClientSession() as http:
        await home.create(style="physical-time-trial", rules=RULES)
        await home.book.add_entry("cup", CAR, source="", hosted=False)
        paddock = await home.lobby.paddock("cup")
        await paddock.refresh()
        await paddock.open()
        issue = home.book.issue_token
        token = await issue("entry", name="car", event_id="cup", entry_id="car")
        light = await issue("timing", name="gate", event_id="cup")
        person = await issue("timekeeper", name="Tim", event_id="cup")
        await asyncio.to_thread(car.__enter__)
        tail = peers.Tail(car, road.see)
        bridge = Program(
            "", sys.executable, "-m", "league", "bridge", f"donkey:{where}{CAMERA}",
            "--event", "cup", "--server", home.url, "--token", token, "--as", CAR.name,
            "--agent", pilot, "--page", "off", "--state", tmp_path / "state",
            env={"NO_COLOR": "1", "COLUMNS": "300"},
        )  # fmt: skip
        try:
            await heard(bridge, "in the event")
            owner = Owner(bridge)
            await owner.prepare()
            road.on_track = True
            await home.lobby.start("cup")
            async with owner.at_hand():
                # A socket that nobody reads for long is taken for dead: each is there for one thing.
                async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                    await keeper.state(lambda said: said["phase"] == "waiting")
                    assert (await keeper.do("green"))["type"] == "done"
                for _ in range(LAPS + 1):
                    at_ns = await next_crossing(crossings, road, bridge)
                    async with Beside.open(http, home.url, "/ws/timing", token=light) as device:
                        await device.cross(at_ns)
                async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                    await keeper.state(lambda said: said["phase"] == "driven")
                    await keeper.do("confirm")
                async with asyncio.timeout(PATIENCE_S):
                    await home.lobby.wait_for_end("cup")
        finally:
            await asyncio.to_thread(bridge.end)
            tail.close()
            car.__exit__()
        async with http.get(f"{home.url}/api/v1/events/cup/leaderboard") as answer:
            (row,) = (await answer.json())["entries"]
    assert (row["name"], row["status"], len(row["laps"])) == ("Blue Donkey", "FIN", LAPS)
    first, *_, last = road.crossed_ns[: LAPS + 1]
    assert row["total_s"] == pytest.approx((last - first) / 1e9, abs=2e-3)
    steered = {float(str(step.steering)) for step in car.steps() if step.throttle}
    assert min(steered) < -0.1 < 0.1 < max(steered), "the road bends both ways, and so did its wheels"


async def next_crossing(crossings: asyncio.Queue[int], road: Road, bridge: Program) -> int:
    try:
        return await asyncio.wait_for(crossings.get(), PATIENCE_S)
    except TimeoutError:
        raise AssertionError(f"it came round no more: {road.offsets_m[-20:]} {bridge.lines[-30:]}") from None
