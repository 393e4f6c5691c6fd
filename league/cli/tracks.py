"""`league tracks`: circuits listed, shown, checked, drawn, converted, and their limits computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import numpy as np

from league.cli import show
from league.cli.limit import limit
from league.errors import CircuitError, InputError
from league.hooks.catalogue import League
from league.track.check import findings
from league.track.circuit import Circuit
from league.track.write import write_circuit

JSON_OPTION = show.json_option()


@click.group(
    epilog="""\b
Examples:
  league tracks list
  league tracks show a-to-z-speedway
  league tracks check my-circuit.toml
  league tracks plot grand-prix:reversed -o grand-prix.svg
  league tracks convert my-route.npy my-route.toml
  league tracks limit my-route.npy"""
)
def command() -> None:
    """List, show, check, plot and convert circuits, and compute how fast they can be driven.

    CIRCUIT is an id from `league tracks list` or a file (.toml, .npy, .csv, map .yaml); ID:reversed
    drives it the other way.
    """


@command.command("list")
@JSON_OPTION
@click.pass_context
def list_(ctx: click.Context, json_file: str | None) -> None:
    """List every registered circuit."""
    league = _league(ctx)
    facts, faults = [], []
    for name in sorted(league.circuits):
        try:
            facts.append(_facts(league.circuit(name)))
        except CircuitError as error:  # one bad file must not hide the others
            faults.append(str(error))
    facts.sort(key=lambda row: (row["length_m"], row["id"]))
    if json_file:
        show.write_json(json_file, {"circuits": facts, "faults": faults})
        if json_file == "-":
            return
    rows = [
        (row["id"], f"{row['length_m']:.1f}", _widths(row), row["direction"], row["about"] or row["name"])
        for row in facts
    ]
    out = show.console()
    out.print(show.table("", ["circuit", ">length m", ">width m", "direction", "about"], rows))
    for fault in faults:
        show.console(stderr=True).print(f"left out: {fault}", markup=False, soft_wrap=True)


@command.command("show")
@click.argument("circuit")
@JSON_OPTION
@click.pass_context
def show_(ctx: click.Context, circuit: str, json_file: str | None) -> None:
    """Show what is known about CIRCUIT."""
    facts = _facts(_league(ctx).circuit(circuit))
    if json_file:
        show.write_json(json_file, facts)
        if json_file == "-":
            return
    words = {
        "name": facts["name"],
        "about": facts["about"],
        "author": facts["author"],
        "licence": facts["licence"],
        "length": f"{facts['length_m']:.3f} m",
        "width": f"{_widths(facts)} m",
        "direction": facts["direction"],
        "tightest corner": f"radius {facts['tightest_radius_m']:.2f} m",
        "rows": facts["rows"],
        "file": facts["source"],
        "sha256": facts["sha256"],
    }
    rows = [(key, value) for key, value in words.items() if value != ""]
    show.console().print(show.table(facts["id"], ["", ""], rows))


@command.command()
@click.argument("circuits", nargs=-1, required=True, metavar="CIRCUIT...")
@click.option("--car", default="deepracer", show_default=True, help="The car that must be able to drive.")
@JSON_OPTION
@click.pass_context
def check(ctx: click.Context, circuits: tuple[str, ...], car: str, json_file: str | None) -> None:
    """Check that a car can drive each CIRCUIT.

    Closed, wide enough, free of crossings, no corner too tight. Warnings pass; the first error of each
    circuit is shown with the file and the place, and makes the command fail.
    """
    league = _league(ctx)
    spec = league.car(car)
    verdicts: list[dict[str, Any]] = []
    faults: list[CircuitError] = []
    for ref in circuits:
        try:
            road = league.circuit(ref)
            found = findings(road, car=spec)
        except CircuitError as error:
            faults.append(error)
            verdicts.append({"circuit": ref, "drivable": False, "error": str(error), "warnings": []})
            continue
        errors = [one for one in found if one.severity == "error"]
        if errors:
            faults.append(CircuitError(road.source or road.id, errors[0].message, place=errors[0].place))
        warnings = [f"{one.place}: {one.message}" for one in found if one.severity == "warning"]
        verdict: dict[str, Any] = {
            "circuit": ref,
            "drivable": not errors,
            "length_m": round(road.length_m, 6),
        }
        if errors:
            verdict["error"] = str(faults[-1])
        verdicts.append({**verdict, "warnings": warnings})
    _report(verdicts, json_file)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise InputError(f"{len(faults)} of {len(circuits)} circuits cannot be driven, first {faults[0]}")


def _report(verdicts: list[dict[str, Any]], json_file: str | None) -> None:
    if json_file:
        show.write_json(json_file, {"circuits": verdicts})
        if json_file == "-":
            return
    rows = []
    for verdict in verdicts:
        length = f"{verdict['length_m']:.2f} m" if "length_m" in verdict else None
        says = verdict.get("error") or "; ".join(verdict["warnings"]) or "nothing to note"
        rows.append((verdict["circuit"], "drivable" if verdict["drivable"] else "fails", length, says))
    if len(verdicts) > 1 or verdicts[0]["drivable"]:
        show.console().print(show.table("", ["circuit", "verdict", ">length", "findings"], rows))


@command.command()
@click.argument("circuit")
@click.option(
    "-o",
    "--out",
    "--output",
    "output",
    metavar="FILE",
    type=show.Output(),
    help="A .png or .svg file; default CIRCUIT.png here.",
)
@click.pass_context
def plot(ctx: click.Context, circuit: str, output: str | None) -> None:
    """Draw CIRCUIT: road, borders, start line, direction, scale."""
    # matplotlib takes a second to import, and only this command needs it.
    from league.cli.plot import plot_circuit

    road = _league(ctx).circuit(circuit)
    target = Path(output) if output else Path(f"{road.id.replace(':', '-')}.png")
    plot_circuit(road, target)
    show.console().print(f"{target}: {road.name}, {road.length_m:.2f} m", markup=False, soft_wrap=True)


@command.command()
@click.argument("circuit")
@click.argument("out", metavar="OUT")
@click.pass_context
def convert(ctx: click.Context, circuit: str, out: str) -> None:
    """Write CIRCUIT to OUT, a .toml, .npy or .csv file.

    A .npy route holds the borders exactly; .toml and .csv hold widths measured square to the road.
    """
    road = _league(ctx).circuit(circuit)
    write_circuit(road, Path(out))
    show.console().print(
        f"{out}: {road.name}, {road.length_m:.2f} m, {len(road.centre)} rows", markup=False, soft_wrap=True
    )


command.add_command(limit)


# -- inside ------------------------------------------------------------------------------------


def _league(ctx: click.Context) -> League:
    """The league that a caller handed over, or what is installed."""
    return ctx.find_object(League) or League()


def _facts(circuit: Circuit) -> dict[str, Any]:
    width_m = circuit.width_left_m + circuit.width_right_m
    return {
        "id": circuit.id,
        "name": circuit.name,
        "about": circuit.about,
        "author": str(circuit.facts.get("author", "")),
        "licence": str(circuit.facts.get("licence", "")),
        "length_m": round(circuit.length_m, 6),
        "narrowest_m": round(float(width_m.min()), 3),
        "widest_m": round(float(width_m.max()), 3),
        "tightest_radius_m": round(float(1 / np.abs(circuit.curvature_per_m).max()), 3),
        "direction": circuit.direction,
        "rows": len(circuit.centre),
        "source": circuit.source,
        "sha256": circuit.sha256,
    }


def _widths(facts: dict[str, Any]) -> str:
    narrow, wide = f"{facts['narrowest_m']:.2f}", f"{facts['widest_m']:.2f}"
    return narrow if narrow == wide else f"{narrow}–{wide}"
