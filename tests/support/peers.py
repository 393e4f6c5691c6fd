"""Real car software to drive in tests: a Donkeycar and a ROS 2 car, each a process of its own.

`.ci/peers` installs them. A started peer writes down, with the monotonic clock that every process on a
machine shares, what its motors get, so a test can say how long a car went on after something broke.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"
ON_CAR = ROOT / "plugins" / "league_plugins" / "on_car"
PYTHON = "3.11"


class Step(NamedTuple):
    """What the motors got at one moment."""

    at_s: float
    steering: object
    throttle: object
    mode: str


def folder() -> Path:
    """Where the peers live: LEAGUE_PEERS, or a folder in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("LEAGUE_PEERS") or cache / "racing-league" / "peers")


def installed(name: str) -> Path:
    """The folder of one peer; skips the test where it is not there and LEAGUE_PEERS_BUILD is not set."""
    place = folder() / name
    if os.environ.get("LEAGUE_PEERS_BUILD"):
        subprocess.run([sys.executable, ROOT / ".ci" / "peers", folder(), name], check=True, timeout=540)
    if not (place / "built").exists():
        pytest.skip(f"no {name} in {folder()}: run .ci/peers, or set LEAGUE_PEERS_BUILD")
    return place


@dataclass
class Peer:
    """One car process, or several, and what its motors got."""

    log: Path
    port: int
    start: Callable[[], list[subprocess.Popen[bytes]]]
    ready: Callable[[], bool]
    start_first: Callable[[], subprocess.Popen[bytes]]
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    started_s: float = 0.0

    def __enter__(self) -> Peer:
        self.started_s = time.monotonic()
        self.processes = self.start()
        while not self.ready():
            if time.monotonic() - self.started_s > 30 or any(
                each.poll() is not None for each in self.processes
            ):
                self.__exit__()
                raise AssertionError(
                    f"the car did not start: {self.log.with_suffix('.out').read_text()[-2000:]}"
                )
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def restart(self) -> None:
        """End the car's programs as a crash would, and start them again."""
        self.__exit__()
        self.log.with_suffix(".out").write_text("")
        self.__enter__()

    def restart_first(self) -> None:
        """The same for its first program only; it returns at once."""
        first = self.processes[0]
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(5)
        self.processes[0] = self.start_first()

    def steps(self, since_s: float = 0.0) -> list[Step]:
        """What the motors got from some moment of the monotonic clock on."""
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines()
        found = [Step(*json.loads(line)) for line in lines if line.endswith("]")]
        return [step for step in found if step.at_s >= since_s]


def donkey(
    place: Path, work: Path, *, port: int = 8887, settings: str = "", prefix: Sequence[str] = (),
    change: Callable[[str], str] = str, arguments: Sequence[str] = (),
) -> Peer:  # fmt: skip
    """A Donkeycar of the stock template with mock camera and motors, its web controller on `port`.

    Args:
        place: Where `.ci/peers` installed it.
        work: An empty folder for the car.
        port: Port of its web controller.
        settings: More lines for `myconfig.py`.
        prefix: A command to start it with, such as `ip netns exec NAME`.
        change: What an owner changes in `manage.py`.
        arguments: More arguments of `manage.py drive`.
    """
    car, log = work / "donkeycar", work / "donkey.log"
    shutil.copytree(place / "car", car)
    (car / "myconfig.py").write_text(
        'CAMERA_TYPE = "MOCK"\nDRIVE_TRAIN_TYPE = "MOCK"\nUSE_JOYSTICK_AS_DEFAULT = False\n'
        f'CONTROLLER_TYPE = "mock"\nAUTO_RECORD_ON_THROTTLE = False\nWEB_CONTROL_PORT = {port}\n{settings}'
    )
    (car / "manage.py").write_text(change((car / "manage.py").read_text()))
    python = str(place / "venv/bin/python")
    probe = str(SUPPORT / "donkey_probe.py")
    command = [*prefix, python, probe, str(log), "manage.py", "drive", *arguments]

    def start_first() -> subprocess.Popen[bytes]:
        with log.with_suffix(".out").open("ab") as out:
            return _popen(command, out, cwd=car)

    def ready() -> bool:
        return len(peer.steps(peer.started_s)) > 4

    peer = Peer(log, port, lambda: [start_first()], ready, start_first)
    return peer


def ros(
    place: Path, work: Path, *, port: int = 9090, prefix: Sequence[str] = (), domain: int = 0,
    deadman: Sequence[str] | None = None,
) -> Peer:  # fmt: skip
    """A ROS 2 Jazzy car behind a rosbridge server on `port`.

    Args:
        place: Where `.ci/peers` installed it.
        work: A folder for its log.
        port: Port of rosbridge.
        prefix: A command to start both programs with.
        domain: ROS domain; cars of different domains do not hear each other.
        deadman: Arguments of the league's node for the car, which then runs too.
    """
    venv, log = place / "venv", work / "ros.log"
    packages = venv / "lib" / f"python{PYTHON}" / "site-packages"
    libraries = [venv / "lib", *sorted(packages.glob("ros_*.libs"))]
    where = dict(
        os.environ,
        AMENT_PREFIX_PATH=str(venv),
        ROS_DISTRO="jazzy",
        ROS_DOMAIN_ID=str(domain),
        ROS_LOG_DIR=str(work / "ros-logs"),
        # Killed programs would leave their shared memory behind, and later ones stumble over it.
        FASTDDS_BUILTIN_TRANSPORTS="UDPv4",
        LD_LIBRARY_PATH=":".join(map(str, libraries)),
    )
    node = [*prefix, str(venv / "bin/python"), str(SUPPORT / "ros_car.py"), str(log)]
    bridge = str(packages / "rosbridge_server_rs/rosbridge_server_rs_jazzy")
    preload = f"LD_PRELOAD=libpython{PYTHON}.so.1.0"
    server = [*prefix, "env", preload, bridge, "--no-rosapi", "--bind", f"127.0.0.1:{port}"]

    commands = [server, node]
    if deadman is not None:
        commands.append([*prefix, str(venv / "bin/python"), str(ON_CAR / "ros_deadman.py"), *deadman])

    def start_one(command: Sequence[str]) -> subprocess.Popen[bytes]:
        with log.with_suffix(".out").open("ab") as out:
            return _popen(command, out, env=where)

    def ready() -> bool:
        said = log.with_suffix(".out").read_bytes()
        return b"listening" in said and b"is here" in said and (deadman is None or b"is heard" in said)

    return Peer(log, port, lambda: [*map(start_one, commands)], ready, lambda: start_one(server))


def _popen(command: Sequence[str], out: object, **places: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        **places,
    )


class Tail:
    """Tells what a peer's motors get while it is written down.

    Args:
        peer: Whose log to read.
        tell: Told each step, in a thread.
    """

    def __init__(self, peer: Peer, tell: Callable[[Step], None]) -> None:
        self._peer, self._tell = peer, tell
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop telling."""
        self._over.set()
        self._thread.join(5)

    def _read(self) -> None:
        self._peer.log.touch()
        with self._peer.log.open() as log:
            rest = ""
            while not self._over.wait(0.01):
                *lines, rest = (rest + log.read()).split("\n")
                for line in lines:
                    self._tell(Step(*json.loads(line)))
