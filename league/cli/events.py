"""`league events`: list the events of a server."""

from __future__ import annotations

import click

from league.cli import show
from league.cli.remote import ask, server_option


@click.command(
    epilog="""\b
Examples:
  league events
  league events --server http://league.example:8490 --json -"""
)
@server_option
@show.json_option("Write the list as JSON; - for standard output.")
def command(server: str, json_file: str | None) -> None:
    """List the events of a server, oldest first."""
    events = ask(server, "GET", "/events")["events"]
    if json_file:
        show.write_json(json_file, {"events": events})
    if json_file == "-":
        return
    rows = [
        (
            event["id"],
            event["name"],
            event["status"],
            event["circuit"],
            event["format"],
            len(event["entries"]),
            sum(entry["connected"] for entry in event["entries"]),
            "open" if event["open_entry"] else "by token",
        )
        for event in events
    ]
    columns = ["event", "name", "status", "circuit", "format", ">entries", ">connected", "entry"]
    show.console().print(
        show.table("", columns, rows) if rows else "no events yet: league event create --help", markup=False
    )
