"""`league event`: create, start, stop and show events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import click

from league.cli import show
from league.cli.leaderboard import print_leaderboard
from league.cli.objects import object_options, object_rules
from league.cli.physical import about_clock, next_step, physical_options, physical_rules
from league.cli.remote import ask, segment, server_option, token_option
from league.cli.rule_options import (
    car_option,
    hz_option,
    laps_option,
    penalty_option,
    rank_option,
    time_limit_option,
)
from league.cli.rules_file import with_file
from league.errors import InputError
from league.racing.drem import FORMAT as PHYSICAL
from league.sim.sensor import offered


def _moment(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """What somebody typed, in the zone of this machine unless it says another, as programs write it."""
    if value is None:
        return None
    try:
        return datetime.fromisoformat(value).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise click.BadParameter(f'{value!r}, expected "YYYY-MM-DD HH:MM"', ctx, param) from None


def _here(moment: str) -> str:
    """A moment as this machine's people say it."""
    return f"{datetime.fromisoformat(moment).astimezone():%Y-%m-%d %H:%M %Z}"


@click.group(
    epilog="""\b
Examples:
  league event create "Club night" --circuit a-to-z-speedway --format qualifying-final
  league event create Duel --circuit clover:reversed --entry tutorial --entry racing-line --autostart 2
  league event create Slalom --circuit a-to-z-speedway --format object-avoidance --boxes 5
  league event create Traffic --circuit clover --format head-to-bot --bots 3 --bot-lane-changes
  league event create Rating --circuit clover --format rating --entry tutorial --entry pure-pursuit
  league event create "Real cars" --circuit clubhouse-loop --physical --resets-per-lap 5
  league event create Practice --circuit clover --format practice --open-entry
  league event create Open --circuit clover --format open-time-trial --attempts 5
  league event create Cup --circuit clover --deadline "2031-05-17 20:00"
  league event invite club-night Anna
  league event start club-night
  league event pause club-night
  league event resume club-night
  league event again club-night
  league event close club-night
  league event close club-night --at "2031-05-17 20:00"
  league event bring practice club-night anna
  league event run practice anna
  league event race club-night anna ben --name "Final"
  league event abort club-night
  league event withdraw club-night anna
  league event show club-night"""
)
def command() -> None:
    """Create, start, stop and show events on a server."""


@command.command()
@click.argument("name")
@click.option(
    "--circuit", required=True, metavar="CIRCUIT", help="A circuit's id; ID:reversed for the other way."
)
@click.option("--format", "style", default="time-trial", show_default=True, help="See `league plugins`.")
@click.option("--id", "event_id", metavar="ID", help="By default made from the name.")
@laps_option
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same races.")
@car_option
@rank_option
@click.option(
    "--clock",
    type=click.Choice(["lockstep", "realtime"]),
    default="lockstep",
    show_default=True,
    help="Wait for every answer, or for none.",
)
@hz_option
@time_limit_option
@penalty_option
@object_options
@physical_options
@click.option("--grid-size", default=4, show_default=True, help="Most cars in one head-to-head heat.")
@click.option(
    "--plus-minus",
    default=1.0,
    show_default=True,
    help="How sure of strengths the format `rating` is to be.",
)
@click.option(
    "--sensor", "sensors", multiple=True, help="Offer this sensor besides state and pose; may be repeated."
)
@click.option(
    "--entry", "entries", multiple=True, metavar="[NAME=]AGENT", help="A driver that the server starts."
)
@click.option("--autostart", type=int, metavar="N", help="Start as soon as N entries are there.")
@click.option("--open-entry/--by-token", default=None, help="Whether drivers may enter without a token.")
@click.option(
    "--pace", type=float, help="Speed of the show: 1 is real time. By default as fast as drivers answer."
)
@click.option(
    "--deadline",
    metavar="WHEN",
    callback=_moment,
    help='Entries and submissions close then: "YYYY-MM-DD HH:MM", here.',
)
@click.option(
    "--attempts", type=click.IntRange(1), help="Submissions and runs that a racer has; by default any number."
)
@click.option("--attempts-a-day", type=click.IntRange(1), help="The same within 24 hours.")
@server_option
@token_option
def create(
    name: str,
    circuit: str,
    style: str,
    event_id: str | None,
    seed: int,
    car: str,
    grid_size: int,
    plus_minus: float,
    entries: tuple[str, ...],
    autostart: int | None,
    open_entry: bool | None,
    pace: float | None,
    deadline: str | None,
    attempts: int | None,
    attempts_a_day: int | None,
    server: str,
    token: str | None,
    **rules: Any,
) -> None:
    """Create an event called NAME."""
    if rules["physical"] and style == "time-trial":
        style = PHYSICAL
    asked = {
        "name": name,
        "circuit": circuit,
        "format": style,
        "id": event_id,
        "car": car,
        "seed": seed,
        "grid_size": grid_size,
        "plus_minus": plus_minus,
        "autostart": autostart,
        "open_entry": open_entry,
        "pace": pace,
        "closes_at": deadline,
        "attempts": attempts,
        "attempts_a_day": attempts_a_day,
        "entries": [_entry(given) for given in entries],
        "rules": with_file(
            {
                "laps": rules["laps"],
                "rank": rules["rank"],
                "clock": rules["clock"],
                "control_hz": rules["hz"],
                "time_limit_s": rules["time_limit"],
                "off_track_penalty_s": rules["off_track_penalty"],
                "sensors": list(offered("state", "pose", *rules["sensors"])),
                **physical_rules(rules),
                **object_rules(rules),
            },
            rules["rules_file"],
        ),
    }
    event = ask(server, "POST", "/events", token=token, payload=asked)
    out = show.console()
    out.print(f"created {event['id']}", markup=False)
    out.print(next_step(event, physical=rules["physical"]), markup=False, soft_wrap=True)
    if rules["physical"]:
        _say_of_clock(event)


def _entry(given: str) -> dict[str, str]:
    name, sign, agent = given.partition("=")
    if sign and not (name and agent):
        raise InputError(f"entry {given!r}: expected AGENT or NAME=AGENT")
    return {"name": name, "agent": agent if sign else name}


@command.command()
@click.argument("event")
@server_option
@token_option
def start(event: str, server: str, token: str | None) -> None:
    """Start EVENT."""
    ask(server, "POST", f"/events/{segment(event)}/start", token=token)
    show.console().print(f"{event} is running; standings: league leaderboard {event}", markup=False)


@command.command()
@click.argument("event")
@click.option(
    "--at", "closes_at", metavar="WHEN", callback=_moment, help='Not now, but then: "YYYY-MM-DD HH:MM", here.'
)
@click.option("--open", "reopen", is_flag=True, help="Take entries again, for as long as the event does.")
@server_option
@token_option
def close(event: str, closes_at: str | None, reopen: bool, server: str, token: str | None) -> None:
    """Close the entries of EVENT; one that stays open ends after the runs that wait."""
    if closes_at is not None and reopen:
        raise InputError("--at and --open: expected one of them")
    when = None if reopen else closes_at or "now"
    told = ask(server, "POST", f"/events/{segment(event)}/closing", token=token, payload={"closes_at": when})
    until = told["closes_at"]
    words = f"{event} takes entries again" if until is None else f"{event} takes entries until {_here(until)}"
    show.console().print(words, markup=False)


@command.command()
@click.argument("event")
@click.argument("other")
@click.argument("entry")
@click.option("--as", "name", metavar="NAME", help="What to call it there; by default its id.")
@server_option
@token_option
def bring(event: str, other: str, entry: str, name: str | None, server: str, token: str | None) -> None:
    """Enter into EVENT, too, what drives for ENTRY of the OTHER event: to practise, say."""
    payload = {"name": name or entry, "of_event": other, "of_entry": entry}
    entered = ask(server, "POST", f"/events/{segment(event)}/entries", token=token, payload=payload)
    out = show.console()
    out.print(f"{entry} of {other} is entered in {event} as {entered['entry_id']}", markup=False)
    out.print(f"token: {entered['token']}", markup=False, soft_wrap=True)


@command.command()
@click.argument("event")
@click.argument("entry")
@server_option
@token_option
def run(event: str, entry: str, server: str, token: str | None) -> None:
    """Ask for one more run of ENTRY in EVENT, which stays open."""
    path = f"/events/{segment(event)}/entries/{segment(entry)}/runs"
    queue = ask(server, "POST", path, token=token)["queue"]
    own = [due for due in queue if not due["running"] and any(one["id"] == entry for one in due["entries"])]
    place = f" at place {own[-1]['position']} of the queue" if own else ""
    show.console().print(f"{entry} has a run in {event}{place}; see: league queue {event}", markup=False)


@command.command(name="race")
@click.argument("event")
@click.argument("entries", metavar="ENTRY...", nargs=-1, required=True)
@click.option("--name", default="", help="Of the race; by default made from the event's.")
@click.option("--format", "style", default="head-to-head", show_default=True, help="See `league plugins`.")
@click.option("--wait", is_flag=True, help="Do not start it yet.")
@server_option
@token_option
def race_entries(
    event: str, entries: tuple[str, ...], name: str, style: str, wait: bool, server: str, token: str | None
) -> None:
    """Let entries of EVENT, by their ids, race each other in a new event, under the rules of its final."""
    payload = {"entries": list(entries), "name": name, "format": style, "start": not wait}
    made = ask(server, "POST", f"/events/{segment(event)}/race", token=token, payload=payload)
    out = show.console()
    state = "is running" if made["status"] == "running" else "waits for: league event start " + made["id"]
    out.print(f"{made['id']} {state}", markup=False, soft_wrap=True)
    for entry, own in made["tokens"].items():
        out.print(f"{entry} connects by itself; token: {own}", markup=False, soft_wrap=True)


@command.command()
@click.argument("event")
@server_option
@token_option
def abort(event: str, server: str, token: str | None) -> None:
    """Stop EVENT for good; the heat under way counts for nothing."""
    ask(server, "POST", f"/events/{segment(event)}/abort", token=token)
    show.console().print(f"{event} is stopped", markup=False)


@command.command()
@click.argument("event")
@server_option
@token_option
def pause(event: str, server: str, token: str | None) -> None:
    """Let the heat under way come to its end, and none of EVENT begin after it."""
    ask(server, "POST", f"/events/{segment(event)}/pause", token=token)
    show.console().print(f"{event} pauses; go on with: league event resume {event}", markup=False)


@command.command()
@click.argument("event")
@server_option
@token_option
def resume(event: str, server: str, token: str | None) -> None:
    """Go on with EVENT after a pause."""
    ask(server, "POST", f"/events/{segment(event)}/resume", token=token)
    show.console().print(f"{event} goes on", markup=False)


@command.command()
@click.argument("event")
@server_option
@token_option
def again(event: str, server: str, token: str | None) -> None:
    """Break the simulated heat of EVENT that is under way off, and race it again with the same seed."""
    ask(server, "POST", f"/events/{segment(event)}/again", token=token)
    show.console().print(f"the heat of {event} is raced again", markup=False)


@command.command()
@click.argument("event")
@click.argument("name")
@click.option("--physical", is_flag=True, help="A real car, with a bridge or only timed.")
@server_option
@token_option
def invite(event: str, name: str, physical: bool, server: str, token: str | None) -> None:
    """Enter NAME, who drives from elsewhere, and print the token for `league drive` or `league bridge`."""
    path = f"/events/{segment(event)}/entries"
    entered = ask(
        server,
        "POST",
        path,
        token=token,
        payload={"name": name, **({"kind": "physical"} if physical else {})},
    )
    out = show.console()
    out.print(f"{name} is entered in {event} as {entered['entry_id']}", markup=False)
    out.print(f"token: {entered['token']}", markup=False, soft_wrap=True)
    if physical:
        _say_of_clock(ask(server, "GET", f"/events/{segment(event)}", token=token))


def _say_of_clock(event: Mapping[str, Any]) -> None:
    """Once a real car is entered in an event that does not keep its time throughout."""
    if said := about_clock(event["rules"]):
        show.console().print(said, markup=False, soft_wrap=True)


@command.command(name="withdraw")
@click.argument("event")
@click.argument("entry")
@server_option
@token_option
def withdraw(event: str, entry: str, server: str, token: str | None) -> None:
    """Take ENTRY, by its id, out of EVENT."""
    ask(server, "DELETE", f"/events/{segment(event)}/entries/{segment(entry)}", token=token)
    show.console().print(f"{entry} is withdrawn from {event}", markup=False)


@command.command(name="show")
@click.argument("event")
@server_option
@show.json_option("Write it as JSON; - for standard output.")
def show_event(event: str, server: str, json_file: str | None) -> None:
    """Show EVENT: its entries, heats and standings."""
    found = ask(server, "GET", f"/events/{segment(event)}")
    heats = ask(server, "GET", f"/events/{segment(event)}/heats")["heats"]
    if json_file:
        show.write_json(json_file, {**found, "heats": heats})
    if json_file == "-":
        return
    out = show.console()
    about = f"{found['name']} ({found['id']}): {found['status']}, {found['format']} on {found['circuit']}"
    out.print(f"{about}. {found['problem']}".removesuffix(". "), markup=False, soft_wrap=True)
    if found["closes_at"]:
        out.print(f"entries close {_here(found['closes_at'])}", markup=False, soft_wrap=True)
    rows = [
        (
            entry["id"],
            entry["name"],
            entry["agent"] or entry["kind"],
            "the server" if entry["hosted"] else "itself",
            _driver(entry, over=found["status"] not in ("open", "running")),
        )
        for entry in found["entries"]
    ]
    out.print(show.table("entries", ["entry", "name", "agent", "started by", "driver"], rows))
    out.print(
        show.table(
            "heats",
            ["heat", "phase", "status", "grid", "note"],
            [
                (heat["id"], heat["phase"], heat["status"], ", ".join(heat["names"]), heat["reason"])
                for heat in heats
            ],
        )
    )
    print_leaderboard(ask(server, "GET", f"/events/{segment(event)}/leaderboard"))


def _driver(entry: dict[str, Any], *, over: bool) -> str:
    """Where an entry's driver is; once the event is over, nobody asks why it left."""
    if entry["withdrawn"]:
        return "withdrawn"
    if entry["connected"]:
        return "connected"
    return "" if over else str(entry["away"])
