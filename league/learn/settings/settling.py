"""From a recipe and the DeepRacer files that it names to settings: what a run really does.

A `model_metadata.json` says what the driver sees and what its answers mean, a `hyperparameters.json` how
it learns; what they leave open the recipe says.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from league.errors import ConfigError, ModelError
from league.learn.settings.hyperparameters import Hyperparameters, load_hyperparameters
from league.learn.settings.recipe import Learning, Recipe
from league.racing.metadata import (
    NETWORKS,
    SENSORS,
    Actions,
    ContinuousActions,
    DiscreteActions,
    ModelMetadata,
    read_metadata,
)

VISIONS = ("shallow", "default", "deep")


@dataclass(frozen=True)
class Settled:
    """What a run really does."""

    recipe: Recipe
    metadata: ModelMetadata
    """Of the model that comes out."""
    became: tuple[tuple[str, Any, str], ...] = ()
    """For every hyperparameter: its value, and what it became, in words."""


def settle(recipe: Recipe) -> Settled:
    """Read the files that a recipe names and put what they say in the place of the recipe's own entries.

    Raises:
        ModelError: The metadata cannot be read, or the sensors have no name in them.
        ConfigError: The hyperparameters cannot be read, or something does not go together.
    """
    metadata = _metadata_in(Path(recipe.metadata)) if recipe.metadata else None
    changes: dict[str, Any] = {}
    learning: dict[str, Any] = {}
    if metadata is not None:
        changes["sensors"] = metadata.sensors
        changes["action_space"] = _as_entries(metadata.actions)
        learning = {
            "vision": metadata.vision,
            "algorithm": "sac" if metadata.training_algorithm == "sac" else "ppo",
        }
    became: tuple[tuple[str, Any, str], ...] = ()
    if recipe.hyperparameters:
        given = load_hyperparameters(recipe.hyperparameters)
        sac = learning.get("algorithm", recipe.learning.algorithm) == "sac"
        learning |= _learning(given, recipe.learning, sac=sac)
        became = tuple(given.mapped("sac" if sac else "clipped_ppo"))
        changes["budget"] = _budget(given)
    settled = recipe.changed(**changes, learning=learning)
    if settled.learning.algorithm == "sac" and settled.action_space.actions:
        raise ConfigError("SAC answers with ranges, expected an action space without a list of actions")
    return Settled(settled, metadata or metadata_of(settled), became)


def _metadata_in(file: Path) -> ModelMetadata:
    try:
        return read_metadata(file.read_text(encoding="utf-8-sig"), where=str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"{file}: cannot be read: {getattr(error, 'strerror', error)}") from None


def _as_entries(actions: Actions) -> dict[str, Any]:
    if isinstance(actions, DiscreteActions):
        return {"actions": actions.pairs}
    return {
        "actions": (),
        "steering_angle_deg": actions.steering_angle_deg,
        "speed_mps": actions.speed_mps,
    }


def actions_of(recipe: Recipe) -> Actions:
    """What a recipe's driver may answer."""
    space = recipe.action_space
    if space.actions:
        return DiscreteActions(space.actions)
    return ContinuousActions(space.steering_angle_deg, space.speed_mps)


def metadata_of(recipe: Recipe) -> ModelMetadata:
    """The `model_metadata.json` that a recipe amounts to.

    Raises:
        ModelError: A sensor has no name there.
    """
    names = {ours: theirs for theirs, ours in reversed(SENSORS.items()) if theirs != "observation"}
    names["camera"] = "FRONT_FACING_CAMERA"
    plain = [text.partition("?")[0] for text in recipe.sensors]
    for name in plain:
        if name not in names:
            raise ModelError(
                f"sensors: {name!r} has no name in model_metadata.json (known: {', '.join(names)})"
            )
    return ModelMetadata(
        actions=actions_of(recipe),
        sensor=tuple(names[name] for name in plain),
        neural_network=NETWORKS[VISIONS.index(recipe.learning.vision)],
        training_algorithm="sac" if recipe.learning.algorithm == "sac" else "clipped_ppo",
        version=5.0,
    )


def _learning(given: Hyperparameters, before: Learning, *, sac: bool) -> dict[str, Any]:
    """DeepRacer's settings by our names."""
    return {
        "batch_size": max(2, given.batch_size),
        "epochs": min(given.num_epochs, 100),
        "learning_rate": given.lr,
        "learning_rate_end": None,
        "entropy": given.beta_entropy,
        "discount": given.discount_factor,
        "loss": "huber" if given.huber else "mse",
        "episodes": min(given.num_episodes_between_training, 4096),
        "cars": before.cars if sac else min(given.num_episodes_between_training, 4096),
        "temperature": given.sac_alpha if "sac_alpha" in given.given else None,
    }


def _budget(given: Hyperparameters) -> dict[str, Any]:
    """When DeepRacer's own limits would end the training."""
    found: dict[str, Any] = {}
    if "term_cond_max_episodes" in given.given:
        found["episodes"] = given.term_cond_max_episodes
    if "term_cond_avg_score" in given.given:
        found["mean_reward"] = given.term_cond_avg_score
    return found
