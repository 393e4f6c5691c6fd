"""`league queue`: whose model the scrutineers look at, who is to race, and how long it will take."""

from __future__ import annotations

from typing import Any

import click

from league.cli import show
from league.cli.remote import ask, segment, server_option


@click.command(
    epilog="""\b
Examples:
  league queue
  league queue practice
  league queue --server http://league.example:8490 --json -"""
)
@click.argument("event", required=False)
@server_option
@show.json_option("Write it as JSON; - for standard output.")
def command(event: str | None, server: str, json_file: str | None) -> None:
    """Show who waits for the scrutineers, who look at one model at a time; or the heats of EVENT to come."""
    found = ask(server, "GET", f"/events/{segment(event)}/queue" if event else "/scrutineering")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    if event:
        _show_heats(found["queue"])
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


def _show_heats(queue: list[dict[str, Any]]) -> None:
    rows = [
        (
            due["position"],
            due["heat"],
            ", ".join(entry["name"] for entry in due["entries"]),
            "racing" if due["running"] else "waiting",
            "?" if due["expected_s"] is None else f"{due['expected_s']:.0f} s",
        )
        for due in queue
    ]
    columns = [">place", "heat", "grid", "status", ">over in about"]
    show.console().print(show.table("", columns, rows) if rows else "nobody waits", markup=False)
