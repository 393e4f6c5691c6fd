"""Engines: processes here, or a Ray cluster, of which workers may die."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from crew import cup

from league.store.book import RecordBook

PATIENCE_S = 600.0
HEATS = 10

# -- a worker is killed in mid-heat ------------------------------------------------------------------


def below(pid: int) -> dict[int, str]:
    """Every process that descends from one, with its command line."""
    parents: dict[int, int] = {}
    names: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                stat = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                parents[int(entry.name)] = int(stat[1])
                names[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
    found: dict[int, str] = {}
    grown = True
    known = {pid}
    while grown:
        fresh = {child for child, parent in parents.items() if parent in known} - known
        known |= fresh
        grown = bool(fresh)
        found |= {child: names.get(child, "") for child in fresh}
    return found


def racing(pid: int) -> list[int]:
    """Workers of a command that are racing a heat just now, as Ray names them."""
    return [child for child, name in below(pid).items() if name.startswith("ray::race_heat")]


async def kill_one(command: subprocess.Popen[bytes], book: RecordBook) -> str:
    """Kill a worker in the middle of a heat; gives the heat."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s and command.poll() is None:
        for worker in racing(command.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGSTOP)
                # It stands still: if two heats are under way, one of them is its own.
                under_way = await running(book)
                if len(under_way) < 2:
                    os.kill(worker, signal.SIGCONT)
                    continue
                os.kill(worker, signal.SIGKILL)
                if again := await begun_again(book, under_way, until_s):
                    return again
        await asyncio.sleep(0.02)
    raise AssertionError(f"no worker was ever in mid-heat; the command ended with {command.poll()}")


async def running(book: RecordBook) -> set[str]:
    return {heat.plan.id for heat in await book.heats("cup") if heat.status == "running"}


async def begun_again(book: RecordBook, heats: set[str], until_s: float) -> str:
    """Which of the heats is raced again; none if its result was on its way to the database already."""
    while time.monotonic() < until_s:
        records = [heat for heat in await book.heats("cup") if heat.plan.id in heats]
        if again := [heat.plan.id for heat in records if heat.attempt > 1]:
            return again[0]
        if all(heat.status == "finished" for heat in records):
            return ""
        await asyncio.sleep(0.05)
    raise AssertionError(f"neither finished nor begun again: {sorted(heats)}")


async def bytes_of(book: RecordBook) -> dict[str, tuple[str, bytes | None, object]]:
    """All that is kept of each heat."""
    return {
        result.heat: (
            result.model_dump_json(),
            await book.recording("cup", result.heat),
            await book.facts("cup", result.heat),
        )
        for result in await book.results("cup")
    }


@pytest.mark.slow
async def test_a_worker_killed_in_mid_heat_changes_no_byte_and_every_result_lands_once(
    book_url: str, tmp_path: Path
) -> None:
    plan = cup(entries=HEATS, laps=30)
    (tmp_path / "alone").mkdir()
    alone = str(tmp_path / "alone" / "book.sqlite")
    run = [sys.executable, "-m", "league", "run", "cup", "--json"]
    for where in (alone, book_url):
        async with await RecordBook.open(where) as book:
            await book.add_event(plan)
    options = [*run, str(tmp_path / "alone.json"), "--database", alone, "--workers", "1"]
    await asyncio.to_thread(
        subprocess.run, options, check=True, timeout=PATIENCE_S, stdout=subprocess.DEVNULL
    )

    options = [*run, str(tmp_path / "two.json"), "--database", book_url, "--workers", "2", "--cluster"]
    command = await asyncio.to_thread(
        subprocess.Popen, options, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    everybody: set[int] = set()
    try:
        async with await RecordBook.open(book_url) as book:
            cut_off = await kill_one(command, book)
            everybody |= set(below(command.pid))
            _, said = await asyncio.to_thread(command.communicate, timeout=PATIENCE_S)
            assert command.returncode == 0, said.decode()
            records = await book.heats("cup")
            found = await bytes_of(book)
    finally:
        if command.poll() is None:
            command.kill()
            command.wait()
    async with await RecordBook.open(alone) as book:
        expected = await bytes_of(book)
    assert len(expected) == HEATS
    assert found == expected
    assert [record.status for record in records] == ["finished"] * HEATS
    again = {record.plan.id for record in records if record.attempt > 1}
    assert again == {cut_off}
    one, two = (json.loads((tmp_path / name).read_text()) for name in ("alone.json", "two.json"))
    assert (two["entries"], two["state_hash"]) == (one["entries"], one["state_hash"])
    await gone(everybody)


async def gone(pids: set[int]) -> None:
    """Wait until processes are no more: a cluster that was made for a command goes with it."""
    until_s = time.monotonic() + PATIENCE_S
    while left := [pid for pid in pids if alive(pid)]:
        assert time.monotonic() < until_s, f"still there: {left}"
        await asyncio.sleep(0.1)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
