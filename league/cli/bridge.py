"""`league bridge`: connect a physical car."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import click

from league.bridge.console import Desk
from league.bridge.keeping import Logbook
from league.bridge.operator import Operator
from league.bridge.page import Page
from league.bridge.ride import Ride
from league.bridge.run import Post, race, until_first, warm_up
from league.bridge.urgency import go_first
from league.cli import show
from league.cli.drive import Commentary
from league.cli.remote import entry_token_option, http_url, server_option
from league.client import Progress
from league.errors import ConfigError
from league.gate.gate import State
from league.hooks.catalogue import League, NamedAgent
from league.wire.messages import Assign, Finish, Late

PAGE_PORT = 8495


@click.command(
    epilog="""\b
Examples:
  league bridge udp:192.168.4.1 --event club-night --server http://league.example:8490 --token …
  league bridge donkey:127.0.0.1 --event club-night --agent ./my-model --cap 0.3
  league bridge ros2:127.0.0.1 --event club-night --agent follow-the-gap --cap 1.2
  league bridge deepracer:192.168.1.20 --event club-night --page 0.0.0.0:8495

The car stands until somebody beside it types the token that is printed here, and until its signs have been
tested with the wheels up. Enter stops it. plugins/CARS.md takes the owner of each car to a first lap."""
)
@click.argument("car")
@click.option("--event", required=True, metavar="EVENT", help="The event's id, see `league events`.")
@server_option
@entry_token_option
@click.option("--as", "name", metavar="NAME", help="Name of the entry; by default the car's address.")
@click.option(
    "--agent", default="pure-pursuit", show_default=True, metavar="AGENT",
    help="Who drives, here beside the car: an agent's name, a model, or module:Class.",
)  # fmt: skip
@click.option(
    "--cap", type=float, metavar="DRIVE",
    help="Most drive that is ever let through: a share of full throttle (by default 0.25), or m/s (1.5).",
)  # fmt: skip
@click.option(
    "--hold", default=250, show_default=True, type=click.IntRange(100, 500), metavar="MS",
    help="A command is good for so long.",
)  # fmt: skip
@click.option(
    "--page", default=f"127.0.0.1:{PAGE_PORT}", show_default=True, metavar="HOST:PORT",
    help="Where the operator's page is; \"off\" for none, 0.0.0.0:PORT for every device on the network.",
)  # fmt: skip
@click.option(
    "--no-guardian", is_flag=True,
    help="Only for a car that stops by itself: no second process that stops it when this one dies.",
)  # fmt: skip
@click.option(
    "--state", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER",
    help="Where emergency stops and sign tests are kept; by default the user's state folder.",
)  # fmt: skip
def command(
    car: str,
    event: str,
    server: str,
    token: str | None,
    name: str | None,
    agent: str,
    cap: float | None,
    hold: int,
    page: str,
    no_guardian: bool,
    state: Path | None,
) -> None:
    """Connect the physical CAR to an event: KIND:WHERE, such as udp:192.168.4.1.

    It runs on the car, or one hop of wire away from it. Commands reach the car only while it is armed, fresh,
    within the caps and finite; whatever is amiss stops it until somebody arms it again.
    """
    league = League()
    url = http_url(server)
    place = league.car_place(car)  # what is wrong with the address is said at once
    named = league.agent(agent)
    if cap is not None and not cap >= 0:
        raise ConfigError(f"--cap: found {cap:g}, expected 0 or more")
    go_first()
    warm_up(named)
    post = Post(url, event, (name or car.partition("?")[0])[:64], token)
    with Logbook(car, state, place=place) as logbook:
        desk: Desk
        ride = Ride(
            car, lambda: league.car_driver(car), logbook,
            guarded=not no_guardian, cap=cap, hold_s=hold / 1e3, tell=lambda line: desk.tell(line),
        )  # fmt: skip
        operator = Operator(ride)
        desk = Desk(operator, show.console())
        asyncio.run(_run(ride, operator, desk, page, post, league, named))


async def _run(
    ride: Ride, operator: Operator, desk: Desk, page: str, post: Post, league: League, named: NamedAgent
) -> None:
    commentary = CarCommentary(post.name)

    def tell(progress: Progress) -> None:
        if line := commentary.line(progress):
            desk.tell(line)

    # systemd and everybody else may end the bridge in their own way: the car is stopped first.
    for sign in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(sign, desk.quit)
    async with Page.open(operator, page) as address:
        desk.page = address
        if address:
            desk.tell(f"page {address}")
        if ride.gate.state is State.ESTOP:
            desk.tell(f"an emergency stop is in force: {ride.gate.why}; `clear TOKEN` ends it")
        await until_first(
            asyncio.create_task(ride.run(), name="ride"),
            asyncio.create_task(race(ride, post, league, named, on_progress=tell), name="race"),
            asyncio.create_task(desk.run(), name="desk"),
        )


class CarCommentary(Commentary):
    """The same as on a drive, but for answers that the league did not wait for: the car has obeyed them."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self._late = 0

    def line(self, progress: Progress) -> str:
        """A line for people, or nothing."""
        if isinstance(progress.told, Assign):
            self._late = 0
        if isinstance(progress.told, Late):
            self._late += 1
            if self._late > 1:
                return ""
            return f"{progress.text} for the page; the car obeys all the same, and more are only counted"
        line = super().line(progress)
        if isinstance(progress.told, Finish) and self._late > 1:
            return f"{self._late} answers came too late for the page"
        return line
