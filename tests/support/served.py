"""`league serve` as a program of its own, as users run it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

PATIENCE_S = 60


def at_home(folder: Path) -> dict[str, str]:
    """An environment in which everything of a user lies in one folder."""
    places = {"HOME": folder, "XDG_CONFIG_HOME": folder / "config", "XDG_DATA_HOME": folder / "data"}
    places |= {"XDG_STATE_HOME": folder / "state"}
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LEAGUE_")}
    # The simulator's compiled code stays where it is: compiling it again would take long.
    kept |= {"XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))}
    return kept | {name: str(place) for name, place in places.items()}


@dataclass
class Program:
    """A `league` command that runs, and the lines that it has printed."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._grown = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._grown:
                self.lines.append(line.rstrip("\n"))
                self._grown.notify_all()
        with self._grown:
            self.lines.append("")
            self._grown.notify_all()

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait for a line with a pattern in it."""
        seen = 0
        with self._grown:
            while True:
                for line in self.lines[seen:]:
                    if found := re.search(pattern, line):
                        return found
                seen = len(self.lines)
                ended = self.process.poll() is not None and not self._reader.is_alive()
                if ended or not self._grown.wait(PATIENCE_S):
                    raise AssertionError(f"no line with {pattern!r} in {self.lines}")

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """Send a signal and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for the end, and give the exit code."""
        code = self.process.wait(PATIENCE_S)
        self._reader.join(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@contextmanager
def program(*arguments: object, env: Mapping[str, str]) -> Iterator[Program]:
    """Run `league` with arguments; it is gone when the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "league", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**env, "PYTHONUNBUFFERED": "1"},
    )
    running = Program(process)
    try:
        yield running
    finally:
        if process.poll() is None:
            process.kill()
        running.wait()


@contextmanager
def serving(folder: Path, *options: object) -> Iterator[tuple[str, Program]]:
    """`league serve` on a free port; gives its address."""
    with program("serve", "--port", 0, *options, env=at_home(folder)) as server:
        yield server.wait_for(r"open at (http://\S+)")[1], server
