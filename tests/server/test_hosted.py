"""Hosted drivers: limited processes that end with their event, their server, or their own failure."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from house import House, Peer, house

from league import EntryPlan
from league.cage.limits import Limits
from league.errors import UnknownNameError
from league.host import Task
from league.server.race.hosted import HostedDriver
from league.server.race.live import LiveHeat
from league.store.records import ModelFiles

DRIVER = """
import os, sys, time
from league import Agent, Command, hookimpl

class Test(Agent):
    def prepare(self, briefing):
        {prepare}
    def act(self, seen):
        {act}
        return Command(-seen.offset_m - 1.5 * seen.heading_error_rad, 1.2)
"""


TWO = tuple(EntryPlan(id=name, name=name, agent="tutorial") for name in ("ada", "bob"))


def write_driver(folder: Path, *, prepare: str = "pass", act: str = "pass") -> str:
    """A driver in a module of its own; gives its reference."""
    (folder / "testdriver.py").write_text(textwrap.dedent(DRIVER).format(prepare=prepare, act=act))
    return "testdriver:Test"


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder from which hosted drivers can import."""
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(paths))
    return tmp_path


async def fate(home: House, agent: str, **limits: int) -> str:
    """Host a driver in event "cup" until it ends by itself; gives the reason."""
    reasons: list[str] = []
    _, token = await home.lobby.entrance.reserve("cup", "Test")
    task = Task(line=-1, event="cup", name="Test", agent=agent, token=token, limits=Limits(**limits))
    driver = HostedDriver(task, None, inlet=await home.lobby.inlet, ended=reasons.append)
    async with asyncio.timeout(60):
        await driver.run()
    (reason,) = reasons
    return reason


def alive(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def hosted_pids() -> set[int]:
    """Hosted drivers that this process started."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return {int(pid) for pid in children if b"league.host" in Path(f"/proc/{pid}/cmdline").read_bytes()}


async def until(met, seconds: float = 60.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(seconds):
        while not met():  # noqa: ASYNC110 - processes come and go without telling anybody
            await asyncio.sleep(0.02)


async def connected(home: House, count: int = 1) -> None:
    """Wait until so many drivers are there."""
    paddock = await home.lobby.paddock("cup")
    await until(lambda: len(paddock.connected()) >= count)


@pytest.fixture
async def home() -> AsyncIterator[House]:
    """A server that gives programs the time they need to start on a busy machine."""
    async with house() as running:
        yield running


async def test_hosted_drivers_race_as_programs_of_their_own_and_go_with_the_event(home: House) -> None:
    await home.create(entries=TWO)
    assert not hosted_pids()
    await home.lobby.start("cup")
    await until(lambda: len(hosted_pids()) == 2)
    pids = hosted_pids()
    await home.end_of()
    assert await home.statuses() == {"ada": "FIN", "bob": "FIN"}
    assert not any(alive(pid) for pid in pids)


async def test_a_hosted_driver_that_is_killed_is_out_at_once_with_its_reason(http) -> None:
    async with house() as home:
        await home.create(entries=TWO, pace=10.0)
        await home.lobby.start("cup")
        paddock = await home.lobby.paddock("cup")
        await connected(home, 2)
        driver = paddock.driver("ada")
        await until(lambda: isinstance(driver.race, LiveHeat) and driver.race.heat.tick > 5)
        os.kill(min(hosted_pids()), signal.SIGKILL)
        await home.end_of()
        reasons = await home.reasons()
        statuses = await home.statuses()
    assert sorted(statuses.values()) == ["DNF-disconnect", "FIN"]
    (reason,) = [reasons[name] for name, status in statuses.items() if status != "FIN"]
    assert reason == "its program was ended by SIGKILL"


async def test_stopping_the_server_leaves_no_driver_behind() -> None:
    async with house() as home:
        await home.create(entries=TWO, pace=1.0)
        await home.lobby.start("cup")
        await until(lambda: len(hosted_pids()) == 2)
        pids = hosted_pids()
    assert not any(alive(pid) for pid in pids)


async def test_a_driver_that_raises_is_named_with_its_error(home: House, importable: Path) -> None:
    await home.create()
    driving = asyncio.create_task(fate(home, write_driver(importable, act="raise ValueError('no brakes')")))
    await connected(home)
    await home.lobby.start("cup")
    assert "no brakes" in await driving
    await home.end_of()
    assert await home.statuses() == {"Test": "DNF-disconnect"}


async def test_an_agent_that_does_not_exist_is_the_reason(home: House) -> None:
    await home.create()
    assert "no agent is called 'nobody'" in await fate(home, "nobody")


async def test_a_driver_cannot_take_more_memory_than_its_limit(home: House, importable: Path) -> None:
    await home.create()
    agent = write_driver(importable, prepare="self.hoard = bytearray(3 << 30)")
    driving = asyncio.create_task(fate(home, agent, memory_bytes=1 << 30))
    await connected(home)
    await home.lobby.start("cup")
    assert "MemoryError" in await driving


@pytest.mark.slow
async def test_a_driver_cannot_take_more_processor_time_than_its_limit(home: House, importable: Path) -> None:
    await home.create()
    agent = write_driver(importable, prepare="while True: pass")
    driving = asyncio.create_task(fate(home, agent, cpu_s=4))
    await connected(home)
    await home.lobby.start("cup")
    assert await driving == "its program used up its 4 s of processor time"


async def test_a_driver_sees_neither_the_servers_environment_nor_its_folder(
    home: House, importable: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAGUE_TOKEN", "a-secret")
    await home.create()
    agent = write_driver(
        importable,
        prepare="raise ValueError([k for k in os.environ if 'TOKEN' in k] + os.listdir() + sys.argv[1:])",
    )
    driving = asyncio.create_task(fate(home, agent))
    await connected(home)
    await home.lobby.start("cup")
    assert "ValueError: []" in await driving


async def test_a_driver_that_writes_without_end_fills_no_memory_of_ours(
    home: House, importable: Path
) -> None:
    reasons: list[str] = []
    (importable / "noisy.py").write_text(
        "import sys\nsys.stderr.write('x' * 3_000_000)\nsys.stderr.write('\\nlast words\\n')\n"
        "raise RuntimeError('gone')\n"
    )
    task = Task(line=-1, event="e", name="n", agent="noisy:Noisy", token="")
    driver = HostedDriver(task, None, inlet=await home.lobby.inlet, ended=reasons.append)
    async with asyncio.timeout(60):
        await driver.run()
    assert "gone" in reasons[0]
    assert sum(map(len, driver.last_lines)) < 100_000


async def test_only_registered_agents_can_be_hosted_by_name(home: House) -> None:
    await home.create()
    for agent in ("os:system", "./model.onnx", "/etc", "onnx", "nobody"):
        with pytest.raises(UnknownNameError):
            await home.lobby.entrance.enter("cup", "Eve", agent=agent)


async def test_a_model_that_breaks_after_it_was_entered_is_a_failed_start_with_its_reason(
    home: House,
) -> None:
    await home.create()
    entry = EntryPlan(id="broken", name="Broken", agent="model.onnx", kind="onnx")
    broken = ModelFiles(b"not a network", "{}")
    await home.book.add_entry("cup", entry, source="model.onnx", model=broken, hosted=True)
    await home.lobby.start("cup")
    await home.end_of()
    assert await home.statuses() == {"Broken": "DNS"}
    assert "not ONNX" in (await home.reasons())["Broken"]


@pytest.mark.slow
def test_drivers_end_when_their_server_is_killed_and_can_clean_up_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent(
        """
        import asyncio
        from house import house
        from league import EntryPlan

        async def main():
            async with house() as home:
                entries = (EntryPlan(id="a", name="a", agent="tutorial"),)
                await home.create(entries=entries, pace=0.1)
                await home.lobby.start("cup")
                paddock = await home.lobby.paddock("cup")
                while not paddock.connected():
                    await asyncio.sleep(0.05)
                import pathlib, os
                print(pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text(), flush=True)
                await asyncio.sleep(60)

        asyncio.run(main())
        """
    )
    support = str(Path(__file__).parents[1] / "support")
    paths = os.pathsep.join(filter(None, [support, os.environ.get("PYTHONPATH")]))
    server = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": paths}
    )
    assert server.stdout is not None
    pids = [int(pid) for pid in server.stdout.readline().split()]
    server.kill()
    server.wait(10)
    server.stdout.close()
    assert pids
    for _ in range(200):
        if not any(alive(pid) for pid in pids):
            return
        subprocess.run(["sleep", "0.05"], check=True)
    raise AssertionError(f"still there: {[pid for pid in pids if alive(pid)]}")


async def test_the_programs_end_is_the_reason_whichever_is_seen_first(home: House, http) -> None:
    await home.create(autostart=1)
    ada = await Peer(http, home.url, "Ada").join()
    await ada.drive(await ada.start(), until=3)
    driver = (await home.lobby.paddock("cup")).driver("ada")
    driver.die("its program was ended by SIGKILL")
    ada.break_off()
    await home.end_of()
    assert await home.reasons() == {"Ada": "its program was ended by SIGKILL"}
