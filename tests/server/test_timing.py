"""Physical runs: devices, timekeepers, and what the board says in the end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from house import LEAGUE, House, Peer, house
from track import Beside

from league.racing.physical import PhysicalHeat
from league.racing.plan import EntryPlan

RULES = {"laps": 2, "min_lap_s": 0.0, "time_limit_s": 60.0, "lap_clock": "line", "clock": "realtime"}
CAR = EntryPlan(id="car", name="Real car", kind="physical")
OTHER = EntryPlan(id="other", name="Other car", kind="physical")
SIM = EntryPlan(id="sim", name="Simulated", agent="tutorial")


class Track:
    """A server with one event, a gate and a timekeeper."""

    def __init__(self, home: House, http: aiohttp.ClientSession) -> None:
        self.home, self.http = home, http
        self.gate: Beside
        self.keeper: Beside

    async def prepare(self, *entries: EntryPlan, style: str = "physical-time-trial", **rules: Any) -> None:
        await self.home.create(style=style, entries=(), rules={**RULES, **rules})
        for entry in entries:
            hosted = entry.kind != "physical"
            await self.home.book.add_entry("cup", entry, source=entry.agent, hosted=hosted)
        await (await self.home.lobby.paddock("cup")).refresh()
        paddock = await self.home.lobby.paddock("cup")
        await paddock.open()

    @asynccontextmanager
    async def manned(self) -> AsyncIterator[Track]:
        issue = self.home.book.issue_token
        gate = await issue("timing", name="gate", event_id="cup")
        keeper = await issue("timekeeper", name="Tim", event_id="cup")
        url = self.home.url
        async with (
            Beside.open(self.http, url, "/ws/timing", token=gate) as self.gate,
            Beside.open(self.http, url, "/ws/control", token=keeper) as self.keeper,
        ):
            await self.gate.hear("welcome")
            await self.keeper.hear("welcome")
            yield self

    async def green(self) -> None:
        """Once a run waits, give it the light, and wait for that."""
        await self.keeper.state(lambda said: said["phase"] == "waiting")
        assert (await self.keeper.do("green"))["type"] == "done"
        await self.keeper.state(lambda said: said["phase"] == "running")

    async def laps(self, count: int, *, lap_s: float = 0.1, **more: Any) -> list[int]:
        """Cross the line so often, as if so far apart."""
        now_ns = time.time_ns()
        numbers = []
        for lap in range(count + 1):
            answer = await self.gate.cross(now_ns + round(lap * lap_s * 1e9), **more)
            numbers.append(answer["number"])
        return numbers


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house(countdown_s=0.0) as running:
        yield running


@pytest.fixture
async def track(home: House, http: aiohttp.ClientSession) -> Track:
    return Track(home, http)


async def test_a_car_without_a_bridge_is_timed_by_a_gate(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        await track.laps(2)
        stands = await track.keeper.state(lambda said: said["phase"] == "driven")
        (seat,) = stands["run"]["seats"]
        assert [lap["time_s"] for lap in seat["laps"]] == pytest.approx([0.1, 0.1], abs=1e-3)
        await track.keeper.do("confirm")
        await track.home.end_of("cup")
    (result,) = await track.home.book.results("cup")
    (entry,) = result.entries
    assert (entry.status, entry.total_s, result.clock) == ("FIN", pytest.approx(0.2, abs=1e-3), "realtime")


@pytest.mark.slow
async def test_a_real_and_a_simulated_car_stand_on_one_board(track: Track) -> None:
    await track.prepare(CAR, SIM, laps=1)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        await track.laps(1, lap_s=0.4)
        await track.keeper.state(lambda said: said["phase"] == "driven")
        await track.keeper.do("confirm")
        async with asyncio.timeout(60):
            await track.home.lobby.wait_for_end("cup")
    async with track.http.get(f"{track.home.url}/api/v1/events/cup/leaderboard") as answer:
        board = await answer.json()
    assert [(row["name"], row["status"]) for row in board["entries"]] == [
        ("Real car", "FIN"),
        ("Simulated", "FIN"),
    ]
    assert board["entries"][1]["gap_s"] > 0


@pytest.mark.slow
async def test_a_simulated_rival_drives_beside_the_real_car(track: Track) -> None:
    await track.prepare(CAR, SIM, style="head-to-head", laps=1)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        await track.laps(1, lap_s=0.3)
        async with asyncio.timeout(60):
            stands = await track.keeper.hear("state", lambda said: said["phase"] == "driven")
        assert {seat["status"] for seat in stands["run"]["seats"]} == {"FIN"}
        await track.keeper.do("confirm")
        await track.home.end_of("cup")
    (result,) = await track.home.book.results("cup")
    real, rival = result.entries
    assert (real.name, rival.name) == ("Real car", "Simulated")
    assert rival.total_s is not None
    assert rival.total_s > 3, "it drove a lap in real time"


async def test_corrections_change_the_laps_until_the_result_stands(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        numbers = await track.laps(2)
        await track.keeper.state(lambda said: said["phase"] == "driven")
        void = await track.keeper.do("void", target=numbers[1], why="a hand in the beam")
        stands = await track.keeper.state(lambda said: said["run"]["decisions"] != [])
        assert stands["phase"] in ("driven", "running")
        stands = await track.keeper.state(lambda said: said["phase"] == "running")
        assert len(stands["run"]["seats"][0]["laps"]) == 1
        refused = await track.keeper.do("confirm")
        assert (refused["type"], refused["code"]) == ("error", "conflict")
        await track.keeper.do("undo", target=void["number"])
        await track.keeper.state(lambda said: said["phase"] == "driven")
        await track.keeper.do("confirm")
        await track.home.end_of("cup")
        async with track.http.get(f"{track.home.url}/api/v1/events/cup/heats/run-1-car/timing") as answer:
            lines = (await answer.json())["lines"]
    assert [line["kind"] for line in lines] == ["green", *["crossing"] * 3, "void", "undo"]
    assert lines[4]["who"].startswith("Tim #")


async def test_a_result_can_be_made_again_from_the_book_alone(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        numbers = await track.laps(3, lap_s=0.08)
        await track.keeper.do("void", target=numbers[1])
        await track.keeper.state(lambda said: said["phase"] == "driven")
        await track.keeper.do("confirm")
        await track.home.end_of("cup")
    (result,), (record,) = await track.home.book.results("cup"), await track.home.book.heats("cup")
    circuit = (await track.home.lobby.paddock("cup")).circuit
    again = PhysicalHeat(record.plan, circuit, LEAGUE.car("deepracer"), [], clock=lambda: 10**9)
    again.notes = tuple(line.note for line in await track.home.book.notes("cup", "run-1-car"))
    again.overruns = result.overruns
    assert again.result() == result


async def test_two_cars_at_one_gate_wait_for_a_person(track: Track) -> None:
    await track.prepare(CAR, OTHER, style="head-to-head", laps=1)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        base_ns = time.time_ns()
        order = ["car", "other", "other", "car"]
        numbers = [(await track.gate.cross(base_ns + n * 100_000_000))["number"] for n in range(4)]
        stands = await track.keeper.state(lambda said: said["run"] and len(said["run"]["passings"]) == 4)
        assert {passing["standing"] for passing in stands["run"]["passings"]} == {"waits"}
        for number, entry in zip(numbers, order, strict=True):
            await track.keeper.do("reassign", target=number, entry=entry)
        stands = await track.keeper.state(lambda said: said["phase"] == "driven")
        times = {seat["entry"]: seat["total_s"] for seat in stands["run"]["seats"]}
        assert times == {"car": pytest.approx(0.3, abs=1e-4), "other": pytest.approx(0.1, abs=1e-4)}
        await track.keeper.do("confirm")
        await track.home.end_of("cup")


async def test_what_is_sent_again_counts_once(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        now_ns = time.time_ns()
        first = await track.gate.cross(now_ns, seq=5)
        again = await track.gate.cross(now_ns, seq=5)
        assert first == again
        assert (await track.keeper.do("add", id="x"))["code"] == "bad_request"
        done = await track.keeper.do("add", id="y", entry="car", at_us=10)
        same = await track.keeper.do("add", id="y", entry="car", at_us=10)
        assert done == same
        assert len(await track.home.book.notes("cup", "run-1-car")) == 3


async def test_a_decision_on_what_somebody_changed_meanwhile_is_refused(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        done = await track.keeper.do("add", entry="car", revision=0)
        refused = await track.keeper.do("void", target=done["number"], revision=0)
        assert (
            refused["message"] == f"somebody decided meanwhile: found revision 0, expected {done['number']}"
        )
        assert (await track.keeper.do("void", target=done["number"], revision=done["number"]))[
            "type"
        ] == "done"


async def test_crossings_without_a_run_are_answered_and_not_kept(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        assert (await track.gate.cross())["reason"] == "no run is under way"
        await track.home.lobby.start("cup")
        await track.green()
        assert (await track.gate.cross(1))["reason"] == "it was before the green light"
        late = await track.gate.cross(time.time_ns() + 10**10)
        assert late["number"] == 0
        assert "in the future" in late["reason"]


async def test_the_timekeeper_lets_another_go_first_and_runs_one_again(track: Track) -> None:
    await track.prepare(CAR, OTHER)
    async with track.manned():
        await track.home.lobby.start("cup")
        stands = await track.keeper.state(lambda said: said["phase"] == "waiting")
        assert stands["run"]["id"] == "run-1-car"
        assert [run["id"] for run in stands["waiting"]] == ["run-1-other"]
        await track.keeper.do("choose", run="run-1-other")
        await track.keeper.state(lambda said: (said["run"] or {}).get("id") == "run-1-other")
        await track.green()
        await track.laps(1)
        await track.keeper.do("again", why="the battery fell out")
        await track.keeper.state(lambda said: said["phase"] == "waiting")
        await track.green()
        assert await track.home.book.notes("cup", "run-1-other") != []
        stands = await track.keeper.state(lambda said: said["run"]["green"])
        assert stands["run"]["passings"] == []


async def test_a_car_that_never_comes_did_not_start(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.home.lobby.start("cup")
        await track.green()
        await track.keeper.do("dnf", entry="car", why="did not come")
        await track.keeper.state(lambda said: said["phase"] == "driven")
        await track.keeper.do("confirm")
        await track.home.end_of("cup")
    assert await track.home.statuses() == {"Real car": "DNF-crash"}
    assert await track.home.reasons() == {"Real car": "did not come"}


async def on_the_road(track: Track, peer: Any) -> tuple[Peer, Any]:
    """A bridge whose car was given the light, and what it is shown first."""
    token = await track.home.book.issue_token("entry", name="car", event_id="cup", entry_id="car")
    await track.home.lobby.start("cup")
    bridge: Peer = await peer("Real car").join(token=token)
    await bridge.get_ready()
    await track.green()
    return bridge, await bridge.hear("Obs")


async def test_a_bridge_that_is_lost_loses_no_lap(track: Track, peer: Any) -> None:
    await track.prepare(CAR)
    async with track.manned():
        bridge, obs = await on_the_road(track, peer)
        await bridge.answer(obs, steer_rad=0.0)
        bridge.break_off()
        await track.laps(2)
        stands = await track.keeper.state(lambda said: said["phase"] == "driven")
        assert stands["run"]["seats"][0]["status"] == "FIN"
        await track.keeper.do("confirm")
        await track.home.end_of("cup")


async def test_a_bridge_is_sent_to_the_grid_again_with_its_run(track: Track, peer: Any) -> None:
    await track.prepare(CAR)
    async with track.manned():
        bridge, _ = await on_the_road(track, peer)
        await track.keeper.do("again", why="the battery fell out")
        await bridge.hear("Finish")
        await bridge.get_ready()
        await track.green()
        await bridge.hear("Obs")


async def test_runs_go_on_where_a_stopped_server_left_them(
    book_url: str, http: aiohttp.ClientSession
) -> None:
    async with house(book_url, countdown_s=0.0) as home:
        track = Track(home, http)
        await track.prepare(CAR)
        async with track.manned():
            await home.lobby.start("cup")
            await track.green()
            began_ns = time.time_ns()
            await track.gate.cross(began_ns, seq=1)
    async with house(book_url, countdown_s=0.0) as home:
        track = Track(home, http)
        async with track.manned():
            await track.keeper.state(lambda said: said["phase"] == "running")
            await track.gate.cross(began_ns + 10**8, seq=2)
            await track.gate.cross(began_ns + 2 * 10**8, seq=3)
            await track.keeper.state(lambda said: said["phase"] == "driven")
            await track.keeper.do("confirm")
            await home.end_of("cup")
        (result,) = await home.book.results("cup")
    assert result.entries[0].total_s == pytest.approx(0.2, abs=1e-3)


@pytest.mark.parametrize(
    ("role", "path", "code", "close"),
    [
        ("entry", "/ws/timing", "role", 4001),
        ("timing", "/ws/control", "role", 4001),
        (None, "/ws/timing", "auth", 4001),
        (None, "/ws/control", "auth", 4001),
    ],
)
async def test_nobody_gets_to_the_track_without_the_right_token(
    track: Track, role: Any, path: str, code: str, close: int
) -> None:
    await track.prepare(CAR)
    token = await track.home.book.issue_token(role, event_id="cup") if role else "0" * 64
    async with Beside.open(track.http, track.home.url, path, token=token) as beside:
        said = await beside.hear("error")
        assert (said["code"], said["fatal"]) == (code, True)
        with pytest.raises(ConnectionError, match=str(close)):
            await beside.hear("anything")


async def test_nonsense_is_answered_in_words_and_ends_the_connection_at_last(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        for nonsense in ({"type": "crossing", "seq": 1, "ts_ns": "now"}, {"type": "dance"}, {"type": "pose"}):
            await track.gate.say(**nonsense)
            assert (await track.gate.hear("error"))["code"] == "bad_message"
        for _ in range(30):
            await track.gate.say(type="dance")
        with pytest.raises(ConnectionError, match="4000"):
            await track.gate.hear("never")


async def test_a_device_is_told_the_time(track: Track) -> None:
    await track.prepare(CAR)
    async with track.manned():
        await track.gate.say(type="sync", t0_ns=17)
        said = await track.gate.hear("sync")
        assert said["t0_ns"] == 17
        assert abs(said["t1_ns"] - time.time_ns()) < 5e9
        assert said["t2_ns"] >= said["t1_ns"]


async def test_an_organiser_gives_tokens_to_people_and_devices(track: Track) -> None:
    await track.prepare(CAR)
    organiser = await track.home.book.issue_token("owner")
    url = f"{track.home.url}/api/v1/events/cup/tokens"
    asked = {"role": "timekeeper", "name": "Ann"}
    async with track.http.post(url, json=asked, headers={"Authorization": f"Bearer {organiser}"}) as answer:
        assert answer.status == 201
        given = await answer.json()
    async with Beside.open(track.http, track.home.url, "/ws/control", token=given["token"]) as beside:
        assert (await beside.hear("welcome"))["role"] == "timekeeper"
    headers = {"Authorization": f"Bearer {given['token']}"}
    async with track.http.post(url, json=asked, headers=headers) as answer:
        assert answer.status == 403
