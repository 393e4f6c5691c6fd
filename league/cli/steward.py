"""`league steward`: look at incidents, decide, take back, protest."""

from __future__ import annotations

from typing import Any

import click

from league.cli import show
from league.cli.remote import ask, segment, server_option, token_option
from league.errors import InputError

json_option = show.json_option("Write the answer as JSON; - for standard output.")
why_option = click.option(
    "--why", required=True, metavar="TEXT", help="The reason, which everybody can read."
)
heat_option = click.option("--heat", required=True, metavar="HEAT", help="The heat's id.")
incident_option = click.option(
    "--incident", type=click.IntRange(min=1), metavar="N", help="The incident that this settles."
)


@click.group(
    epilog="""\b
Examples:
  league steward incidents club-night --open
  league steward penalty club-night --heat final --entry anna --seconds 5 --why "cut the chicane" --incident 3
  league steward undo club-night 4 --why "it was the other car"
  league steward void club-night --heat qualifying-bo --why "the gate was knocked over"
  league steward restore club-night --heat qualifying-bo --why "the film shows the lap"
  league steward disqualify club-night --heat final --entry bo --why "a second driver"
  league steward lap club-night --heat final --entry anna --lap 2 --not-valid --why "short cut"
  league steward dismiss club-night 7 --why "a racing incident"
  league steward protest club-night --heat final --entry anna --against bo --why "pushed me off" --token T
  league steward final club-night --why "nobody protested"
  league steward ledger club-night --json -"""
)
def command() -> None:
    """Look at incidents, decide, take decisions back, protest.

    Nothing is ever erased: every decision is a line of the event's ledger with who, when and why, and taking
    one back is another line. Boards show what follows from all of them.
    """


@command.command()
@click.argument("event")
@click.option("--heat", metavar="HEAT", help="Only those of one heat.")
@click.option("--open", "only_open", is_flag=True, help="Only those that nobody has decided.")
@server_option
@json_option
def incidents(event: str, heat: str | None, only_open: bool, server: str, json_file: str | None) -> None:
    """List what detectors and racers filed in EVENT, with what advisers think."""
    query = "&".join(([f"heat={segment(heat)}"] if heat else []) + ["open=1"] * only_open)
    found = ask(server, "GET", f"/events/{segment(event)}/incidents{'?' if query else ''}{query}")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [
        (
            item["number"],
            item["heat"],
            f"{item['time_us'] / 1e6:.1f} s",
            item["kind"],
            item["entry"] or "–",
            item["other"] or "–",
            item["text"],
            "; ".join(_opinion(opinion) for opinion in item["opinions"]) or "–",
            "open" if item["open"] else "line " + ", ".join(map(str, item["decisions"])),
        )
        for item in found["incidents"]
    ]
    columns = [">no.", "heat", ">at", "kind", "entry", "other", "what", "opinions", "decided"]
    show.console().print(show.table("", columns, rows) if rows else "nothing to look at", markup=False)


def _opinion(given: dict[str, Any]) -> str:
    seconds = "" if given["seconds"] is None else f" {given['seconds']:g} s"
    return f"{given['adviser']}: {given['advice']}{seconds} ({100 * given['confidence']:.0f} %)"


@command.command()
@click.argument("event")
@server_option
@json_option
def ledger(event: str, server: str, json_file: str | None) -> None:
    """Show every decision of EVENT, those that were taken back included."""
    found = ask(server, "GET", f"/events/{segment(event)}/decisions")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [
        (
            line["number"],
            line["decided_at"][:19].replace("T", " "),
            line["who"],
            _what(line),
            line["heat"] or "–",
            line["entry"] or "–",
            line["why"],
            "undone" if line["undone"] else "",
        )
        for line in found["decisions"]
    ]
    out = show.console()
    columns = [">line", "when (UTC)", "who", "what", "heat", "entry", "why", ""]
    out.print(show.table("", columns, rows) if rows else "nothing was decided", markup=False)
    out.print("the results are final" if found["final"] else "the results are provisional", markup=False)


def _what(line: dict[str, Any]) -> str:
    if line["kind"] == "penalty":
        return f"penalty {line['seconds']:+g} s"
    if line["kind"] == "undo":
        return f"undo line {line['target']}"
    if line["kind"] == "lap":
        told = [] if line["seconds"] is None else [f"{line['seconds']:g} s"]
        told += [] if line["valid"] is None else ["valid" if line["valid"] else "not valid"]
        return f"lap {line['lap']}: {', '.join(told)}"
    return str(line["kind"])


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", required=True, metavar="ENTRY", help="The entry's id.")
@click.option(
    "--seconds", type=float, required=True, help="Added to the time that ranks; below 0 gives back."
)
@incident_option
@why_option
@server_option
@token_option
@json_option
def penalty(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Add seconds to a result."""
    _decide(event, server, token, json_file, kind="penalty", **said)


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", metavar="ENTRY", help="One entry's result; without it the whole heat.")
@incident_option
@why_option
@server_option
@token_option
@json_option
def void(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Let a result, or a whole heat, not count."""
    _decide(event, server, token, json_file, kind="void", **said)


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", required=True, metavar="ENTRY", help="The entry's id.")
@incident_option
@why_option
@server_option
@token_option
@json_option
def disqualify(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Disqualify an entry from a heat."""
    _decide(event, server, token, json_file, kind="disqualification", **said)


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", metavar="ENTRY", help="One entry's result; without it the whole heat.")
@why_option
@server_option
@token_option
@json_option
def restore(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Take back what made a result void or disqualified."""
    _decide(event, server, token, json_file, kind="reinstatement", **said)


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", required=True, metavar="ENTRY", help="The entry's id.")
@click.option("--lap", type=click.IntRange(min=1), required=True, help="Which lap, from 1.")
@click.option("--seconds", type=float, help="How long it took.")
@click.option("--valid/--not-valid", default=None, help="Whether it counts.")
@incident_option
@why_option
@server_option
@token_option
@json_option
def lap(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Correct a lap's time, or whether it counts."""
    if said["seconds"] is None and said["valid"] is None:
        raise InputError("lap: found neither --seconds nor --valid or --not-valid, expected one of them")
    _decide(event, server, token, json_file, kind="lap", **said)


@command.command()
@click.argument("event")
@click.argument("incident", type=click.IntRange(min=1))
@why_option
@server_option
@token_option
@json_option
def dismiss(
    event: str, incident: int, why: str, server: str, token: str | None, json_file: str | None
) -> None:
    """Settle INCIDENT of EVENT, by its number, without a penalty."""
    found = ask(server, "GET", f"/events/{segment(event)}/incidents")["incidents"]
    item = next((item for item in found if item["number"] == incident), None)
    if item is None:
        raise InputError(f"incident {incident}: found none with this number, expected 1 to {len(found)}")
    _decide(event, server, token, json_file, kind="no-action", heat=item["heat"], incident=incident, why=why)


@command.command()
@click.argument("event")
@click.argument("line", type=click.IntRange(min=1))
@why_option
@server_option
@token_option
@json_option
def undo(event: str, line: int, why: str, server: str, token: str | None, json_file: str | None) -> None:
    """Take back LINE of the ledger of EVENT; of an undo, restore what it took back."""
    _decide(event, server, token, json_file, kind="undo", target=line, why=why)


@command.command()
@click.argument("event")
@why_option
@server_option
@token_option
@json_option
def final(event: str, why: str, server: str, token: str | None, json_file: str | None) -> None:
    """Declare the results of EVENT final; refused while anybody may still protest."""
    _decide(event, server, token, json_file, kind="final", why=why)


@command.command()
@click.argument("event")
@heat_option
@click.option("--entry", required=True, metavar="ENTRY", help="Who protests.")
@click.option("--against", metavar="ENTRY", help="Whose conduct it is about.")
@click.option("--at", "at_s", type=float, default=0.0, metavar="SECONDS", help="When, on the heat's clock.")
@why_option
@server_option
@token_option
@json_option
def protest(
    event: str, heat: str, server: str, token: str | None, json_file: str | None, **said: Any
) -> None:
    """Protest within 15 minutes of a heat, with the entry's own token."""
    path = f"/events/{segment(event)}/heats/{segment(heat)}/protests"
    filed = ask(server, "POST", path, token=token, payload=_given(said))
    if json_file:
        show.write_json(json_file, filed)
    if json_file != "-":
        show.console().print(f"filed as incident {filed['number']}; a steward decides", markup=False)


def _decide(event: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    made = ask(server, "POST", f"/events/{segment(event)}/decisions", token=token, payload=_given(said))
    if json_file:
        show.write_json(json_file, made)
    if json_file == "-":
        return
    line = made["decision"]
    about = f"line {line['number']} of the ledger of {event}: {_what(line)}"
    show.console().print(f"{about}; standings: league leaderboard {event}", markup=False, soft_wrap=True)


def _given(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in said.items() if value is not None}
