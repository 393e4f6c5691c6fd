"""`league season`: points over several events, divisions and classes."""

from __future__ import annotations

from typing import Any

import click

from league.cli import show
from league.cli.remote import ask, segment, server_option, token_option
from league.errors import InputError

json_option = show.json_option("Write the answer as JSON; - for standard output.")
points_option = click.option(
    "--points", metavar="P1,P2,…", help="What places are worth; by default 25,18,15,12,10,8,6,4,2,1."
)
scoring_option = click.option(
    "--scoring", metavar="NAME", help="What makes points of an event, by default places; `league plugins`."
)
pole_option = click.option("--pole", type=float, help="Points for the best of qualifying.")
fastest_option = click.option("--fastest-lap", type=float, help="Points for the fastest lap of the races.")
best_option = click.option(
    "--best", type=click.IntRange(min=0), metavar="N", help="Only a driver's N best events count; 0 for all."
)
divisions_option = click.option(
    "--division", "divisions", multiple=True, metavar="NAME", help="From the highest down; may be repeated."
)
class_option = click.option(
    "--class", "classes", multiple=True, metavar="NAME[:CARS[:SENSORS]]",
    help="Cars and sensors that race each other, each list with commas; may be repeated.",
)  # fmt: skip
member_option = click.option(
    "--member", "members", multiple=True, metavar="DRIVER=DIVISION", help="Who stands where; may be repeated."
)


@click.group(
    epilog="""\b
Examples:
  league season create "Spring 2027" --best 6 --pole 1 --fastest-lap 1 --division Pro --division Open
  league season create "Sprints" --scoring heats --points 10,6,4,3,2,1
  league season add spring-2027 club-night
  league season remove spring-2027 club-night
  league season standings spring-2027
  league season edit spring-2027 --member anna=Pro --points 10,6,4,3,2,1
  league season next spring-2027 "Autumn 2027"
  league season list --json -"""
)
def command() -> None:
    """Points over several events, with divisions, promotion and classes.

    A season only says which events count and for what: changing it can lose no result and no decision.
    """


@command.command()
@click.argument("name")
@click.option("--id", "season_id", metavar="ID", help="By default made from the name.")
@click.option(
    "--event", "events", multiple=True, metavar="EVENT", help="An event that counts; may be repeated."
)
@scoring_option
@points_option
@pole_option
@fastest_option
@best_option
@divisions_option
@class_option
@member_option
@server_option
@token_option
@json_option
def create(
    name: str, season_id: str | None, server: str, token: str | None, json_file: str | None, **said: Any
) -> None:
    """Create a season called NAME."""
    asked = {"name": name, **({"id": season_id} if season_id else {}), **_plan(said)}
    _tell(ask(server, "POST", "/seasons", token=token, payload=asked), "created", json_file)


@command.command()
@click.argument("season")
@click.option("--name", help="Another name.")
@scoring_option
@points_option
@pole_option
@fastest_option
@best_option
@divisions_option
@class_option
@member_option
@server_option
@token_option
@json_option
def edit(season: str, server: str, token: str | None, json_file: str | None, **said: Any) -> None:
    """Change what SEASON counts; what is not given stays."""
    path = f"/seasons/{segment(season)}"
    if said["members"]:
        before = ask(server, "GET", path)["season"]["members"]
        said["members"] = (*(f"{driver}={division}" for driver, division in before.items()), *said["members"])
    _tell(ask(server, "POST", path, token=token, payload=_plan(said)), "changed", json_file)


@command.command()
@click.argument("season")
@click.argument("event")
@server_option
@token_option
@json_option
def add(season: str, event: str, server: str, token: str | None, json_file: str | None) -> None:
    """Let EVENT count in SEASON."""
    path = f"/seasons/{segment(season)}/events"
    _tell(ask(server, "POST", path, token=token, payload={"event": event}), "changed", json_file)


@command.command()
@click.argument("season")
@click.argument("event")
@server_option
@token_option
@json_option
def remove(season: str, event: str, server: str, token: str | None, json_file: str | None) -> None:
    """Let EVENT not count in SEASON; the event stays as it is."""
    path = f"/seasons/{segment(season)}/events/{segment(event)}"
    _tell(ask(server, "DELETE", path, token=token), "changed", json_file)


@command.command(name="next")
@click.argument("season")
@click.argument("name")
@server_option
@token_option
@json_option
def follow(season: str, name: str, server: str, token: str | None, json_file: str | None) -> None:
    """Begin the season after SEASON, called NAME, with whoever is promoted one division up."""
    path = f"/seasons/{segment(season)}/next"
    _tell(ask(server, "POST", path, token=token, payload={"name": name}), "created", json_file)


@command.command(name="list")
@server_option
@json_option
def every(server: str, json_file: str | None) -> None:
    """List seasons, oldest first."""
    found = ask(server, "GET", "/seasons")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    rows = [
        (plan["id"], plan["name"], len(plan["events"]), plan["best"] or "all", ", ".join(plan["divisions"]))
        for plan in (item["season"] for item in found["seasons"])
    ]
    columns = ["season", "name", ">events", ">best", "divisions"]
    show.console().print(
        show.table("", columns, rows) if rows else "no seasons yet: league season create --help", markup=False
    )


@command.command()
@click.argument("season")
@server_option
@json_option
def standings(season: str, server: str, json_file: str | None) -> None:
    """Show every table of SEASON."""
    found = ask(server, "GET", f"/seasons/{segment(season)}/standings")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    out = show.console()
    for table in (found["overall"], *found["divisions"], *found["classes"]):
        rows = [
            (
                row["place"], row["name"], f"{row['points']:g}", len(row["counted"]),
                " ".join(map(str, row["places"])), "goes up" if row["driver"] in table["promoted"] else "",
            )
            for row in table["rows"]
        ]  # fmt: skip
        title = table["name"] or found["season"]["name"]
        out.print(show.table(title, [">place", "driver", ">points", ">events", "places", ""], rows))
    out.print("final" if found["final"] else "provisional", markup=False)


def _tell(answer: dict[str, Any], what: str, json_file: str | None) -> None:
    if json_file:
        show.write_json(json_file, answer)
    if json_file != "-":
        season = answer["season"]["id"]
        show.console().print(f"{what} {season}; tables: league season standings {season}", markup=False)


def _plan(said: dict[str, Any]) -> dict[str, Any]:
    """What was given, as the server wants it."""
    plan = {
        name: said[name]
        for name in ("name", "scoring", "pole", "fastest_lap", "best")
        if said.get(name) is not None
    }
    if said["points"]:
        try:
            plan["by_place"] = [float(part) for part in said["points"].split(",")]
        except ValueError:
            raise InputError(f"--points {said['points']!r}: expected numbers such as 25,18,15") from None
    if said["divisions"]:
        plan["divisions"] = list(said["divisions"])
    if said["members"]:
        plan["members"] = dict(_pair(given) for given in said["members"])
    if said["classes"]:
        plan["classes"] = [_class(given) for given in said["classes"]]
    if said.get("events"):
        plan["events"] = list(said["events"])
    return plan


def _pair(given: str) -> tuple[str, str]:
    driver, sign, division = given.partition("=")
    if not (sign and driver and division):
        raise InputError(f"--member {given!r}: expected DRIVER=DIVISION")
    return driver, division


def _class(given: str) -> dict[str, Any]:
    name, cars, sensors = [*given.split(":", 2), "", ""][:3]
    return {"name": name, "cars": _list(cars), "sensors": _list(sensors)}


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
