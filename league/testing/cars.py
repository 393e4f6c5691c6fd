"""The faults that have to stop a car: every driver is tried with all of them, against a real other end.

A driver's tests inherit `CarConformance` and say how to start a car. Each fault is made in a network of its
own (`league.testing.lines`), with the bridge, its guardian and the server as programs of their own; what is
measured is what the car's side saw: the time until its drive was 0 for good, and that it never moved again
without being armed.

The car is a `league.testing.rig.RealCar`:

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
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any, Final

import pytest

from league.testing.lines import may_make_networks
from league.testing.programs import PATIENCE_S
from league.testing.rig import STILL, RealCar, Rig

LIMIT_MS: Final = 300.0
ATTEMPTS: Final = 4


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
    def note(rig: Rig, fault: str, since_s: float, **watch: float) -> float:
        """Measure, keep the figure, and hold it against the limit."""
        ms = rig.still_after(since_s, **watch)
        _keep(type(rig.car).__name__, fault, ms)
        assert ms <= LIMIT_MS, f"{fault}: {ms:.0f} ms; {rig.said()}"
        return ms

    @staticmethod
    def still_goes(rig: Rig, mark: int) -> bool:
        """Whether the car still moves; one that a stalling machine has stopped since is armed again."""
        assert rig.bridge is not None
        if abs(rig.car.readings[-1].drive) > STILL:
            return True
        closed = [line for line in rig.bridge.lines[mark:] if re.search("disarmed:|offline:", line)]
        stalls = "stalled|silent|fresh command|nobody heard|answer"
        assert all(re.search(stalls, line) for line in closed), closed
        rig.arm()
        return False

    def goes_on_after(self, rig: Rig, jump_s: int) -> bool:
        """Whether the car goes on after a jump of the bridge's wall clock."""
        assert rig.bridge is not None
        mark = len(rig.bridge.lines)
        rig.mischief.write_text(f"clock{jump_s}")
        time.sleep(0.6)
        return self.still_goes(rig, mark)

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
            assert any(self.goes_on_after(driving, jump_s * many) for many in range(1, ATTEMPTS)), (
                driving.said()
            )
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
        again.wait_for("the emergency stop was cleared")
        again.wait_for(": neutral: ")  # at once, or when a car that was just away is back

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
        self.still_goes(driving, mark)  # starting a program is enough to make a busy machine stall
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
        self.note(driving, "car interface restarts", at_s)


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
