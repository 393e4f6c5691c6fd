"""`league queue`: whose model the scrutineers look at, and how long it will take."""

from __future__ import annotations

import click

from league.cli import show
from league.cli.remote import ask, server_option


@click.command(
    epilog="""\b
Examples:
  league queue
  league queue --server http://league.example:8490 --json -"""
)
@server_option
@click.option("--json", "json_file", metavar="FILE", help="Write it as JSON; - for standard output.")
def command(server: str, json_file: str | None) -> None:
    """Show the line in front of the scrutineers, who look at one model at a time."""
    found = ask(server, "GET", "/scrutineering")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [
        (
            place["position"],
            place["event"],
            place["sha256"][:12],
            f"{place['waited_s']:.0f} s",
            f"{place['expected_s']:.0f} s",
        )
        for place in found["line"]
    ]
    columns = [">place", "event", "model", ">waited", ">still to expect"]
    show.console().print(show.table("", columns, rows) if rows else "nobody waits", markup=False)
