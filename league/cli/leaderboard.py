"""`league leaderboard`: show standings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from league.cli import show
from league.cli.following import follow
from league.cli.remote import ask, segment, server_option
from league.errors import InputError
from league.racing.distance import distance


@click.command(
    epilog="""\b
Examples:
  league leaderboard
  league leaderboard --follow
  league leaderboard club-night --server http://league.example:8490 --json result.json"""
)
@click.argument("event", required=False)
@server_option
@click.option("--follow", "follows", is_flag=True, help="Stay, and show every heat as it is raced.")
@show.json_option("Write the standings as JSON; - for standard output.")
def command(event: str | None, server: str, follows: bool, json_file: str | None) -> None:
    """Show the standings of EVENT; without it, of the running or else the newest one.

    With --follow there is a timing tower that moves, until the event is over; where the output is no
    terminal, a line for every lap instead.
    """
    event = event or newest(server)
    if follows:
        asyncio.run(follow(server, event, show.console(stderr=json_file == "-")))
    board = ask(server, "GET", f"/events/{segment(event)}/leaderboard")
    if json_file:
        show.write_json(json_file, board)
    if json_file != "-":
        print_leaderboard(board)


def newest(server: str) -> str:
    """The id of the event that is running, or else of the newest.

    Raises:
        InputError: There is none.
    """
    events = ask(server, "GET", "/events")["events"]
    if not events:
        raise InputError("the server has no events yet; see league event create --help")
    running = [event["id"] for event in events if event["status"] == "running"]
    return str((running or [event["id"] for event in events])[-1])


def print_leaderboard(board: dict[str, Any]) -> None:
    """Print standings with every lap, for people."""
    circuit = board["circuit"]
    title = (
        f"{board['name']} · {board['status']} · {circuit['id']} · {circuit['length_m']:.2f} m · "
        f"{distance(board['laps'])} · seed {board['seed']}"
    )
    columns = ["", "entry", "agent", ">total", ">gap", ">fastest"]
    columns += [">off-tracks", ">resets", ">collisions", "status", "laps"]
    rows = [
        (
            entry["place"],
            entry["name"],
            entry["agent"],
            show.seconds(entry["total_s"]),
            show.seconds(entry["gap_s"]),
            show.seconds(entry["fastest_lap_s"]),
            entry["off_tracks"],
            entry["resets"],
            entry["collisions"],
            _status(entry, over=board["status"] not in ("open", "running", "paused")),
            ", ".join(show.seconds(lap["time_s"]) for lap in entry["laps"]) or None,
        )
        for entry in board["entries"]
    ]
    out = show.console()
    out.print(show.table(title, columns, rows))
    if not rows:
        out.print(f"nobody is entered yet; next: league enter AGENT --event {board['event']}", markup=False)


def _status(entry: Mapping[str, Any], *, over: bool) -> str:
    """How an entry came in; while others race, one that has not raced yet is no "did not start"."""
    if not over and entry["status"] == "DNS" and not entry["laps"] and entry["reason"] == "has not raced":
        return "not raced yet"
    return f"{entry['status']}: {entry['reason']}" if entry["reason"] else str(entry["status"])
