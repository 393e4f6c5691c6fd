"""`league replay`: play a recording in the terminal, or write it out."""

from __future__ import annotations

import time
from typing import Any

import click
import numpy as np
from rich.live import Live

from league.cli import show
from league.errors import InputError


@click.command(
    epilog="""\b
Examples:
  league replay final.heat
  league replay final.heat --speed 4
  league replay final.heat --facts
  league replay final.heat --csv positions.csv"""
)
@click.argument("recording")
@click.option(
    "--speed", type=float, default=1.0, show_default=True, help="Times real time; 0 skips to the end."
)
@click.option("--facts", "show_facts", is_flag=True, help="List what happened instead of playing.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write every car's position at every tick.")
@click.option("--json", "json_file", metavar="FILE", help="Write the result as JSON; - for standard output.")
def command(
    recording: str, speed: float, show_facts: bool, csv_file: str | None, json_file: str | None
) -> None:
    """Play RECORDING, a file that `league race --record` or a server wrote."""
    from league.quick import replay

    if speed < 0:
        raise InputError(f"speed is {speed:g}, expected 0 or more")
    played = replay(recording)
    if csv_file:
        show.write_bytes(csv_file, _csv(played).encode())
    if json_file:
        show.write_json(json_file, played.result.model_dump(mode="json"))
    if json_file == "-":
        return
    out = show.console()
    if show_facts:
        out.print(_fact_table(played))
    elif out.is_terminal and speed > 0:
        _play(played, speed)
    out.print(_tower(played, len(played.frames) - 1))


def _play(played: Any, speed: float) -> None:
    """Show the timing tower moving; a terminal is redrawn ten times a second at most."""
    tick_s = 1 / played.plan.rules.control_hz
    started = time.monotonic()
    with Live(_tower(played, 0), console=show.console(), refresh_per_second=10, transient=True) as live:
        last = len(played.frames) - 1
        tick = 0
        while tick < last:
            tick = min(int((time.monotonic() - started) * speed / tick_s), last)
            live.update(_tower(played, tick))
            time.sleep(0.1)


def _tower(played: Any, tick: int) -> Any:
    frame = played.frames[tick]
    time_s = tick / played.plan.rules.control_hz
    rows = []
    for seat, entry in enumerate(played.plan.grid):
        speed_mps, along_m, laps, flags = frame[seat, 3:7]
        rows.append((laps, along_m, entry.name, speed_mps, int(flags)))
    rows.sort(key=lambda row: (-row[0], -row[1]))
    result = {entry.name: entry for entry in played.result.entries}
    done = tick == len(played.frames) - 1
    if done:
        rows.sort(key=lambda row: result[row[2]].place)
    columns = ["", "entry", ">lap", ">along m", ">m/s", "state", ">total"]
    return show.table(
        f"{played.plan.id} · {played.circuit.id} · {time_s:.1f} s",
        columns,
        [
            (
                place,
                name,
                int(laps),
                f"{along_m:.2f}",
                f"{speed_mps:.2f}",
                _state(flags),
                show.seconds(result[name].total_s) if done else "",
            )
            for place, (laps, along_m, name, speed_mps, flags) in enumerate(rows, start=1)
        ],
    )


def _state(flags: int) -> str:
    for bit, word in ((8, "finished"), (4, "out"), (1, "penalty"), (2, "off track")):
        if flags & bit:
            return word
    return "racing"


def _fact_table(played: Any) -> Any:
    names = [entry.name for entry in played.plan.grid]
    rows = [
        (
            f"{fact.time_us / 1e6:.3f}",
            fact.kind,
            names[fact.seat] if fact.seat >= 0 else "",
            ", ".join(f"{key} {value}" for key, value in fact.data.items()),
        )
        for fact in played.facts
        if fact.kind != "sector"
    ]
    return show.table("what happened", [">s", "fact", "entry", "details"], rows)


def _csv(played: Any) -> str:
    lines = ["time_s,seat,name,x_m,y_m,yaw_rad,speed_mps,along_m,lap,flags"]
    for tick, frame in enumerate(played.frames):
        for seat, entry in enumerate(played.plan.grid):
            name = '"' + entry.name.replace('"', '""') + '"'
            numbers = ",".join(f"{value:.5f}" for value in np.asarray(frame[seat, :5]))
            lines.append(
                f"{tick / played.plan.rules.control_hz:.5f},{seat},{name},{numbers},"
                f"{int(frame[seat, 5])},{int(frame[seat, 6])}"
            )
    return "\n".join(lines) + "\n"
