"""`league donkeysim`: pose as the Donkey simulator."""

from __future__ import annotations

import asyncio

import click

from league.cli import show
from league.cli.remote import ask, entry_token_option, http_url, segment, server_option
from league.client.posing import PORT, Invitation, pose


@click.command(
    epilog="""\b
Examples:
  league event create "Donkey cup" --circuit a-to-z-speedway --clock realtime --sensor camera
  league donkeysim --event donkey-cup
  league donkeysim --event donkey-cup --server http://league.example:8490 --host 0.0.0.0 --full-speed 2.5

On the Donkeycar's side, in myconfig.py: DONKEY_GYM = True, DONKEY_SIM_PATH = "remote",
SIM_HOST = "this computer's address", GYM_CONF["car_name"] = "the entry's name"."""
)
@click.option("--event", required=True, metavar="EVENT", help="The event's id, see `league events`.")
@server_option
@entry_token_option
@click.option(
    "--host", default="127.0.0.1", show_default=True, metavar="HOST",
    help="Address to listen on; 0.0.0.0 lets every computer on the network drive in the event.",
)  # fmt: skip
@click.option("--port", default=PORT, show_default=True, metavar="PORT", help="Port to listen on; 0 for any.")
@click.option(
    "--full-speed", type=click.FloatRange(0.1, 30.0), metavar="M/S",
    help="Speed at full throttle; by default the top speed of the event's car.",
)  # fmt: skip
def command(
    event: str, server: str, token: str | None, host: str, port: int, full_speed: float | None
) -> None:
    """Pose as the Donkey simulator, so that Donkeycars with their own pilots race in an event.

    Every car that connects, as it would to the simulator, becomes an entry named after the car. It is shown
    the camera of its car in the league, and its steering and throttle drive that car.
    """
    out = show.console()
    url = http_url(server)
    ask(url, "GET", f"/events/{segment(event)}")  # a name that is wrong is said before a car comes
    invitation = Invitation(url, event, token, full_speed)

    def tell(line: str) -> None:
        out.print(line, markup=False, soft_wrap=True)

    def opened(port: int) -> None:
        tell(f"posing as the Donkey simulator at {host}:{port}")

    asyncio.run(pose(invitation, host=host, port=port, tell=tell, on_open=opened))
