"""Landlock: a process names the files that it will read, and can reach nothing else from then on.

Written here with three system calls. The packages that wrap them offer files only; we also need what newer
kernels bind: network, abstract sockets and signals. Constants and structures are those of linux/landlock.h,
the meaning of each version is in the kernel's Documentation/userspace-api/landlock.rst.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterable
from pathlib import Path
from stat import S_ISDIR

from league.cage import libc

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same numbers on every architecture
_ASK_VERSION = 1
_PATH_BENEATH = 1

_WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 1, 1 << 2, 1 << 3
# All rights over files that a version of Landlock knows of.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_TCP_FROM, _TCP = 4, 0b11  # bind, connect
_SCOPES_FROM, _SCOPES = 6, 0b11  # abstract Unix sockets, signals


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = (("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32))


def version() -> int:
    """Which version this kernel has.

    Raises:
        OSError: None, or it was switched off.
    """
    nothing = ctypes.c_void_p(None)
    return libc.call("syscall", ctypes.c_long(_CREATE_RULESET), nothing, ctypes.c_size_t(0), _ASK_VERSION)


def restrict(readable: Iterable[Path], writable: Iterable[Path] = ()) -> int:
    """Keep this thread, and all that it starts, to reading these files and folders; gives the version.

    Args:
        readable: Files and folders with all that is below; those that do not exist are left out.
        writable: Files that may also be written to; none is made.

    Raises:
        OSError: The kernel cannot.
    """
    found = version()
    rights = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= found)]
    wanted = _Ruleset(rights, _TCP if found >= _TCP_FROM else 0, _SCOPES if found >= _SCOPES_FROM else 0)
    rules = libc.call(
        "syscall",
        ctypes.c_long(_CREATE_RULESET),
        ctypes.byref(wanted),
        ctypes.c_size_t(ctypes.sizeof(wanted)),
        0,
    )
    try:
        for path in readable:
            _allow(rules, path, _READ_FILE | _READ_DIR)
        for path in writable:
            _allow(rules, path, _READ_FILE | _WRITE_FILE)
        libc.gain_nothing()
        libc.call("syscall", ctypes.c_long(_RESTRICT_SELF), rules, 0)
    finally:
        os.close(rules)
    return found


def _allow(rules: int, path: Path, rights: int) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # what cannot be found needs no permission
    try:
        if not S_ISDIR(os.fstat(handle).st_mode):
            rights &= ~_READ_DIR
        beneath = _Beneath(rights, handle)
        libc.call("syscall", ctypes.c_long(_ADD_RULE), rules, _PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(handle)
