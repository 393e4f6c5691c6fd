"""A server whose disk fills up, cannot be written or is read-only: a line says so, and nothing is lost."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from house import house
from served import Program, at_home

from league.racing.plan import EntryPlan, EventPlan
from league.racing.rules import Rules
from league.store.book import RecordBook
from league.store.records import EventOptions

pytestmark = pytest.mark.slow

NAMES = ("ada", "bob", "cyd")
PLAN = EventPlan(
    id="cup", name="Cup", circuit="clubhouse-loop", format="time-trial", seed=5, rules=Rules(laps=1),
    entries=tuple(EntryPlan(id=name, name=name, agent="tutorial") for name in NAMES),
)  # fmt: skip
# Nobody may lose a tick because this machine is busy.
PATIENT = {"deadline_s": 20.0, "bank_s": 600.0, "no_show_s": 600.0, "ready_s": 600.0}


class Disk:
    """A disk of 6 MB that only a server of the test sees, with an evening on it that begins by itself."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.at = folder, folder / "disk"
        self.settings = folder / "league.toml"

    async def prepare(self) -> None:
        self.at.mkdir()
        lines = [f"{name} = {value}" for name, value in {**PATIENT, "lease_s": 0.5}.items()]
        self.settings.write_text("\n".join(["[server]", *lines, ""]))
        async with await RecordBook.open(self.folder / "book.sqlite") as book:
            await book.add_event(PLAN, EventOptions(autostart=len(NAMES), pace=8.0))

    @contextmanager
    def server(self, *, read_only: bool = False) -> Iterator[Program]:
        """`league serve` with what is in `book.sqlite` on the disk; afterwards, what became of it."""
        mount = f"mount -t tmpfs -o size=6m none '{self.at}' && cp '{self.folder}'/book.sqlite* '{self.at}'"
        if read_only:
            mount += f" && mount -o remount,ro '{self.at}'"
        serve = f"exec '{sys.executable}' -m league serve --port 0 --config '{self.settings}'"
        script = f"{mount} && {serve} --database '{self.at}/book.sqlite'"
        process = subprocess.Popen(
            [shutil.which("unshare") or "unshare", "-rm", "sh", "-c", script],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True,
            env={**at_home(self.folder), "PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
        running = Program(process)
        try:
            yield running
        finally:
            if process.poll() is None:
                process.kill()
            running.wait()

    def inside(self, server: Program) -> Path:
        """The disk as it is seen from here."""
        return Path(f"/proc/{server.process.pid}/root{self.at}")

    def fill(self, server: Program) -> Path:
        """Leave no room for anything; gives what takes it."""
        ballast = self.inside(server) / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return ballast

    def save(self, server: Program) -> None:
        """Pull the disk out of a server that is about to be killed, for the next one."""
        server.process.send_signal(signal.SIGSTOP)
        for file in self.inside(server).glob("book.sqlite*"):
            if not file.name.endswith(("-shm", "-server")):
                shutil.copy(file, self.folder / file.name)
        server.process.kill()


@pytest.fixture
async def disk(tmp_path: Path) -> Disk:
    made = Disk(tmp_path)
    await made.prepare()
    mount = f"mount -t tmpfs -o size=1m none '{made.at}'"
    unshare = shutil.which("unshare") or "unshare"
    tried = await asyncio.create_subprocess_exec(unshare, "-rm", "sh", "-c", mount)
    if await tried.wait():
        pytest.skip("cannot mount a small disk here")
    return made


async def ask(http: aiohttp.ClientSession, url: str, path: str) -> Any:
    async with http.get(f"{url}/api/v1{path}") as answer:
        return await answer.json()


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(120):
        while not await holds():  # noqa: ASYNC110 - the race is in another program
            await asyncio.sleep(0.02)


async def line(server: Program, pattern: str) -> str:
    return str((await asyncio.to_thread(server.wait_for, pattern))[0])


async def in_mid_heat(http: aiohttp.ClientSession, server: Program, *, after: int) -> str:
    """The server's address, once so many heats are finished and the next is under way."""
    url = (await line(server, r"open at (http://\S+)")).removeprefix("open at ")

    async def so_far() -> bool:
        statuses = [heat["status"] for heat in (await ask(http, url, "/events/cup/heats"))["heats"]]
        return statuses.count("finished") >= after and "running" in statuses

    await until(so_far)
    return url


async def over(http: aiohttp.ClientSession, url: str) -> dict[str, bytes]:
    """The recordings of the evening once it is over, by heat."""

    async def is_over() -> bool:
        return bool((await ask(http, url, "/events/cup"))["status"] == "finished")

    await until(is_over)
    heats = (await ask(http, url, "/events/cup/heats"))["heats"]
    assert [heat["status"] for heat in heats] == ["finished"] * len(NAMES)
    found = {}
    for heat in heats:
        async with http.get(f"{url}/api/v1/events/cup/heats/{heat['id']}/recording") as answer:
            found[heat["id"]] = await answer.read()
    return found


_QUIET: dict[str, bytes] = {}


async def undisturbed() -> dict[str, bytes]:
    """The recordings of the same evening on a disk with room; raced once for all tests."""
    if not _QUIET:
        async with house(**PATIENT) as home:
            await home.lobby.create(PLAN, EventOptions(autostart=len(NAMES)))
            await asyncio.wait_for(home.lobby.wait_for_end("cup"), 120)
            for heat in await home.book.heats("cup"):
                _QUIET[heat.plan.id] = await home.book.recording("cup", heat.plan.id) or b""
    return _QUIET


async def test_a_disk_that_fills_up_in_mid_heat_is_said_and_the_evening_goes_on(
    disk: Disk, http: aiohttp.ClientSession
) -> None:
    with disk.server() as server:
        url = await in_mid_heat(http, server, after=1)
        ballast = disk.fill(server)
        said = await line(server, r"cannot go on: record book .*")
        assert "the disk is full" in said
        assert "trying again" in said
        assert (await ask(http, url, "/events/cup"))["status"] == "running"
        ballast.unlink()
        found = await over(http, url)
        assert server.stop() == 0
    assert not [text for text in server.lines if "Traceback" in text]
    assert found == await undisturbed()


async def test_a_server_killed_on_a_full_disk_goes_on_after_a_restart(
    disk: Disk, http: aiohttp.ClientSession
) -> None:
    with disk.server() as server:
        await in_mid_heat(http, server, after=1)
        disk.fill(server)
        await line(server, "the disk is full")
        disk.save(server)
    with disk.server() as server:
        url = (await line(server, r"open at (http://\S+)")).removeprefix("open at ")
        found = await over(http, url)
    assert found == await undisturbed()


async def test_a_disk_that_cannot_be_written_for_a_while_is_said_and_the_evening_goes_on(
    disk: Disk, http: aiohttp.ClientSession
) -> None:
    with disk.server() as server:
        url = await in_mid_heat(http, server, after=1)
        nothing = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        before = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, nothing)
        said = await line(server, r"cannot go on: record book .*")
        assert "the disk " in said
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, before)
        found = await over(http, url)
    assert not [text for text in server.lines if "Traceback" in text]
    assert found == await undisturbed()


async def test_a_server_on_a_disk_that_cannot_be_written_stops_cleanly_and_the_next_goes_on(
    disk: Disk, http: aiohttp.ClientSession
) -> None:
    with disk.server() as server:
        await in_mid_heat(http, server, after=1)
        nothing = (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1])
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, nothing)
        await line(server, r"cannot go on: record book .*")
        saved = {file.name: file.read_bytes() for file in disk.inside(server).glob("book.sqlite*")}
        server.stop()
    assert not [text for text in server.lines if "Traceback" in text]
    for name, content in saved.items():
        if not name.endswith(("-shm", "-server")):
            (disk.folder / name).write_bytes(content)
    with disk.server() as server:
        url = (await line(server, r"open at (http://\S+)")).removeprefix("open at ")
        found = await over(http, url)
    assert found == await undisturbed()


async def test_a_read_only_disk_is_one_line_at_the_start_and_changes_nothing(disk: Disk) -> None:
    before = (disk.folder / "book.sqlite").read_bytes()
    with disk.server(read_only=True) as server:
        code = await asyncio.to_thread(server.wait)
    said = [text for text in server.lines if text]
    assert code in (1, 2)
    assert len(said) == 1, said
    assert said[0].startswith("league: record book ")
    assert "read-only" in said[0].lower()
    assert (disk.folder / "book.sqlite").read_bytes() == before
    assert os.access(disk.folder / "book.sqlite", os.W_OK)
