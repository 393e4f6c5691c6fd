"""The cage: what a program in it cannot do, and how it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from league.cage import landlock, libc
from league.cage.enter import Layers
from league.cage.limits import Limits
from league.cage.probe import Protection, inspect
from league.cage.program import CagedProgram, Ending

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the cage is Linux's")

PROGRAM = """
import os, sys, time
from pathlib import Path
from league.cage.enter import enter
from league.cage.limits import Limits
given = sys.stdin.readline().strip()
layers = enter(Limits(cpu_s=3, memory_bytes=1 << 30))
{body}
"""


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(
        "PYTHONPATH", os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    )
    return tmp_path


def run(folder: Path, body: str, **options: Any) -> Ending:
    """Run some lines in a cage, and give what came of it."""
    (folder / "caged_test_program.py").write_text(PROGRAM.format(body=body))

    async def running() -> Ending:
        limits = Limits(cpu_s=3, memory_bytes=256 << 20, threads=16)
        given = {"limits": limits, "output_bytes": 1000, **options}
        program = CagedProgram("caged_test_program", lambda _: b"orders\n", **given)
        async with asyncio.timeout(30):
            return await program.run()

    return asyncio.run(running())


def test_this_machine_holds_what_it_says() -> None:
    protection = inspect()
    if not (protection.layers.landlock and protection.layers.calls):
        pytest.skip(f"this machine has {protection.in_words()}")
    assert protection.broken == ()
    assert len(protection.held) == 10


def test_what_a_machine_lacks_is_said_in_words() -> None:
    layers = Layers(landlock="version 4", refused="no such thing")
    said = Protection(layers, held=("a",), broken=("open a socket",)).in_words()
    assert (
        said == "limits, no namespaces, Landlock (version 4), no seccomp (no such thing); could open a socket"
    )


def test_a_caged_program_gets_orders_and_files_and_can_speak(importable: Path) -> None:
    ending = run(importable, "print(given, Path('a/b').read_text())", files={"a/b": b"laid"})
    assert (ending.code, ending.output, ending.reason) == (0, b"orders laid\n", "its program ended")


def test_what_it_says_beyond_the_limit_is_thrown_away(importable: Path) -> None:
    ending = run(importable, "print('x' * 100_000)")
    assert len(ending.output) == 1000


def test_its_environment_holds_nothing_of_ours(importable: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEAGUE_TOKEN", "a-secret")
    ending = run(importable, "print('LEAGUE_TOKEN' in os.environ, os.environ['HOME'] == os.getcwd())")
    assert ending.output == b"False True\n"


def test_its_folder_is_gone_when_it_has_ended(importable: Path) -> None:
    ending = run(importable, "print(os.getcwd())")
    assert not Path(ending.output.decode().strip()).exists()


def test_a_failure_is_told_by_its_last_line(importable: Path) -> None:
    ending = run(importable, "raise ValueError('no brakes')")
    assert ending.reason == "its program failed: ValueError: no brakes"


@pytest.mark.slow
def test_processor_time_ends(importable: Path) -> None:
    ending = run(importable, "while True: pass")
    assert (ending.code, ending.reason) == (-signal.SIGXCPU, "its program used up its 3 s of processor time")


def test_memory_that_no_limit_of_its_own_stops_is_seen_from_outside(importable: Path) -> None:
    # It takes more than its parent grants, by less than its own limit.
    body = "hoard = bytearray(b'x') * (150 << 20)\ntime.sleep(20)"
    ending = run(importable, body, limits=Limits(cpu_s=3, memory_bytes=64 << 20))
    assert ending.reason == "its program was ended: it used more than 64 MiB of memory"


def test_threads_that_no_limit_of_its_own_stops_are_seen_from_outside(importable: Path) -> None:
    body = (
        "import threading\n"
        "for _ in range(20): threading.Thread(target=time.sleep, args=(20,), daemon=True).start()\n"
        "time.sleep(20)"
    )
    ending = run(importable, body, limits=Limits(cpu_s=3, memory_bytes=256 << 20, threads=8))
    assert ending.reason == "its program was ended: it started more than 8 threads"


def test_who_does_not_hear_is_ended_all_the_same(importable: Path) -> None:
    (importable / "caged_test_program.py").write_text(
        PROGRAM.format(
            body="import signal\nsignal.signal(15, signal.SIG_IGN)\nprint('deaf', flush=True)\ntime.sleep(60)"
        )
    )

    async def running() -> int:
        program = CagedProgram(
            "caged_test_program", lambda _: b"\n", limits=Limits(cpu_s=3), output_bytes=100
        )
        task = asyncio.create_task(program.run())
        async with asyncio.timeout(30):
            while b"deaf" not in program.output:  # noqa: ASYNC110 - a program says so when it is ready
                await asyncio.sleep(0.05)
        pid = program.pid
        assert pid is not None
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return pid

    pid = asyncio.run(running())
    assert not Path(f"/proc/{pid}").exists()


def test_a_call_that_fails_is_an_error_with_its_name() -> None:
    with pytest.raises(OSError, match="prctl: Invalid argument"):
        libc.call("prctl", -1, 0, 0, 0, 0)
    with pytest.raises(OSError, match="no_such_call: the C library has no such function"):
        libc.call("no_such_call")


def test_landlock_says_its_version() -> None:
    if not inspect().layers.landlock:
        pytest.skip("this kernel has no Landlock")
    assert landlock.version() >= 1
