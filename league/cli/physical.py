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
    "clock": "clock",
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
            help="For real cars: DREM's rules, 3 runs of 2 minutes, best lap, the clock on the wall; "
            "other options change them.",
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
    fields = {"clock": "realtime"} | fields
    return drem_rules(**fields).model_dump(mode="json", include={*DREM, *fields})


def next_step(event: Mapping[str, Any], *, physical: bool) -> str:
    """What an organiser types after creating an event, as a server told of it."""
    name = event["id"]
    if physical:
        return (
            f"for each car: league event invite {name} NAME --physical; the owner takes the token that it "
            f"prints to: league bridge CAR --event {name} --token TOKEN (plugins/CARS.md)"
        )
    how = (
        "anybody may enter"
        if event["open_entry"]
        else f"entering needs a token: league event invite {name} NAME"
    )
    return f"{how}; next: league enter AGENT --event {name}"


def about_clock(rules: Mapping[str, Any]) -> str:
    """What is worth saying of the clock of an event with real cars; mostly nothing."""
    if rules["clock"] == "realtime":
        return ""
    return "clock lockstep: only for runs without a real car; those with one go by the clock on the wall"
