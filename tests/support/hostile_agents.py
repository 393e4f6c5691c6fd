"""Drivers that mean harm; a hosted one is named `hostile_agents:NAME`.

Each says "at it" on standard error before it begins, and what stopped it afterwards.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from league import Agent, Briefing, Command, Observation


class Hostile(Agent):
    """Does its worst once, when it is asked for the first time, and then drives on as if nothing had been."""

    def __init__(self) -> None:
        self.done = False

    def act(self, seen: Observation) -> Command:
        if not self.done:
            self.done = True
            self.attempt()
        return Command(-seen.offset_m - 1.5 * seen.heading_error_rad, 1.0)

    def attempt(self) -> None:
        say("at it")
        try:
            self.harm()
        except BaseException as error:
            say(f"stopped by {type(error).__name__}: {error}")
            raise
        say("done harm")

    def harm(self) -> None:
        raise NotImplementedError


class Early(Hostile):
    """Does its worst while it is getting ready."""

    def prepare(self, briefing: Briefing) -> None:
        self.done = True
        self.attempt()


def say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


class ForkBomb(Hostile):
    def harm(self) -> None:
        while True:
            os.fork()


class EarlyForkBomb(ForkBomb, Early):
    pass


class Programs(Hostile):
    def harm(self) -> None:
        subprocess.run(["sleep", "60"], check=True)


class Threads(Hostile):
    def harm(self) -> None:
        while True:
            threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


class Memory(Hostile):
    def harm(self) -> None:
        self.hoard = bytearray(10 << 30)


class CreepingMemory(Hostile):
    """Many small pieces, so that no single one is refused before all is taken."""

    def harm(self) -> None:
        self.hoard = []
        while True:
            self.hoard.append(os.urandom(1 << 20))


class SharedMemory(Hostile):
    def harm(self) -> None:
        self.hoard = mmap.mmap(-1, 10 << 30)
        for at in range(0, 10 << 30, 4096):
            self.hoard[at] = 1


class FileMemory(Hostile):
    def harm(self) -> None:
        handle = os.memfd_create("hoard")
        while True:
            os.write(handle, bytes(1 << 20))


class EndlessAct(Hostile):
    def harm(self) -> None:
        while True:
            pass


class EndlessPrepare(Early):
    def harm(self) -> None:
        while True:
            pass


class EndlessInit(Hostile):
    def __init__(self) -> None:
        super().__init__()
        self.attempt()

    def harm(self) -> None:
        while True:
            pass


class ManySpinners(Hostile):
    """Endless loops in as many threads as there may be, outside of Python's lock."""

    def harm(self) -> None:
        import hashlib

        def work() -> None:
            block = bytes(1 << 24)
            while True:
                hashlib.sha256(block)  # lets go of the lock for so many bytes

        for _ in range(16):
            threading.Thread(target=work, daemon=True).start()


class Files(Hostile):
    def harm(self) -> None:
        number = 0
        while True:
            Path(f"file-{number}").write_bytes(bytes(1 << 20))
            number += 1


class Temporary(Hostile):
    def harm(self) -> None:
        Path("/dev/shm/harm").write_bytes(bytes(1 << 20))


class Overwrite(Hostile):
    def harm(self) -> None:
        with Path(__file__).open("ab") as file:
            file.write(b"# harm\n")


class Delete(Hostile):
    def harm(self) -> None:
        Path(__file__).unlink()


class Sockets(Hostile):
    def harm(self) -> None:
        socket.create_connection(("127.0.0.1", 80), timeout=2)


class Listen(Hostile):
    def harm(self) -> None:
        socket.create_server(("127.0.0.1", 0))


class Abstract(Hostile):
    def harm(self) -> None:
        socket.socket(socket.AF_UNIX).connect("\0harm")


class KillServer(Hostile):
    def harm(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)


class KillAll(Hostile):
    def harm(self) -> None:
        os.kill(-1, signal.SIGKILL)


class StopServer(Hostile):
    def harm(self) -> None:
        os.killpg(os.getpgid(os.getppid()), signal.SIGSTOP)


class ServerSecrets(Hostile):
    def harm(self) -> None:
        Path(f"/proc/{os.getppid()}/environ").read_bytes()


class Passwords(Hostile):
    def harm(self) -> None:
        Path("/etc/passwd").read_bytes()


class LimitServer(Hostile):
    def harm(self) -> None:
        import resource

        resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (3, 3))


class Crash(Hostile):
    def harm(self) -> None:
        ctypes.string_at(1)


class Noise(Hostile):
    """Says so much that listening might become a burden."""

    def harm(self) -> None:
        threading.Thread(target=self._shout, daemon=True).start()

    def _shout(self) -> None:
        while True:
            os.write(2, b"x" * 4095 + b"\n")


class Flood(Hostile):
    """Speaks on the race's own socket, out of turn and without end."""

    def harm(self) -> None:
        self.lines = []  # kept: a socket that nobody holds is closed
        for name in range(3, 256):
            try:
                self.lines.append(socket.socket(fileno=name))
            except OSError:
                continue
        # The first ones are those with which its own event loop is woken.
        threading.Thread(target=self._shout, args=[self.lines[-1]], daemon=True).start()

    def _shout(self, line: socket.socket) -> None:
        line.setblocking(True)
        while True:
            line.sendall(bytes(1 << 16))


class Immortal(Hostile):
    """Does not hear when it is told to go."""

    def harm(self) -> None:
        for number in range(1, signal.NSIG):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                continue
        os.close(0)
        while True:
            pass


CONTAINED = {
    "ForkBomb": "PermissionError",
    "EarlyForkBomb": "PermissionError",
    "Programs": "PermissionError",
    "Memory": "MemoryError",
    "CreepingMemory": "MemoryError",
    "SharedMemory": "PermissionError",
    "FileMemory": "PermissionError",
    "Files": "PermissionError",
    "Temporary": "PermissionError",
    "Overwrite": "PermissionError",
    "Delete": "PermissionError",
    "Sockets": "PermissionError",
    "Listen": "PermissionError",
    "Abstract": "PermissionError",
    "KillServer": "PermissionError",
    "KillAll": "PermissionError",
    "StopServer": "PermissionError",
    "ServerSecrets": "PermissionError",
    "Passwords": "PermissionError",
    "LimitServer": "PermissionError",
}
"""What is refused at once, and how."""
