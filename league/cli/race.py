"""`league race`: a headless heat at full speed."""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import click

from league.cli import show
from league.cli.engines import chosen_engine, engine_options
from league.cli.objects import object_options, object_rules
from league.cli.replay import film_form, write_form
from league.cli.rule_options import (
    car_option,
    hz_option,
    laps_option,
    penalty_option,
    rank_option,
    time_limit_option,
)
from league.cli.rules_file import with_file
from league.cli.tower import HeatTower, screen
from league.errors import ConfigError
from league.hooks.catalogue import League
from league.racing import BEHAVIOR
from league.racing.rules import Rules
from league.sim.sensor import offered
from league.track.circuit import Circuit
from league.track.limit import limit_s


@click.command(
    epilog="""\b
Examples:
  league race a-to-z-speedway pure-pursuit
  league race a-to-z-speedway:reversed racing-line follow-the-gap --laps 5 --seed 7
  league race my-circuit.toml ./my-model --rank best_lap --json result.json --record final.heat
  league race a-to-z-speedway my_module:MyAgent pure-pursuit --format time-trial
  league race a-to-z-speedway pure-pursuit racing-line --format head-to-head --video final.mp4
  league race a-to-z-speedway follow-the-gap --boxes 4 --box 25%,inner
  league race a-to-z-speedway racing-line --rules club.toml
  league race a-to-z-speedway racing-line --bots 4 --bot-speed 0.7 --bot-lane-changes"""
)
@click.argument("circuit")
@click.argument("agents", nargs=-1, required=True, metavar="AGENT...")
@laps_option
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same race.")
@car_option
@click.option(
    "--format",
    "style",
    default=None,
    help="Also a plugin's; by default time-trial for one, head-to-head for more.",
)
@rank_option
@penalty_option
@object_options
@time_limit_option
@hz_option
@click.option("--sensor", "sensors", multiple=True, help="Offer this sensor too; may be repeated.")
@engine_options
@show.json_option()
@click.option("--record", metavar="FILE", type=show.Output(), help="Write a recording of the (last) heat.")
@click.option("--video", metavar="FILE", type=show.Output(), help="Film the (last) heat, to .mp4 or .gif.")
def command(
    circuit: str,
    agents: tuple[str, ...],
    laps: int,
    seed: int,
    car: str,
    style: str | None,
    rank: str,
    off_track_penalty: float,
    time_limit: float,
    hz: int,
    sensors: tuple[str, ...],
    workers: int | None,
    cluster: str | None,
    json_file: str | None,
    record: str | None,
    video: str | None,
    **objects: Any,
) -> None:
    """Race AGENTs on CIRCUIT, headless, as fast as this machine can.

    CIRCUIT is an id (`league tracks list`) or a file; ID:reversed drives it the other way. AGENT is an
    agent's name (`league plugins`), a model (.onnx, or a folder with model.onnx and
    model_metadata.json), or module:Class.
    """
    asked = {
        "laps": laps,
        "rank": rank,
        "off_track_penalty_s": off_track_penalty,
        "time_limit_s": time_limit,
        "control_hz": hz,
        "sensors": list(offered("state", "pose", *sensors)),
        **object_rules(objects),
    }
    rules = Rules.parse(with_file(asked, objects["rules_file"]), where=objects["rules_file"] or "options")
    if seed < 0:
        raise ConfigError(f"seed is {seed}, expected 0 or more")
    league = League()
    film = league.recorder(film_form(league, video)) if video else None
    road = league.circuit(circuit)
    with chosen_engine(workers, cluster) as engine:
        outcome = run(league, road, agents, rules, seed=seed, car=car, style=style, engine=engine)
    payload = outcome.as_dict()
    if record:
        show.write_bytes(record, outcome.recordings[-1].to_bytes())
    if film is not None and video is not None:
        write_form(film, outcome.recordings[-1], Path(video))
    if json_file:
        show.write_json(json_file, payload)
    if json_file != "-":
        limit = limit_s(road, league.car(car), behavior=BEHAVIOR)
        print_result(payload, limit)


def run(
    league: League,
    road: Circuit,
    agents: tuple[str, ...],
    rules: Rules,
    *,
    seed: int,
    car: str,
    style: str | None,
    engine: Executor | None = None,
) -> Any:
    """Race with a timing tower on standard error; returns a `league.quick.RaceOutcome`."""
    league.car(car)
    for agent in agents:
        league.agent(agent)
    with screen(show.console(stderr=True)) as view:
        view.draw("getting ready: compiling the simulator on first use")
        from league.quick import race

        tower = HeatTower(view)
        return race(
            road, agents, rules=rules, seed=seed, car=car, format=style, league=league, on_tick=tower.look,
            engine=engine,
        )  # fmt: skip


def print_result(payload: dict[str, Any], limit: float | None) -> None:
    """Print a result JSON as a table for people.

    Args:
        payload: The result.
        limit: Time in s of the fastest lap that the car could drive there, if it is known.
    """
    title = show.course(payload)
    title += "".join(f" · {payload[what]} {what}" for what in ("boxes", "bots") if payload.get(what))
    columns = [
        "",
        "entry",
        ">total",
        ">gap",
        ">fastest",
        ">of the limit",
        ">its off-tracks",
        ">off-tracks",
        ">resets",
        ">collisions",
    ]
    rows = [
        (
            entry["place"],
            entry["name"],
            show.seconds(entry["total_s"]),
            show.seconds(entry["gap_s"]),
            show.seconds(entry["fastest_lap_s"]),
            f"{limit / entry['fastest_lap_s']:.1%}" if limit and entry["fastest_lap_s"] else None,
            entry["fastest_lap_off_tracks"],
            entry["off_tracks"],
            entry["resets"],
            entry["collisions"],
            entry["status"] if entry["status"] == "FIN" else f"{entry['status']}: {entry['reason']}",
            ", ".join(show.seconds(lap["time_s"]) for lap in entry["laps"]),
        )
        for entry in payload["entries"]
    ]
    out = show.console()
    out.print(show.table(title, [*columns, "status", "laps"], rows))
