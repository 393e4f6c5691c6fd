"""The terminal of a bridge: what is typed, and, on a real terminal, a view that stays in place.

Without a terminal, as under systemd or in a test, it prints a line for whatever happens and reads commands
from standard input in the same words.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from league.bridge.operator import Operator

HELP: Final = (
    "Enter or stop: EMERGENCY STOP · arm TOKEN · signs TOKEN (wheels up!) · yes · no · disarm · clear TOKEN "
    "· quit"
)
LINES: Final = 8
VIEW_S: Final = 0.2

_COLOURS: Mapping[str, str] = {
    "armed": "bold white on red",
    "ready": "bold black on yellow",
    "estop": "bold white on magenta",
    "disarmed": "bold black on yellow",
    "neutral": "bold black on green",
    "offline": "bold white on grey37",
}


class Desk:
    """What is said to the operator and by the operator.

    Args:
        operator: Who is asked.
        out: Where to print.
        page: Address of the page, if there is one.
    """

    def __init__(self, operator: Operator, out: Console, *, page: str = "") -> None:
        self.operator, self.page = operator, page
        self._out = out
        self._lines: deque[str] = deque(maxlen=LINES)
        self._live: Live | None = None
        self._typed: asyncio.Queue[str] = asyncio.Queue()

    def tell(self, line: str) -> None:
        """Say something to whoever looks."""
        self._lines.append(line)
        if self._live is None:
            # Nobody reads it any more: for Rich a reason to exit, for a car in the middle of a run none.
            with suppress(OSError, SystemExit):
                self._out.print(line, markup=False, soft_wrap=True, highlight=False)

    def quit(self) -> None:
        """End, as if somebody had typed it."""
        self._typed.put_nowait("quit")

    async def run(self) -> None:
        """Obey what is typed, until "quit"."""
        loop = asyncio.get_running_loop()
        with suppress(
            OSError, PermissionError, ValueError
        ):  # a file cannot be waited for; nobody types there
            loop.add_reader(sys.stdin.fileno(), self._read)
        view = asyncio.create_task(self._view()) if self._out.is_terminal else None
        if view is None:
            self.tell(f"token {self.operator.token}")
            self.tell(HELP)
        try:
            # When nobody types any more, the page may still be used, and a signal still ends it.
            while (line := await self._typed.get()) != "quit":
                answer = await self.obey(line)
                if answer:
                    self.tell(answer)
        finally:
            with suppress(OSError, ValueError):
                loop.remove_reader(sys.stdin.fileno())
            if view is not None:
                view.cancel()
                await asyncio.wait((view,))

    async def obey(self, line: str) -> str:
        """Do what was typed; gives what to say to it."""
        word, _, rest = line.strip().partition(" ")
        operator = self.operator
        if word in ("", "stop"):
            operator.stop("the operator pressed stop")
            return ""
        if word == "arm":
            return await operator.arm(rest)
        if word == "signs":
            return await operator.test_signs(rest) or operator.asking
        if word in ("yes", "no"):
            return operator.answer(word == "yes", operator.token)  # whoever types here reads it here
        if word == "disarm":
            operator.ride.disarm("the operator disarmed it")
            return ""
        if word == "clear":
            return operator.clear(rest)
        return f"found {word!r}, expected one of: stop, arm, signs, yes, no, disarm, clear, quit"

    def _read(self) -> None:
        line = sys.stdin.readline()
        if not line:
            asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        else:
            self._typed.put_nowait(line.rstrip("\n"))

    async def _view(self) -> None:
        with Live(self.picture(), console=self._out, auto_refresh=False) as self._live:
            try:
                while True:
                    self._live.update(self.picture(), refresh=True)
                    await asyncio.sleep(VIEW_S)
            finally:
                self._live = None

    def picture(self) -> Panel:
        """How everything is, as a box of text."""
        state = self.operator.state()
        rows = Table.grid(padding=(0, 2))
        rows.add_row(Text(f" {state['state'].upper()} ", _COLOURS[state["state"]]), Text(state["why"]))
        for name, value in told_rows(state):
            rows.add_row(name, Text(value))
        token = f"token {self.operator.token}" + (f"   page {self.page}" if self.page else "")
        asked = Text(state["asking"], "bold yellow") if state["asking"] else Text("")
        said = Text("\n".join(self._lines), "dim")
        return Panel(Group(rows, Text(token, "bold"), asked, said, Text(HELP)), title=state["car"])


def told_rows(state: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What an operator wants to know, in words."""

    def ago(value: float | None) -> str:
        return f"heard {age(value)} ago" if value is not None else "not heard yet"

    def age(value: float) -> str:
        return f"{value * 1e3:.0f} ms" if value < 10 else f"{value:.0f} s"

    unit = "m/s" if state["unit"] == "mps" else "of full throttle"
    link = state["link"]
    cap = f"{state['cap']:g} {unit}" + (f", about {state['cap_mps']:g} m/s" if state["cap_mps"] else "")
    trip = f", round trip {link['round_trip_ms']:.1f} ms" if link["round_trip_ms"] is not None else ""
    age_s = state["command_age_s"]
    command = "none yet" if age_s is None else f"{age(age_s)} old"
    rows = [
        ("league", f"{link['about']}, {ago(link['age_s'])}{trip}"),
        ("car", ago(state["car_age_s"])),
        ("command", f"{command}; good for {state['hold_ms']} ms"),
        ("told", f"drive {state['drive']:+.2f}, steering {state['steer_rad']:+.2f} rad"),
        ("cap", cap),
        ("guardian", str(state["guardian"])),
        ("signs", "tested" if state["signs_tested"] else "NOT TESTED with this calibration"),
    ]
    if state.get("battery") is not None or state.get("battery_v") is not None:
        share = f"{state['battery']:.0%} " if state.get("battery") is not None else ""
        volts = f"{state['battery_v']:.2f} V" if state.get("battery_v") is not None else ""
        rows.append(("battery", f"{share}{volts}"))
    if state["lacks"]:
        rows.append(("agent", f"sees no {state['lacks']}, so the car stands"))
    if state["refused"]:
        rows.append(("refused", ", ".join(f"{count} {why}" for why, count in state["refused"].items())))
    return rows
