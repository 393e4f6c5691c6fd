"""`league tracks limit`: the fastest lap that a car could drive, computed and kept beside the circuit."""

from __future__ import annotations

import time
from typing import Any

import click

from league.cli import show
from league.errors import CircuitError, InputError, LeagueError, RaceError
from league.hooks.catalogue import REVERSED, League
from league.learn.limit.fastest import FastestLap, fastest_lap
from league.learn.limit.launch import race_limit_s
from league.sim.car import CarSpec
from league.track.circuit import Circuit
from league.track.limit import limit_file, limits_text, read_limits, with_limit


@click.command()
@click.argument("circuit", required=False)
@click.option("--all", "all_", is_flag=True, help="Every registered circuit, both ways.")
@click.option("--car", default="deepracer", show_default=True, help="The car.")
@click.option(
    "--laps", type=click.IntRange(1, 100), help="Also the least time of so many from a standing start."
)
@click.option("--drive", is_flag=True, help="Also drive the lap in the real physics, at 60 Hz.")
@show.json_option()
@click.pass_context
def limit(
    ctx: click.Context,
    circuit: str | None,
    all_: bool,
    car: str,
    laps: int | None,
    drive: bool,
    json_file: str | None,
) -> None:
    """Compute the fastest lap that a car could drive on CIRCUIT.

    By optimal control, under the rule that a car is off when all four wheels are; takes up to a minute.
    The lap is kept in a file beside the circuit, NAME.limit.json, where boards and drivers find it. Needs
    the extra `limit` (casadi).
    """
    league = ctx.find_object(League) or League()
    if (circuit is None) != all_:
        raise InputError("expected a circuit or --all")
    ways = [ref + way for ref in sorted(league.circuits) for way in ("", REVERSED)]
    spec = league.car(car)
    rows: list[tuple[str, ...]] = []
    facts: list[dict[str, Any]] = []
    faults: list[LeagueError] = []
    for ref in ways if all_ else [str(circuit)]:
        road = league.circuit(ref)
        began_s = time.perf_counter()
        try:
            lap = fastest_lap(road, spec)
            race_s = race_limit_s(lap, laps) if laps else None
        except (CircuitError, RaceError) as error:  # one circuit must not keep the others from theirs
            faults.append(error)
            continue
        took_s = time.perf_counter() - began_s
        fact = _facts(road, lap, drive)
        if race_s is not None:
            fact["laps"], fact["race_limit_s"] = laps, round(race_s, 4)
        fact["file"] = _keep(road, lap)
        facts.append(fact)
        rows.append(
            (road.id, f"{road.length_m:.2f}", f"{lap.lap_s:.3f}", *_more(fact, drive), f"{took_s:.1f}")
        )
        if all_:
            show.console(stderr=True).print(f"{road.id}: {lap.lap_s:.3f} s", markup=False)
    if facts:
        _tell(spec, facts, rows, laps=laps, drive=drive, json_file=json_file)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        raise RaceError(f"{len(faults)} limits were not found, first {faults[0]}")
    if not all_ and json_file != "-":
        show.console().print(f"kept in {facts[0]['file']}", markup=False, soft_wrap=True)


def _tell(
    spec: CarSpec,
    facts: list[dict[str, Any]],
    rows: list[tuple[str, ...]],
    *,
    laps: int | None,
    drive: bool,
    json_file: str | None,
) -> None:
    if json_file:
        show.write_json(json_file, {"car": spec.id, "limits": facts})
        if json_file == "-":
            return
    driven = [">driven s"] if drive else []
    race = [f">{laps} laps s"] if laps else []
    speeds = [">slowest m/s", ">fastest m/s"]
    columns = ["circuit", ">length m", ">limit s", *race, *speeds, *driven, ">computed in s"]
    show.console().print(show.table(f"the limit of the car {spec.id}", columns, rows))


def _facts(road: Circuit, lap: FastestLap, drive: bool) -> dict[str, Any]:
    kept = lap.limit()
    fact: dict[str, Any] = {
        "circuit": road.id,
        "sha256": road.sha256,
        "behavior": kept.behavior,
        "length_m": round(road.length_m, 6),
        "limit_s": round(lap.lap_s, 4),
        "slowest_mps": round(float(kept.line[:, 3].min()), 3),
        "fastest_mps": round(float(kept.line[:, 3].max()), 3),
        "iterations": lap.iterations,
    }
    if drive:
        # The physics compile for seconds when first used, and only this option needs them.
        from league.learn.limit.tracking import drive as drive_it

        done = drive_it(lap, control_hz=60)
        fact["driven_s"] = round(done.lap_s, 4) if done.finished else None
        fact["driven_off_ticks"] = done.off_ticks
        fact["driven_aside_m"] = round(done.aside_m, 3)
    return fact


def _more(fact: dict[str, Any], drive: bool) -> list[str]:
    race = [show.seconds(fact["race_limit_s"])] if "race_limit_s" in fact else []
    shown = [*race, f"{fact['slowest_mps']:.2f}", f"{fact['fastest_mps']:.2f}"]
    return [*shown, show.seconds(fact["driven_s"])] if drive else shown


def _keep(road: Circuit, lap: FastestLap) -> str:
    """Put the lap into the file beside the circuit, in place of an earlier one, and name the file."""
    path = limit_file(road)
    if path is None:
        raise InputError(f"circuit {road.id!r} came from no file, expected one to keep its limit beside")
    known = read_limits(path) if path.is_file() else ()
    show.write_bytes(path, limits_text(with_limit(known, lap.limit())).encode())
    return str(path)
