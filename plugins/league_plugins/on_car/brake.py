"""Stops a car's motor when a program that drives it is killed, ends or is frozen.

It runs on the car, in a process of its own beside the car's programs, which stay as they are. It needs the
standard library only, of Python 3.8 or newer, on Linux: copy this one file.

    python3 brake.py neutral:brake "manage.py drive"
    sudo python3 brake.py deepracer

The first word is what brakes: `MODULE:FUNCTION`, a function of the owner's without arguments that puts the
motor to neutral, in a file beside; or `deepracer`, which writes the calibrated middle of the throttle to the
kernel's PWM file, as the car's own `servo_node` does for a throttle of 0
(https://github.com/aws-deepracer/aws-deepracer-servo-pkg). What follows are the programs, by a piece of their
command lines; a DeepRacer's are known.

It looks at them fifty times a second. A program that hangs without being frozen looks well from outside: only
what runs inside of it can tell, as `donkey_part.py` does.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

POLL_S = 0.02
SEARCH_S = 0.5
"""Between looks for programs that were started since."""
AGAIN = 5
"""So often the motor is put to neutral after a program went: its last write may come late."""
DEEPRACER = ("webserver_publisher_node", "ctrl_node", "servo_node")
"""Whatever has a share in the way from the console to the motor."""
PWM_FOLDER = Path("/sys/class/pwm")
PWM_DEVICE = "0000:00:17.0"
CALIBRATION_FILE = Path("/opt/aws/deepracer/calibration.json")
NEUTRAL_NS = 1_446_000
"""Where the throttle's pulse stands before a calibration, in ns."""
PROC = Path("/proc")


def main(arguments: list[str] | None = None) -> None:
    """Watch until a signal ends it."""
    asked = _parser().parse_args(arguments)
    brake, programs = _brake(asked), asked.programs or list(DEEPRACER)
    _go_first()
    watch = Watch(programs, brake)
    print("watching for", ", ".join(programs), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            watch.look()
            time.sleep(POLL_S)


class Watch:
    """Looks at programs, and brakes.

    Args:
        programs: Pieces of command lines.
        brake: Puts the motor to neutral.
    """

    def __init__(self, programs: list[str], brake: Callable[[], None]) -> None:
        self._programs, self._brake = programs, brake
        self._watched: dict[int, str] = {}
        self._searched_s = -SEARCH_S

    def look(self) -> None:
        """Look once at every program, and now and then for new ones."""
        for pid, born in list(self._watched.items()):
            state, now_born = _state(pid)
            if now_born != born or state in "ZX":
                del self._watched[pid]
                self._stop(f"process {pid} is gone", AGAIN)
            elif state in "Tt":
                self._stop(f"process {pid} is frozen", 1)
        if time.monotonic() - self._searched_s >= SEARCH_S:
            self._searched_s = time.monotonic()
            for pid, born, words in _running():
                if pid not in self._watched and any(program in words for program in self._programs):
                    self._watched[pid] = born
                    print(f"watching process {pid}: {words}", flush=True)

    def _stop(self, why: str, times: int) -> None:
        for turn in range(times):
            try:
                self._brake()
            except Exception as error:  # noqa: BLE001 - an owner's code: whatever it is, the next turn may brake
                why = f"{why}, and the brake fails: {error!r}"
            if turn + 1 < times:
                time.sleep(POLL_S)
        print(f"{why}: motor to neutral", flush=True)


def _running() -> list[tuple[int, str, str]]:
    """The number, the birth and the command line of every process but brakes."""
    found = []
    for place in PROC.iterdir():
        if not place.name.isdigit():
            continue
        try:
            words = (place / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue  # it has just ended
        # `sudo` and a shell that start a brake have the programs' names in their own command lines.
        if any(Path(word).name == Path(__file__).name for word in words):
            continue
        state, born = _state(int(place.name))
        if born and state not in "ZX":
            found.append((int(place.name), born, " ".join(words).strip()))
    return found


def _state(pid: int) -> tuple[str, str]:
    """The state's letter, and when it was born, which tells it from a later one of its number.

    See proc(5): they are the first and the twentieth word after the name, which stands in brackets.
    """
    try:
        words = (PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].decode().split()
    except OSError:
        return "X", ""
    return words[0], words[19]


# -- what brakes -----------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="brake.py",
        description="Stop a car's motor when a program that drives it is killed or frozen.",
        epilog='examples: brake.py neutral:brake "manage.py drive" | sudo python3 brake.py deepracer',
    )
    parser.add_argument("brake", help='"deepracer", or MODULE:FUNCTION, which puts the motor to neutral')
    parser.add_argument("programs", nargs="*", help='pieces of command lines, such as "manage.py drive"')
    parser.add_argument("--pwm", type=Path, help="a DeepRacer's pwmchip folder, where it is not found")
    parser.add_argument("--calibration", type=Path, default=CALIBRATION_FILE, help="a DeepRacer's")
    return parser


def _brake(asked: argparse.Namespace) -> Callable[[], None]:
    """The brake that was asked for, tried once; ends the program with a line where it does not work."""
    if asked.brake == "deepracer":
        duty = (asked.pwm or _pwmchip()) / "pwm0" / "duty_cycle"

        def brake() -> None:
            duty.write_text(str(_neutral_ns(asked.calibration)))

    else:
        if not asked.programs:
            sys.exit("brake.py: found no program to watch, expected a piece of its command line")
        sys.path.insert(0, str(Path.cwd()))
        module, _, name = asked.brake.partition(":")
        try:
            brake = getattr(import_module(module), name)
        except (ImportError, AttributeError, ValueError) as error:
            sys.exit(f'brake.py: found {asked.brake!r}, expected "deepracer" or MODULE:FUNCTION ({error})')
    try:
        brake()
    except Exception as error:  # noqa: BLE001 - an owner's code, or a file that only root may write
        sys.exit(f"brake.py: the brake fails: {error!r}")
    return brake


def _pwmchip() -> Path:
    """The folder of the servos' controller, by its place on the bus; its number changes."""
    for chip in sorted(PWM_FOLDER.glob("pwmchip*")):
        if PWM_DEVICE in str(chip.resolve()):
            return chip
    return PWM_FOLDER / "pwmchip0"


def _neutral_ns(calibration: Path) -> int:
    """The pulse of a throttle of 0, as the console's calibration says it."""
    try:
        return int(json.loads(calibration.read_text())["Calibration"]["Motor"]["mid"])
    except (OSError, ValueError, KeyError, TypeError):
        return NEUTRAL_NS


def _go_first() -> None:
    """Ask for the processor before others have it, where one may."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


if __name__ == "__main__":
    main()
