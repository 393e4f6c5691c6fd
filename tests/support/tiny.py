"""Training runs that take a second or two."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from league import League
from league.learn.results.runfolder import RunFolder
from league.learn.settings.recipe import Recipe
from league.learn.training.run import Outcome, Run

CIRCUIT = "clubhouse-loop"
TINY: dict[str, Any] = {
    "name": "tiny",
    "circuits": [CIRCUIT],
    "reward": {"scale": 1.0},
    "learning": {"cars": 16, "steps": 32, "batch_size": 256, "epochs": 2, "network": [16]},
    "budget": {"steps": 1024},
    "keep": {"every_s": 1000.0, "laps": 1},
}


@lru_cache(maxsize=1)
def league() -> League:
    """What is installed, found once."""
    return League()


def recipe(**changes: Any) -> Recipe:
    """A tiny recipe with some entries changed."""
    return Recipe.parse(TINY).changed(**changes)


def begin(folder: Path, made: Recipe, **options: Any) -> Run:
    """A run in a new folder."""
    place = RunFolder.create(folder)
    place.keep_inputs(made)
    return Run(place.recipe(), place, league=league(), threads=1, **options)


def train(folder: Path, made: Recipe, **options: Any) -> Outcome:
    """A run from its beginning to its end."""
    return begin(folder, made, **options).train()
