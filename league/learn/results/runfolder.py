"""The run folder: everything that another person needs to repeat a run, and what came of it.

    recipe.toml        the whole recipe, every entry written out; `league train --recipe` repeats it
    inputs/            files that it names: reward function, metadata, hyperparameters, circuits
    run.json           versions, machine, command, parent
    history.csv        what the run did over time
    tensorboard/       the same and more, for TensorBoard
    checkpoint.pt      where an interrupted run goes on
    best.pt            the best policy so far
    training.png       the history as curves
    running            while it lasts: the process that trains
    model/             what races: model.onnx, model_metadata.json, cost.json, evaluation.json,
                       recipe.toml, and policy.pt for whoever clones it

Weights are read back as weights only: a stranger's folder cannot bring code.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import platform
import shutil
import sys
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch

from league.alone import alone
from league.errors import ConfigError, InputError, ModelError
from league.hooks.catalogue import REVERSED
from league.learn.settings.recipe import Recipe
from league.whole import whole

PACKAGES = (
    "racing-league",
    "torch",
    "stable-baselines3",
    "gymnasium",
    "numpy",
    "numba",
    "onnx",
    "onnxruntime",
)
WEIGHTS = "policy.pt"
LEARNED = ("checkpoint.pt", "model")
"""What a run folder has once something was learned."""


@dataclass(frozen=True)
class RunFolder:
    """A run's folder."""

    path: Path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """A new folder, an empty one, or that of a run which failed before anything was learned.

        Raises:
            InputError: It holds a run already, or cannot be made.
        """
        if (path / "recipe.toml").exists() and any((path / name).exists() for name in LEARNED):
            raise InputError(
                f"{path}: holds a run already; --resume goes on with it, another --out begins a new one"
            )
        try:
            (path / "inputs").mkdir(parents=True, exist_ok=True)
            (path / "reward-failed.json").unlink(missing_ok=True)
        except OSError as error:
            raise InputError(f"{path}: cannot be made: {error.strerror}") from None
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """The folder of a run that was begun.

        Raises:
            InputError: There is none.
        """
        if not (path / "recipe.toml").is_file():
            raise InputError(f"{path}: holds no run, expected a folder with recipe.toml")
        return cls(path)

    def alone(self) -> AbstractContextManager[None]:
        """Keeps other runs out of the folder while its block lasts.

        Raises:
            InputError: On entering: a run is going on in it.
        """
        return alone(
            self.path / "running",
            lambda holder: InputError(
                f"{self.path}: a run is going on in it (process {holder}), expected another --out"
            ),
        )

    @property
    def model(self) -> Path:
        """The folder of the model that races."""
        return self.path / "model"

    # -- inputs --------------------------------------------------------------------------------

    def keep_inputs(self, recipe: Recipe) -> Recipe:
        """Copy the files that a recipe names into the folder; returns the recipe that names the copies."""
        changed: dict[str, Any] = {}
        for key in ("metadata", "hyperparameters"):
            if getattr(recipe, key):
                changed[key] = self._keep(Path(getattr(recipe, key)))
        if recipe.reward.file:
            changed["reward"] = {"file": self._keep(Path(recipe.reward.file))}
        for key in ("circuits", "test_circuits"):
            changed[key] = tuple(self._keep_circuit(ref) for ref in getattr(recipe, key))
        kept = recipe.changed(**changed)
        (self.path / "recipe.toml").write_text(kept.toml(), encoding="utf-8")
        return kept

    def keep_parent(self, recipe: Recipe, ref: Path) -> Recipe:
        """Copy the model that a run clones into the folder; returns the recipe that names the copy.

        Raises:
            InputError: It is no model that can be cloned.
        """
        weights, _ = parent_of(ref)
        target = self.path / "inputs" / "parent"
        target.mkdir(exist_ok=True)
        for name in (WEIGHTS, "recipe.toml", "cost.json"):
            if (weights.parent / name).is_file():
                shutil.copyfile(weights.parent / name, target / name)
        written = Recipe.parse(tomllib.loads((self.path / "recipe.toml").read_text(encoding="utf-8")))
        (self.path / "recipe.toml").write_text(
            written.changed(start_from="inputs/parent").toml(), encoding="utf-8"
        )
        return self.recipe()

    def _keep(self, file: Path) -> str:
        target = self.path / "inputs" / file.name
        try:
            if file.resolve() != target.resolve():
                shutil.copyfile(file, target)
        except OSError as error:
            raise InputError(f"{file}: cannot be copied: {error.strerror}") from None
        return f"inputs/{file.name}"

    def _keep_circuit(self, ref: str) -> str:
        file = ref.removesuffix(REVERSED)
        if not (Path(file).suffix and Path(file).is_file()):
            return ref
        return self._keep(Path(file)) + ref[len(file) :]

    def recipe(self) -> Recipe:
        """The recipe in the folder, its files found there."""
        from league.learn.settings.recipe import read_recipe

        return read_recipe(self.path / "recipe.toml")

    def note_start(self, facts: Mapping[str, Any]) -> None:
        """Write down versions, machine and whatever else belongs to the beginning."""
        told = {
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in PACKAGES},
            "machine": {
                "processor": platform.machine(),
                "system": platform.system(),
                "cores": os.cpu_count(),
            },
            "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            "inputs": {
                file.relative_to(self.path).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
                for file in sorted((self.path / "inputs").rglob("*"))
                if file.is_file()
            },
        }
        self.write_json("run.json", told | dict(facts))

    # -- along the way -------------------------------------------------------------------------

    def write_json(self, name: str, payload: Any) -> None:
        """Write a JSON file."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(payload, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    def write_history(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write what the run did over time."""
        if rows:
            with (self.path / "history.csv").open("w", newline="", encoding="utf-8") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)

    def save(self, name: str, what: Mapping[str, Any]) -> None:
        """Write tensors and plain values, completely or not at all."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with whole(target) as partial:
            torch.save(dict(what), partial)

    def load(self, name: str) -> dict[str, Any] | None:
        """What was saved under a name; None if nothing was."""
        return load_weights(self.path / name) if (self.path / name).is_file() else None


def load_weights(file: Path) -> dict[str, Any]:
    """Tensors and plain values from a file; nothing in it is run.

    Raises:
        ModelError: It cannot be read as such.
    """
    try:
        found: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # noqa: BLE001 - torch and pickle raise whatever the bytes make them
        text = " ".join(str(error).split())[:120]
        raise ModelError(f"{file}: no weights that can be read ({text})") from None
    if not isinstance(found, dict) or "policy" not in found:
        raise ModelError(f"{file}: no weights of a policy, expected those that league train wrote")
    return found


def parent_of(ref: str | Path) -> tuple[Path, Recipe]:
    """The weights and the recipe of a model to clone: a run's folder, or its model's.

    Raises:
        InputError: There is neither.
        ConfigError: Its recipe cannot be read.
    """
    given = Path(ref)
    for folder in (given / "model", given):
        if (folder / WEIGHTS).is_file() and (folder / "recipe.toml").is_file():
            try:
                text = (folder / "recipe.toml").read_text(encoding="utf-8")
                return folder / WEIGHTS, Recipe.parse(tomllib.loads(text), where=str(folder / "recipe.toml"))
            except tomllib.TOMLDecodeError as error:
                raise ConfigError(f"{folder / 'recipe.toml'}: not TOML: {error}") from None
    raise InputError(f"{given}: nothing to clone, expected a folder with {WEIGHTS} and recipe.toml")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
