"""Donkeycars, through the part in `manage.py` and through the web controller, against real ones."""

from __future__ import annotations

from pathlib import Path

import peers

from league.testing.cars import CarConformance, RealCar
from league_plugins.on_car import donkey_part

CONTROLLER = "    ctr = add_user_controller(V, cfg, use_joystick)\n"
PART = """    from donkey_part import LeaguePart
    V.add(LeaguePart(brake="neutral:brake"), inputs=["cam/image_array"],
          outputs=["user/steering", "user/throttle", "user/mode"], threaded=True)
"""
"""What an owner adds to `manage.py`, after the controller."""
NEUTRAL = """import json, time
LOG = open({log!r}, "a", buffering=1)
def brake():
    LOG.write(json.dumps([time.monotonic(), 0.0, 0.0, "brake"]) + "\\n")
"""
"""An owner's brake sets the board's pulse to neutral; this one writes down that it did."""


def with_part(manage: str) -> str:
    assert manage.count(CONTROLLER) == 1
    return manage.replace(CONTROLLER, CONTROLLER + PART)


class DonkeyWebCar(RealCar):
    """A stock Donkeycar, driven through its web controller."""

    ref = "donkey:127.0.0.1"
    # A command waits for the drive loop for up to 50 ms; a shorter hold makes up for it.
    options = ("--hold", "200")

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._place = peers.installed("donkey")

    def start(self, space: str) -> None:
        prefix = ("ip", "netns", "exec", space)
        self.peer = peers.donkey(self._place, self._folder, prefix=prefix, change=self.change)
        (self._folder / "donkeycar" / "donkey_part.py").write_text(Path(donkey_part.__file__).read_text())
        neutral = NEUTRAL.format(log=str(self.peer.log))
        (self._folder / "donkeycar" / "neutral.py").write_text(neutral)
        self.peer.__enter__()
        self._tail = peers.Tail(self.peer, lambda step: self.take(float(step.throttle or 0.0), step.at_s))

    def restart(self) -> None:
        self.peer.restart()

    def stop(self) -> None:
        self._tail.close()
        self.peer.__exit__()

    @staticmethod
    def change(manage: str) -> str:
        return manage


class DonkeyPartCar(DonkeyWebCar):
    """A Donkeycar with the league's part in it."""

    ref = "donkey:127.0.0.1?via=part"

    @staticmethod
    def change(manage: str) -> str:
        return with_part(manage)


class TestDonkeyWeb(CarConformance):
    # The motor's last pulse stands while the car's program is gone, and nothing on the car ends it.
    restart_ms = 10_000.0

    def make_car(self, folder: Path) -> RealCar:
        return DonkeyWebCar(folder)


class TestDonkeyPart(CarConformance):
    def make_car(self, folder: Path) -> RealCar:
        return DonkeyPartCar(folder)
