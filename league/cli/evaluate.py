"""`league evaluate`: DeepRacer's evaluation of a model, and how far its trials are apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from league.cli import show
from league.cli.engines import chosen_engine, engine_options
from league.cli.objects import object_options, object_rules
from league.cli.rules_file import with_file
from league.errors import ConfigError
from league.hooks.catalogue import League
from league.racing import BEHAVIOR
from league.racing.rules import Rules
from league.track.limit import limit_s


@click.command(
    epilog="""\b
Examples:
  league evaluate ./my-model a-to-z-speedway:reversed
  league evaluate ./my-model a-to-z-speedway --trials 20 --car-spread 0.1 --noise 1 --latency 1
  league evaluate ./my-model a-to-z-speedway --trials 1000 --noise 1 --cluster
  league evaluate ./my-model a-to-z-speedway --trials 100 --boxes 3
  league evaluate ./my-model my-circuit.toml --json result.json --plot line.png --logs ./evaluation"""
)
@click.argument("model")
@click.argument("circuit")
@click.option("--laps", default=3, show_default=True, help="Laps of each trial, in one run.")
@click.option("--trials", type=click.IntRange(1, 10_000), default=1, show_default=True, help="How many runs.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same trials.")
@click.option("--car", default="deepracer", show_default=True, help="What is driven.")
@click.option(
    "--off-track-penalty", type=float, default=3.0, show_default=True, metavar="SECONDS", help="As in races."
)
@object_options
@click.option(
    "--time-limit", type=float, default=180.0, show_default=True, metavar="SECONDS", help="Of a trial."
)
@click.option("--hz", type=int, default=15, show_default=True, help="Commands a second.")
@click.option(
    "--car-spread",
    type=click.FloatRange(0, 0.5),
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="Give every trial another car: each figure off by up to this share.",
)
@click.option(
    "--noise",
    type=click.FloatRange(0, 100),
    default=0.0,
    show_default=True,
    help="Noise of what it sees; 1 is a good sensor's.",
)
@click.option(
    "--latency",
    type=click.IntRange(0, 60),
    default=0,
    show_default=True,
    help="How many ticks late it sees.",
)
@engine_options
@show.json_option()
@click.option(
    "--plot",
    metavar="FILE",
    type=show.Output(),
    help="Draw the line by speed, and where it leaves the road (.png).",
)
@click.option("--logs", metavar="DIR", help="Write DeepRacer's logs: simtrace CSV and metrics JSON.")
def command(
    model: str,
    circuit: str,
    laps: int,
    trials: int,
    seed: int,
    car: str,
    off_track_penalty: float,
    time_limit: float,
    hz: int,
    car_spread: float,
    noise: float,
    latency: int,
    workers: int | None,
    cluster: str | None,
    json_file: str | None,
    plot: str | None,
    logs: str | None,
    **objects: Any,
) -> None:
    """Evaluate MODEL on CIRCUIT: laps, the fastest, its off-tracks, all off-tracks, and the spread.

    MODEL is a folder with model.onnx and model_metadata.json, or any agent. Trials of the same model are
    the same to the byte unless --car-spread or --noise makes them differ, or boxes and bots at random places.
    """
    if plot:
        from league.cli.plot import check_ending

        check_ending(Path(plot))
    asked = {
        "laps": laps,
        "off_track_penalty_s": off_track_penalty,
        "time_limit_s": time_limit,
        "control_hz": hz,
        **object_rules(objects),
    }
    rules = Rules.parse(with_file(asked, objects["rules_file"]), where=objects["rules_file"] or "options")
    if seed < 0:
        raise ConfigError(f"seed is {seed}, expected 0 or more")
    league = League()
    road = league.circuit(circuit)
    league.agent(model)
    # Imported here: it loads the compiled simulator.
    from league.learn.results.evaluation import Conditions, evaluate

    conditions = Conditions(car=car_spread, noise=noise, latency_ticks=latency)
    with chosen_engine(workers, cluster) as engine, show.progress() as bar:
        task = bar.add_task("driving", total=trials, state="")
        done = evaluate(
            league,
            model,
            road,
            rules=rules,
            trials=trials,
            seed=seed,
            car=car,
            conditions=conditions,
            tell=lambda trial: bar.update(task, completed=trial.number, state=_line(trial.entry)),
            engine=engine,
        )
    payload = done.as_dict()
    if json_file:
        show.write_json(json_file, payload)
    if plot:
        from league.cli.curves import plot_evaluation

        plot_evaluation(done, Path(plot))
    if logs:
        from league.learn.results.simtrace import write_logs

        write_logs(done, Path(logs), model=Path(model))
    if json_file != "-":
        print_evaluation(payload, done.driver, limit_s(road, league.car(car), behavior=BEHAVIOR))


def _line(entry: Any) -> str:
    if entry.total_s is None:
        return "–"
    crashes = f", crashes {entry.collisions}" if entry.collisions else ""
    return f"{entry.total_s:.3f} s, off {entry.off_tracks}{crashes}"


def print_evaluation(
    payload: dict[str, Any], driver: str, limit: float | None, beside: Sequence[Sequence[object]] = ()
) -> None:
    """Print an evaluation in the form in which DeepRacer racers know it.

    Args:
        payload: The evaluation's JSON.
        driver: Its name.
        limit: Time in s of the fastest lap that the car could drive there, if it is known.
        beside: Rows of other drivers to print with it: name, laps, fastest, its off-tracks, off-tracks.
    """
    trials = payload["trials"]
    title = show.course(payload)
    columns = ["", "laps", ">total", ">fastest", ">of the limit", ">its off-tracks", ">off-tracks", "status"]
    crashes = any(trial["collisions"] for trial in trials)
    if crashes:
        columns.insert(-1, ">crashes")
    shown = trials if len(trials) <= 10 else [*trials[:8], None, trials[-1]]
    rows = [
        _row(driver if len(trials) == 1 else f"trial {t['trial']}", t, limit, crashes=crashes)
        if t
        else ("…",)
        for t in shown
    ]
    rows += [(name, laps, "–", fastest, "–", its, off) for name, laps, fastest, its, off in beside]
    out = show.console()
    out.print(show.table(title, columns, [row + ("",) * (len(columns) - len(row)) for row in rows]))
    if len(trials) > 1:
        _print_spread(payload["spread"])


def _row(name: str, trial: dict[str, Any], limit: float | None, *, crashes: bool) -> tuple[object, ...]:
    fastest = trial["fastest_lap_s"]
    return (
        name,
        ", ".join(show.seconds(lap["time_s"]) for lap in trial["laps"]) or "–",
        show.seconds(trial["total_s"]),
        show.seconds(fastest),
        f"{limit / fastest:.1%}" if limit and fastest else "–",
        trial["fastest_lap_off_tracks"],
        trial["off_tracks"],
        *([trial["collisions"]] if crashes else []),
        trial["status"] if trial["status"] == "FIN" else f"{trial['status']}: {trial['reason']}",
    )


def _print_spread(spread: dict[str, Any]) -> None:
    count = spread["trials"]
    text = f"{spread['finished']} of {count} trials finished, {spread['clean']} clean"
    if spread["collisions"]:
        text += f"; {spread['collisions']} crashes"
    total = spread["total_s"]
    if total:
        text += (
            f"; total {total['least']:.3f} to {total['greatest']:.3f} s, median {total['median']:.3f}, "
            f"deviation {total['deviation']:.3f}"
        )
    show.console().print(text, markup=False)
