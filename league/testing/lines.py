"""A network between two hosts on this machine whose wire can be cut, delayed and made to stutter.

Two network namespaces are joined by a relay in user space that reads and writes whole Ethernet frames; what
it does to them, no program at either end can tell from a bad radio link. Needs Linux, root and `ip`.
"""

from __future__ import annotations

import array
import ctypes
import fcntl
import heapq
import itertools
import os
import random
import select
import shutil
import socket
import struct
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

LEAGUE_IP: Final = "10.77.0.1"
CAR_IP: Final = "10.77.0.2"
_FRAME: Final = 65536
_ETH_P_ALL: Final = 3
_CLONE_NEWNET: Final = 0x40000000
_SIOCETHTOOL: Final = 0x8946
# ethtool's commands for checksums, segmentation and receive offload (linux/ethtool.h): a relay has to see
# frames as they are on a wire, whole and with their checksums filled in.
_OFFLOADS: Final = (0x17, 0x1F, 0x24, 0x2C)
_numbers = itertools.count(1)


def may_make_networks() -> str:
    """Why no such network can be made here; empty if it can."""
    if not shutil.which("ip"):
        return "there is no program called ip (Debian's iproute2)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    probe = f"league-probe-{os.getpid()}"
    try:
        _ip("netns", "add", probe)
    except OSError as error:
        return f"network namespaces cannot be made: {error}"
    _ip("netns", "del", probe)
    return ""


class Wire:
    """Two hosts, "league" at 10.77.0.1 and "car" at 10.77.0.2, and the wire between; a context manager."""

    def __init__(self) -> None:
        name = f"lg{os.getpid() % 100000:x}{next(_numbers)}"
        self.league, self.car = f"{name}l", f"{name}c"
        """Names of the two namespaces."""
        self._middle = f"{name}m"
        self._ends = (f"{name}a", f"{name}b")
        self.cut = False
        """Frames vanish, both ways, without a word to anybody."""
        self.delay_s: Callable[[], float] = float
        """How long each frame takes."""
        self._over = threading.Event()
        self._relay: threading.Thread | None = None
        self._trouble: BaseException | None = None

    def __enter__(self) -> Self:
        for space in (self.league, self._middle, self.car):
            _ip("netns", "add", space)
        ready = threading.Event()
        for space, end, address in zip((self.league, self.car), self._ends, (LEAGUE_IP, CAR_IP), strict=True):
            _ip(
                "link",
                "add",
                end,
                "netns",
                self._middle,
                "type",
                "veth",
                "peer",
                "name",
                "wire",
                "netns",
                space,
            )
            _ip("-n", space, "addr", "add", f"{address}/24", "dev", "wire")
            for device in ("lo", "wire"):
                _ip("-n", space, "link", "set", device, "up")
            _ip("-n", space, "link", "set", "lo", "multicast", "on")
            _ip("-n", self._middle, "link", "set", end, "up")
            self._in(space, lambda: _plain_frames("wire"))
        self._relay = threading.Thread(target=self._carry, args=(ready,), daemon=True)
        self._relay.start()
        ready.wait(5.0)
        if self._trouble is not None:
            raise self._trouble
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._relay is not None:
            self._relay.join(5.0)
        for space in (self.league, self._middle, self.car):
            with suppress(OSError):
                _ip("netns", "del", space)

    def stutter(self, most_s: float, seed: int = 1) -> None:
        """Delay every frame by a time of its own, beginning with the worst: nothing arrives before `most_s`.

        A frame that is let through at once, with an acknowledgement as the late one, would be no fault yet.
        """
        chance, until_s = random.Random(seed), time.monotonic() + most_s
        self.delay_s = lambda: max(chance.uniform(0.0, most_s), until_s - time.monotonic())

    def mend(self) -> None:
        """Let frames through at once again."""
        self.cut, self.delay_s = False, float

    # -- inside ------------------------------------------------------------------------------------

    def _carry(self, ready: threading.Event) -> None:
        """Carry frames from each end to the other, for ever."""
        try:
            _enter(self._middle)
            sockets = []
            for end in self._ends:
                _plain_frames(end)
                made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
                made.bind((end, 0))
                made.setblocking(False)
                sockets.append(made)
        except BaseException as error:  # noqa: BLE001 - raised where the wire is asked for
            self._trouble = error
            ready.set()
            return
        ready.set()
        others = {sockets[0].fileno(): sockets[1], sockets[1].fileno(): sockets[0]}
        waiting: list[tuple[float, int, socket.socket, bytes]] = []
        order = itertools.count()
        while not self._over.is_set():
            wait_s = max(0.0, min(0.05, waiting[0][0] - time.monotonic())) if waiting else 0.05
            for one in select.select(sockets, (), (), wait_s)[0]:
                with suppress(BlockingIOError):
                    while True:
                        frame, (_, _, kind, _, _) = one.recvfrom(_FRAME)
                        if kind == socket.PACKET_OUTGOING or self.cut:
                            continue
                        due_s = time.monotonic() + self.delay_s()
                        heapq.heappush(waiting, (due_s, next(order), others[one.fileno()], frame))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, other, frame = heapq.heappop(waiting)
                if not self.cut:
                    with suppress(OSError):
                        other.send(frame)
        for one in sockets:
            one.close()

    def _in(self, space: str, work: Callable[[], None]) -> None:
        """Do something in a namespace; only a thread can be moved there and left behind."""
        trouble: list[BaseException] = []

        def do() -> None:
            try:
                _enter(space)
                work()
            except BaseException as error:  # noqa: BLE001 - raised below, in the caller's thread
                trouble.append(error)

        thread = threading.Thread(target=do)
        thread.start()
        thread.join()
        if trouble:
            raise trouble[0]


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True)  # noqa: S603, S607 - words of ours
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")


def _enter(space: str) -> None:
    """Move this thread into a namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    with (Path("/run/netns") / space).open() as file:
        if libc.setns(file.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter network namespace {space}")


def _plain_frames(device: str) -> None:
    """Have a device's frames complete as they would be on a cable."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for what in _OFFLOADS:
            value = array.array("B", struct.pack("II", what, 0))
            request = struct.pack("16sP", device.encode(), value.buffer_info()[0])
            with suppress(OSError):  # what a device cannot do, it does not do
                fcntl.ioctl(any_socket, _SIOCETHTOOL, request)
