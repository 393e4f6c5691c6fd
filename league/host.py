"""A hosted driver: the program that a server starts for an entry that it drives itself.

`python -m league.host` reads its task as one line of JSON from standard input, enters its cage, and then is
the same client as everybody's, over the one socket that it inherited. When standard input ends, the server
is gone, and so is this process.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
import threading
from dataclasses import asdict, dataclass, field
from io import FileIO, RawIOBase
from typing import Any

from league.cage.enter import enter
from league.cage.limits import Limits
from league.client import drive
from league.errors import InputError, LeagueError
from league.hooks.catalogue import League


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a hosted driver is started for."""

    line: int
    """File descriptor of a socket that is connected to the server."""
    event: str
    name: str
    agent: str
    """An agent's name, or the folder of a model."""
    token: str
    kind: str = "scripted"
    sha256: str = ""
    limits: Limits = field(default_factory=Limits)

    def as_line(self) -> bytes:
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
            return cls(**given | {"limits": Limits(**given["limits"])})
        except (ValueError, TypeError, KeyError) as error:
            raise InputError(f"standard input: expected a task as one line of JSON: {error}") from None


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
        enter(task.limits)
        end_with(orders)
        agent = League().agent(task.agent)
        asyncio.run(
            drive(
                agent.make,
                server="ws://server",
                line=socket.socket(fileno=task.line),
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
