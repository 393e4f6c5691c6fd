from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import recipe

from league import ConfigError, ModelError
from league.learn.settings.settling import actions_of, metadata_of, settle
from league.racing.metadata import read_metadata

METADATA = {
    "action_space": [{"steering_angle": -20, "speed": 1.0}, {"steering_angle": 20, "speed": 2.0}],
    "sensor": ["FRONT_FACING_CAMERA", "SECTOR_LIDAR"],
    "neural_network": "DEEP_CONVOLUTIONAL_NETWORK",
    "version": "4",
}


def write(folder: Path, name: str, payload: object) -> str:
    file = folder / name
    file.write_text(json.dumps(payload), encoding="utf-8")
    return str(file)


def test_metadata_say_what_is_seen_and_answered(tmp_path: Path) -> None:
    settled = settle(recipe(metadata=write(tmp_path, "mm.json", METADATA)))
    assert settled.recipe.sensors == ("camera", "lidar-sectors")
    assert settled.recipe.action_space.actions == ((-20.0, 1.0), (20.0, 2.0))
    assert settled.recipe.learning.vision == "default"
    assert settled.metadata.version == 4.0


def test_hyperparameters_become_the_learners_settings(tmp_path: Path) -> None:
    given = {
        "batch_size": 64,
        "num_epochs": 5,
        "lr": 0.0003,
        "beta_entropy": 0.02,
        "discount_factor": 0.995,
        "loss_type": "huber",
        "num_episodes_between_training": 20,
        "term_cond_max_episodes": 1000,
    }
    settled = settle(recipe(hyperparameters=write(tmp_path, "hp.json", given)))
    learning = settled.recipe.learning
    assert (learning.batch_size, learning.epochs, learning.episodes, learning.cars) == (64, 5, 20, 20)
    assert (learning.learning_rate, learning.entropy, learning.discount) == (0.0003, 0.02, 0.995)
    assert learning.loss == "huber"
    assert settled.recipe.budget.episodes == 1000
    assert {name for name, _, _ in settled.became} >= set(given)


def test_an_algorithm_counts_the_same_wherever_it_is_named(tmp_path: Path) -> None:
    given = write(tmp_path, "hp.json", {"num_episodes_between_training": 20})
    metadata = {
        "action_space": {
            "steering_angle": {"low": -30, "high": 30},
            "speed": {"low": 1.0, "high": 3.0},
        },
        "action_space_type": "continuous",
        "sensor": ["STATE"],
        "training_algorithm": "sac",
        "version": "5",
    }
    by_metadata = settle(recipe(hyperparameters=given, metadata=write(tmp_path, "mm.json", metadata)))
    by_recipe = settle(recipe(hyperparameters=given, learning={"algorithm": "sac"}))
    assert by_metadata.became == by_recipe.became
    assert by_metadata.recipe.learning.cars == by_recipe.recipe.learning.cars != 20


def test_sac_needs_ranges(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="ranges"):
        settle(recipe(learning={"algorithm": "sac"}, action_space={"actions": [(0.0, 1.0)]}))


@pytest.mark.parametrize("sensors", [("state",), ("camera",), ("camera-stereo", "lidar")])
def test_a_recipes_own_metadata_read_back_as_the_same(sensors: tuple[str, ...]) -> None:
    made = recipe(sensors=sensors)
    again = read_metadata(metadata_of(made).text())
    assert again.sensors == sensors
    assert again.actions == actions_of(made)


def test_a_sensor_without_a_name_in_metadata_is_refused() -> None:
    with pytest.raises(ModelError, match="lidar-f1tenth"):
        settle(recipe(sensors=("lidar-f1tenth",)))
