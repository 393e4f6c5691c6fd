"""DeepRacer's hyperparameters.json: read, checked, and told what becomes of each name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from league import ConfigError
from league.learn.settings.hyperparameters import (
    NAMES,
    Hyperparameters,
    load_hyperparameters,
    read_hyperparameters,
)


def test_users_files_are_read_and_written_back_the_same(data_folder: Path) -> None:
    files = sorted((data_folder / "hyperparameters").glob("*.json"))
    assert len(files) > 25
    for file in files:
        found = load_hyperparameters(file)
        assert set(found.given) <= set(NAMES)
        assert len(found.given) >= 8
        again = read_hyperparameters(found.text())
        assert again.as_dict() == found.as_dict()
        for algorithm in ("clipped_ppo", "sac"):
            rows = found.mapped(algorithm)
            assert [name for name, _, _ in rows] == [*NAMES, *found.unknown]
            assert all(became for _, _, became in rows)


def test_what_is_left_out_has_the_simulators_default() -> None:
    assert read_hyperparameters("{}") == Hyperparameters()
    found = read_hyperparameters('{"lr": 0.001}')
    assert (found.lr, found.batch_size, found.discount_factor, found.given) == (0.001, 64, 0.999, ("lr",))


def test_every_name_says_what_it_becomes() -> None:
    text = '{"batch_size": 64, "num_epochs": 2, "lr": 0.0003, "beta_entropy": 0.01, "discount_factor": 0.99}'
    became = {name: words for name, _, words in read_hyperparameters(text).mapped()}
    assert became["batch_size"] == "batch_size"
    assert became["num_epochs"] == "n_epochs (the console offers 3 to 10)"
    assert became["lr"] == "learning_rate"
    assert became["beta_entropy"] == "ent_coef"
    assert became["discount_factor"] == "gamma"
    assert became["loss_type"].endswith("(DeepRacer's default)")
    sac = {name: words for name, _, words in read_hyperparameters('{"sac_alpha": 0.1}').mapped("sac")}
    assert sac["sac_alpha"] == "ent_coef"
    assert sac["beta_entropy"].startswith("nothing")


def test_unknown_names_are_told_and_kept() -> None:
    found = read_hyperparameters('{"num_epoch": 2, "colour": "red"}')
    rows = {name: words for name, _, words in found.mapped()}
    assert rows["num_epoch"] == "nothing: DeepRacer has no such name; did you mean num_epochs?"
    assert rows["colour"] == "nothing: DeepRacer has no such name"
    assert json.loads(found.text())["colour"] == "red"


def test_remarks_and_commas_at_the_end_are_overlooked() -> None:
    text = """{
      "lr": 0.0003, // lower it later, "lr": 1
      "exploration_type": "categorical", // as always
      "note": "a // b, }",
      "batch_size": 128, //
    }"""
    found = read_hyperparameters(text)
    assert (found.lr, found.batch_size, found.unknown) == (0.0003, 128, {"note": "a // b, }"})


@pytest.mark.parametrize(
    ("spelling", "huber"),
    [("huber", True), ("Huber", True), ("mean squared error", False), ("mean_squared_error", False)],
)
def test_losses_have_more_than_one_spelling(spelling: str, huber: bool) -> None:
    assert read_hyperparameters(json.dumps({"loss_type": spelling})).huber is huber


def test_numbers_may_be_written_as_text() -> None:
    found = read_hyperparameters('{"batch_size": "128", "lr": "1e-4", "num_epochs": 5.0}')
    assert (found.batch_size, found.lr, found.num_epochs) == (128, 1e-4, 5)
    assert isinstance(found.batch_size, int)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"batch_size": 0}, "batch_size is 0, expected a whole number from 1 to"),
        ({"batch_size": 64.5}, "expected a whole number"),
        ({"lr": 0}, "lr is 0, expected a number from 0 to 1"),
        ({"lr": -1}, "lr is -1"),
        ({"lr": "fast"}, "lr is 'fast'"),
        ({"lr": True}, "lr is True"),
        ({"lr": [1]}, "lr is [1]"),
        ({"epsilon_steps": 10**400}, "epsilon_steps is 1000"),
        ({"discount_factor": 1.5}, "discount_factor is 1.5, expected a number from 0 to 1"),
        ({"loss_type": "l1"}, "expected one of mean squared error, huber"),
        ({"exploration_type": "none"}, "expected one of categorical, e-greedy, additive_noise"),
        ({"beta_entropy": float("nan")}, "beta_entropy is nan"),
        ([1], "is a list, expected an object"),
    ],
)
def test_what_is_out_of_range_gets_one_line(given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_hyperparameters(json.dumps(given), where="h.json")
    assert str(caught.value).startswith("h.json: ")
    assert said in str(caught.value)


def test_a_file_that_is_no_json_or_not_there_gets_one_line(tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_hyperparameters(file)
    file.write_text("{lr: 3}")
    with pytest.raises(ConfigError, match=r"h\.json: not JSON"):
        load_hyperparameters(file)


@given(st.text(alphabet='{}[]",:/ \n1alr', max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = read_hyperparameters(text)
    except ConfigError:
        return
    assert isinstance(found, Hyperparameters)
