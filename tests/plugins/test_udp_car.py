"""The UDP driver against the reference firmware in MicroPython: every fault, and its own dead-man."""

from __future__ import annotations

import signal
from pathlib import Path

from firmware import FIRMWARE, interpreter

from league.testing.cars import CarConformance
from league.testing.programs import Program
from league.testing.rig import RealCar

PORT = 4210


class MicroPythonCar(RealCar):
    """The reference firmware in MicroPython's unix port; its motor is a line on standard output."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        key = folder / "key"
        key.write_text("a key of our own")
        self.ref = f"udp:127.0.0.1:{PORT}?key_file={key}"
        self._interpreter = interpreter()
        self._program: Program | None = None

    def start(self, space: str) -> None:
        self._space = space
        self._program = Program(
            space, self._interpreter, FIRMWARE, PORT, "a key of our own", on_line=self._read
        )
        self._program.wait_for("drive 0")

    def restart(self) -> None:
        assert self._program is not None
        self._program.end(signal.SIGKILL)
        # A motor without its microcontroller has no signal: it stands.
        self.take(0.0)
        self.start(self._space)

    def stop(self) -> None:
        if self._program is not None:
            self._program.end(signal.SIGKILL)

    def _read(self, at_s: float, line: str) -> None:
        word, _, value = line.partition(" ")
        if word == "drive":
            self.take(int(value) / 32767, at_s)


class TestUdpCar(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return MicroPythonCar(folder)
