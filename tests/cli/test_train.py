from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from tiny import CIRCUIT, TINY, recipe

from league.cli import main
from league.learn.results.runfolder import load_weights
from league.learn.settings.recipe import Recipe


def write(folder: Path, made: Recipe) -> Path:
    file = folder / "tiny.toml"
    file.write_text(made.toml(), encoding="utf-8")
    return file


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_a_recipe_becomes_a_model_that_is_evaluated_and_priced(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path, recipe(beside=[{"name": "somebody", "laps_s": [9.5, 8.25]}]))
    out = tmp_path / "run"
    assert (
        run(
            "train",
            "--recipe",
            str(file),
            "--seed",
            "3",
            "--out",
            str(out),
            "--json",
            str(tmp_path / "o.json"),
        )
        == 0
    )
    shown = capsys.readouterr().out
    assert "somebody" in shown
    assert "8.250" in shown
    assert "CPU-hours" in shown
    told = json.loads((tmp_path / "o.json").read_text())
    assert told["cost"]["steps"] == 1024
    assert told["evaluation"]["laps"] == 1
    for name in (
        "recipe.toml",
        "run.json",
        "history.csv",
        "training.png",
        "model/evaluation.json",
        "model/line.png",
    ):
        assert (out / name).stat().st_size > 100, name
    facts = json.loads((out / "run.json").read_text())
    assert facts["seed"] == 3
    assert facts["versions"]["torch"]
    assert run("train", "--recipe", str(file), "--out", str(out)) == 2
    assert "holds a run already" in capsys.readouterr().err


def test_a_run_whose_files_were_wrong_is_begun_again_in_any_folder(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from league.errors import InputError
    from league.learn.results.runfolder import RunFolder

    out = tmp_path / "erste Übung"
    wrong = tmp_path / "model_metadata.json"
    wrong.write_text('{"lr": 0.1}', encoding="utf-8")
    for _ in range(2):
        assert run("train", "clover", "--metadata", str(wrong), "--out", str(out)) == 2
        assert "has no action_space" in capsys.readouterr().err
    (out / "checkpoint.pt").write_bytes(b"learned")
    with pytest.raises(InputError, match="holds a run already"):
        RunFolder.create(out)


def test_two_runs_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from league.learn.results.runfolder import RunFolder

    file, out = write(tmp_path, recipe()), tmp_path / "run"
    folder = RunFolder.create(out)
    folder.keep_inputs(recipe())
    kept = (out / "recipe.toml").read_bytes()
    with folder.alone():
        for how in (("--recipe", str(file), "--out"), ("--resume",)):
            assert run("train", *how, str(out)) == 2
            assert f"{out}: a run is going on in it (process {os.getpid()})" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["inputs", "recipe.toml"]
    assert (out / "recipe.toml").read_bytes() == kept


@pytest.mark.slow
def test_a_deepracer_users_own_files_train_a_model(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    reward = tmp_path / "reward_function.py"
    reward.write_text("def reward_function(params):\n    return params['progress']\n", encoding="utf-8")
    metadata = tmp_path / "model_metadata.json"
    space = {"speed": {"low": 1.0, "high": 2.0}, "steering_angle": {"low": -20, "high": 20}}
    metadata.write_text(
        json.dumps({"action_space": space, "sensor": ["STATE"], "version": "5"}), encoding="utf-8"
    )
    hyper = tmp_path / "hyperparameters.json"
    given = {"batch_size": 64, "num_epochs": 3, "num_episodes_between_training": 8, "loss_type": "huber"}
    hyper.write_text(json.dumps(given), encoding="utf-8")
    out = tmp_path / "mine"
    options = ["--reward", str(reward), "--metadata", str(metadata), "--hyperparameters", str(hyper)]
    assert run("train", CIRCUIT, *options, "--steps", "500", "--out", str(out)) == 0
    told = capsys.readouterr()
    assert "num_episodes_between_training" in told.err
    model = json.loads((out / "model" / "model_metadata.json").read_text())
    assert model["action_space"] == space
    assert {file.name for file in (out / "inputs").iterdir()} == {
        file.name for file in (reward, metadata, hyper)
    }
    # Whoever gets the folder can repeat the run with nothing else, and clone its model.
    again = tmp_path / "again"
    copied = str(out / "recipe.toml")
    assert run("train", "--recipe", copied, "--from", str(out), "--steps", "200", "--out", str(again)) == 0
    facts = json.loads((again / "run.json").read_text())
    assert facts["cloned"]
    assert "inputs/parent/policy.pt" in facts["inputs"]
    assert json.loads((again / "model" / "cost.json").read_text())["parent"]["steps"] >= 500
    third, moved = tmp_path / "third", out.rename(tmp_path / "moved")
    assert run("train", "--recipe", str(again / "recipe.toml"), "--out", str(third)) == 0
    first, second = (load_weights(where / "model" / "policy.pt")["policy"] for where in (again, third))
    assert all(torch.equal(first[name], second[name]) for name in first), moved


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    for arguments, expected in (
        ((), "expected --out"),
        (("--out", out), "expected a CIRCUIT"),
        (("nowhere", "--out", out), "nowhere"),
        (("--recipe", "sprnt", "--out", out), "sprint"),
        ((CIRCUIT, "--from", str(tmp_path), "--out", out + "2"), "nothing to clone"),
        (("--resume", str(tmp_path)), "holds no run"),
    ):
        assert run("train", *arguments) == 2
        told = capsys.readouterr().err.strip().splitlines()
        assert len(told) == 1
        assert expected in told[0]


@pytest.mark.slow
def test_an_interrupted_run_says_how_to_go_on_and_does(tmp_path: Path) -> None:
    file = write(tmp_path, recipe(budget={"steps": 10**9}, keep={"checkpoint_s": 1.0}))
    out = tmp_path / "run"
    begun = [sys.executable, "-m", "league", "train", "--recipe", str(file), "--out", str(out)]
    process = subprocess.Popen(begun, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 120
    while not (out / "checkpoint.pt").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    os.kill(process.pid, signal.SIGTERM)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert f"league train --resume {out}" in told
    text = (out / "recipe.toml").read_text(encoding="utf-8")
    (out / "recipe.toml").write_text(text.replace("steps = 1000000000", "steps = 1"), encoding="utf-8")
    again = [sys.executable, "-m", "league", "train", "--resume", str(out)]
    done = subprocess.run(again, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert (out / "model" / "evaluation.json").exists()
    assert TINY["name"] in done.stdout


def test_only_a_run_that_learned_something_can_be_gone_on_with(tmp_path: Path) -> None:
    from league.cli.train import _how_on

    folder = tmp_path / "erste Übung"
    folder.mkdir()
    assert "the same command begins anew" in _how_on(folder)
    (folder / "checkpoint.pt").touch()
    assert _how_on(folder) == f"go on with: league train --resume '{folder}'"
