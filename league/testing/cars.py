"""The faults that have to stop a car: every driver is tried with all of them, against a real other end.

A driver's tests inherit `CarConformance` and say how to start a car. Each fault is made in a network of its
own (`league.testing.lines`), with the bridge, its guardian and the server as programs of their own; what is
measured is what the car's side saw: the time until its drive was 0 for good, and that it never moved again
without being armed.

    class TestUdpCar(CarConformance):
        def make_car(self, folder): return MyCar(folder)

Where LEAGUE_FAULTS names a file, every measurement is added to it, and `python -m league.testing.cars FILE`
prints the table.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from typing import Any, ClassVar, Final, NamedTuple

import pytest

from league.testing.lines import LEAGUE_IP, Wire, may_make_networks

LIMIT_MS: Final = 300.0
WATCH_S: Final = 1.5
"""So long after a fault the car must not have moved again."""
PATIENCE_S: Final = 120.0
ATTEMPTS: Final = 4
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


class Program:
    """A program in a namespace, and the lines that it prints, each with its time.

    Args:
        space: The namespace; empty for this one.
        command: What to run.
        on_line: Told each line with its time, in a thread.
    """

    def __init__(
        self,
        space: str,
        *command: object,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[float, str], None] = lambda at_s, line: None,
    ) -> None:
        words = [*(("ip", "netns", "exec", space) if space else ()), *map(str, command)]
        self.lines: list[str] = []
        self._on_line, self._grown = on_line, threading.Condition()
        self.process = subprocess.Popen(  # noqa: S603 - the tests' own words
            words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            bufsize=1, env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
        )  # fmt: skip
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, pattern: str, *, after: int = 0, within_s: float = PATIENCE_S) -> re.Match[str]:
        """A line with a pattern in it, from the line number `after` on."""
        until_s = time.monotonic() + within_s
        with self._grown:
            while True:
                for line in self.lines[after:]:
                    if found := re.search(pattern, line):
                        return found
                left_s = until_s - time.monotonic()
                if left_s <= 0 or (self.process.poll() is not None and not self._reader.is_alive()):
                    raise AssertionError(f"no line with {pattern!r} in {self.lines[after:][-20:]}")
                self._grown.wait(min(left_s, 0.5))

    def type(self, line: str) -> None:
        """Type a line into it."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()

    def send(self, what: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(what)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """End it, frozen or not, and give its exit code."""
        self.send(signal.SIGCONT)
        self.send(how)
        try:
            code = self.process.wait(8.0)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait(8.0)
        self._reader.join(5.0)
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return code

    def _read(self) -> None:
        assert self.process.stdout is not None
        with suppress(ValueError):
            for line in self.process.stdout:
                self._on_line(time.monotonic(), line.rstrip("\n"))
                with self._grown:
                    self.lines.append(line.rstrip("\n"))
                    self._grown.notify_all()
        with self._grown:
            self._grown.notify_all()


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


@pytest.mark.slow
class CarConformance:
    """Every fault, for one car; inherit it and define `make_car`."""

    def make_car(self, folder: Path) -> RealCar:
        """A car, not yet started."""
        raise NotImplementedError

    @pytest.fixture(scope="class")
    @classmethod
    def laid(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
        """The network, the server and the car, for all faults."""
        if reason := may_make_networks():
            pytest.skip(reason)
        folder = tmp_path_factory.mktemp("car")
        with ExitStack() as stack:
            yield Rig(cls().make_car(folder), folder, stack)

    @pytest.fixture
    def rig(self, laid: Rig) -> Iterator[Rig]:
        """The same with everything mended, and no bridge yet."""
        yield laid
        laid.wire.mend()
        laid.server.send(signal.SIGCONT)
        if laid.bridge is not None:
            laid.bridge.end()
        laid.car.readings.clear()

    @pytest.fixture
    def driving(self, rig: Rig) -> Rig:
        """The same with a bridge that drives the car."""
        rig.begin()
        for left in reversed(range(ATTEMPTS)):
            try:
                rig.arm()
                break
            except AssertionError:
                # A machine that is busy with other tests stalls, and the gate closes, as it should.
                if not left:
                    raise
        return rig

    @staticmethod
    def note(rig: Rig, fault: str, since_s: float, *, limit_ms: float = LIMIT_MS, **watch: float) -> float:
        """Measure, keep the figure, and hold it against the limit."""
        ms = rig.still_after(since_s, **watch)
        _keep(type(rig.car).__name__, fault, ms)
        assert ms <= limit_ms, f"{fault}: {ms:.0f} ms; {rig.said()}"
        return ms

    # -- the bridge --------------------------------------------------------------------------------

    def test_a_killed_bridge_stops_the_car(self, driving: Rig) -> None:
        assert driving.bridge is not None
        at_s = time.monotonic()
        driving.bridge.send(signal.SIGKILL)
        self.note(driving, "kill -9 bridge", at_s)

    def test_a_frozen_bridge_stops_the_car_and_does_not_move_it_when_it_thaws(self, driving: Rig) -> None:
        assert driving.bridge is not None
        at_s = time.monotonic()
        driving.bridge.send(signal.SIGSTOP)
        driving.still_after(at_s, watch_s=0.8)
        driving.bridge.send(signal.SIGCONT)
        self.note(driving, "freeze bridge, thaw it", at_s)

    def test_ending_the_bridge_in_good_order_stops_the_car(self, driving: Rig) -> None:
        assert driving.bridge is not None
        at_s = time.monotonic()
        driving.bridge.send(signal.SIGTERM)
        self.note(driving, "SIGTERM bridge", at_s)

    # -- the league --------------------------------------------------------------------------------

    def test_a_reset_connection_stops_the_car_and_a_new_one_does_not_move_it(self, driving: Rig) -> None:
        assert driving.bridge is not None
        mark = len(driving.bridge.lines)
        at_s = time.monotonic()
        driving.server.send(signal.SIGUSR1)
        driving.bridge.wait_for("^go$", after=mark)
        self.note(driving, "reset the socket, reconnect", at_s)

    def test_a_silent_link_stops_the_car_and_its_return_does_not_move_it(self, driving: Rig) -> None:
        at_s = time.monotonic()
        driving.wire.cut = True
        driving.still_after(at_s, watch_s=0.8)
        driving.wire.mend()
        self.note(driving, "silent link loss, resume after hold", at_s, watch_s=2.5)

    def test_a_frozen_server_stops_the_car_and_its_return_does_not_move_it(self, driving: Rig) -> None:
        at_s = time.monotonic()
        driving.server.send(signal.SIGSTOP)
        driving.still_after(at_s, watch_s=0.8)
        driving.server.send(signal.SIGCONT)
        self.note(driving, "frozen server, thaw it", at_s)

    def test_a_stuttering_link_stops_the_car(self, driving: Rig) -> None:
        at_s = time.monotonic()
        driving.wire.stutter(0.5)
        self.note(driving, "500 ms jitter", at_s, watch_s=2.5)

    # -- commands ----------------------------------------------------------------------------------

    @pytest.mark.parametrize("nonsense", ["nan", "infinite", "text", "nothing", "range"])
    def test_nonsense_stops_the_car(self, driving: Rig, nonsense: str) -> None:
        at_s = time.monotonic()
        driving.mischief.write_text(nonsense)
        driving.still_after(at_s, watch_s=0.8)
        driving.mischief.write_text("")
        self.note(driving, f"command: {nonsense}, then sense again", at_s)

    def test_an_agent_that_crashes_stops_the_car(self, driving: Rig) -> None:
        at_s = time.monotonic()
        driving.mischief.write_text("crash")
        self.note(driving, "agent crashes", at_s)

    def test_an_agent_that_hangs_stops_the_car(self, driving: Rig) -> None:
        at_s = time.monotonic()
        driving.mischief.write_text("hang0.6")
        driving.still_after(at_s, watch_s=0.8)
        driving.mischief.write_text("")
        self.note(driving, "agent hangs", at_s, watch_s=2.5)

    def test_a_jump_of_the_clock_changes_nothing(self, driving: Rig) -> None:
        for jump_s in (3600, -7200):
            driving.mischief.write_text(f"clock{jump_s}")
            time.sleep(0.6)
            assert abs(driving.car.readings[-1].drive) > STILL, driving.said()
        at_s = time.monotonic()
        driving.wire.cut = True
        self.note(driving, "clock jumps, then silent link loss", at_s)

    # -- people ------------------------------------------------------------------------------------

    def test_the_stop_button_stops_the_car_and_stays(self, driving: Rig) -> None:
        assert driving.bridge is not None
        at_s = time.monotonic()
        driving.bridge.type("stop")
        self.note(driving, "stop button", at_s)
        driving.bridge.end()
        again = driving.begin()
        token = again.wait_for(r"^token (\d{6})$")[1]
        again.type(f"arm {token}")
        again.wait_for("estop")
        again.type(f"clear {token}")
        again.wait_for("neutral: the emergency stop was cleared")

    def test_stop_during_hold_stops_the_car(self, driving: Rig) -> None:
        assert driving.bridge is not None
        at_s = time.monotonic()
        driving.wire.cut = True
        time.sleep(0.1)
        driving.bridge.type("stop")
        self.note(driving, "stop during hold", at_s)
        driving.bridge.type(f"clear {driving.bridge.wait_for(r'^token ([0-9]{6})$')[1]}")
        driving.bridge.wait_for("the emergency stop was cleared")

    def test_a_second_bridge_is_refused_and_the_first_goes_on(self, driving: Rig) -> None:
        assert driving.bridge is not None
        mark = len(driving.bridge.lines)
        second = driving.start_bridge()
        assert second.process.wait(PATIENCE_S) == 1, second.lines
        second.wait_for("another bridge on this computer drives")
        if abs(driving.car.readings[-1].drive) <= STILL:
            # Starting a program is enough to make a busy machine stall; that is the gate's business.
            closed = [line for line in driving.bridge.lines[mark:] if re.search("disarmed:|offline:", line)]
            stalls = "stalled|silent|fresh command|nobody heard"
            assert all(re.search(stalls, line) for line in closed), closed
            driving.arm()
        at_s = time.monotonic()
        driving.bridge.type("disarm")
        self.note(driving, "a second bridge, then disarm", at_s)

    def test_what_a_rival_at_the_cars_own_controls_leaves_behind_does_not_move_it(self, driving: Rig) -> None:
        assert driving.bridge is not None
        rival = driving.car.rival(driving.wire.car)
        try:
            rival.wait_for("rival (drives|refused)")
            time.sleep(0.5)  # both at the controls
            driving.bridge.type("disarm")
            time.sleep(0.5)  # only the rival wants it to move
            at_s = time.monotonic()
            rival.send(signal.SIGKILL)
            self.note(driving, "a rival at the car's controls, disarm, kill -9 rival", at_s)
        finally:
            rival.end(signal.SIGKILL)

    # -- the car -----------------------------------------------------------------------------------

    def test_a_car_whose_interface_restarts_stands_and_is_not_moved_again(self, driving: Rig) -> None:
        assert driving.bridge is not None
        mark = len(driving.bridge.lines)
        at_s = time.monotonic()
        driving.car.restart()
        driving.bridge.wait_for("offline:", after=mark)
        driving.bridge.wait_for("neutral: connected", after=mark)
        self.note(driving, "car interface restarts", at_s, limit_ms=self.restart_ms)

    restart_ms: ClassVar[float] = LIMIT_MS
    """A car whose motor outlives its interface stands only when the interface is back."""


def _keep(car: str, fault: str, ms: float) -> None:
    file = os.environ.get("LEAGUE_FAULTS")
    if file:
        with Path(file).open("a", encoding="utf-8") as kept:
            kept.write(json.dumps({"car": car, "fault": fault, "ms": round(ms, 1)}) + "\n")


def table(rows: list[dict[str, Any]]) -> str:
    """Measurements as a Markdown table: a row a fault, a column a car, the median (slowest)."""
    cars = list(dict.fromkeys(row["car"] for row in rows))
    faults = list(dict.fromkeys(row["fault"] for row in rows))
    lines = ["| fault | " + " | ".join(cars) + " |", "|---|" + "---:|" * len(cars)]
    for fault in faults:
        cells = []
        for car in cars:
            found = [row["ms"] for row in rows if row["car"] == car and row["fault"] == fault]
            slowest = f" ({max(found):.0f})" if len(found) > 1 else ""
            cells.append(f"{median(found):.0f}{slowest}" if found else "")
        lines.append(f"| {fault} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    print(table([json.loads(line) for line in text.splitlines()]))
