"""What only one process may have at a time: a locked file beside it, which goes free with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from league.errors import LeagueError


@contextmanager
def alone(lock: Path, taken: Callable[[str], LeagueError]) -> Iterator[None]:
    """Hold a lock file while the block lasts; the system lets go of it however the process ends.

    Args:
        lock: The file, made for this and taken away afterwards; it says which process holds it.
        taken: Makes the error to raise if another has it, from that process's number, or "unknown".

    Raises:
        LeagueError: The one that `taken` makes.
        OSError: The file cannot be made.
    """
    held = _hold(lock, taken)
    try:
        os.ftruncate(held, 0)
        os.write(held, f"{os.getpid()}\n".encode())
        yield
    finally:
        with suppress(OSError):  # what a killed process or a read-only disk leaves, the next one takes over
            lock.unlink()
        os.close(held)  # only now: until then nobody else may make the file anew


def _hold(lock: Path, taken: Callable[[str], LeagueError]) -> int:
    """Lock the file; gives its descriptor."""
    while True:
        held = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(held, 20).decode(errors="replace").strip() or "unknown"
            os.close(held)
            if isinstance(error, BlockingIOError):
                raise taken(holder) from None
            raise
        # Its last holder may have taken the file away between our opening and locking it.
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), lock.stat()):
                return held
        os.close(held)
