"""What the cage holds on this machine: a caged program tries to get out, and tells how far it got.

`python -m league.cage.probe` is that program; `inspect` runs it.
"""

from __future__ import annotations

import asyncio
import json
import mmap
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from league.cage.enter import Layers, enter
from league.cage.limits import Limits
from league.cage.program import CagedProgram
from league.errors import LeagueError, RaceError

_PATIENCE_S = 30.0
_OUTSIDE = "outside"
"""A file that it must not be able to read."""
_OUTPUT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Protection:
    """What a caged program on this machine is kept from."""

    layers: Layers
    held: tuple[str, ...]
    """What it tried in vain."""
    broken: tuple[str, ...]
    """What it could do."""

    def in_words(self) -> str:
        """One line for people."""
        names = ("namespaces", "Landlock", "seccomp")
        said = (self.layers.namespaces, self.layers.landlock, self.layers.calls)
        layers = ", ".join(
            f"{name} ({text})" if text else f"no {name}" for name, text in zip(names, said, strict=True)
        )
        open_ = f"; could {', '.join(self.broken)}" if self.broken else ""
        why = f" ({self.layers.refused})" if self.layers.refused else ""
        return f"limits, {layers}{why}{open_}"


def inspect() -> Protection:
    """Try this machine's cage.

    Raises:
        RaceError: The program that tries it did not get that far.
    """
    with tempfile.TemporaryDirectory(prefix="league-probe-") as folder:
        secret = Path(folder) / _OUTSIDE
        secret.write_text("not for everybody")
        return asyncio.run(_inspect(secret))


async def _inspect(secret: Path) -> Protection:
    try:
        program = CagedProgram(
            __name__,
            lambda _: json.dumps({"secret": str(secret)}).encode() + b"\n",
            limits=Limits(cpu_s=20, memory_bytes=256 << 20),
            output_bytes=_OUTPUT_BYTES,
        )
        async with asyncio.timeout(_PATIENCE_S):
            ending = await program.run()
    except TimeoutError:
        raise RaceError(f"a caged program did not end within {_PATIENCE_S:g} s") from None
    try:
        told = json.loads(ending.output)
        return Protection(Layers(**told["layers"]), tuple(told["held"]), tuple(told["broken"]))
    except (ValueError, TypeError, KeyError):
        raise RaceError(f"a caged program could not be tried: {ending.reason}") from None


# -- inside ------------------------------------------------------------------------------------------


def attempts(secret: Path) -> dict[str, Callable[[], object]]:
    """What must not work in a cage, by what it is called after "could"; raising is failing."""
    parent = os.getppid()
    return {
        "start a program": lambda: _start_program(),
        "open a socket": lambda: socket.socket().close(),
        "reach the network": lambda: _reach_network(),
        "read files": lambda: secret.read_bytes(),
        "see the server's environment": lambda: Path(f"/proc/{parent}/environ").read_bytes(),
        "write a file": lambda: Path("written").write_bytes(b"x"),
        "change a file": lambda: secret.open("ab").close(),
        "signal the server": lambda: os.kill(parent, 0),
        "take hidden memory": lambda: mmap.mmap(-1, 1 << 20).close(),
        "take 10 GB": lambda: bytearray(10 << 30),
    }


def _start_program() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _reach_network() -> None:
    with socket.create_connection(("127.0.0.1", 9), timeout=0.2):
        return


def main() -> int:
    """Enter, try everything, and print what came of it as JSON."""
    orders = json.loads(FileIO(0, closefd=False).readline(1 << 16))
    tries = attempts(Path(orders["secret"]))
    layers = enter(Limits(cpu_s=20, memory_bytes=256 << 20))
    held, broken = [], []
    for name, attempt in tries.items():
        try:
            attempt()
        except ConnectionRefusedError:
            broken.append(name)  # there is a network that could refuse
        except (OSError, MemoryError, LeagueError):
            held.append(name)
        else:
            broken.append(name)
    with suppress(BrokenPipeError):
        print(json.dumps({"layers": layers.as_dict(), "held": held, "broken": broken}))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    sys.exit(main())
