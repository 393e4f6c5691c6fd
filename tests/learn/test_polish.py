from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import begin, recipe, train

from league import ConfigError
from league.learn.results.export import best_answers
from league.learn.results.runfolder import load_weights
from league.learn.results.testdrive import TestDrive
from league.learn.training.pit import Moment
from league.learn.training.policies import plain_layers
from league.sim.car import CarSpec

POLISHED = recipe(
    budget={"steps": 120_000},
    learning={"cars": 64, "steps": 64, "batch_size": 1024, "epochs": 6, "learning_rate": 0.002},
    polish={"share": 0.6, "copies": 32},
)


def test_polishing_shortens_the_race(tmp_path: Path) -> None:
    moments: list[Moment] = []
    outcome = train(tmp_path / "run", POLISHED, tell=moments.append)
    until = 1.0 - POLISHED.polish.share
    before = [moment.best for moment in moments if moment.share < until]
    polished = [moment for moment in moments if moment.share > until and moment.reward is None]
    assert len(polished) >= 3
    assert polished[-1].share == 1.0
    assert polished[-1].best is not None
    assert all(one is None or one < polished[-1].best for one in before)
    # What is kept is what the policy's own test drive says, and that is what the model does.
    (drive,) = outcome.drives
    assert -drive.total_s == polished[-1].best
    assert drive.total_s < min(one.total_s for one in polished[:1] if one.total_s is not None)


def test_the_same_recipe_and_seed_polish_to_the_same_weights(tmp_path: Path) -> None:
    made = recipe(budget={"steps": 8192}, polish={"share": 0.5, "copies": 4})
    first, second = (
        load_weights(train(tmp_path / name, made).model / "policy.pt")["policy"] for name in ("a", "b")
    )
    assert all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_plain_layers_answer_as_the_policy_does(tmp_path: Path, activation: str) -> None:
    run = begin(tmp_path / "run", recipe(learning={"network": [16, 8], "activation": activation}))
    layers = plain_layers(run.learner.policy)
    assert layers is not None
    seen = np.array(run.ground.begin())
    rows = np.stack([layers.weights(), layers.weights() * 1.5])
    found = layers.answer(np.stack([seen, seen]), layers.split(rows))
    for weights, answers in zip(rows, found, strict=True):
        layers.take(weights)
        assert np.array_equal(layers.weights(), weights)
        wanted = best_answers(run.learner.policy, run.ground.sights)(seen)
        assert layers.choose(answers) == pytest.approx(wanted, abs=1e-5)


def test_only_a_race_of_ppo_can_be_polished() -> None:
    with pytest.raises(ConfigError, match=r"polish: learning.algorithm is 'sac'.*expected \"ppo\""):
        recipe(learning={"algorithm": "sac"}, polish={"share": 0.2})
    with pytest.raises(ConfigError, match=r"keep\.best_by 'progress'"):
        recipe(keep={"best_by": "progress"}, polish={"share": 0.2})


def test_a_driver_that_sees_pictures_cannot_be_polished(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="polish: sees camera, expected one sensor that gives numbers"):
        begin(tmp_path / "run", recipe(sensors=["camera"], polish={"share": 0.2}))


def test_where_cars_differ_every_generation_has_other_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = recipe(
        budget={"steps": 40_000}, vary={"car": 0.1, "noise": 1.0}, polish={"share": 0.9, "copies": 4}
    )
    run = begin(tmp_path / "run", made)
    fields: list[list[CarSpec]] = []
    drive = run.test_drive

    def noting(cars: list[CarSpec], *, copies: int, time_limit_s: float | None) -> TestDrive:
        fields.append(cars)
        return drive(cars, copies=copies, time_limit_s=time_limit_s)

    monkeypatch.setattr(run, "test_drive", noting)
    run.train()
    assert len(fields) >= 3
    assert all(cars[0] == fields[0][0] for cars in fields)  # the car itself is always there
    others = [car for cars in fields for car in cars[1:]]
    assert len({car.speed_gain for car in others}) == len(others)
