"""Closing the door from inside: every layer that this machine grants, in the order that they need."""

from __future__ import annotations

import os
import signal
import site
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

from league.cage import calls, landlock, libc, namespaces
from league.cage.limits import Limits

# What programs read that are not theirs: libraries, the clock's zone, and what kind of machine this is.
_COMMON = (
    "/usr", "/lib", "/lib32", "/lib64", "/libx32", "/bin", "/etc/ld.so.cache", "/etc/ld.so.conf",
    "/etc/localtime", "/etc/alternatives", "/nix/store", "/gnu/store", "/dev/urandom", "/dev/random",
    "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/sys/vm",
    "/proc/sys/kernel/osrelease", "/sys/devices/system",
)  # fmt: skip
_WRITABLE = ("/dev/null",)

Made = TypeVar("Made")


@dataclass(frozen=True, slots=True)
class Layers:
    """What each layer does here; in words, "" where the machine does not grant it."""

    namespaces: str = ""
    landlock: str = ""
    calls: str = ""
    refused: str = ""
    """Why layers are missing."""

    def as_dict(self) -> dict[str, str]:
        """The same as plain values."""
        return asdict(self)


def enter(limits: Limits, *, readable: Iterable[Path] = ()) -> Layers:
    """Give up everything that is not needed to compute; there is no way back.

    Must be called before this process starts a thread or looks at anything that a stranger wrote. Standard
    input, output and error, and whatever else is open, stay open.

    Args:
        limits: Of this process.
        readable: Files and folders to read beside Python, its packages and this process's own folder.

    Returns:
        What holds from now on.
    """
    missing: list[str] = []

    def attempt(layer: Callable[[], Made], otherwise: Made) -> Made:
        try:
            return layer()
        except OSError as error:
            missing.append(" ".join(str(error).split()))
            return otherwise

    paths = [*_own_paths(), *readable]
    filters = attempt(calls.load, None)
    left, own_user = attempt(lambda: (True, namespaces.leave()), (False, False))
    with suppress(OSError):  # where there is nothing to drop
        libc.drop_capabilities()
    with suppress(OSError):  # its parent also ends it in other ways
        libc.die_with_parent(signal.SIGKILL)
    limits.apply(count_threads=own_user)
    kept = attempt(lambda: landlock.restrict(paths, map(Path, _WRITABLE)), 0)

    def refuse() -> bool:
        libc.gain_nothing()
        calls.refuse(filters, writing=not kept)
        return True

    refused = filters is not None and attempt(refuse, False)
    return Layers(
        namespaces=("own network and users" if own_user else "own network") if left else "",
        landlock=f"version {kept}" if kept else "",
        calls="no programs, sockets or new files" if refused else "",
        refused="; ".join(missing),
    )


def _own_paths() -> Iterable[Path]:
    """What this Python may have to read: itself, its packages, its folder, and its own entries in /proc."""
    given = [
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        *sys.path,
        *site.getsitepackages(),
        str(Path.cwd()),
    ]
    if site.ENABLE_USER_SITE:
        given.append(site.getusersitepackages())
    found = {Path(path).resolve() for path in given if path}
    found.discard(Path("/"))  # a search path that is the whole tree would give everything away
    return [*sorted(found), *map(Path, _COMMON), Path(f"/proc/{os.getpid()}")]
