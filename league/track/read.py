"""Reading circuits: the type of a reader, and which one a file name asks for.

A reader turns a file into a `Circuit` or raises `CircuitError` naming the file and the place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from league.errors import CircuitError
from league.track.circuit import Circuit

PICTURES = (".png", ".pgm", ".jpg", ".jpeg", ".bmp")

TrackReader = Callable[[Path], Circuit]


def read_circuit(path: Path, readers: Mapping[str, TrackReader]) -> Circuit:
    """Read a circuit file with the reader for its ending.

    Raises:
        CircuitError: No such file, no reader for its ending, or the reader found a fault.
    """
    try:
        found = path.is_file()
    except OSError as error:
        raise CircuitError(path, f"cannot be read: {error.strerror or error}") from error
    if not found:
        raise CircuitError(path, "no such file")
    ending = path.suffix.lower()
    reader = readers.get(ending)
    if reader is None:
        known = ", ".join(sorted(readers)) or "none"
        problem = f"no reader for files ending in {ending or 'nothing'!r} (known: {known})"
        if ending in PICTURES:
            problem += "; a picture is read through the map .yaml beside it that names it"
        raise CircuitError(path, problem)
    try:
        return reader(path)
    except OSError as error:
        raise CircuitError(path, f"cannot be read: {error.strerror or error}") from error
