"""`league plugins`: what is loaded, and what was left out and why."""

from __future__ import annotations

import click

from league.cli import show
from league.hooks.catalogue import League


@click.command(
    epilog="""\b
Examples:
  league plugins
  league plugins --json -"""
)
@show.json_option("Write the list as JSON; - for standard output.")
def command(json_file: str | None) -> None:
    """Show every plugin, and all that they offer."""
    league = League()
    offers = {
        "agents": sorted(league.agents),
        "formats": sorted(league.formats),
        "scorings": sorted(league.scorings),
        "recorders": sorted(league.recorders),
        "pages": sorted(league.pages),
        "circuits": sorted(league.circuits),
        "cars": sorted(league.cars),
        "sensors": sorted(league.sensors),
        "track readers": sorted(league.track_readers),
        "car drivers": sorted(league.car_drivers),
        "detectors": sorted(league.detectors),
        "advisers": sorted(league.advisers),
    }
    if json_file:
        plugins = [
            {
                "name": p.name,
                "origin": p.origin,
                "status": p.status,
                "reason": p.reason,
                "hooks": list(p.hooks),
            }
            for p in league.plugins
        ]
        show.write_json(
            json_file, {"plugins": plugins, "offers": offers, "conflicts": list(league.conflicts)}
        )
        if json_file == "-":
            return
    out = show.console()
    rows = [(p.name, p.status, p.reason or ", ".join(p.hooks), p.origin) for p in league.plugins]
    out.print(show.table("plugins", ["plugin", "status", "hooks, or why not", "origin"], rows))
    out.print()
    out.print(show.table("they offer", ["", "names"], [(k, ", ".join(v)) for k, v in offers.items()]))
    for conflict in league.conflicts:
        out.print(f"taken twice: {conflict}", markup=False)
