"""Options that are rules, for every command that races: the same name, default and words everywhere."""

from __future__ import annotations

import click

laps_option = click.option("--laps", default=3, show_default=True, help="Laps of each heat.")
car_option = click.option("--car", default="deepracer", show_default=True, help="The car that all drive.")
rank_option = click.option(
    "--rank", type=click.Choice(["total", "best_lap", "best_average"]), default="total", show_default=True,
    help="What decides: the time for all laps, or the best lap or laps.",
)  # fmt: skip
penalty_option = click.option(
    "--off-track-penalty", default=3.0, show_default=True, metavar="SECONDS", help="A car stands so long."
)
time_limit_option = click.option(
    "--time-limit", default=180.0, show_default=True, metavar="SECONDS", help="Of a heat."
)
hz_option = click.option("--hz", default=15, show_default=True, help="Commands a second.")
