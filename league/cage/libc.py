"""The few calls into the C library that Python has no names for."""

from __future__ import annotations

import ctypes
import os
import sys

_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS = 1, 4, 38  # linux/prctl.h
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h


def call(name: str, *arguments: object) -> int:
    """Call a function of the C library that returns -1 and sets errno if it fails.

    Raises:
        OSError: It failed, or this is no Linux.
    """
    if sys.platform != "linux":
        raise OSError(f"{name}: this is {sys.platform}, expected Linux")
    library = ctypes.CDLL(None, use_errno=True)
    try:
        function = getattr(library, name)
    except AttributeError:
        raise OSError(f"{name}: the C library has no such function") from None
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    result = int(function(*arguments))
    if result == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")
    return result


def gain_nothing() -> None:
    """Never get more rights than now, whatever is run: the condition for restricting oneself."""
    call(
        "prctl", _SET_NO_NEW_PRIVS, ctypes.c_ulong(1), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)
    )


def die_with_parent(signal: int) -> None:
    """Get a signal when the thread that started this process ends."""
    call("prctl", _SET_PDEATHSIG, ctypes.c_ulong(signal))


def look_at_self() -> None:
    """Be able to read one's own entries in /proc again, after the kernel took that away."""
    call("prctl", _SET_DUMPABLE, ctypes.c_ulong(1))


def drop_capabilities() -> None:
    """Give up every right that root has beside its name."""
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    call("capset", ctypes.byref(header), ctypes.byref(nothing))
