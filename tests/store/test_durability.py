"""What was said to be committed is there after anything that can happen; nothing is there by half."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from league.store.book import RecordBook

WRITING = Path(__file__).with_name("writing.py")


def run(*command: str | Path) -> dict[str, Any]:
    """What the writing program says at its end."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ran = subprocess.run(
        [*map(str, command)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert ran.returncode == 0, ran.stderr
    said: dict[str, Any] = json.loads(ran.stdout)
    return said


async def check_whole(where: Path, evening: Any, *, told: list[str]) -> list[str]:
    """The finished heats, once it is sure that each is complete and that all are there that were told."""
    with closing(sqlite3.connect(where)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert db.execute("PRAGMA foreign_key_check").fetchall() == []
    async with await RecordBook.open(where) as book:
        heats = await book.heats("friday")
        finished = [heat.plan for heat in heats if heat.status == "finished"]
        assert await book.results("friday") == tuple(evening.result(heat) for heat in finished)
        for heat in finished:
            assert await book.facts("friday", heat.id) == tuple(evening.facts(40))
            assert await book.recording("friday", heat.id) == bytes(range(256)) * 200
        for heat in heats:
            if heat.status != "finished":
                assert await book.facts("friday", heat.plan.id) == ()
                assert await book.recording("friday", heat.plan.id) is None
        assert len(await book.fastest_laps("club-loop", limit=10**6)) == 12 * len(finished)
    ids = [heat.id for heat in finished]
    assert set(told) <= set(ids)
    return ids


@pytest.mark.slow
async def test_a_writer_killed_at_any_moment_leaves_whole_heats(tmp_path: Path, evening: Any) -> None:
    where = tmp_path / "league.db"
    rounds = 25
    told = run(sys.executable, WRITING, "kill", where, str(rounds))["told"]
    finished = await check_whole(where, evening, told=told)
    assert len(told) >= rounds / 2
    # A writer may be killed between its commit and its word: one heat a round at most.
    assert len(finished) - len(told) <= rounds


async def test_a_file_that_may_not_grow_ends_in_one_line_and_loses_nothing(
    tmp_path: Path, evening: Any
) -> None:
    where = tmp_path / "league.db"
    said = run(sys.executable, WRITING, "fill", where, "1500000")
    assert said["error"].startswith(f"record book {where}: the disk ")
    assert "\n" not in said["error"]
    assert said["told"]
    assert await check_whole(where, evening, told=said["told"]) == said["told"]


@pytest.fixture
def in_small_disk(tmp_path: Path) -> list[str]:
    """The beginning of a shell command that runs with a disk of 2 MB at `tmp_path / "disk"`."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = f"mount -t tmpfs -o size=2m none '{disk}'"
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-rm", "sh", "-c", mount], check=False).returncode:
        pytest.skip("cannot mount a small disk here")
    return [unshare, "-rm", "sh", "-c", f"{mount} && "]


async def test_a_full_disk_ends_in_one_line_and_loses_nothing(
    tmp_path: Path, in_small_disk: list[str], evening: Any
) -> None:
    disk = tmp_path / "disk"
    *shell, mount = in_small_disk
    said = run(
        *shell,
        f"{mount} '{sys.executable}' '{WRITING}' full '{disk}/league.db' && cp '{disk}'/* '{tmp_path}'",
    )
    assert said["error"].startswith(f"record book {disk}/league.db: the disk is full")
    assert said["told"]
    assert await check_whole(tmp_path / "league.db", evening, told=said["told"]) == said["told"]
