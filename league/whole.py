"""Files that are there completely or not at all, whoever is interrupted and whoever reads meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole(path: Path, *, ending: str = "") -> Iterator[Path]:
    """Where to write a file; it takes its place when the block ends in good order, and is gone otherwise.

    Args:
        path: The file's place.
        ending: What the name of the file to be written has to end with, where that matters.

    Raises:
        OSError: It cannot take its place.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial{ending}")
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


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
