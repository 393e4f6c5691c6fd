"""A device's line to a real server: time, delivery, and what happens when the line breaks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from math import cos, sin
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from clubhouse import CIRCUIT, club, green, until, written
from track import Beside

from league.errors import RemoteProtocolError
from league.gate.car import Sample
from league.racing.physical import PhysicalHeat
from league.racing.plan import HeatPlan
from league.server.race.run import PhysicalRun
from league.timing import devices
from league.timing.client import Answer, ServerClock, TimingLine
from league.timing.watching import follow_odometry


def delay_building(monkeypatch: pytest.MonkeyPatch, delay_s: float) -> None:
    """Let a server take long to get a run ready."""
    build = PhysicalRun._build

    def slowly(self: PhysicalRun, plan: HeatPlan) -> PhysicalHeat:
        time.sleep(delay_s)  # in a thread of its own
        return build(self, plan)

    monkeypatch.setattr(PhysicalRun, "_build", slowly)


async def test_crossings_arrive_with_the_time_at_which_they_were_seen(tmp_path: Path) -> None:
    answers: list[Answer] = []
    async with club(tmp_path / "league.db") as home:
        token = await home.book.issue_token("timing", name="gate", event_id="cup")
        await green(home)
        async with TimingLine.open(home.url, token, device="gate", on_answer=answers.append) as line:
            now_ns = line.clock.now_ns()
            for lap in range(3):
                line.cross(now_ns + lap * 100_000_000)
            await line.delivered()
        assert await written(home) == [0, 100, 200]
    assert [answer.number for answer in answers] == [2, 3, 4]


async def test_what_was_seen_while_the_server_was_away_is_delivered_when_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    async with club(tmp_path / "league.db") as home:
        port = int(home.url.rpartition(":")[2])
        token = await home.book.issue_token("timing", name="gate", event_id="cup")
        await green(home)
        opening = TimingLine.open(home.url, token, tell=said.append)
        line = await opening.__aenter__()
        first_ns = line.clock.now_ns()
        line.cross(first_ns)
        await line.delivered()
    try:
        line.cross(first_ns + 150_000_000)
        line.cross(first_ns + 250_000_000)
        assert line.waiting == 2
        delay_building(monkeypatch, 1.0)  # they come before the run that they belong to
        async with club(tmp_path / "league.db", port) as home:
            async with asyncio.timeout(30):
                await line.delivered()
            assert await written(home) == [0, 150, 250]
    finally:
        await opening.__aexit__(None, None, None)
    assert any("crossings are kept" in text for text in said)


async def test_a_wrong_token_ends_in_words(tmp_path: Path) -> None:
    async with club(tmp_path / "league.db") as home:
        with pytest.raises(RemoteProtocolError, match="the token is not good"):
            async with TimingLine.open(home.url, "0" * 64):
                pass


def test_the_quickest_answer_says_what_time_it_is() -> None:
    clock = ServerClock()
    ahead_ns = 7 * 10**18
    clock.learn(1_000, ahead_ns + 50_000_000, ahead_ns + 50_000_000, 100_000_000 + 1_000)
    near = clock.at(0) - ahead_ns
    clock.learn(2_000_000, ahead_ns + 2_400_000, ahead_ns + 2_500_000, 2_900_000)
    assert clock.at(0) == ahead_ns
    clock.learn(10**9, ahead_ns + 10**9 + 90_000_000, ahead_ns + 10**9 + 90_000_000, 10**9 + 95_000_000)
    assert clock.at(0) == ahead_ns, "a slow answer changes nothing"
    assert abs(near) < 10**9


# -- timers of other projects --------------------------------------------------------------------------


async def test_drems_timer_is_heard_and_its_network_forgiven() -> None:
    began_ns = time.monotonic_ns()
    hours_off_ms = 3_600_000
    stamps_ms: list[float] = []

    async def timer(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"event": "connected", "serverInfo": {"version": "1"}})
        await socket.send_str("{not json")
        for lap, late_s in enumerate((0.0, 1.0, 0.0)):
            stamp_ms = hours_off_ms + (time.monotonic_ns() - began_ns) / 1e6
            stamps_ms.append(stamp_ms)
            await asyncio.sleep(late_s)  # the radio was busy
            said = {
                "event": "lap",
                "timestamp": stamp_ms,
                "gpio": 17,
                "lapNumber": lap,
                "sensorLapCount": lap,
            }
            await socket.send_json(said)
            await asyncio.sleep(0.05)
        return socket

    app = web.Application()
    app.router.add_get("/", timer)
    async with TestServer(app) as served:
        url = str(served.make_url("")).rstrip("/")
        heard = devices.drem(url.replace("http", "ws"))
        crossings = [await anext(heard) for _ in range(3)]
        await heard.aclose()
    assert {crossing.sensor for crossing in crossings} == {"gpio17"}
    apart_s = [(crossings[n].monotonic_ns - crossings[0].monotonic_ns) / 1e9 for n in (1, 2)]
    seen_s = [(stamps_ms[n] - stamps_ms[0]) / 1e3 for n in (1, 2)]
    assert apart_s == pytest.approx(seen_s, abs=0.5), "and not a second later, when it arrived"


async def test_deepracer_timer_is_heard_over_socket_io() -> None:
    socketio = pytest.importorskip("socketio")
    server = socketio.AsyncServer(async_mode="aiohttp")
    app = web.Application()
    server.attach(app)
    joined = asyncio.Event()
    server.on("connect", lambda *_: joined.set())
    async with TestServer(app) as served:
        url = str(served.make_url("")).rstrip("/")
        heard = devices.deepracer_timer(url)
        waiting = asyncio.create_task(anext(heard))
        await asyncio.wait_for(joined.wait(), 20)
        await server.emit("timer", "started")
        await server.emit("timer", "passed")
        crossing = await asyncio.wait_for(waiting, 20)
        await heard.aclose()
        await server.shutdown()
    assert crossing.sensor == "strip"


async def test_a_relayed_timer_counts_laps_on_the_server(tmp_path: Path) -> None:
    async def timer() -> AsyncIterator[devices.Heard]:
        base_ns = time.monotonic_ns()
        for lap in range(4):
            yield devices.Heard(base_ns + lap * 100_000_000, "gpio17")

    async with club(tmp_path / "league.db") as home:
        token = await home.book.issue_token("timing", name="drem", event_id="cup")
        await green(home)
        async with TimingLine.open(home.url, token, device="drem") as line:
            await devices.relay(timer(), line)
            await line.delivered()
        desk = (await home.lobby.paddock("cup")).timing
        assert desk.heat is not None
        await until(lambda: desk.heat is None or desk.heat.driven)
        assert await written(home) == [0, 100, 200, 300]


# -- odometry ----------------------------------------------------------------------------------------------


async def test_a_car_is_timed_by_its_own_odometry(tmp_path: Path) -> None:
    """Its coordinates are its own: turned by one radian and shifted, and it reports at 50 Hz."""
    speed_mps, nose_m = 40.0, 0.14  # in a hurry, for the test's sake

    async def odometer() -> AsyncIterator[Sample]:
        began_s = time.monotonic()
        for index in range(60):
            time_s = index / 100
            at_m = -nose_m + speed_mps * time_s
            x, y = (float(value) for value in CIRCUIT.at(at_m % CIRCUIT.length_m))
            yaw = float(CIRCUIT.heading_at(at_m % CIRCUIT.length_m))
            turned = (x * cos(1) - y * sin(1) + 5, x * sin(1) + y * cos(1) - 2, yaw + 1)
            yield Sample(began_s + time_s, pose=turned)

    async with club(tmp_path / "league.db") as home:
        token = await home.book.issue_token("timing", name="odometry", event_id="cup")
        await green(home)
        async with TimingLine.open(home.url, token) as line:
            await follow_odometry(odometer(), CIRCUIT, line, car="car", nose_m=nose_m)
            await line.delivered()
        laps_ms = await written(home)
    expected_ms = [round(CIRCUIT.length_m / speed_mps * lap * 1000) for lap in range(len(laps_ms))]
    assert len(laps_ms) == 2
    assert laps_ms == pytest.approx(expected_ms, abs=4)


async def test_a_timekeeper_sees_which_devices_are_there(tmp_path: Path) -> None:
    async with club(tmp_path / "league.db") as home, aiohttp.ClientSession() as http:
        keeper_token = await home.book.issue_token("timekeeper", name="Tim", event_id="cup")
        token = await home.book.issue_token("timing", name="gate", event_id="cup")
        async with Beside.open(http, home.url, "/ws/control", token=keeper_token) as keeper:
            async with TimingLine.open(home.url, token, device="gate"):
                stands = await keeper.state(lambda said: bool(said["devices"]))
                assert stands["devices"][0]["connected"]
            await keeper.state(lambda said: not said["devices"][0]["connected"])


async def test_a_line_that_is_refused_when_it_comes_back_ends_what_relies_on_it(tmp_path: Path) -> None:
    up = asyncio.Event()

    async def rely(url: str, token: str) -> None:
        async with TimingLine.open(url, token):
            up.set()
            await asyncio.Event().wait()

    async with club(tmp_path / "one.db") as home:
        port = int(home.url.rpartition(":")[2])
        token = await home.book.issue_token("timing", name="gate", event_id="cup")
        relying = asyncio.create_task(rely(home.url, token))
        await asyncio.wait_for(up.wait(), 30)
    async with club(tmp_path / "another.db", port):
        with pytest.raises(RemoteProtocolError, match="the token is not good"):
            await asyncio.wait_for(relying, 30)
