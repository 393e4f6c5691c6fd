"""Hosted drivers: one limited process for each entry that the server drives itself."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from league.host import Task
from league.store.records import ModelFiles

log = logging.getLogger(__name__)

LINES_KEPT: Final = 20
LINE_BYTES: Final = 4096
STOP_S: Final = 2.0
"""Time to leave when told to, before it is killed."""
# What a driver's process may know of ours: where programs and libraries are, and the language.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
# One thread each: drivers share the machine with the races.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class HostedDriver:
    """The process of one hosted entry.

    Args:
        task: What it drives and where; for a model, `agent` is filled in.
        model: The model's files, if it drives one.
        ended: Called once with the reason, in words, if it ends by itself.
    """

    def __init__(self, task: Task, model: ModelFiles | None, *, ended: Callable[[str], None]) -> None:
        self.pid: int | None = None
        """While it runs."""
        self.last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        """The end of what it wrote to standard error."""
        self._task, self._model, self._ended = task, model, ended

    async def run(self) -> None:
        """Start it, and see to it that it is gone when this returns or is cancelled."""
        with tempfile.TemporaryDirectory(prefix="league-driver-", ignore_cleanup_errors=True) as folder:
            task = await asyncio.to_thread(self._unpack, Path(folder))
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "league.host",
                cwd=folder, env=_environment(folder), start_new_session=True, limit=LINE_BYTES,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
            self.pid = process.pid
            try:
                assert process.stdin is not None
                assert process.stderr is not None
                process.stdin.write(task.line())
                await self._read(process.stderr)
                code = await process.wait()
            except asyncio.CancelledError:
                await _stop(process)
                raise
            finally:
                # Whatever it started in its group goes with it, also where it went by itself.
                _signal_group(process.pid, signal.SIGKILL)
                self.pid = None
        reason = self._reason(code)
        log.info("hosted driver %s of event %s: %s", self._task.name, self._task.event, reason)
        self._ended(reason)

    def _unpack(self, folder: Path) -> Task:
        if self._model is None:
            return self._task
        target = folder / "model"
        target.mkdir()
        (target / "model.onnx").write_bytes(self._model.onnx)
        (target / "model_metadata.json").write_text(self._model.metadata, encoding="utf-8")
        return replace(self._task, agent=str(target))

    async def _read(self, stream: asyncio.StreamReader) -> None:
        """Keep the last lines of what it writes; a line without end is kept in pieces."""
        rest = b""
        while piece := await stream.read(LINE_BYTES):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._keep(line)
            if len(rest) >= LINE_BYTES:
                self._keep(rest)
                rest = b""
        self._keep(rest)

    def _keep(self, line: bytes) -> None:
        text = line.decode(errors="replace").strip()
        if text:
            self.last_lines.append("".join(char if char.isprintable() else " " for char in text))

    def _reason(self, code: int) -> str:
        """Why it ended, in words for the board."""
        last = self.last_lines[-1][:200] if self.last_lines else ""
        if code == -signal.SIGXCPU:
            return f"its program used up its {self._task.cpu_s} s of processor time"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return f"its program was ended by {name}"
        if code == 0:
            return "its program ended"
        return f"its program failed: {last}" if last else f"its program ended with code {code}"


def _environment(folder: str) -> Mapping[str, str]:
    given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = os.environ.get("PYTHONPATH")
    if paths:
        # It runs in a folder of its own, where relative paths lead nowhere.
        given["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    return given | dict.fromkeys(_ONE_THREAD, "1") | {"HOME": folder, "TMPDIR": folder}


async def _stop(process: asyncio.subprocess.Process) -> None:
    """End a process: ask, wait a little, then kill."""
    if process.returncode is None:
        _signal_group(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_S):
            await process.wait()
    except TimeoutError:
        _signal_group(process.pid, signal.SIGKILL)
        await process.wait()


def _signal_group(pid: int, what: signal.Signals) -> None:
    # The process leads a group of its own; its number stays taken while any member lives.
    try:
        os.killpg(pid, what)
    except ProcessLookupError:
        return
