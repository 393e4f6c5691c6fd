"""`league train`: train a model, know what it cost, race it."""

from __future__ import annotations

import re
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from league.cli import show
from league.cli.evaluate import print_evaluation
from league.cli.patience import patience
from league.errors import ConfigError, InputError
from league.hooks.catalogue import League
from league.racing import BEHAVIOR
from league.racing.rules import Rules
from league.track.limit import limit_s

if TYPE_CHECKING:
    from league.learn.results.runfolder import RunFolder
    from league.learn.settings.recipe import Recipe
    from league.learn.training.pit import Moment
    from league.learn.training.run import Outcome, Run

TELL_S = 10.0
"""Where there is no terminal to draw on, a line every so often."""


@click.command(
    epilog="""\b
Examples:
  league train --recipe sprint --out runs/sprint
  league train --recipe sprint --circuit harbour-ring --seed 7 --out runs/harbour
  league train a-to-z-speedway:reversed --reward reward_function.py --metadata model_metadata.json \\
      --hyperparameters hyperparameters.json --minutes 5 --out runs/mine
  league train --recipe obstacles --out runs/obstacles
  league train --recipe traffic --out runs/traffic
  league train --recipe runs/mine/recipe.toml --from runs/mine --minutes 2 --out runs/mine-2
  league train --resume runs/mine"""
)
@click.argument("circuit", required=False)
@click.option("--recipe", metavar="FILE|NAME", help="A recipe: a file, or a bundled one's name.")
@click.option(
    "--circuit", "circuits", multiple=True, metavar="CIRCUIT", help="Train there instead; may be repeated."
)
@click.option("--reward", metavar="FILE", help="A reward function, as DeepRacer has it.")
@click.option("--metadata", metavar="FILE", help="A model_metadata.json: action space and sensors.")
@click.option("--hyperparameters", metavar="FILE", help="A hyperparameters.json, as DeepRacer has it.")
@click.option("--from", "parent", metavar="MODEL", help="Begin with this run's or model's weights.")
@click.option("--minutes", type=float, help="Train for so long; without a recipe 10 by default.")
@click.option("--steps", type=int, help="Train for so many ticks of all cars together.")
@click.option("--episodes", type=int, help="Train for so many episodes.")
@click.option("--seed", type=int, help="Of everything that is drawn; by default the recipe's, or 1.")
@click.option(
    "--cars",
    type=int,
    help="Cars side by side; hyperparameters have the last word.  [default: the recipe's, or 64]",
)
@click.option(
    "--lap",
    type=click.Choice(["ignore", "bootstrap", "terminal"]),
    help="What 100 % of progress is: nothing, the end of time, or of all income (as in DeepRacer).  "
    "[default: the recipe's, or bootstrap]",
)
@click.option("--both-directions", is_flag=True, help="Train every circuit both ways.")
@click.option(
    "--workers", type=int, help="Processes that share a reward function.  [default: 0, this one alone]"
)
@click.option("--untrusted", is_flag=True, help="Run the reward function in limited processes.")
@click.option(
    "--best-by",
    type=click.Choice(["race", "lap_time", "progress", "reward", "last"]),
    help="Which model of the run is kept.  [default: the recipe's, or race]",
)
@click.option("--device", default="cpu", show_default=True, help="Where torch computes.")
@click.option("--threads", type=int, default=1, show_default=True, help="Threads that torch uses.")
@click.option("--cpu-price", type=float, metavar="USD", help="Price of a core for an hour.  [default: 0.04]")
@click.option(
    "--cloud-price", type=float, metavar="USD", help="Price of an hour in the cloud.  [default: 3.5]"
)
@click.option("--out", metavar="DIR", help="A new folder for the run.")
@click.option("--resume", metavar="DIR", help="Go on with an interrupted run.")
@show.json_option("Write the outcome as JSON; - for standard output.")
def command(**given: Any) -> None:
    """Train a model from a recipe, or on CIRCUIT with a DeepRacer user's own files.

    The run's folder holds all that it takes to repeat the run, its curves, and the model that races:
    `league race CIRCUIT DIR/model`. Ctrl-C keeps what was learned; --resume goes on.
    """
    if (given["out"] is None) == (given["resume"] is None):
        raise InputError("expected --out DIR for a new run, or --resume DIR")
    league = League()
    _need_extra()
    from league.learn.results.runfolder import RunFolder

    if given["resume"]:
        folder = RunFolder.open(Path(given["resume"]))
        with folder.alone():
            run = _again(folder, league, given)
            _finish(run, _train(run, run.recipe.name), league, given["json_file"])
        return
    recipe = _recipe(given)
    folder = RunFolder.create(Path(given["out"]))
    with folder.alone():
        run = _begun(recipe, folder, league, given)
        _finish(run, _train(run, run.recipe.name), league, given["json_file"])


def _again(folder: RunFolder, league: League, given: dict[str, Any]) -> Run:
    """An interrupted run, where it was."""
    run = _prepare(folder.recipe(), folder, league, given)
    _tell_became(run)
    run.resume()
    return run


def _begun(recipe: Recipe, folder: RunFolder, league: League, given: dict[str, Any]) -> Run:
    """A new run, its inputs kept in its folder; after its parent's, where it clones one that is a recipe."""
    folder.keep_inputs(recipe)
    recipe = folder.recipe()
    parent = _parent(given["parent"] or recipe.start_from, folder.path, league, given)
    if parent is not None:
        recipe = folder.keep_parent(recipe, parent)
    run = _prepare(recipe, folder, league, given)
    _tell_became(run)
    if parent is not None:
        run.clone(Path(recipe.start_from))
    folder.note_start({"seed": recipe.seed, "cloned": parent is not None})
    return run


def _tell_became(run: Run) -> None:
    """Show what a DeepRacer user's hyperparameters are here."""
    if run.settled.became:
        title = "hyperparameters, and what they became"
        columns = ["DeepRacer's name", ">value", "is"]
        show.console(stderr=True).print(show.table(title, columns, run.settled.became))


def _need_extra() -> None:
    try:
        import stable_baselines3  # noqa: F401 - only to know
    except ImportError as error:
        raise ConfigError(
            f"training needs more packages: pip install 'racing-league[train]' ({error})"
        ) from None


def _recipe(given: dict[str, Any]) -> Recipe:
    """The recipe that the options describe."""
    from league.learn.settings.recipe import Recipe, read_recipe

    roads = (*([given["circuit"]] if given["circuit"] else []), *given["circuits"])
    changes: dict[str, Any] = {}
    budget = {key: given[key] for key in ("steps", "minutes", "episodes") if given[key] is not None}
    if given["recipe"]:
        base = read_recipe(given["recipe"])
        if budget:
            changes["budget"] = {"steps": None, "minutes": None, "episodes": None} | budget
        if roads:
            changes |= {"circuits": roads, "test_circuits": (), "beside": ()}
    else:
        if not roads:
            raise InputError("expected a CIRCUIT or --recipe")
        name = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(given["out"]).resolve().name).strip("-._")[:64]
        base = Recipe.parse(
            {
                "name": name or "my-model",
                "circuits": roads,
                "budget": budget or {"minutes": 10.0},
                # As in DeepRacer an episode is a lap; but its end is no end of income, see the handbook.
                "episode": {"lap": "bootstrap"},
            }
        )
    for key in ("metadata", "hyperparameters", "seed"):
        if given[key] is not None:
            changes[key] = given[key]
    reward = {key: given[key] for key in ("workers", "untrusted") if given[key]}
    if given["reward"]:
        reward |= {"kind": "file", "file": given["reward"]}
    groups = {
        "reward": reward,
        "learning": {"cars": given["cars"]} if given["cars"] else {},
        "episode": {"lap": given["lap"]} if given["lap"] else {},
        "keep": {"best_by": given["best_by"]} if given["best_by"] else {},
    }
    changes |= {key: value for key, value in groups.items() if value}
    if given["both_directions"]:
        changes["both_directions"] = True
    return base.changed(**changes)


def _parent(ref: str, out: Path, league: League, given: dict[str, Any]) -> Path | None:
    """The folder of the model to begin with; a recipe's name is trained first."""
    from league.learn.results.runfolder import RunFolder, parent_of
    from league.learn.settings.recipe import read_recipe, recipe_files

    if not ref:
        return None
    if Path(ref).is_dir() or ref not in recipe_files():
        parent_of(ref)
        return Path(ref)
    folder = RunFolder.create(out / "parent")
    changes: dict[str, Any] = {} if given["seed"] is None else {"seed": given["seed"]}
    if given["lap"]:
        changes["episode"] = {"lap": given["lap"]}
    folder.keep_inputs(read_recipe(ref).changed(**changes))
    recipe = folder.recipe()
    show.console(stderr=True).print(f"{ref} first: it is what this recipe clones", markup=False)
    run = _prepare(recipe, folder, league, given)
    folder.note_start({"seed": recipe.seed, "cloned": False})
    _train(run, recipe.name)
    return folder.path


def _prepare(recipe: Recipe, folder: RunFolder, league: League, given: dict[str, Any]) -> Run:
    from league.learn.results.cost import CLOUD_HOUR_USD, CPU_HOUR_USD, Prices
    from league.learn.training.run import Run

    cpu, cloud = given["cpu_price"], given["cloud_price"]
    prices = Prices(
        cpu_hour_usd=CPU_HOUR_USD if cpu is None else cpu,
        cloud_hour_usd=CLOUD_HOUR_USD if cloud is None else cloud,
    )
    return Run(recipe, folder, league=league, prices=prices, device=given["device"], threads=given["threads"])


def _train(run: Run, name: str) -> Outcome:
    """Train with a live line; Ctrl-C and a polite end by the system keep what was learned."""
    errors = show.console(stderr=True)
    with show.progress() as bar, _ending_politely(), patience(run.recipe.reward.file):
        task = bar.add_task(name, total=1000, state="getting ready")
        told_s = [0.0]

        def tell(moment: Moment) -> None:
            text = _state(moment)
            bar.update(task, completed=1000 * moment.share, state=text)
            if not errors.is_terminal and moment.time_s - told_s[0] >= TELL_S:
                told_s[0] = moment.time_s
                errors.print(f"{name} {moment.time_s:.0f} s: {text}", markup=False, soft_wrap=True)

        run.tell = tell
        try:
            return run.train()
        except KeyboardInterrupt:
            errors.print(_how_on(run.folder.path), markup=False, soft_wrap=True)
            raise


def _how_on(folder: Path) -> str:
    """How to go on with a run that was interrupted."""
    if (folder / "checkpoint.pt").is_file():
        return f"go on with: league train --resume {shlex.quote(str(folder))}"
    return "nothing was learned yet; the same command begins anew"


@contextmanager
def _ending_politely() -> Iterator[None]:
    """Take the system's request to end for Ctrl-C."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _state(moment: Moment) -> str:
    """How a run stands, in one line."""
    parts = [
        f"reward {moment.reward:.1f}" if moment.reward is not None else "",
        f"progress {moment.progress_pct:.0f} %" if moment.progress_pct is not None else "",
        f"lap {moment.lap_s:.2f} s" if moment.lap_s is not None else "",
        f"race {moment.total_s:.2f} s" if moment.total_s is not None else "",
        f"off {moment.off_tracks}" if moment.off_tracks is not None else "",
        f"crashes {moment.collisions}" if moment.collisions else "",
        f"{moment.steps_per_s:,.0f} steps/s",
        f"{moment.left_s:.0f} s left" if moment.left_s is not None else "",
    ]
    return " · ".join(part for part in parts if part)


def _finish(run: Run, outcome: Outcome, league: League, json_file: str | None) -> None:
    """Evaluate the model, draw the curves, and say what came of it and what it cost."""
    from league.cli.curves import plot_evaluation, plot_training
    from league.learn.results.evaluation import evaluate

    recipe, folder = run.recipe, run.folder
    circuit = run.test.circuits[0]
    objects = recipe.objects
    rules = Rules.parse(
        {
            "laps": recipe.keep.laps,
            "control_hz": recipe.control_hz,
            "boxes": objects.boxes,
            "box_places": objects.box_places,
            "bots": objects.bots,
            "bot_speed_mps": sum(objects.bot_speed_mps) / 2,
            "bot_lane_changes": objects.bot_lane_changes,
        }
    )
    done = evaluate(league, str(outcome.model), circuit, rules=rules, seed=recipe.seed, car=recipe.car)
    payload = done.as_dict()
    folder.write_json("model/evaluation.json", payload)
    cost = outcome.cost.as_dict()
    limit = limit_s(circuit, league.car(recipe.car), behavior=BEHAVIOR)
    plot_training(run.pit.moments, folder.path / "training.png", title=recipe.name, limit_s=limit)
    plot_evaluation(done, folder.model / "line.png")
    if json_file:
        drives = [asdict(drive) | {"total_s": drive.total_s} for drive in outcome.drives]
        told = {"run": str(folder.path), "model": str(outcome.model), "cost": cost, "evaluation": payload}
        show.write_json(json_file, told | {"drives": drives})
    if json_file == "-":
        return
    beside = [
        (
            row.name,
            ", ".join(f"{lap:.3f}" for lap in row.laps_s),
            f"{min(row.laps_s):.3f}",
            row.fastest_off_tracks,
            row.off_tracks,
        )
        for row in recipe.beside
    ]
    print_evaluation(payload, recipe.name, limit, beside)
    out = show.console()
    if len(outcome.drives) > 1:
        finished = sum(drive.finished for drive in outcome.drives)
        crashes = sum(drive.collisions for drive in outcome.drives)
        text = f"{finished} of {len(outcome.drives)} test races finished"
        out.print(text + (f", {crashes} crashes" if recipe.objects.any else ""))
    out.print(_cost_line(cost), markup=False, soft_wrap=True)
    if run.parent_cost is not None:
        out.print(f"before that, its parent: {_cost_line(run.parent_cost)}", markup=False, soft_wrap=True)
    way = "".join(f" --{what} {count}" for what in ("boxes", "bots") if (count := getattr(objects, what)))
    out.print(f"race it: league race {circuit.id} {outcome.model}{way}", markup=False, soft_wrap=True)


def _cost_line(cost: dict[str, Any]) -> str:
    energy = "energy not readable" if cost["energy_wh"] is None else f"{cost['energy_wh']:.2f} Wh"
    return (
        f"{cost['wall_s']:.0f} s, {cost['cpu_hours']:.4f} CPU-hours, {energy}, {cost['steps']:,} steps = "
        f"{cost['simulated_hours']:.1f} hours of driving; ${cost['cost_usd']:.4f} at "
        f"${cost['cpu_hour_usd']:g} a CPU-hour, ${cost['cloud_usd']:.2f} in the cloud at "
        f"${cost['cloud_hour_usd']:g} an hour"
    )
