"""`league bench`: how fast things are here, so that anyone can repeat our figures."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from typing import Any

import click

from league.cli import show

KINDS = ("sim", "server", "sensors", "train", "standings", "cluster", "browser")


@click.command(
    epilog="""\b
Examples:
  league bench sim
  league bench sensors
  league bench server --json server.json
  league bench train --seconds 60
  league bench standings --entries 10000 --laps 1000000 --database crowd.sqlite
  league bench browser --entries 10000 --seconds 10
  league bench cluster --workers 2 --seconds 60
  league bench sim --seconds 60 --circuit snail-shell --json sim.json"""
)
@click.argument("kind", type=click.Choice(KINDS), default="sim", required=False)
@click.option(
    "--circuit", default="a-to-z-speedway", show_default=True, help="Where it is driven (sim, cluster)."
)
@click.option("--car", default="deepracer", show_default=True, help="What is driven (sim).")
@click.option(
    "--seconds", type=click.FloatRange(1, 3600), default=20.0, show_default=True, help="Time to spend."
)
@click.option(
    "--entries", type=click.IntRange(1, 100_000), default=1000, show_default=True, help="(standings, browser)"
)
@click.option(
    "--laps", type=click.IntRange(3, 10_000_000), default=30_000, show_default=True, help="(standings)"
)
@click.option(
    "--database",
    metavar="URL",
    help="An empty record book to fill, or one filled before (standings, cluster).",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 1024),
    help="Of a cluster on this machine; by default its cores (cluster).",
)
@show.json_option("Write the figures as JSON; - for standard output.")
def command(kind: str, circuit: str, car: str, seconds: float, json_file: str | None, **crowd: Any) -> None:
    """Measure the simulator, sensors, the server, training, boards or a cluster, in medians of repeated runs.

    A car-step is one tick of one car at 15 commands a second, all its physics steps, its referee and its
    observation included. The reference kernels are plain simulators that run in the same process, in
    turns with ours: the ratio to them holds on a slower or busier machine too. So does that of training
    to stable-baselines3's own PPO on an environment that does nothing. The server is measured beside plain
    ones that simulate nothing: heats with drivers on sockets, and a race that 400 people watch. A cluster of
    this machine races the same heats as one process does, in turns with it, results kept in a record book.
    "browser" opens a race and a long board in a headless Chromium, and times every frame.
    """

    def tell(what: str) -> None:
        print(what, file=sys.stderr, flush=True)

    workers = crowd.pop("workers")
    if kind == "standings":
        _standings(tell, json_file, **crowd)
        return
    if kind == "browser":
        _browser(tell, json_file, seconds, crowd["entries"])
        return
    if kind == "cluster":
        _cluster(tell, json_file, circuit, seconds, crowd["database"], workers)
        return
    tell("compiling (the first time only; a minute or less) ...")
    machine = _machine()
    # Imported here: they load the compiler, which the other commands need not wait for.
    if kind == "sensors":
        from league.testing.benchmarks_sensors import measure

        figures: dict[str, Any] = {"rows": measure(seconds, tell)}
    elif kind == "server":
        from league.server.measuring import measure as measure_server

        figures = {"rows": measure_server(seconds, tell)}
    elif kind == "train":
        from league.testing.benchmarks_train import measure as measure_training

        figures = {"rows": measure_training(seconds, tell)}
    else:
        from league.hooks.catalogue import League
        from league.testing.speed import measure_simulator

        league = League()
        figures = measure_simulator(league.circuit(circuit), league.car(car), seconds=seconds, tell=tell)
    figures = {"kind": kind, "machine": machine, **figures}
    if json_file:
        show.write_json(json_file, figures)
    if json_file != "-":
        {"sensors": _print_sensors, "server": _print_server, "train": _print_training}.get(kind, _print)(
            figures
        )


def _standings(
    tell: Callable[[str], None], json_file: str | None, *, entries: int, laps: int, database: str | None
) -> None:
    """Fill a record book, or take a filled one, and time its boards."""
    from league.cli.bench_standings import measure

    machine = _machine()
    with tempfile.TemporaryDirectory(prefix="league-bench-") as folder:
        where = database or f"{folder}/crowd.db"
        rows = asyncio.run(measure(where, entries=entries, laps=laps, tell=tell))
    figures = {"kind": "standings", "machine": machine, "entries": entries, "laps": laps, "rows": rows}
    if json_file:
        show.write_json(json_file, figures)
    if json_file == "-":
        return
    shown = [
        (
            row["what"],
            *(f"{row[name]:.3f} s" for name in ("median_s", "worst_s", "processor_s")),
            row["times"],
        )
        for row in rows
    ]
    title = f"{entries:,} entries, {laps:,} laps · load before {machine['load_before']}"
    show.console().print(show.table(title, ["", ">median", ">worst", ">processor", ">times"], shown))


def _cluster(
    tell: Callable[[str], None],
    json_file: str | None,
    circuit: str,
    seconds: float,
    database: str | None,
    workers: int | None,
) -> None:
    """Race the same heats in one process, in several, and by Ray."""
    from league.cli.bench_cluster import measure

    machine = _machine()
    workers = workers or len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="league-bench-") as folder:
        where = database or f"{folder}/heats.sqlite"
        found = measure(where, circuit=circuit, workers=workers, seconds=seconds, tell=tell)
    figures = {"kind": "cluster", "machine": machine, "circuit": circuit, **found}
    if json_file:
        show.write_json(json_file, figures)
    if json_file == "-":
        return
    rows = [
        (
            row["what"],
            f"{row['heats_per_s']:.2f}",
            _ratio(row["of_one"]),
            f"{1000 * row['processor_s']:.0f} ms",
            _ratio(row["of_one_processor"]),
            f"{1000 * row['driven_s']:.0f} ms",
            f"{1000 * row['stored_s']:.0f} ms",
            f"±{50 * row['spread']:.0f} %",
        )
        for row in found["rows"]
    ]
    title = f"Solo runs of three laps on {circuit} · load before {machine['load_before']}"
    columns = ["", ">heats/s", ">ratio", ">processor", ">ratio", ">driving", ">record book", ">spread"]
    out = show.console()
    out.print(show.table(title, columns, rows))
    out.print(
        f"Ray adds {1000 * found['overhead_s']:.0f} ms to a heat, takes {found['start_s']:.1f} s to start "
        f"and {found['worker_bytes'] / 2**20:.0f} MiB a worker; {found['rows_per_heat']:.0f} rows a heat, "
        f"{found['rows_per_s']:,.0f} rows/s by one worker. Ratios are to one process.",
        markup=False,
    )


def _browser(tell: Callable[[str], None], json_file: str | None, seconds: float, entries: int) -> None:
    """Time the frames of pages."""
    from league.cli.bench_browser import measure

    machine = _machine()
    rows = asyncio.run(measure(seconds, entries=entries, tell=tell))
    if json_file:
        figures = {"kind": "browser", "machine": machine, "entries": entries, "rows": rows}
        show.write_json(json_file, figures)
    if json_file == "-":
        return
    shown = [
        (
            row["what"],
            *(f"{row[name]:.1f} ms" for name in ("median_ms", "p95_ms", "longest_task_ms")),
            row["frames"],
        )
        for row in rows
    ]
    columns = ["", ">median frame", ">95 % within", ">longest task", ">frames"]
    title = f"Frames in a headless Chromium · load before {machine['load_before']}"
    show.console().print(show.table(title, columns, shown))


def _machine() -> dict[str, Any]:
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {"processor": platform.machine(), "python": platform.python_version(), "load_before": load}


def _print(figures: dict[str, Any]) -> None:
    out = show.console()
    title = (
        f"{figures['circuit']} · {figures['car']} · {figures['control_hz']} Hz, "
        f"{figures['substeps']} physics steps a tick · load before {figures['machine']['load_before']}"
    )
    rows = [
        (
            row["what"],
            row["cars"],
            row["threads"],
            f"{row['car_steps_per_s']:,.0f}",
            f"{row['simulated_s_per_s']:,.0f}",
            _ratio(row["of_reference"]),
            _ratio(row["of_euler"]),
            _ratio(row["of_one_thread"]),
            f"±{50 * row['spread']:.0f} %",
            "–" if row["bytes_per_car"] is None else f"{row['bytes_per_car']:,}",
        )
        for row in figures["rows"]
    ]
    columns = [
        "", ">cars", ">threads", ">car-steps/s", ">simulated s/s", ">of reference", ">of Euler",
        ">of one thread", ">spread", ">bytes/car",
    ]  # fmt: skip
    out.print(show.table(title, columns, rows))
    out.print(
        f"Peak memory of this process {figures['peak_memory_mib']:.0f} MiB. Reference: plain bicycle model, "
        "Runge-Kutta, as many cars and threads; Euler: the same with one slope a step.",
        markup=False,
    )


def _print_sensors(figures: dict[str, Any]) -> None:
    rows = [
        (
            row["name"],
            row["batch"],
            f"{row['per_s']:,.0f} {row['unit']}/s",
            "–" if row["reference_per_s"] is None else f"{row['reference_per_s']:,.0f}",
            _ratio(row["ratio"]),
            f"±{50 * row['spread']:.0f} %",
        )
        for row in figures["rows"]
    ]
    title = f"Sensors, one core · load before {figures['machine']['load_before']}"
    columns = ["", ">batch", ">rate", ">plain code", ">ratio", ">spread"]
    show.console().print(show.table(title, columns, rows))


def _print_server(figures: dict[str, Any]) -> None:
    rows = [
        (
            row["what"],
            _value(row["value"], row["unit"]),
            _value(row["reference"], row["unit"]),
            _ratio(row["ratio"]),
        )
        for row in figures["rows"]
    ]
    title = f"Server, beside plain ones · load before {figures['machine']['load_before']}"
    show.console().print(show.table(title, ["", ">ours", ">plain", ">ratio"], rows))


def _value(value: float, unit: str) -> str:
    return f"{100 * value:.1f} % {unit}" if unit == "of a core" else f"{value:,.0f} {unit}"


def _print_training(figures: dict[str, Any]) -> None:
    rows = [
        (
            f"{row['epochs']} × {row['batch_size']}",
            f"{row['steps_per_s']:,.0f}",
            f"{row['plain_steps_per_s']:,.0f}",
            _ratio(row["ratio"]),
            f"{row['python_reward_steps_per_s']:,.0f}",
            _ratio(row["python_reward_ratio"]),
            f"±{100 * row['spread']:.0f} %",
        )
        for row in figures["rows"]
    ]
    title = f"PPO, 64 cars × 128 steps, one thread · load before {figures['machine']['load_before']}"
    columns = [
        "epochs × batch", ">steps/s", ">stable-baselines3 alone", ">ratio", ">with a Python reward", ">ratio",
        ">spread",
    ]  # fmt: skip
    show.console().print(show.table(title, columns, rows))


def _ratio(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
