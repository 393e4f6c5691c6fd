"""Options of events with real cars."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from league.racing.drem import DREM, drem_rules

Command = TypeVar("Command", bound=Callable[..., Any])

_FIELDS = {
    "laps": "laps",
    "rank": "rank",
    "hz": "control_hz",
    "time_limit": "time_limit_s",
    "runs": "runs",
    "average_laps": "average_laps",
    "resets_per_lap": "max_resets_per_lap",
    "min_lap": "min_lap_s",
    "lap_may_finish": "lap_may_finish",
    "lap_clock": "lap_clock",
}


def physical_options(command: Command) -> Command:
    """Options that say how real cars are timed."""
    options = (
        click.option(
            "--physical", is_flag=True,
            help="For real cars: DREM's rules, 3 runs of 2 minutes, best lap; other options change them.",
        ),
        click.option(
            "--runs", type=click.IntRange(1, 5), default=1, show_default=True,
            help="Runs of every entry; the best one counts.",
        ),
        click.option(
            "--average-laps", type=click.IntRange(1, 100), default=3, show_default=True,
            help="Laps of best_average.",
        ),
        click.option("--resets-per-lap", type=click.IntRange(0, 100), help="A lap with more is not valid."),
        click.option(
            "--min-lap", type=float, default=0.0, show_default=True, metavar="SECONDS",
            help="Shorter is no lap.",
        ),
        click.option(
            "--lap-may-finish/--no-lap-may-finish", default=False,
            help="Whether the lap under way when time is up counts.",
        ),
        click.option(
            "--lap-clock", type=click.Choice(["light", "line"]), default="light", show_default=True,
            help="What starts a real car's first lap.",
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def physical_rules(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the options ask for, as fields of the rules."""
    context = click.get_current_context()
    said = {
        name: given[name]
        for name in _FIELDS
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    fields = {_FIELDS[name]: value for name, value in said.items()}
    if not given["physical"]:
        return fields
    return drem_rules(**fields).model_dump(mode="json", include={*DREM, *fields})
