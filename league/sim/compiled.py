"""How the simulation's loops are compiled: one decorator, so that every kernel has the same rules.

No fast-math and no parallel loops: the same inputs must give the same bytes on every run. Compiled code
is kept on disk. The compiler on its own would notice a change in a kernel's own file only, and go on
using an old copy of what that kernel calls in another file; so the copies lie in a folder named after
the contents of this whole package.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numba
from numba.core import event
from platformdirs import user_cache_path

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

_njit: Any = numba.njit
_config: Any = numba.config
_HERE = Path(__file__).parent
_DAY_S = 24 * 3600.0
_UNUSED_S, _NEWEST = 30 * _DAY_S, 6


def compiled(function: Kernel) -> Kernel:
    """Compile a function when it is first called, and keep the result on disk for later runs."""
    return _compile(function)


def lean(function: Kernel) -> Kernel:
    """Compile a function that makes no arrays, for what runs millions of times.

    Rows of arrays are handed around in it without counting who holds them; that counting would take as
    long as driving a car does. A function that does make an array is refused by the compiler.
    """
    return _compile(function, _nrt=False)


def inlined(function: Kernel) -> Kernel:
    """Compile a lean function into its callers: for what takes many arrays."""
    return _compile(function, _nrt=False, forceinline=True)


def released(function: Kernel) -> Kernel:
    """Compile a lean function that other threads may run beside; it must write only what is its own."""
    return _compile(function, _nrt=False, nogil=True)


def _compile(function: Kernel, **options: bool) -> Kernel:
    if _FOLDER is None:
        return cast("Kernel", _njit(error_model="numpy", **options)(function))
    before = _config.CACHE_DIR
    # Read by the compiler when a function is declared, and only then.
    _config.CACHE_DIR = str(_FOLDER)
    try:
        made = _njit(cache=True, error_model="numpy", **options)(function)
    finally:
        _config.CACHE_DIR = before
    _forgive(made._cache)
    return cast("Kernel", made)


def _forgive(cache: Any) -> None:
    """Let a function be compiled for this process alone where its copy may not be read or written.

    A program in a cage sees the folder, and finds out only then.
    """
    load, save = cache.load_overload, cache.save_overload

    def try_to_load(*given: Any) -> Any:
        with suppress(OSError):
            return load(*given)
        return None

    def try_to_save(*given: Any) -> None:
        with suppress(OSError):
            save(*given)

    cache.load_overload, cache.save_overload = try_to_load, try_to_save


def _folder() -> Path | None:
    """Where this version's compiled code goes; None if nothing may be written anywhere."""
    contents = sha256()
    for file in sorted(_HERE.glob("*.py")):
        contents.update(file.name.encode() + b"\0" + file.read_bytes())
    name = f"league-{contents.hexdigest()[:16]}"
    for parent in _places():
        folder = parent / name
        try:
            if not folder.is_dir():
                folder.mkdir(parents=True, exist_ok=True)
                _forget_unused(folder)
        except OSError:
            continue
        with suppress(OSError):
            os.utime(folder)  # tells when it was used last
        if os.access(folder, os.W_OK):
            return folder
    return None


def _places() -> Iterator[Path]:
    if _config.CACHE_DIR:
        yield Path(_config.CACHE_DIR)
    yield _HERE / "__pycache__"
    yield user_cache_path("racing-league")


def _forget_unused(new: Path) -> None:
    """Remove what other versions left: unused for a month, or for a day where there are newer ones enough.

    Whoever uses one of these after all compiles again, for the process alone.
    """
    used = sorted(((_used_s(folder), folder) for folder in new.parent.glob("league-*")), reverse=True)
    for place, (used_s, folder) in enumerate(used):
        if used_s < time.time() - (_UNUSED_S if place < _NEWEST else _DAY_S):
            shutil.rmtree(folder, ignore_errors=True)


def _used_s(folder: Path) -> float:
    """When a version was used last; now where another process has removed it meanwhile."""
    with suppress(OSError):
        return folder.stat().st_mtime
    return time.time()


class _Compiling(event.Listener):
    """Says once that there is something to wait for, when several functions have to be compiled."""

    def __init__(self, after: int) -> None:
        self.left = after

    def on_start(self, event: Any) -> None:
        """Count a function of the simulation that was not found on disk."""
        function = getattr(event.data["dispatcher"], "py_func", None)
        if getattr(function, "__module__", "").startswith("league.sim."):
            self.left -= 1
            if self.left == 0:
                print(TOLD, file=sys.stderr, flush=True)

    def on_end(self, event: Any) -> None:
        """Nothing: the next start is not far."""


TOLD = "league: compiling the simulator, this first time only; half a minute or so ..."
_FOLDER = _folder()
event.register("numba:compile", _Compiling(after=8))  # type: ignore[no-untyped-call]
