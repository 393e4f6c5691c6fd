"""Programs of the server that are killed, and heats that are broken off: the event goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networks
import pytest
from house import House, Peer, house

from league.racing.plan import EntryPlan
from league.server.race.live import LiveHeat


def programs(module: str) -> list[int]:
    """Processes of this one that run a module."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    found = []
    for pid in children:
        try:
            if module.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                found.append(int(pid))
        except FileNotFoundError:
            continue  # it ended meanwhile
    return found


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 - processes come and go without telling anybody
            await asyncio.sleep(0.01)


async def test_a_heat_broken_off_while_it_is_driven_is_raced_again_by_the_same_drivers(
    home: House, peer: Callable[..., Peer]
) -> None:
    await home.create()
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    await ada.drive(await ada.start(), until=20)
    (await home.lobby.paddock("cup")).race_again()
    await ada.hear("Finish")  # of the heat that came to nothing
    await ada.drive_to_the_end(await ada.start())
    await asyncio.wait_for(home.lobby.wait_for_end("cup"), 60)
    (heat,) = await home.book.heats("cup")
    assert (heat.status, heat.attempt) == ("finished", 2)
    assert await home.statuses() == {"Ada": "FIN"}


@pytest.mark.slow
async def test_a_driver_killed_in_mid_heat_loses_that_heat_and_no_other() -> None:
    two = tuple(EntryPlan(id=name, name=name, agent="tutorial") for name in ("ada", "bob"))
    async with house() as home:
        await home.create(style="time-trial", entries=two, pace=10.0)
        await home.lobby.start("cup")
        paddock = await home.lobby.paddock("cup")
        await until(lambda: len(paddock.connected()) == 2)
        driver = paddock.driver("ada")
        await until(lambda: isinstance(driver.race, LiveHeat) and driver.race.heat.tick > 5)
        first = min(programs("league.host"))
        os.kill(first, signal.SIGKILL)
        await asyncio.wait_for(home.lobby.wait_for_end("cup"), 60)
        heats = await home.book.heats("cup")
        assert [(heat.plan.id, heat.status, heat.attempt) for heat in heats] == [
            ("time-trial-ada", "finished", 1), ("time-trial-bob", "finished", 1),
        ]  # fmt: skip
        fates = [
            (result.entries[0].name, result.entries[0].status) for result in await home.book.results("cup")
        ]
        assert fates == [("ada", "DNF-disconnect"), ("bob", "FIN")]
        assert (await home.book.event("cup")).status == "finished"


@pytest.mark.slow
@pytest.mark.parametrize("program", ["league.scrutineering", "league.host"])
async def test_a_scrutineer_that_is_killed_refuses_with_a_reason_and_looks_at_the_next_model(
    program: str,
) -> None:
    """Both the one that asks the model and the one that drives its solo lap."""
    async with house(solo_lap_s=60.0) as home:
        await home.create()
        submitting = asyncio.create_task(home.lobby.entrance.submit("cup", "Ada", networks.steady()))
        await until(lambda: programs(program))
        os.kill(programs(program)[0], signal.SIGKILL)
        killed = await asyncio.wait_for(submitting, 60)
        assert killed.report is not None
        assert not killed.accepted
        assert "SIGKILL" in killed.report.reason
        assert home.lobby.scrutineers.waiting == 0
        assert (await home.book.event("cup")).plan.entries == ()
        again = await asyncio.wait_for(home.lobby.entrance.submit("cup", "Ada", networks.steady()), 120)
        assert again.accepted, again.report
