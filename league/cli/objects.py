"""Options of commands that make rules: boxes and bots in the way, and rules from a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_OPTIONS = (
    click.option("--boxes", type=int, default=0, metavar="N", help="Boxes at random places on the road."),
    click.option(
        "--box",
        "box_places",
        multiple=True,
        metavar="ALONG,SIDE",
        help="A box at a place: 4.2,left (metres) or 25%,inner (of the lap); may be repeated.",
    ),
    click.option("--bots", type=int, default=0, metavar="N", help="Cars without a driver, up to 6."),
    click.option(
        "--bot-speed", type=float, default=1.0, show_default=True, metavar="M/S",
        help="Of the bots.",
    ),
    click.option("--bot-lane-changes", is_flag=True, help="Bots change lanes every 3 to 5 s."),
    click.option(
        "--collision-penalty", type=float, default=5.0, show_default=True, metavar="SECONDS",
        help="For running into a car, a bot or a box.",
    ),
    click.option(
        "--rules", "rules_file", metavar="FILE",
        help="More rules from the table [rules] of a TOML file; options given here go first.",
    ),
)  # fmt: skip


def object_options(command: Command) -> Command:
    """Give a command the options; `object_rules` reads them."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def object_rules(given: dict[str, Any]) -> dict[str, Any]:
    """The rules that the options ask for."""
    return {
        "boxes": given["boxes"],
        "box_places": list(given["box_places"]),
        "bots": given["bots"],
        "bot_speed_mps": given["bot_speed"],
        "bot_lane_changes": given["bot_lane_changes"],
        "collision_penalty_s": given["collision_penalty"],
    }
