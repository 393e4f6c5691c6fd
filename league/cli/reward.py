"""`league reward`: try a reward function out before training with it."""

from __future__ import annotations

from pathlib import Path

import click

from league.cli import show
from league.cli.patience import patience
from league.hooks.catalogue import League

SHADES = " ▁▂▃▄▅▆▇█"


@click.group(
    epilog="""\b
Examples:
  league reward check reward_function.py
  league reward check reward_function.py grand-prix:reversed --laps 3"""
)
def command() -> None:
    """Look at reward functions as DeepRacer has them: `def reward_function(params)`."""


@command.command(
    epilog="""\b
Examples:
  league reward check reward_function.py
  league reward check reward_function.py reInvent2019_wide.npy --driver pure-pursuit
  league reward check from-a-stranger.py --untrusted --json -"""
)
@click.argument("file")
@click.argument("circuit", default="a-to-z-speedway:reversed")
@click.option(
    "--driver", "drivers", multiple=True, help="Who drives; may be repeated. Default: two house drivers."
)
@click.option(
    "--laps", type=click.IntRange(1, 100), default=2, show_default=True, help="Laps of each driver."
)
@click.option("--car", default="deepracer", show_default=True, help="What they drive.")
@click.option("--untrusted", is_flag=True, help="Run it in a process that can do nothing but compute.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of whoever goes astray.")
@show.json_option()
@click.pass_context
def check(
    ctx: click.Context,
    file: str,
    circuit: str,
    drivers: tuple[str, ...],
    laps: int,
    car: str,
    untrusted: bool,
    seed: int,
    json_file: str | None,
) -> None:
    """Try the reward function in FILE out on CIRCUIT.

    House drivers drive a few laps; one car goes astray and one drives the wrong way, so that every branch
    is come by. Where the function looks at objects, slow cars are in the way. Says what it paid and how
    fast it is. A function that raises, never returns, or returns something that is no number within ±1e5,
    ends the command with code 2 and the line that did it; its params are kept in reward-failed.json.
    """
    # Imported here: the physics compile when first used.
    from league.learn.reward.script import Script
    from league.learn.reward.tryout import DRIVERS, try_out

    script = Script.read(file)
    league = ctx.find_object(League) or League()
    road, spec = league.circuit(circuit), league.car(car)
    with show.progress() as progress, patience(script.name):
        task = progress.add_task("driving", total=1.0, state="")
        done = try_out(
            script,
            road,
            spec,
            league,
            drivers=drivers or DRIVERS,
            laps=laps,
            untrusted=untrusted,
            folder=Path.cwd(),
            seed=seed,
            tell=lambda share: progress.update(task, completed=share),
        )
    if json_file:
        show.write_json(json_file, {"file": file, "valid": True, **done.as_dict()})
        if json_file == "-":
            return
    out = show.console()
    laps_driven = [
        (
            lap.driver,
            f"{lap.time_s:.3f}",
            str(lap.steps),
            f"{lap.reward:.3f}",
            f"{lap.reward / lap.steps:.3f}",
        )
        for lap in done.laps
    ]
    columns = ["driver", ">lap s", ">steps", ">reward", ">per step"]
    out.print(show.table(f"{file} on {done.circuit}", columns, laps_driven))
    rows = [(name, f"{mean:.3f}") for name, mean in done.by_driver.items()]
    out.print(show.table("", ["everybody, off the road or not", ">per step"], rows))
    speed = f", {done.calls_per_s:,.0f} a second on one core" if done.calls_per_s else ""
    out.print(f"{done.calls} calls{speed}; {done.episodes} episodes ended on the way", markup=False)
    out.print(f"reward {done.least:.4g} to {done.greatest:.4g}, mean {done.mean:.4g}", markup=False)
    out.print(f"over a lap |{_line(done.along_lap)}|", markup=False)
    out.print(f"it reads {', '.join(done.reading.keys) or 'no params'}", markup=False, soft_wrap=True)
    if done.vectorised:
        out.print("its form for many cars pays the same", markup=False)
    if done.prints:
        out.print(f"it printed {done.prints} times, last: {done.said[-1]}", markup=False, soft_wrap=True)
    for warning in done.warnings:
        out.print(f"note: {warning}", markup=False, soft_wrap=True)


def _line(values: tuple[float, ...]) -> str:
    """Values as a row of bars, from the least to the greatest."""
    low, high = min(values), max(values)
    span = (high - low) or 1.0
    return "".join(SHADES[1 + round((value - low) / span * (len(SHADES) - 2))] for value in values)
