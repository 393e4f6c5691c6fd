"""What is kept beside the car between two runs: an emergency stop in force, and the sign tests that passed.

One file a car, and a lock beside it, so that one computer never drives a car twice at once; nor under another
spelling of its address, nor for another user.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import platformdirs

from league.alone import alone
from league.errors import CarError


class Logbook:
    """The file of one car; a context manager that holds the car's lock.

    Args:
        ref: The car's address; its options do not matter for the file, but the signs are tested anew.
        folder: Where files lie; by default the user's state folder.
        place: Host and port of the car, to tell it by whatever its address is spelt like.

    Raises:
        CarError: On entering: another bridge on this computer drives the car.
    """

    def __init__(self, ref: str, folder: Path | None = None, *, place: tuple[str, int] | None = None) -> None:
        plain = ref.partition("?")[0]
        name = re.sub(r"[^A-Za-z0-9.]+", "-", plain)[:40]
        digest = hashlib.sha256(plain.encode()).hexdigest()[:8]
        self.folder = folder or platformdirs.user_state_path("racing-league") / "cars"
        self.path = self.folder / f"{name}-{digest}.json"
        self._plain, self._place, self._held = plain, place, ExitStack()
        self._kept: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)

        def taken(holder: str) -> CarError:
            return CarError(
                f"another bridge on this computer drives {self._plain} already (process {holder})"
            )

        with ExitStack() as held:
            held.enter_context(alone(self.path.with_suffix(".lock"), taken))
            if self._place is not None:
                held.enter_context(claimed(*self._place))
            self._held = held.pop_all()
        self._kept = self._read()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    @property
    def estop(self) -> str:
        """Why an emergency stop is in force; empty if none is."""
        return str(self._kept.get("estop", ""))

    def keep_estop(self, why: str) -> None:
        """Remember an emergency stop, or with an empty text that it was cleared."""
        self._kept["estop"] = why
        self._write()

    def signs_tested(self, calibration: str) -> bool:
        """Whether the sign test passed with this calibration."""
        return calibration in self._kept.get("signs", {})

    def keep_signs(self, calibration: str) -> None:
        """Remember that the sign test passed."""
        self._kept.setdefault("signs", {})[calibration] = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        self._write()

    def _read(self) -> dict[str, Any]:
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            kept = None
        if not isinstance(kept, dict) or not isinstance(kept.get("signs", {}), dict):
            # Whatever it said, the careful reading is that the car was stopped and nothing was tested.
            return {"estop": f"{self.path.name} could not be read"}
        return kept

    def _write(self) -> None:
        """Replace the file, and see that it is on the disk before anybody goes on."""
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(self._kept, file, indent=1)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)
        with suppress(OSError):
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


@contextmanager
def claimed(host: str, port: int) -> Iterator[None]:
    """Be the only bridge on this computer, of any user, to whatever is at an address.

    Done by a name that the system keeps for sockets and lets go of with the process; where it has none such,
    only the lock of the `Logbook` counts.

    Raises:
        CarError: There is one already.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as held:
        try:
            held.bind(f"\0racing-league car {_number_of(host)}:{port}")
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise CarError(
                    f"another bridge on this computer drives the car at {host}:{port} already"
                ) from None
        yield


def _number_of(host: str) -> str:
    """One text for every spelling of a host; "here" for this computer itself."""
    try:
        found = socket.getaddrinfo(host, 0, type=socket.SOCK_DGRAM)
    except OSError:  # nobody knows it now
        return host.casefold()
    for family, _, _, _, address in found:
        with suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as tried:
            tried.bind(address)
            return "here"
    return min(str(address[0]) for *_, address in found)


def calibration_of(ref: str, reported: str) -> str:
    """One text for all that decides which way wheels turn: the address, its options, what the car says."""
    return hashlib.sha256(f"{ref}\n{reported}".encode()).hexdigest()[:16]
