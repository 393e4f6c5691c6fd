"""Programs that tests run beside them, in a network namespace or without one, and what they print."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

PATIENCE_S: Final = 120.0


class Program:
    """A program in a namespace, and the lines that it prints, each with its time.

    Args:
        space: The namespace; empty for this one.
        command: What to run.
        on_line: Told each line with its time, in a thread.
        cwd: Folder to run it in; by default this one's.
    """

    def __init__(
        self,
        space: str,
        *command: object,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[float, str], None] = lambda at_s, line: None,
        cwd: Path | None = None,
    ) -> None:
        words = [*(("ip", "netns", "exec", space) if space else ()), *map(str, command)]
        self.lines: list[str] = []
        self._on_line, self._grown = on_line, threading.Condition()
        self.process = subprocess.Popen(  # noqa: S603 - the tests' own words
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1, cwd=cwd, env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, *, after: int = 0, within_s: float = PATIENCE_S) -> re.Match[str]:
        """A line with a pattern in it, from the line number `after` on."""
        until_s = time.monotonic() + within_s
        with self._grown:
            while True:
                for line in self.lines[after:]:
                    if found := re.search(pattern, line):
                        return found
                left_s = until_s - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line with {pattern!r} in {self.lines[after:][-20:]}")
                self._grown.wait(min(left_s, 0.5))

    def type(self, line: str) -> None:
        """Type a line into it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def send(self, what: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(what)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, frozen or not, and give its exit code."""
        self.send(signal.SIGCONT)
        self.send(how)
        try:
            code = self.process.wait(8.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(8.0)
        self._reader.join(5.0)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError):
            for line in self.process.stdout:
                self._on_line(time.monotonic(), line.rstrip("\n"))
                with self._grown:
                    self.lines.append(line.rstrip("\n"))
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()
