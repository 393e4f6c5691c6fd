from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny import CIRCUIT, begin, league, recipe, train

from league import InputError, LeagueError, ModelError, Rules, race
from league.learn.results.evaluation import evaluate
from league.learn.results.runfolder import RunFolder, load_weights
from league.learn.results.testdrive import SLOWEST_MPS, Driven, score
from league.learn.training.pit import Moment
from league.learn.training.run import Run, find_circuits

SEASONED = recipe(
    budget={"steps": 49_152},
    learning={"cars": 64, "steps": 64, "batch_size": 1024, "epochs": 6, "learning_rate": 0.002},
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Moment]]:
    folder = tmp_path_factory.mktemp("runs") / "first"
    moments: list[Moment] = []
    train(folder, SEASONED, tell=moments.append)
    return folder, moments


def test_a_run_leaves_all_that_it_takes_to_race_and_to_repeat_it(finished: tuple[Path, list[Moment]]) -> None:
    folder, moments = finished
    assert {file.name for file in (folder / "model").iterdir()} >= {
        "model.onnx",
        "model_metadata.json",
        "cost.json",
        "recipe.toml",
        "policy.pt",
    }
    cost = json.loads((folder / "model" / "cost.json").read_text())
    assert cost["steps"] == moments[-1].steps == 49_152
    assert cost["simulated_hours"] == pytest.approx(49_152 / 15 / 3600, abs=1e-4)
    assert cost["onnx_apart"] <= 1e-5
    assert moments[-1].share == 1.0
    assert RunFolder.open(folder).recipe() == SEASONED


def test_the_model_drives_the_laps_of_its_test_drive(finished: tuple[Path, list[Moment]]) -> None:
    folder, _ = finished
    reached = json.loads((folder / "model" / "cost.json").read_text())["reached"]
    (entry,) = race(CIRCUIT, [str(folder / "model")], laps=1, league=league()).standings
    assert (reached["circuits"], reached["finished"]) == (1, 1)
    assert entry.total_s == pytest.approx(reached["race_s"], abs=1e-5)
    assert min(lap.time_s for lap in entry.laps) == pytest.approx(reached["lap_s"], abs=1e-5)
    assert entry.off_tracks == reached["off_tracks"]


def test_the_same_recipe_and_seed_give_the_same_weights(tmp_path: Path) -> None:
    first, second, other = (
        load_weights(train(tmp_path / name, recipe(seed=seed)).model / "policy.pt")["policy"]
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_an_interrupted_run_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    def stop(moment: Moment) -> None:
        if moment.steps >= 1024:
            raise KeyboardInterrupt

    made = recipe(budget={"steps": 2048})
    run = begin(tmp_path / "run", made, tell=stop)
    with pytest.raises(KeyboardInterrupt):
        run.train()
    assert (tmp_path / "run" / "model" / "model.onnx").exists(), "what was learned is there"
    folder = RunFolder.open(tmp_path / "run")
    moments: list[Moment] = []
    later = Run(folder.recipe(), folder, league=league(), tell=moments.append)
    later.resume()
    before = {name: tensor.clone() for name, tensor in run.learner.policy.state_dict().items()}
    saved = load_weights(tmp_path / "run" / "checkpoint.pt")["policy"]
    assert before.keys() == saved.keys()
    outcome = later.train()
    assert outcome.finished
    assert outcome.cost.steps == 2048
    assert moments[0].steps == 1536
    assert moments[0].time_s > run.pit.moments[-1].time_s


def test_a_clone_begins_with_its_parents_weights(finished: tuple[Path, list[Moment]], tmp_path: Path) -> None:
    folder, _ = finished
    parent = load_weights(folder / "model" / "policy.pt")["policy"]
    faster = recipe(action_space={"speed_mps": (1.0, 3.0)}, circuits=["clover"], vary={"noise": 1.0})
    run = begin(tmp_path / "clone", faster)
    run.clone(folder)
    assert all(torch.equal(parent[name], tensor) for name, tensor in run.learner.policy.state_dict().items())
    listed = begin(
        tmp_path / "listed", recipe(action_space={"actions": [(-30.0, 1.0), (30.0, 1.0), (0.0, 2.0)]})
    )
    listed.clone(folder)
    name = "mlp_extractor.policy_net.0.weight"
    assert torch.equal(parent[name], listed.learner.policy.state_dict()[name])


def test_a_clone_that_learns_nothing_good_is_its_parent(
    finished: tuple[Path, list[Moment]], tmp_path: Path
) -> None:
    folder, _ = finished
    ruinous = recipe(budget={"steps": 1024}, learning={"learning_rate": 5.0}, keep={"best_by": "progress"})
    run = begin(tmp_path / "clone", ruinous)
    run.clone(folder)
    parent = load_weights(folder / "model" / "policy.pt")["policy"]
    kept = load_weights(run.train().model / "policy.pt")["policy"]
    learned = load_weights(tmp_path / "clone" / "checkpoint.pt")["policy"]
    assert all(torch.equal(parent[name], tensor) for name, tensor in kept.items())
    assert not all(torch.equal(parent[name], tensor) for name, tensor in learned.items())


@pytest.mark.parametrize(
    ("algorithm", "steps"),
    [pytest.param("ppo", 1024, id="ppo"), pytest.param("sac", 300, id="sac", marks=pytest.mark.slow)],
)
def test_a_clone_goes_on_learning(tmp_path: Path, algorithm: str, steps: int) -> None:
    made = recipe(
        learning={"algorithm": algorithm, "batch_size": 64, "first_steps": 100},
        budget={"steps": steps},
        keep={"best_by": "last"},
    )
    train(tmp_path / "parent", made)
    clone = begin(tmp_path / "clone", made)
    clone.clone(tmp_path / "parent")
    parent = load_weights(tmp_path / "parent" / "model" / "policy.pt")["policy"]
    learned = load_weights(clone.train().model / "policy.pt")["policy"]
    # Not the targets of SAC's critics, which follow them without learning.
    names = [name for name in learned if "target" not in name]
    apart = {name: float((parent[name] - learned[name]).abs().max()) for name in names}
    assert max(apart.values()) > 1e-6


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({"sensors": ["lidar"]}, "same sensors"), ({"learning": {"network": [8]}}, "network")],
)
def test_what_does_not_fit_cannot_be_cloned(
    finished: tuple[Path, list[Moment]], tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    run = begin(tmp_path / "clone", recipe(**changes))
    with pytest.raises(ModelError, match=expected):
        run.clone(finished[0])
    with pytest.raises(InputError, match="nothing to clone"):
        run.clone(tmp_path)


def test_weights_that_would_run_code_are_refused(tmp_path: Path) -> None:
    class Bad:
        def __reduce__(self) -> Any:
            return (print, ("owned",))

    torch.save({"policy": Bad()}, tmp_path / "policy.pt")
    with pytest.raises(ModelError, match="no weights"):
        load_weights(tmp_path / "policy.pt")


def test_a_reward_that_fails_stops_the_run_and_keeps_the_model(tmp_path: Path) -> None:
    file = tmp_path / "pay.py"
    file.write_text(
        "def reward_function(params):\n    return 1.0 if params['steps'] < 40 else 1 / 0\n", encoding="utf-8"
    )
    made = recipe(
        reward={"kind": "file", "file": str(file)}, budget={"steps": 100_000}, keep={"every_s": 0.001}
    )
    run = begin(tmp_path / "run", made)
    with pytest.raises(LeagueError, match="ZeroDivisionError"):
        run.train()
    assert (tmp_path / "run" / "model" / "model.onnx").exists()
    assert (tmp_path / "run" / "inputs" / "pay.py").exists()


def test_a_users_reward_pays_as_the_built_in_one(tmp_path: Path) -> None:
    file = tmp_path / "pay.py"
    file.write_text(
        "def reward_function(params):\n"
        "    if params['all_wheels_on_track'] and params['steps'] > 0:\n"
        "        return params['progress'] / params['steps'] * 100 + params['speed'] ** 2\n"
        "    return 0.01\n",
        encoding="utf-8",
    )
    random = np.random.default_rng(2)
    # DeepRacer counts from the origin's place, the referee from the nose's: they agree along the road.
    straight = {"spread": 0.0, "heading_rad": 0.0}
    built, written = (
        begin(tmp_path / name, recipe(reward=reward, episode=straight)).ground.field
        for name, reward in (("a", {"kind": "pursuit"}), ("b", {"kind": "file", "file": str(file)}))
    )
    assert np.array_equal(built.begin(), written.begin())
    for tick in range(60):
        answers = random.uniform(-0.5, 0.5, (16, 2)).astype(np.float32)
        first, second = built.drive(answers), written.drive(answers)
        if tick >= 10:  # a hair is much when it is divided by one step
            assert first.paid == pytest.approx(second.paid, rel=0.03, abs=0.5)


def _slow(changes: dict[str, Any]) -> Any:
    return pytest.param(changes, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    "changes",
    [
        {"sensors": ["lidar"], "learning": {"steps": 16}},
        {"action_space": {"actions": [(-30.0, 1.0), (0.0, 2.0), (30.0, 1.0)]}},
        {"vary": {"car": 0.1, "noise": 1.0, "latency_ticks": 1}},
        _slow({"sensors": ["lidar-sectors", "state"]}),
        _slow(
            {"learning": {"algorithm": "sac", "batch_size": 64, "first_steps": 100}, "budget": {"steps": 300}}
        ),
        _slow({"circuits": ["generated:5:1", CIRCUIT], "both_directions": True}),
    ],
    ids=lambda changes: "-".join(changes),
)
def test_every_sort_of_training_ends_in_a_model(tmp_path: Path, changes: dict[str, Any]) -> None:
    outcome = train(tmp_path / "run", recipe(**({"budget": {"steps": 512}} | changes)))
    assert outcome.finished
    assert (outcome.model / "model.onnx").stat().st_size > 1000
    assert all(0.0 <= drive.progress_pct <= 100.0 for drive in outcome.drives)
    # As a driver of its own the model does, tick by tick, what the policy did in the test drive.
    drive = outcome.drives[0]
    road = find_circuits(league(), [drive.circuit])[0] if "generated" not in drive.circuit else None
    if road is not None and "vary" not in changes:
        rules = Rules(laps=1, time_limit_s=road.length_m / SLOWEST_MPS)
        (entry,) = evaluate(league(), str(outcome.model), road, rules=rules).trials[0].result.entries
        assert entry.off_tracks == drive.off_tracks
        assert entry.progress_pct == pytest.approx(drive.progress_pct, abs=1.0)


@pytest.mark.slow
@pytest.mark.parametrize("vision", ["shallow", "default", "deep"])
def test_a_short_camera_training_ends_in_a_model(tmp_path: Path, vision: str) -> None:
    learning = {"cars": 4, "steps": 16, "batch_size": 32, "epochs": 1, "vision": vision}
    outcome = train(tmp_path / "run", recipe(sensors=["camera"], learning=learning, budget={"steps": 128}))
    metadata = json.loads((outcome.model / "model_metadata.json").read_text())
    assert metadata["sensor"] == ["FRONT_FACING_CAMERA"]


@pytest.mark.slow
def test_a_minute_of_sprinting_wins_clean_laps(tmp_path: Path) -> None:
    from league.learn.settings.recipe import read_recipe

    made = read_recipe("sprint").changed(budget={"minutes": None, "steps": 262_144})
    (drive,) = train(tmp_path / "run", made).drives
    assert drive.finished
    assert drive.off_tracks == 0
    assert drive.total_s < 24.0


def test_circuits_are_found_by_every_sort_of_name() -> None:
    found = find_circuits(league(), [CIRCUIT, "clover:reversed", "generated:2:9"], both=True)
    assert [road.id for road in found] == [
        "clubhouse-loop",
        "clubhouse-loop:reversed",
        "clover:reversed",
        "clover",
        "generated-9-0",
        "generated-9-0:reversed",
        "generated-9-1",
        "generated-9-1:reversed",
    ]


def test_better_test_drives_score_higher() -> None:
    def drove(laps: tuple[float, ...], progress: float = 100.0) -> Driven:
        return Driven("x", laps, 0, 0, progress, finished=len(laps) == 3)

    quick, steady, half = drove((7.0, 6.0, 6.5)), drove((6.4, 6.3, 6.4)), drove((6.0,), 50.0)
    assert score([steady], "race", 0.0) > score([quick], "race", 0.0) > score([half], "race", 0.0)
    assert score([quick], "lap_time", 0.0) > score([steady], "lap_time", 0.0)
    assert score([steady], "progress", 0.0) > score([half], "progress", 9.0)
    assert score([half], "reward", 9.0) > score([quick], "reward", 8.0)
