"""Files that are there completely or not at all, whoever is interrupted and whoever reads meanwhile."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

LEFT_S: Final = 3600.0
"""What a process that is not there has not written to for so long is nobody's any more.

Its number alone does not say that: it may be one of another machine, or of another container.
"""
_PARTIAL = re.compile(r"\..+\.(\d{1,10})\.partial(?:[-.]\w+)*")


@contextmanager
def whole(path: Path, *, ending: str = "") -> Iterator[Path]:
    """Where to write a file; it takes its place when the block ends in good order, and is gone otherwise.

    What killed processes left half-written beside it is removed.

    Args:
        path: The file's place.
        ending: What the name of the file to be written has to end with, where that matters.

    Raises:
        OSError: It cannot take its place.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{ending}")
    _clear(path.parent)
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_private(path: Path, text: str) -> None:
    """Write a file that only this user may read, from its first byte on; makes its folder.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole(path) as partial, open(partial, "w", encoding="utf-8", opener=_private) as file:
        file.write(text)


def is_alive(pid: int) -> bool:
    """Whether another process with this number is there, as far as can be told."""
    if pid == os.getpid() or not 0 < pid < 1 << 31:
        return False
    if os.name != "posix":  # elsewhere, signal 0 would end it
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _clear(folder: Path) -> None:
    with suppress(OSError), os.scandir(folder) as found:
        for entry in found:
            name = _PARTIAL.fullmatch(entry.name)
            if name is None or int(name[1]) == os.getpid() or is_alive(int(name[1])):
                continue
            with suppress(OSError):
                if entry.is_file(follow_symlinks=False) and _left(entry.stat(follow_symlinks=False)):
                    Path(entry.path).unlink()


def _left(file: os.stat_result) -> bool:
    return time.time() - file.st_mtime > LEFT_S


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
