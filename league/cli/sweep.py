"""`league sweep`: train recipes with several seeds, on as many cores and machines as there are."""

from __future__ import annotations

import io
import json
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from league.cli import show
from league.cli.engines import chosen_engine, engine_options
from league.errors import InputError, LeagueError, RaceError

DONE: Final = "model/evaluation.json"
"""What a training run writes last."""


@click.command(
    epilog="""\b
Examples:
  league sweep sprint --seeds 1-5 --out runs/sweep
  league sweep sprint robust my-recipe.toml --seeds 1,2,7 --workers 4 --out runs/sweep
  league sweep sprint --seeds 1-100 --steps 2000000 --cluster=10.0.0.5:6379 --out runs/sweep"""
)
@click.argument("recipes", nargs=-1, required=True, metavar="RECIPE...")
@click.option(
    "--seeds", default="1", show_default=True, metavar="N,N-N", help="Each recipe with each of them."
)
@click.option("--minutes", type=float, help="Train each for so long, instead of what its recipe says.")
@click.option("--steps", type=int, help="Train each for so many ticks.")
@click.option("--circuit", "circuits", multiple=True, help="Train there instead; may be repeated.")
@click.option(
    "--out", required=True, metavar="DIR", type=click.Path(path_type=Path), help="Folder of all runs."
)
@engine_options
@show.json_option("Write what came of it as JSON; - for standard output.")
def command(
    recipes: tuple[str, ...],
    seeds: str,
    minutes: float | None,
    steps: int | None,
    circuits: tuple[str, ...],
    out: Path,
    workers: int | None,
    cluster: str | None,
    json_file: str | None,
) -> None:
    """Train every RECIPE with every seed, each as `league train` does, one core each.

    Runs come to DIR/RECIPE-SEED. Where one is there already it is not trained again: the same command goes on
    with a sweep that was cut off. A budget in --steps gives the same model wherever it is trained.
    """
    options = [f"--{name}={value}" for name, value in (("minutes", minutes), ("steps", steps)) if value]
    options += [f"--circuit={circuit}" for circuit in circuits]
    tasks = [
        Training(
            name=f"{Path(recipe).stem}-{seed}",
            recipe=_packed_recipe(recipe),
            seed=seed,
            options=tuple(options),
        )
        for recipe in recipes
        for seed in read_seeds(seeds)
    ]
    if len({task.name for task in tasks}) != len(tasks):
        raise InputError("two of the recipes have the same name; expected different ones")
    out.mkdir(parents=True, exist_ok=True)
    missing = [task for task in tasks if not (out / task.name / DONE).is_file()]
    with chosen_engine(workers or 1, cluster) as engine:
        assert engine is not None
        _train(engine, missing, out)
    rows = [_told(out / task.name) for task in tasks]
    if json_file:
        show.write_json(json_file, {"runs": rows})
    if json_file != "-":
        columns = ["run", ">total", ">fastest", ">off-tracks", "status", ">s", ">CPU-hours"]
        show.console().print(show.table("", columns, [_row(told) for told in rows]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """A training run to be done by whoever has time."""

    name: str
    recipe: bytes
    """The recipe and all files that it names, packed."""
    seed: int
    options: tuple[str, ...] = ()


def train_one(task: Training) -> bytes:
    """Train as `league train` does; gives the run's folder, packed.

    Raises:
        LeagueError: It cannot be trained.
    """
    from league.cli.train import command as train

    with tempfile.TemporaryDirectory(prefix="league-sweep-") as scratch:
        given, run = Path(scratch) / "given", Path(scratch) / task.name
        _unpack(task.recipe, given)
        arguments = [
            f"--recipe={given / 'recipe.toml'}",
            f"--seed={task.seed}",
            f"--out={run}",
            f"--json={scratch}/told",
            *task.options,
        ]
        before, sys.argv = sys.argv, ["league", "train", *arguments]  # the run's notes say how it was begun
        try:
            train.main(args=arguments, standalone_mode=False)
        except click.ClickException as error:
            raise InputError(error.format_message()) from None
        finally:
            sys.argv = before
        return _pack(run)


def read_seeds(text: str) -> list[int]:
    """Seeds as people write them: "1,2,7" or "1-5".

    Raises:
        InputError: They are written otherwise.
    """
    found: list[int] = []
    for part in text.split(","):
        first, _, last = part.strip().partition("-")
        try:
            found += range(int(first), int(last or first) + 1)
        except ValueError:
            raise InputError(f"seeds {text!r}: expected numbers and ranges, such as 1,2,7 or 1-5") from None
    if not found or len(set(found)) != len(found):
        raise InputError(f"seeds {text!r}: expected at least one, and none twice")
    return found


def _train(engine: Executor, tasks: Sequence[Training], out: Path) -> None:
    """Have all trained, and keep each as soon as it is; those that fail are told of at the end."""
    failed: list[str] = []
    with show.progress() as bar:
        shown = bar.add_task("training", total=len(tasks), state="")
        asked = {engine.submit(train_one, task): task for task in tasks}
        for number, future in enumerate(as_completed(asked), 1):
            task = asked[future]
            try:
                _unpack(future.result(), out / task.name)
            except LeagueError as error:
                failed.append(f"{task.name}: {error}")
            bar.update(shown, completed=number, state=task.name)
    if failed:
        raise RaceError(f"{len(failed)} of {len(tasks)} runs failed; {failed[0]}")


def _packed_recipe(ref: str) -> bytes:
    """A recipe with all files that it names, as it could be sent to somebody."""
    from league.learn.results.runfolder import RunFolder
    from league.learn.settings.recipe import read_recipe, recipe_files

    recipe = read_recipe(ref)
    with tempfile.TemporaryDirectory(prefix="league-sweep-") as scratch:
        folder = RunFolder.create(Path(scratch) / "given")
        folder.keep_inputs(recipe)
        if recipe.start_from and recipe.start_from not in recipe_files():
            folder.keep_parent(recipe, Path(recipe.start_from))
        return _pack(folder.path)


def _pack(folder: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for path in sorted(folder.rglob("*")):
            archive.add(path, arcname=path.relative_to(folder).as_posix(), recursive=False)
    return content.getvalue()


def _unpack(content: bytes, folder: Path) -> None:
    """Lay a packed folder out, whole or not at all as far as `DONE` tells."""
    folder.mkdir(parents=True, exist_ok=True)
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        last = [member for member in archive.getmembers() if member.name == DONE]
        archive.extractall(folder, [m for m in archive.getmembers() if m not in last], filter="data")
        archive.extractall(folder, last, filter="data")


def _told(run: Path) -> dict[str, Any]:
    evaluation = json.loads((run / DONE).read_text(encoding="utf-8"))
    cost = json.loads((run / "model" / "cost.json").read_text(encoding="utf-8"))
    return {"run": str(run), "evaluation": evaluation, "cost": cost}


def _row(told: dict[str, Any]) -> tuple[object, ...]:
    (entry,), cost = told["evaluation"]["entries"], told["cost"]
    return (
        Path(told["run"]).name, show.seconds(entry["total_s"]), show.seconds(entry["fastest_lap_s"]),
        entry["off_tracks"], entry["status"], f"{cost['wall_s']:.0f}", f"{cost['cpu_hours']:.4f}",
    )  # fmt: skip
