"""`league ratings`: how strong drivers are, how sure that is, and who would beat whom."""

from __future__ import annotations

from urllib.parse import urlencode

import click

from league.cli import show
from league.cli.remote import ask, server_option

FACED = 8
"""Drivers between whom chances are shown."""


@click.command(
    epilog="""\b
Examples:
  league ratings
  league ratings --circuit a-to-z-speedway
  league ratings --event club-night --json -"""
)
@click.option("--circuit", metavar="CIRCUIT", help="Only heats on this circuit.")
@click.option("--event", metavar="EVENT", help="Only heats of this event.")
@click.option("--behavior", type=click.IntRange(min=1), metavar="N", help="Only this behaviour version.")
@server_option
@show.json_option("Write them as JSON; - for standard output.")
def command(
    circuit: str | None, event: str | None, behavior: int | None, server: str, json_file: str | None
) -> None:
    """Show ratings: strengths from all heats together with their ±, openskill, times for three laps.

    Ratings compare within one behaviour version, circuit and car; each is a table of its own. Beneath the
    strongest drivers' rows stand their chances to beat each other.
    """
    given = {"circuit": circuit, "event": event, "behavior": behavior}
    query = urlencode({name: value for name, value in given.items() if value is not None})
    found = ask(server, "GET", f"/ratings{'?' if query else ''}{query}")
    if json_file:
        show.write_json(json_file, found)
    if json_file == "-":
        return
    out = show.console()
    if not found["groups"]:
        out.print("no ratings yet: they come from heats of two or more cars", markup=False)
    for group in found["groups"]:
        rows = [
            (
                number, row["name"], f"{row['strength']:+.2f} ± {row['plus_minus']:.2f}",
                f"{row['openskill']:.1f} ± {row['openskill_sigma']:.1f}",
                show.seconds(row["median_three_laps_s"]), show.seconds(row["best_three_laps_s"]),
                row["starts"],
                *(
                    "" if number - 1 == column else f"{100 * group['beats'][number - 1][column]:.0f} %"
                    for column in range(min(len(group["beats"]), FACED))
                ),
            )
            for number, row in enumerate(group["drivers"], 1)
        ]  # fmt: skip
        columns = [">", "driver", ">strength", ">openskill", ">median 3 laps", ">best 3 laps", ">starts"]
        columns += [f">beats {number}" for number in range(1, min(len(group["beats"]), FACED) + 1)]
        title = (
            f"{group['circuit']} · {group['car']} · behaviour {group['behavior']} · {group['heats']} heats"
        )
        out.print(show.table(title, columns, rows))
