"""`league sweep`: the same models wherever they are trained, and a sweep goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import pytest
from crew import Here
from tiny import recipe

from league.cli import main, sweep
from league.errors import InputError


@pytest.fixture
def trained_here(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def here(workers: int | None, cluster: str | None) -> Iterator[Executor]:
        yield Here()

    monkeypatch.setattr(sweep, "chosen_engine", here)


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    return int(ended.value.code or 0)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    written = tmp_path / "tiny.toml"
    written.write_text(recipe().toml(), encoding="utf-8")
    return written


@pytest.mark.slow
@pytest.mark.usefixtures("trained_here")
def test_every_recipe_is_trained_with_every_seed_as_league_train_does(tmp_path: Path, file: Path) -> None:
    assert run("sweep", file, "--seeds", "3-4", "--out", tmp_path / "runs", "--json", tmp_path / "told") == 0
    assert run("train", "--recipe", file, "--seed", 3, "--out", tmp_path / "alone") == 0
    model = (tmp_path / "alone" / "model" / "model.onnx").read_bytes()
    assert (tmp_path / "runs" / "tiny-3" / "model" / "model.onnx").read_bytes() == model
    assert (tmp_path / "runs" / "tiny-4" / "model" / "model.onnx").read_bytes() != model
    told = json.loads((tmp_path / "told").read_text())
    assert [Path(each["run"]).name for each in told["runs"]] == ["tiny-3", "tiny-4"]
    begun = json.loads((tmp_path / "runs" / "tiny-3" / "run.json").read_text())["command"]
    assert begun[:2] == ["league", "train"]


@pytest.mark.slow
@pytest.mark.usefixtures("trained_here")
def test_a_sweep_goes_on_where_it_was(tmp_path: Path, file: Path) -> None:
    assert run("sweep", file, "--seeds", 3, "--out", tmp_path / "runs") == 0
    evaluation = tmp_path / "runs" / "tiny-3" / "model" / "evaluation.json"
    before = evaluation.stat().st_mtime_ns
    assert run("sweep", file, "--seeds", "3,5", "--out", tmp_path / "runs") == 0
    assert evaluation.stat().st_mtime_ns == before
    assert (tmp_path / "runs" / "tiny-5" / "model" / "model.onnx").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("trained_here")
def test_a_run_that_fails_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    reward = tmp_path / "reward.py"
    reward.write_text("def reward_function(params):\n    return params['nothing']\n", encoding="utf-8")
    made = recipe(reward={"kind": "file", "file": str(reward)})
    file = tmp_path / "wrong.toml"
    file.write_text(made.toml(), encoding="utf-8")
    assert run("sweep", file, "--out", tmp_path / "runs") == 1
    assert "1 of 1 runs failed; wrong-1:" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "seeds"), [("4", [4]), ("1,3", [1, 3]), ("2-4, 9", [2, 3, 4, 9])])
def test_seeds_are_numbers_and_ranges(text: str, seeds: list[int]) -> None:
    assert sweep.read_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "a", "1,1", "4-2", "1-3,2"])
def test_seeds_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="seeds"):
        sweep.read_seeds(text)
