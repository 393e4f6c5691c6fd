"""A hosted driver: the program that a server starts for an entry that it drives itself.

`python -m league.host` reads its task as one line of JSON from standard input, limits itself, and then is
the same client as everybody's. The token comes this way because arguments and the environment of a
process can be read by others. When standard input ends, the server is gone, and so is this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import sys
import threading
from dataclasses import asdict, dataclass
from io import FileIO, RawIOBase
from typing import Any

from league.client import drive
from league.errors import InputError, LeagueError
from league.hooks.catalogue import League

FILES_OPEN = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a hosted driver is started for."""

    server: str
    event: str
    name: str
    agent: str
    """An agent's name, or the folder of a model."""
    token: str
    kind: str = "scripted"
    sha256: str = ""
    cpu_s: int = 1800
    memory_bytes: int = 2 << 30
    file_bytes: int = 16 << 20

    def line(self) -> bytes:
        """The task as the program reads it."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def read(cls, stream: RawIOBase) -> Task:
        """The task from a stream's first line.

        Raises:
            InputError: It is none.
        """
        try:
            given: dict[str, Any] = json.loads(stream.readline(1 << 20))
            return cls(**given)
        except (ValueError, TypeError) as error:
            raise InputError(f"standard input: expected a task as one line of JSON: {error}") from None


def limit_self(task: Task) -> None:
    """Give up what a driver does not need; what is exceeded ends this process or the call, not the server.

    Memory is limited as RLIMIT_DATA, which counts what is written to, and not as RLIMIT_AS: numpy and
    onnxruntime reserve address space by the gigabyte that they never touch.
    """
    for what, most in (
        (resource.RLIMIT_CPU, task.cpu_s),
        (resource.RLIMIT_DATA, task.memory_bytes),
        (resource.RLIMIT_FSIZE, task.file_bytes),
        (resource.RLIMIT_NOFILE, FILES_OPEN),
        (resource.RLIMIT_CORE, 0),
    ):
        _, allowed = resource.getrlimit(what)
        if allowed != resource.RLIM_INFINITY:
            most = min(most, allowed)
        # At the soft limit of processor time comes a signal that tells why, at the hard one only the end.
        spare = 1 if what == resource.RLIMIT_CPU and most != allowed else 0
        resource.setrlimit(what, (most, most + spare))


def end_with(stream: RawIOBase) -> None:
    """End this process as soon as the stream ends, whatever it is doing."""

    def watch() -> None:
        while stream.read(1024):
            pass
        os._exit(0)

    threading.Thread(target=watch, name="watching standard input", daemon=True).start()


def main() -> int:
    """Drive until the event says bye."""
    try:
        orders = FileIO(0, closefd=False)  # unbuffered: the watching thread must not hold a buffer's lock
        task = Task.read(orders)
        limit_self(task)
        end_with(orders)
        agent = League().agent(task.agent)
        asyncio.run(
            drive(
                agent.make,
                server=task.server,
                event=task.event,
                name=task.name,
                token=task.token,
                kind=task.kind,
                sha256=task.sha256,
            )
        )
    except LeagueError as error:
        print(" ".join(str(error).split()), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
