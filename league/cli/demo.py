"""`league demo`: a complete event on this machine, out of the box."""

from __future__ import annotations

import asyncio
import json
import signal
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console

from league.cli import show
from league.cli.following import follow
from league.cli.leaderboard import print_leaderboard
from league.errors import RaceError
from league.hooks.catalogue import League
from league.hooks.specs import hookimpl
from league.racing.plan import EntryPlan, EventPlan
from league.racing.result import HeatResult
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.keys import LOBBY, STANDINGS
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.store.records import EventOptions

DRIVERS: Final = ("pure-pursuit", "racing-line", "follow-the-gap", "generalist", "specialist")
CIRCUIT: Final = "a-to-z-speedway"
EVENT: Final = "demo"


class Reporter:
    """A plugin that prints what happens, line by line."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.out = show.console(stderr=True)
        self._started_s = time.monotonic()

    def say(self, line: str) -> None:
        """Print a line with the time since the start."""
        if not self._quiet:
            self.out.print(
                f"{time.monotonic() - self._started_s:6.1f} s  {line}", markup=False, soft_wrap=True
            )

    @hookimpl
    def on_heat_started(self, heat: str, names: tuple[str, ...]) -> None:
        """Green lights."""
        self.say(f"{heat}: {', '.join(names)}")

    @hookimpl
    def on_lap(self, heat: str, name: str, lap: Mapping[str, Any]) -> None:
        """A lap."""
        extra = "".join(f", {lap[what]} {word}" for what, word in _INCIDENTS if lap[what])
        self.say(f"{heat}: {name} lap {lap['lap']} in {lap['time_us'] / 1e6:.3f} s{extra}")

    @hookimpl
    def on_heat_finished(self, result: HeatResult) -> None:
        """A result."""
        first = result.entries[0]
        self.say(f"{result.heat}: {first.name} first with {show.seconds(first.total_s)} s")


_INCIDENTS = (("off_tracks", "off track"), ("resets", "resets"), ("collisions", "collisions"))


@click.command(
    epilog="""\b
Examples:
  league demo
  league demo --headless
  league demo --headless --seed 7 --json result.json"""
)
@click.option("--headless", is_flag=True, help="As fast as possible, and end with the standings.")
@click.option("--port", type=int, default=0, metavar="N", help="By default any free one.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The same seed gives the same races.",
)
@show.json_option("Write the standings as JSON; - for standard output.")
def command(headless: bool, port: int, seed: int, json_file: str | None) -> None:
    """Run a complete event on this machine: five house drivers, qualifying and final, three laps each.

    Every driver is a program of its own that connects to the server over msgpack. Without --headless the
    event runs in real time: open the address that is printed; Ctrl-C ends it.
    """
    asyncio.run(demo(headless=headless, port=port, seed=seed, json_file=json_file))


async def demo(*, headless: bool, port: int, seed: int, json_file: str | None) -> None:
    """Serve a league in a temporary folder, run the event in it, and print how it went.

    Raises:
        RaceError: The event came to no end.
    """
    reporter = Reporter(quiet=False)
    league = League(extra=[reporter])
    plan = plan_of(league, seed)
    stop = asyncio.Event()
    for what in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(what, stop.set)
    with tempfile.TemporaryDirectory(prefix="league-demo-", ignore_cleanup_errors=True) as folder:
        async with await RecordBook.open(Path(folder) / "demo.sqlite") as book:
            # Server, drivers and browser share one machine that may be busy: no race is lost to that here.
            settings = Settings(
                name="League demo",
                port=port,
                between_heats_s=0.0 if headless else 3.0,
                deadline_s=0.5,
                bank_s=30.0,
            )
            app = create_app(league, book, settings)
            async with serving(app, host=settings.host, port=settings.port) as url:
                reporter.say(f"{plan.name}: {len(plan.entries)} drivers on {plan.circuit}, {url}")
                if not headless:
                    out = show.console(stderr=json_file == "-")  # standard output is the JSON's then
                    out.print(f"live page: {url}/live/{EVENT}", markup=False, soft_wrap=True)
                lobby = app[LOBBY]
                await lobby.create(plan, EventOptions(open_entry=True, pace=None if headless else 1.0))
                watching = asyncio.create_task(_watch(url, reporter.out), name="watching the demo")
                await lobby.start(EVENT)
                await _either(lobby.wait_for_end(EVENT), stop)
                watching.cancel()
                await asyncio.wait((watching,))
                if not stop.is_set():
                    paddock, record = await lobby.paddock(EVENT), await book.event(EVENT)
                    _report(json.loads(await app[STANDINGS].board(EVENT)), json_file)
                    if record.status != "finished":
                        raise RaceError(f"the event is {record.status}: {paddock.problem}")
                    if not headless:
                        reporter.say(f"still serving {url}; Ctrl-C ends it")
                        await stop.wait()
    if headless and stop.is_set():
        raise KeyboardInterrupt


def plan_of(league: League, seed: int) -> EventPlan:
    """The demo's event, with every house driver that is there."""
    drivers = [name for name in DRIVERS if name in league.agents]
    if len(drivers) < 2:
        raise RaceError(f"the demo needs two of {', '.join(DRIVERS)}; see league plugins for what is missing")
    wanted = [sensor for name in drivers for sensor in getattr(league.agents[name], "sensors", ())]
    return EventPlan(
        id=EVENT,
        name="Demo",
        circuit=CIRCUIT,
        format="qualifying-final",
        seed=seed,
        rules=Rules(laps=3, sensors=tuple(dict.fromkeys(("state", "pose", *wanted)))),
        entries=tuple(EntryPlan(id=name, name=name, agent=name) for name in drivers),
    )


async def _watch(url: str, console: Console) -> None:
    """Show the event on a terminal as it goes, like any other viewer."""
    if console.is_terminal:
        with suppress(RaceError):  # it is a show; the event goes on without it
            await follow(url, EVENT, console)


async def _either(work: Any, stop: asyncio.Event) -> None:
    """Wait for the work's end or for the stop, whichever comes first."""
    tasks = [asyncio.ensure_future(work), asyncio.create_task(stop.wait())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def _report(board: dict[str, Any], json_file: str | None) -> None:
    if json_file:
        show.write_json(json_file, board)
    if json_file != "-":
        print_leaderboard(board)
