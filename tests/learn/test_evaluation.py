from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from deepracer.logs import AnalysisUtils, DeepRacerLog
from numpy.typing import NDArray
from tiny import CIRCUIT, league

from league import DEEPRACER, Agent, Command, LidarSensor, Observation, Rules, race
from league.learn.ground.variation import varied
from league.learn.results.evaluation import Conditions, Evaluation, evaluate
from league.learn.results.simtrace import COLUMNS, trace, write_logs
from league.sim.kernel import FIGURES

RULES = Rules(laps=2)


class Hasty(Agent):
    """Takes every corner too fast."""

    def act(self, seen: Observation) -> Command:
        x_m, y_m = (float(value) for value in seen.ahead[1, :2])
        steer_rad = min(max(1.4 * y_m / max(x_m, 0.1), -0.5), 0.5)
        return Command(steer_rad=steer_rad, speed_mps=2.0)


@pytest.fixture(scope="module")
def hasty() -> Evaluation:
    return evaluate(league(), f"{__name__}:Hasty", league().circuit(CIRCUIT), rules=RULES, trials=2, seed=4)


@pytest.fixture(scope="module")
def steady() -> Evaluation:
    return evaluate(league(), "pure-pursuit", league().circuit(CIRCUIT), rules=RULES, trials=3, seed=4)


def test_a_trial_is_a_race(steady: Evaluation) -> None:
    (entry,) = race(CIRCUIT, ["pure-pursuit"], laps=2, league=league()).standings
    assert [lap.time_s for lap in steady.trials[0].entry.laps] == [lap.time_s for lap in entry.laps]
    payload = steady.as_dict()
    assert payload["entries"][0]["total_s"] == entry.total_s
    assert payload["spread"]["clean"] == 3


def test_without_anything_that_differs_all_trials_are_the_same(steady: Evaluation) -> None:
    assert len({trial.result.state_hash for trial in steady.trials}) > 0
    assert len({trial.entry.total_s for trial in steady.trials}) == 1
    assert steady.spread()["total_s"]["deviation"] == 0.0


def test_conditions_make_trials_differ_and_the_seed_repeats_them() -> None:
    def totals(seed: int, **conditions: float) -> list[float | None]:
        done = evaluate(
            league(),
            "pure-pursuit",
            league().circuit(CIRCUIT),
            rules=Rules(laps=1),
            trials=3,
            seed=seed,
            conditions=Conditions(**conditions),  # type: ignore[arg-type]
        )
        return [trial.entry.total_s for trial in done.trials]

    assert len(set(totals(1, car=0.1))) == 3
    assert len(set(totals(1, noise=1.0))) == 3
    assert totals(1, car=0.1, noise=1.0) == totals(1, car=0.1, noise=1.0)
    assert totals(1, car=0.1) != totals(2, car=0.1)
    assert totals(1, latency_ticks=2) != totals(1)


def test_cars_differ_in_how_they_move_and_in_nothing_else() -> None:
    import numpy as np

    other = varied(DEEPRACER, 0.1, np.random.default_rng(0))
    moved = {name for name, value in DEEPRACER.as_dict().items() if value != getattr(other, name)}
    assert moved <= set(FIGURES)
    assert {"lateral_mps2", "speed_lag_s", "base_m"} <= moved
    for name in moved:
        assert abs(getattr(other, name) / getattr(DEEPRACER, name) - 1.0) <= 0.1


def test_leaving_the_road_is_told_lap_by_lap(hasty: Evaluation) -> None:
    entry = hasty.trials[0].entry
    assert entry.off_tracks > 0
    assert not hasty.trials[0].clean
    rows, metrics = trace(hasty.trials[0], hasty.circuit)
    assert [round(lap["elapsed_time_in_milliseconds"]) for lap in metrics] == [
        round(1000 * lap.time_s) for lap in entry.laps
    ]
    assert [lap["off_track_count"] for lap in metrics] == [lap.off_tracks for lap in entry.laps]
    statuses = [row[COLUMNS.index("episode_status")] for row in rows]
    assert statuses.count("off_track") == entry.off_tracks
    assert statuses.count("lap_complete") == len(entry.laps)
    assert "pause" in statuses
    assert all(len(row) == len(COLUMNS) for row in rows)


def test_deepracers_own_tools_read_the_logs(hasty: Evaluation, tmp_path: Path) -> None:
    files = write_logs(hasty, tmp_path)
    assert len(files) == 2
    with files[0].open(encoding="utf-8") as file:
        assert tuple(next(csv.reader(file))) == COLUMNS
    log = DeepRacerLog(model_folder=str(tmp_path))
    log.load_evaluation_trace(ignore_metadata=True)
    laps = AnalysisUtils.simulation_agg(log.df, firstgroup="stream", is_eval=True)
    entries = [trial.entry for trial in hasty.trials]
    assert list(laps["complete"]) == [1] * sum(len(entry.laps) for entry in entries)
    # Its times are those of whole ticks.
    expected = [lap.time_s for entry in entries for lap in entry.laps]
    assert list(laps["time"]) == pytest.approx(expected, abs=0.15)
    for file in sorted((tmp_path / "metrics" / "evaluation").glob("*.json")):
        assert len(json.loads(file.read_text())["metrics"]) == 2


class Looking(Agent):
    """Notes what its LIDAR says, and stands."""

    sensors = ("lidar",)
    said: ClassVar[list[NDArray[np.float32]]] = []

    def act(self, seen: Observation) -> Command:
        self.said.append(seen.sensors["lidar"])
        return Command(steer_rad=0.0, speed_mps=0.0)


def test_tired_eyes_see_nothing_that_a_sensor_cannot_say() -> None:
    Looking.said.clear()
    evaluate(
        league(),
        f"{__name__}:Looking",
        league().circuit(CIRCUIT),
        rules=Rules(time_limit_s=2.0),
        conditions=Conditions(noise=5000.0),
    )
    said = np.array(Looking.said)
    nearest, farthest = (np.float32(value) for value in (LidarSensor().low, LidarSensor().high))
    assert said.min() == nearest
    assert said.max() == farthest
