"""The operator: tokens, the sign test, the page and what is typed."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer
from puppet import Cars, riding
from rich.console import Console

from league import Capabilities, ConfigError, RaceError
from league.bridge import operator as beside
from league.bridge.console import Desk
from league.bridge.operator import QUESTION, TRIES, Operator
from league.bridge.page import Page
from league.gate.gate import State


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("STEER_S", "SPIN_S", "PAUSE_S"):
        monkeypatch.setattr(beside, name, 0.12)


def wrong(operator: Operator) -> str:
    return f"{(int(operator.token) + 1) % 10**6:06d}"


async def when_neutral(operator: Operator) -> str:
    """The sign test, as soon as neutral has lasted for a second; again if a busy machine stalled in it."""
    while True:
        said = await operator.test_signs(operator.token)
        if not any(word in said for word in ("neutral", "stalled", "no fresh command")):
            return said
        await asyncio.sleep(0.05)


async def test_the_sign_test_turns_left_then_forward_and_only_a_yes_is_kept(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        await rider.until(lambda: rider.ride.car is not None)
        assert "token" in await operator.test_signs(wrong(operator))
        assert await when_neutral(operator) == ""
        assert operator.asking == QUESTION
        steered = [command for command in rider.cars.told if command.steer_rad > 0.15]
        driven = [command for command in rider.cars.told if command.drive > 0]
        assert steered[0].seq < driven[0].seq
        assert max(command.drive for command in driven) <= 0.25 * beside.TEST_DRIVE + 1e-9
        assert rider.ride.gate.state is State.DISARMED
        assert "token" in operator.answer(True, wrong(operator))
        assert "signs are wrong" in operator.answer(False, operator.token)
        assert not rider.ride.signs_tested
        assert operator.answer(True, operator.token) == "nothing was asked"
        assert "have not been tested" in await operator.arm(operator.token)
        assert await when_neutral(operator) == ""
        assert "signs are right" in operator.answer(True, operator.token)
        assert rider.ride.signs_tested
    cars = Cars()
    cars.can = Capabilities(steer_max_rad=0.4, calibration="another")
    async with riding(tmp_path, cars) as rider:
        await rider.until(lambda: rider.ride.car is not None)
        assert not rider.ride.signs_tested


async def test_stopping_breaks_the_sign_test_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "STEER_S", 5.0)
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        await rider.arm()
        rider.ride.disarm("again")

        async def stop_soon() -> None:
            await rider.until(lambda: any(command.steer_rad > 0 for command in rider.cars.told))
            assert await operator.arm(operator.token) == "the sign test goes on"
            assert "goes on already" in await operator.test_signs(operator.token)
            operator.stop("a hand in the wheels")

        stopping = asyncio.create_task(stop_soon())
        said = await when_neutral(operator)
        await stopping
        assert "broken off: a hand in the wheels" in said
        assert operator.asking == ""


async def test_a_token_changes_after_ten_minutes_and_after_wrong_guesses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        first = operator.token
        monkeypatch.setattr(beside, "_new_token", lambda: "424242")
        for _ in range(TRIES - 1):
            await operator.arm("nonsense")
        assert operator.token == first
        await operator.arm("nonsense")
        assert operator.token == "424242"
        monkeypatch.setattr(beside, "_new_token", lambda: "171717")
        monkeypatch.setattr(beside, "TOKEN_S", -1.0)
        assert operator.token == "171717"


async def test_the_page_shows_the_car_and_stops_it_without_a_token(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        async with TestClient(TestServer(Page(operator).app)) as page:
            home = await (await page.get("/")).text()
            assert 'id="stop"' in home
            async with asyncio.timeout(30):
                await rider.drive()
                # Nobody goes on driving: a page that takes 0.25 s to answer finds the gate closed.
                while (state := await (await page.get("/state")).json())["state"] != "armed":
                    await rider.drive()
            assert (state["unit"], state["cap"]) == ("throttle", 0.25)
            assert operator.token not in home + str(state)
            told = await (await page.post("/stop")).json()
            assert (told["state"], told["why"]) == ("estop", "somebody pressed stop on the page")
            told = await (await page.post("/clear", data={"token": wrong(operator)})).json()
            assert "needs the token" in told["said"]
            # However long the next answers take, neutral has not lasted long enough.
            rider.ride.gate.limits = replace(rider.ride.gate.limits, neutral_s=60.0)
            told = await (await page.post("/clear", data={"token": operator.token})).json()
            assert told["state"] == "neutral"
            for word, said in (
                ("arm", "not been tested"),
                ("disarm", ""),
                ("signs", "neutral"),
                ("yes", "nothing was asked"),
            ):
                answer = await (await page.post(f"/{word}", data={"token": operator.token})).json()
                assert said in answer["said"]
            assert (await page.get("/stop")).status == 405
        assert "somebody pressed stop on the page" in rider.cars.stops


async def test_a_page_needs_a_place(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        async with Page.open(operator, "off") as address:
            assert address == ""
        async with Page.open(operator, "127.0.0.1:0") as address:
            assert address.startswith("http://127.0.0.1:")
            place = address.removeprefix("http://")
            with pytest.raises(RaceError, match=f"--page {place}"):
                async with Page.open(operator, place):
                    pass
        for bad in ("here", "host:port", "127.0.0.1:70000", ":80"):
            with pytest.raises(ConfigError, match="expected HOST:PORT or 'off'"):
                async with Page.open(operator, bad):
                    pass


async def test_what_is_typed_is_obeyed_and_the_view_says_everything(tmp_path: Path) -> None:
    async with riding(tmp_path) as rider:
        operator = Operator(rider.ride)
        out = io.StringIO()
        desk = Desk(operator, Console(file=out, width=140), page="http://127.0.0.1:1")
        await rider.drive()
        assert "expected one of: stop, arm" in await desk.obey("fly")
        assert await desk.obey("yes") == "nothing was asked"
        assert await desk.obey("disarm") == ""
        await rider.state(State.DISARMED)
        assert "needs the token" in await desk.obey("arm 1")
        assert await desk.obey("") == ""
        await rider.state(State.ESTOP)
        assert await desk.obey(f"clear {operator.token}") == ""
        await rider.state(State.NEUTRAL)
        desk.tell("a line")
        Console(file=out, width=140).print(desk.picture())
        shown = out.getvalue()
        for words in (
            "NEUTRAL",
            "a line",
            operator.token,
            "of full throttle",
            "NOT TESTED",
            "50%",
            "Enter or stop",
        ):
            assert words in shown, words


class Gone(io.StringIO):
    def write(self, text: str, /) -> int:
        raise OSError(errno.EIO, "Input/output error")


async def test_a_terminal_that_is_gone_ends_nothing_and_a_signal_still_ends_the_bridge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing = os.pipe()
    with os.fdopen(reading) as typed:
        monkeypatch.setattr(sys, "stdin", typed)
        async with riding(tmp_path) as rider:
            desk = Desk(Operator(rider.ride), Console(file=Gone()))
            running = asyncio.create_task(desk.run())
            os.close(writing)
            await rider.drive()
            assert not running.done()
            desk.quit()
            async with asyncio.timeout(30):
                await running
