"""A server that is killed while a real car drives: the run goes on, and nothing of it is lost."""

from __future__ import annotations

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from served import at_home, program
from track import Beside

RULES = {"laps": 3, "lap_clock": "line", "min_lap_s": 0.0, "time_limit_s": 120}
CONFIG = "[server]\ncountdown_s = 0\n"


@pytest.mark.slow
async def test_a_run_goes_on_after_the_server_was_killed(tmp_path: Path) -> None:
    config = tmp_path / "league.toml"
    config.write_text(CONFIG)
    arguments = ("serve", "--port", 0, "--database", tmp_path / "league.db", "--config", config)

    def organise(url: str, path: str) -> str:
        return f"{url}/api/v1{path}"

    async with aiohttp.ClientSession() as http:
        with program(*arguments, env=at_home(tmp_path)) as server:
            url = (await asyncio.to_thread(server.wait_for, r"(http://\S+)"))[1].rstrip("/")
            organiser = (await asyncio.to_thread(server.wait_for, r"\b([0-9a-f]{64})\b"))[1]
            headers = {"Authorization": f"Bearer {organiser}"}

            async def post(path: str, **body: Any) -> Any:
                async with http.post(organise(url, path), json=body, headers=headers) as answer:
                    assert answer.status < 300, await answer.text()
                    return await answer.json()

            asked = {"circuit": "clubhouse-loop", "format": "physical-time-trial", "rules": RULES}
            await post("/events", name="Cup", **asked)
            await post("/events/cup/entries", name="Anna", kind="physical")
            keeper_token = (await post("/events/cup/tokens", role="timekeeper", name="Tim"))["token"]
            gate_token = (await post("/events/cup/tokens", role="timing", name="gate"))["token"]
            await post("/events/cup/start")
            began_ns = 0
            async with (
                Beside.open(http, url, "/ws/control", token=keeper_token) as keeper,
                Beside.open(http, url, "/ws/timing", token=gate_token) as gate,
            ):
                await gate.hear("welcome")
                await keeper.state(lambda said: said["phase"] == "waiting")
                await keeper.do("green")
                await keeper.state(lambda said: said["phase"] == "running")
                began_ns = time.time_ns()
                assert (await gate.cross(began_ns, seq=1))["number"] == 2
                assert (await gate.cross(began_ns + 100_000_000, seq=2))["number"] == 3
                wrong = await keeper.do("add", entry="anna")
                await keeper.do("void", target=wrong["number"])
                assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        with program(*arguments, env=at_home(tmp_path)) as server:
            url = (await asyncio.to_thread(server.wait_for, r"(http://\S+)"))[1].rstrip("/")
            async with (
                Beside.open(http, url, "/ws/control", token=keeper_token) as keeper,
                Beside.open(http, url, "/ws/timing", token=gate_token) as gate,
            ):
                stands = await keeper.state(lambda said: said["phase"] == "running")
                assert [one["kind"] for one in stands["run"]["decisions"]] == ["add", "void"]
                assert stands["now_us"] > (time.time_ns() - began_ns) / 1000, "its clock never stopped"
                again = await gate.cross(began_ns + 100_000_000, seq=2)
                assert again["number"] == 3, "it has this one"
                for lap in (2, 3):
                    await gate.cross(began_ns + lap * 100_000_000, seq=lap + 1)
                await keeper.state(lambda said: said["phase"] == "driven")
                await keeper.do("confirm")
                await keeper.state(lambda said: said["phase"] == "idle")
            async with http.get(organise(url, "/events/cup/leaderboard")) as answer:
                (entry,) = (await answer.json())["entries"]
            assert server.stop() == 0
    assert [lap["time_s"] for lap in entry["laps"]] == pytest.approx([0.1, 0.1, 0.1], abs=1e-5)
