"""CSV of a recording: positions, and DeepRacer's simtrace of one car."""

from __future__ import annotations

import csv
import io

import pytest
from tiny import CIRCUIT, league

from league import Agent, Command, Observation, Rules, race
from league.errors import InputError
from league.export.sheets import POSITIONS, positions, simtrace, wheels_off
from league.learn.results.evaluation import evaluate
from league.learn.results.simtrace import COLUMNS, trace


class Hasty(Agent):
    """Takes every corner too fast."""

    def act(self, seen: Observation) -> Command:
        x_m, y_m = (float(value) for value in seen.ahead[1, :2])
        return Command(steer_rad=min(max(1.4 * y_m / max(x_m, 0.1), -0.5), 0.5), speed_mps=2.0)


def test_every_car_has_a_row_for_every_tick() -> None:
    names = ['Ann "A", Smith', "Bo\nb"]
    recording = race(
        CIRCUIT, ["pure-pursuit", "pure-pursuit"], names=names, laps=1, format="head-to-head", league=league()
    ).recordings[-1]
    rows = list(csv.DictReader(io.StringIO(positions(recording))))
    assert tuple(rows[0]) == POSITIONS
    assert len(rows) == 2 * len(recording.frames)
    assert [row["name"] for row in rows[:2]] == [entry.name for entry in recording.plan.grid]
    last = rows[-1]
    assert float(last["x_m"]) == pytest.approx(recording.frames[-1, 1, 0], abs=1e-5)


def test_a_recordings_simtrace_is_the_one_that_an_evaluation_writes() -> None:
    done = evaluate(league(), f"{__name__}:Hasty", league().circuit(CIRCUIT), rules=Rules(laps=2), seed=4)
    trial = done.trials[0]
    assert sum(trial.wheels_off) > 0
    assert wheels_off(trial.recording, 0) == list(trial.wheels_off)
    rows, _ = trace(trial, done.circuit)
    written = list(csv.reader(io.StringIO(simtrace(trial.recording))))
    assert tuple(written[0]) == COLUMNS
    assert written[1:] == [[str(cell) for cell in row] for row in rows]


def test_each_car_of_a_heat_has_its_own_simtrace() -> None:
    recording = race(
        CIRCUIT, ["pure-pursuit", f"{__name__}:Hasty"], laps=1, format="head-to-head", league=league()
    ).recordings[-1]
    first, second = (list(csv.DictReader(io.StringIO(simtrace(recording, seat)))) for seat in (0, 1))
    assert [row["X"] for row in first] != [row["X"] for row in second]
    laps = [
        len(entry.laps) for entry in (recording.result.of(plan.id) for plan in recording.plan.grid) if entry
    ]
    ended = [sum(row["episode_status"] == "lap_complete" for row in rows) for rows in (first, second)]
    assert ended == laps
    with pytest.raises(InputError, match="expected 0 to 1"):
        simtrace(recording, 2)


def test_pandas_opens_both_with_numbers_where_there_are_numbers() -> None:
    pandas = pytest.importorskip("pandas")
    recording = race(
        CIRCUIT, ["pure-pursuit", "pure-pursuit"], laps=1, format="head-to-head", league=league()
    ).recordings[-1]
    where = pandas.read_csv(io.StringIO(positions(recording)))
    assert where.shape == (2 * len(recording.frames), len(POSITIONS))
    assert where["x_m"].dtype == "float64"
    steps = pandas.read_csv(io.StringIO(simtrace(recording)))
    assert tuple(steps.columns) == COLUMNS
    assert all(
        pandas.api.types.is_numeric_dtype(steps[name]) for name in ("X", "Y", "yaw", "steer", "progress")
    )
