"""A three-lap time trial of a real Donkeycar, beside a simulated entry."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp
import peers
import pytest
from house import house
from track import Beside

from league.racing.plan import EntryPlan
from league.testing.programs import Program
from league_plugins.on_car import donkey_part

CAR = EntryPlan(id="car", name="Blue Donkey", kind="physical")
SIM = EntryPlan(id="sim", name="Simulated", agent="tutorial")
RULES = {"laps": 3, "min_lap_s": 0.5, "time_limit_s": 90.0, "lap_clock": "line", "clock": "realtime"}
LAP_M = 2.0
FULL_SPEED_MPS = 4.0
"""What the address says of this car; a mock motor turns no wheel, so the gate goes by its throttle."""
OPTIONS = f"via=part&full_speed_mps={FULL_SPEED_MPS}"
PART = """
    from donkey_part import LeaguePart
    V.add(LeaguePart(port=18891), inputs=["cam/image_array"],
          outputs=["user/steering", "user/throttle", "user/mode"], threaded=True)
"""


class Gate:
    """A light gate at the line: what the motors get moves the car along a track of two metres."""

    def __init__(self, cross: Callable[[int], None]) -> None:
        self.crossed_ns: list[int] = []
        self.last = 0.0
        self._cross = cross
        self.on_track = False
        """The sign test is done on a box."""
        self._along_m = -0.2
        self._at_s = 0.0
        self._ahead_ns = time.time_ns() - time.monotonic_ns()

    def see(self, step: peers.Step) -> None:
        """The car a moment later; may be called from a thread."""
        throttle = float(step.throttle or 0.0)
        moved_m = self.last * FULL_SPEED_MPS * (step.at_s - self._at_s) if self.on_track else 0.0
        if (self._along_m + moved_m) // LAP_M > self._along_m // LAP_M:
            part = (LAP_M - self._along_m % LAP_M) / moved_m
            at_s = self._at_s + part * (step.at_s - self._at_s)
            self.crossed_ns.append(round(at_s * 1e9) + self._ahead_ns)
            self._cross(self.crossed_ns[-1])
        self._along_m += moved_m
        self._at_s, self.last = step.at_s, throttle


def with_part(manage: str) -> str:
    line = "    ctr = add_user_controller(V, cfg, use_joystick)\n"
    assert manage.count(line) == 1
    return manage.replace(line, line + PART)


@pytest.mark.slow
async def test_a_donkeycar_races_three_laps_and_stands_beside_a_simulated_entry(
    donkeycar: Path, tmp_path: Path
) -> None:
    loop = asyncio.get_running_loop()
    crossings: asyncio.Queue[int] = asyncio.Queue()
    gate = Gate(lambda at_ns: loop.call_soon_threadsafe(crossings.put_nowait, at_ns))
    car = peers.donkey(donkeycar, tmp_path, port=18887, change=with_part)
    shutil.copy(donkey_part.__file__, tmp_path / "donkeycar")
    async with house(countdown_s=0.0) as home, aiohttp.ClientSession() as http:
        await home.create(style="physical-time-trial", rules=RULES)
        for entry in (CAR, SIM):
            await home.book.add_entry("cup", entry, source=entry.agent, hosted=entry is SIM)
        paddock = await home.lobby.paddock("cup")
        await paddock.refresh()
        await paddock.open()
        issue = home.book.issue_token
        token = await issue("entry", name="car", event_id="cup", entry_id="car")
        light = await issue("timing", name="gate", event_id="cup")
        person = await issue("timekeeper", name="Tim", event_id="cup")
        await asyncio.to_thread(car.__enter__)
        tail = peers.Tail(car, gate.see)
        bridge = Program(
            "", sys.executable, "-m", "league", "bridge", f"donkey:127.0.0.1:18891?{OPTIONS}",
            "--event", "cup", "--server", home.url, "--token", token, "--as", CAR.name,
            "--agent", "league.testing.mischief:Goes", "--cap", "0.25",
            "--page", "off", "--state", tmp_path / "state",
            env={"NO_COLOR": "1", "COLUMNS": "300"},
        )  # fmt: skip
        try:
            await home.lobby.start("cup")
            await asyncio.to_thread(bridge.wait_for, "the guardian watches")
            async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                await keeper.state(lambda said: said["phase"] == "waiting")
                assert (await keeper.do("green"))["type"] == "done"
            await asyncio.to_thread(pass_sign_test, bridge)
            gate.on_track = True
            await asyncio.to_thread(arm, bridge)
            async with Beside.open(http, home.url, "/ws/timing", token=light) as device:
                for _ in range(4):
                    await device.cross(await next_crossing(crossings, bridge))
            async with Beside.open(http, home.url, "/ws/control", token=person) as keeper:
                await keeper.state(lambda said: said["phase"] == "driven")
                await keeper.do("confirm")
            async with asyncio.timeout(120):
                await home.lobby.wait_for_end("cup")
            await asyncio.to_thread(bridge.wait_for, "the heat is over|it does not race any more")
            await asyncio.sleep(0.5)
            assert gate.last == 0.0, "it stands after its run"
        finally:
            await asyncio.to_thread(bridge.end)
            tail.close()
            car.__exit__()
        async with http.get(f"{home.url}/api/v1/events/cup/leaderboard") as answer:
            board = await answer.json()
    rows = {row["name"]: row for row in board["entries"]}
    assert {name: (row["status"], len(row["laps"])) for name, row in rows.items()} == {
        "Blue Donkey": ("FIN", 3),
        "Simulated": ("FIN", 3),
    }
    first, *_, last = gate.crossed_ns[:4]
    assert rows["Blue Donkey"]["total_s"] == pytest.approx((last - first) / 1e9, abs=2e-3)
    for lap, (begun_ns, ended_ns) in zip(
        rows["Blue Donkey"]["laps"], zip(gate.crossed_ns, gate.crossed_ns[1:4], strict=False), strict=True
    ):
        assert lap["time_s"] == pytest.approx((ended_ns - begun_ns) / 1e9, abs=2e-3)


async def next_crossing(crossings: asyncio.Queue[int], bridge: Program) -> int:
    """When the car crossed the line next; one that a busy machine has stopped is armed again first."""
    for _ in range(5):
        try:
            return await asyncio.wait_for(crossings.get(), 8)
        except TimeoutError:
            await asyncio.to_thread(arm, bridge)
    raise TimeoutError("the car came round no more")


def pass_sign_test(bridge: Program) -> None:
    """The sign test, which the operator passes; neutral has to last for a second before it."""
    bridge.wait_for("^go$")
    time.sleep(1.3)
    bridge.type(f"signs {token_of(bridge)}")
    bridge.wait_for("wheels turn LEFT")
    bridge.type("yes")
    bridge.wait_for("the signs are right")


def arm(bridge: Program) -> None:
    """Arm the car."""
    time.sleep(1.3)
    mark = len(bridge.lines)
    bridge.type(f"arm {token_of(bridge)}")
    bridge.wait_for(": armed:", after=mark)


def token_of(bridge: Program) -> str:
    return bridge.wait_for(r"^token (\d{6})$")[1]
