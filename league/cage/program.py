"""A caged program from outside: started in a folder of its own, watched, and gone when it should be."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from league.cage.limits import Limits

LINES_KEPT: Final = 20
LINE_BYTES: Final = 4096
FREELY_BYTES: Final = 256 * 1024
"""What a program may say at once; beyond it is listened to slowly, so that listening costs us little."""
SLOWLY_S: Final = 0.02
STOP_S: Final = 2.0
"""Time to leave when told to, before it is killed."""
LOOK_S: Final = 0.2
"""How often it is looked at."""
SLACK: Final = 1.25
"""Memory in use over the limit, in which libraries' own pages are not counted."""
# What a program may know of our environment: where programs and libraries are, and the language.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "SYSTEMROOT")
# One thread each: such programs share the machine with the races.
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Ending:
    """How a program ended."""

    code: int
    """Its exit code; below 0 the signal that ended it."""
    reason: str
    """In words."""
    output: bytes
    """What it wrote to standard output, if that was wanted; cut where it was too much."""


class CagedProgram:
    """A program of ours that will work on what strangers sent.

    It runs as a Python module that reads its orders as one line from standard input and calls `enter` before
    anything else. Tokens come this way because a process's arguments and environment can be read by others.

    Args:
        module: Its name.
        orders: The line, made when its folder is known.
        limits: What it must not exceed; it takes them upon itself, and is watched.
        files: What to lay into its folder first, by name.
        inherited: File descriptors that it keeps, under the same numbers.
        output_bytes: How much of its standard output to keep; 0 throws all away.
        niceness: How far it stands back behind others, up to 19.
    """

    def __init__(
        self,
        module: str,
        orders: Callable[[Path], bytes],
        *,
        limits: Limits,
        files: Mapping[str, bytes] | None = None,
        inherited: tuple[int, ...] = (),
        output_bytes: int = 0,
        niceness: int = 0,
    ) -> None:
        self.pid: int | None = None
        """While it runs."""
        self.last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        """The end of what it wrote to standard error."""
        self._kept = bytearray()
        self._module, self._orders, self._limits = module, orders, limits
        self._files, self._inherited = files or {}, inherited
        self._output_bytes, self._niceness = output_bytes, niceness
        self._overstepped = ""

    async def run(self, *, started: Callable[[], None] = lambda: None) -> Ending:
        """Start it, and see to it that it is gone when this returns or is cancelled.

        Args:
            started: Called once it has everything that it inherits.
        """
        with tempfile.TemporaryDirectory(prefix="league-caged-", ignore_cleanup_errors=True) as folder:
            await asyncio.to_thread(_lay_out, Path(folder), self._files)
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module,
                cwd=folder, env=_environment(folder), start_new_session=True, limit=LINE_BYTES,
                stdin=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE if self._output_bytes else asyncio.subprocess.DEVNULL,
                pass_fds=self._inherited,
            )  # fmt: skip
            self.pid = process.pid
            started()
            looking = asyncio.create_task(self._watch(process.pid), name=f"watching {process.pid}")
            try:
                if self._niceness:
                    os.setpriority(os.PRIO_PGRP, process.pid, self._niceness)
                return await self._attend(process, Path(folder))
            except asyncio.CancelledError:
                ending = asyncio.create_task(_end(process), name=f"ending {process.pid}")
                while not ending.done():
                    with suppress(asyncio.CancelledError):  # asking again does not make it faster
                        await asyncio.shield(ending)
                raise
            finally:
                looking.cancel()
                # Whatever it started in its group goes with it, also where it went by itself.
                _signal_group(process.pid, signal.SIGKILL)
                self.pid = None

    async def _attend(self, process: asyncio.subprocess.Process, folder: Path) -> Ending:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(self._orders(folder))
        listening = [_read(process.stderr, self._note_lines())]
        if process.stdout is not None:
            listening.append(_read(process.stdout, self._keep))
        await asyncio.gather(*listening)
        code = await process.wait()
        return Ending(code, self._reason(code), self.output)

    # -- what it says ------------------------------------------------------------------------------

    @property
    def output(self) -> bytes:
        """What it has written to standard output so far, if that is wanted."""
        return bytes(self._kept)

    def _keep(self, piece: bytes) -> None:
        self._kept += piece[: max(0, self._output_bytes - len(self._kept))]

    def _note_lines(self) -> Callable[[bytes], None]:
        """Takes pieces, and keeps the last lines; a line without end is kept in pieces."""
        rest = b""

        def take(piece: bytes) -> None:
            nonlocal rest
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                self._note(line)
            if len(rest) >= LINE_BYTES or not piece:
                self._note(rest)
                rest = b""

        return take

    def _note(self, line: bytes) -> None:
        text = line[:LINE_BYTES].decode(errors="replace").strip()
        if text:
            self.last_lines.append("".join(char if char.isprintable() else " " for char in text))

    # -- how it ends -------------------------------------------------------------------------------

    async def _watch(self, pid: int) -> None:
        """End a program that uses what its own limits could not count."""
        most_bytes = self._limits.memory_bytes * SLACK
        page = os.sysconf("SC_PAGE_SIZE")
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                resident = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * page  # noqa: ASYNC240 - no disk
                threads = sum(1 for _ in os.scandir(f"/proc/{pid}/task"))
            except (OSError, IndexError, ValueError):
                return  # it is gone, or this system shows no such thing
            if resident > most_bytes:
                self._overstepped = f"it used more than {self._limits.memory_bytes >> 20} MiB of memory"
            elif threads > self._limits.threads:
                self._overstepped = f"it started more than {self._limits.threads} threads"
            if self._overstepped:
                _signal_group(pid, signal.SIGKILL)
                return

    def _reason(self, code: int) -> str:
        """Why it ended, in words for the board."""
        last = self.last_lines[-1][:200] if self.last_lines else ""
        if self._overstepped:
            return f"its program was ended: {self._overstepped}"
        if code == -signal.SIGXCPU:
            return f"its program used up its {self._limits.cpu_s} s of processor time"
        if code < 0:
            name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
            return f"its program was ended by {name}"
        if code == 0:
            return "its program ended"
        return f"its program failed: {last}" if last else f"its program ended with code {code}"


def _lay_out(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _environment(folder: str) -> Mapping[str, str]:
    given = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = os.environ.get("PYTHONPATH")
    if paths:
        # It runs in a folder of its own, where relative paths lead nowhere.
        given["PYTHONPATH"] = os.pathsep.join(str(Path(path).absolute()) for path in paths.split(os.pathsep))
    own = {"HOME": folder, "TMPDIR": folder, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"}
    return given | dict.fromkeys(_ONE_THREAD, "1") | own


async def _read(stream: asyncio.StreamReader, take: Callable[[bytes], None]) -> None:
    """Read to the end, the more slowly the more it is; an empty piece says that it is over."""
    heard = 0
    while piece := await stream.read(LINE_BYTES):
        take(piece)
        heard += len(piece)
        if heard > FREELY_BYTES:
            await asyncio.sleep(SLOWLY_S)
            heard -= FREELY_BYTES // 4
    take(b"")


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process, and read what is left, so that its pipes are found at their ends and closed."""
    await _stop(process)
    _signal_group(process.pid, signal.SIGKILL)
    for stream in (process.stderr, process.stdout):
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                while stream is not None and await stream.read(1 << 16):
                    pass


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
