"""Run a Donkeycar's manage.py as it is, and write down what its motors get; run by the peers' Python.

Usage: donkey_probe.py LOG manage.py drive …, in the car's folder. One line of JSON for every turn of the
drive loop: the monotonic clock, steering and throttle as the drive train gets them, and the mode.
"""

from __future__ import annotations

import json
import runpy
import sys
import time
from pathlib import Path
from typing import Any

from donkeycar.vehicle import Vehicle


class Probe:
    """The last part on the car: writes down what the drive train has just been given."""

    def __init__(self, log: str) -> None:
        self.log = Path(log).open("a", buffering=1)  # noqa: SIM115

    def run(self, steering: object, throttle: object, mode: object) -> None:
        self.log.write(json.dumps([time.monotonic(), steering, throttle, mode]) + "\n")


def main() -> None:
    log, script, *arguments = sys.argv[1:]
    plain = Vehicle.start

    def start(vehicle: Vehicle, *args: Any, **kwargs: Any) -> Any:
        vehicle.add(Probe(log), inputs=["steering", "throttle", "user/mode"])
        return plain(vehicle, *args, **kwargs)

    Vehicle.start = start
    sys.argv = [script, *arguments]
    sys.path.insert(0, ".")
    runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
