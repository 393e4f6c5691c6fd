"""One network with a server, a car and bridges that come and go; what the car was told is noted."""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from league.testing.lines import LEAGUE_IP, Wire
from league.testing.programs import Program

WATCH_S: Final = 1.5
"""So long after a fault the car must not have moved again."""
PORT: Final = 8490
STILL: Final = 1e-6
_OBJECTIONS: Final = (
    "have not been tested|needs the token|neutral for|is offline|no guardian|does not arm|broken off"
)


class Reading(NamedTuple):
    """What the car's side was told, or did."""

    at_s: float
    """On the monotonic clock."""
    drive: float
    """0 when it stands; the unit is the car's."""


class RealCar:
    """A car's side: the real software at the other end of a driver. Subclass it for each.

    `readings` holds what reached the motor, in order, as soon as it is known; a value stands until the next.
    """

    ref: str = ""
    """The car's address in its own namespace, as `league bridge` takes it."""
    cap: float = 0.25
    options: ClassVar[tuple[str, ...]] = ()
    """More options of `league bridge` that its owner is told to use."""

    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def start(self, space: str) -> None:
        """Start it in a namespace; when it returns, a driver may connect."""
        raise NotImplementedError

    def restart(self) -> None:
        """End its interface abruptly and start it again, as a car's computer does."""
        raise NotImplementedError

    def stop(self) -> None:
        """End it."""
        raise NotImplementedError

    def rival(self, space: str) -> Program:
        """Start another program that drives it past the bridge, saying "rival drives" or "rival refused"."""
        return Program(space, sys.executable, "-m", "league.testing.rival", self.ref)

    def take(self, drive: float, at_s: float | None = None) -> None:
        """Note a reading."""
        self.readings.append(Reading(time.monotonic() if at_s is None else at_s, drive))


class Rig:
    """One network, one server, one car; bridges come and go.

    Args:
        car: The car.
        folder: For what the bridge keeps.
    """

    def __init__(self, car: RealCar, folder: Path, stack: ExitStack) -> None:
        self.car = car
        self._folder, self._stack = folder, stack
        self.mischief = folder / "mischief"
        self.wire = stack.enter_context(Wire())
        stack.callback(car.stop)
        car.start(self.wire.car)
        self.server = self._serve()
        self.bridge: Program | None = None

    def _serve(self) -> Program:
        server = Program(self.wire.league, sys.executable, "-m", "league.testing.feeder", PORT)
        self._stack.callback(server.end)
        server.wait_for("feeding event")
        return server

    def begin(self, *options: object, space: str = "", ref: str = "") -> Program:
        """Start a bridge and wait until it is in a heat."""
        self.mischief.write_text("")
        bridge = self.start_bridge(*options, space=space, ref=ref)
        self.bridge = bridge
        bridge.wait_for(": connected")
        bridge.wait_for("^go$")
        if "--no-guardian" not in options:
            bridge.wait_for("the guardian watches")
        return bridge

    def start_bridge(self, *options: object, space: str = "", ref: str = "") -> Program:
        """Start a bridge."""
        bridge = Program(
            space or self.wire.car,
            sys.executable, "-m", "league", "bridge", ref or self.car.ref, "--event", "conformance",
            "--server", f"http://{LEAGUE_IP}:{PORT}", "--agent", "league.testing.mischief:Goes",
            "--cap", self.car.cap, "--state", self._folder / "state", "--page", "off",
            *self.car.options, *options,
            env={"LEAGUE_MISCHIEF": str(self.mischief), "NO_COLOR": "1", "COLUMNS": "300"},
        )  # fmt: skip
        self._stack.callback(bridge.end)
        return bridge

    def arm(self, bridge: Program | None = None) -> None:
        """Do what an operator does, and wait until the car moves."""
        bridge = bridge or self.bridge
        assert bridge is not None
        token = bridge.wait_for(r"^token (\d{6})$")[1]
        if "tested" in self._ask_to(bridge, f"arm {token}", ": armed:"):
            self._ask_to(bridge, f"signs {token}", "wheels turn LEFT")
            mark = len(bridge.lines)
            bridge.type("yes")
            bridge.wait_for("the signs are right", after=mark)
            self._ask_to(bridge, f"arm {token}", ": armed:")
        self.wait_until_moving()

    @staticmethod
    def _ask_to(bridge: Program, line: str, granted: str) -> str:
        """Type it until it is granted, as a person does who is told to wait for neutral to last."""
        for _ in range(8):
            time.sleep(1.2)
            mark = len(bridge.lines)
            bridge.type(line)
            said = bridge.wait_for(f"{granted}|{_OBJECTIONS}", after=mark, within_s=10.0)[0]
            if said == granted or "tested" in said:
                return said
        raise AssertionError(f"{line!r} is not granted: {bridge.lines[-8:]}")

    def wait_until_moving(self) -> None:
        """Wait until the car has been told to move for a while."""
        until_s = time.monotonic() + 5.0
        while time.monotonic() < until_s:
            if self.car.readings and abs(self.car.readings[-1].drive) > STILL:
                time.sleep(0.3)
                assert abs(self.car.readings[-1].drive) > STILL, self.said()
                return
            time.sleep(0.02)
        raise AssertionError(f"the car does not move: {self.said()}")

    def still_after(self, since_s: float, *, watch_s: float = WATCH_S) -> float:
        """Watch for a while, and give the time in ms from then until the car stood for good."""
        time.sleep(watch_s)
        readings = [*self.car.readings]
        moving = [index for index, reading in enumerate(readings) if abs(reading.drive) > STILL]
        assert moving, "the car never moved"
        last = moving[-1]
        assert last + 1 < len(readings), f"the car still moves: {readings[-3:]}; {self.said()}"
        return max(0.0, (readings[last + 1].at_s - since_s) * 1e3)

    def said(self) -> list[str]:
        """The last lines of the bridge, for failures."""
        return self.bridge.lines[-12:] if self.bridge is not None else []
