"""DeepRacer's logs of an evaluation: simtrace CSV and metrics JSON, as its own tools read them.

Every lap is an episode, every trial a folder, laid out as deepracer-for-cloud uploads them:

    model/model_metadata.json
    evaluation-20260131120000/evaluation-simtrace/0-iteration.csv
    metrics/evaluation/evaluation-20260131120000.json

Rewards are 0: nobody pays in an evaluation.
"""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import cos, degrees, sin
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError
from league.learn.results.evaluation import Evaluation, Trial
from league.racing.heat import FRAME_FIELDS, STANDS
from league.racing.metadata import METADATA_FILE
from league.racing.recording import Recording
from league.racing.result import LapResult
from league.track.circuit import Circuit

COLUMNS = (
    "episode", "steps", "X", "Y", "yaw", "steer", "throttle", "action", "reward", "done",
    "all_wheels_on_track", "progress", "closest_waypoint", "track_len", "tstamp", "episode_status",
    "pause_duration",
)  # fmt: skip
METRICS_VERSION = 2.0
_LABELS = {"lap_complete": "Lap complete", "time_up": "Time up", "off_track": "Off track"}
_X, _Y, _YAW, _ALONG, _LAP, _FLAGS = (
    FRAME_FIELDS.index(name) for name in ("x_m", "y_m", "yaw_rad", "along_m", "lap", "flags")
)


@dataclass(slots=True)
class _Lap:
    """What is counted of a lap for the metrics."""

    began_s: float
    off_tracks: int = 0
    resets: int = 0
    crashes: int = 0
    immobilised: int = 0
    reversed: int = 0


def write_logs(done: Evaluation, folder: Path, *, model: Path | None = None) -> list[Path]:
    """Write the logs of all trials; returns the simtrace files.

    Args:
        done: The evaluation.
        folder: Where; made if need be.
        model: A model's folder, whose metadata is copied beside the logs.

    Raises:
        InputError: The files cannot be written.
    """
    began = datetime.now(UTC).replace(microsecond=0)
    written = []
    try:
        (folder / "model").mkdir(parents=True, exist_ok=True)
        if model is not None and (model / METADATA_FILE).is_file():
            shutil.copyfile(model / METADATA_FILE, folder / "model" / METADATA_FILE)
        for trial in done.trials:
            stamp = f"{began + timedelta(seconds=trial.number - 1):%Y%m%d%H%M%S}"
            rows, metrics = trace(trial, done.circuit)
            file = folder / f"evaluation-{stamp}" / "evaluation-simtrace" / "0-iteration.csv"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", newline="", encoding="utf-8") as out:
                writer = csv.writer(out)
                writer.writerow(COLUMNS)
                writer.writerows(rows)
            beside = folder / "metrics" / "evaluation" / f"evaluation-{stamp}.json"
            beside.parent.mkdir(parents=True, exist_ok=True)
            payload = {"metrics": metrics, "version": METRICS_VERSION}
            beside.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
            written.append(file)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written: {error.strerror}") from None
    return written


def trace(trial: Trial, circuit: Circuit) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """The rows of a trial's simtrace, and its metrics, one entry a lap."""
    return trace_seat(trial.recording, 0, trial.wheels_off, circuit)


def trace_seat(
    recording: Recording, seat: int, wheels_off: Sequence[int], circuit: Circuit
) -> tuple[list[list[Any]], list[dict[str, Any]]]:
    """The rows of one car's simtrace, and its metrics, one entry a lap.

    Args:
        recording: The heat.
        seat: Whose.
        wheels_off: After every tick, how many of its wheels were off the road.
        circuit: Where it was.
    """
    frames, orders = recording.frames[:, seat], recording.answers[:, seat]
    achieved = recording.result.of(recording.plan.grid[seat].id)
    laps = achieved.laps if achieved is not None else ()
    tick_s = recording.plan.rules.tick_s
    nose = _noses(frames, recording.car.nose_m)
    nearest = _nearest(circuit, nose)
    facts: dict[int, set[str]] = {}
    for fact in recording.facts:
        if fact.seat != seat:
            continue
        facts.setdefault(fact.tick, set()).add(fact.kind)
    rows: list[list[Any]] = []
    metrics: list[dict[str, Any]] = []
    lap, episode, step, pause_s = _Lap(0.0), 0, 0, 0.0
    last = np.zeros(2)
    for tick in range(len(orders)):
        kinds, frame = facts.get(tick, set()), frames[tick + 1]
        last = np.where(np.isfinite(orders[tick]), orders[tick], last)
        step += 1
        standing = bool(int(frame[_FLAGS]) & STANDS)
        pause_s = pause_s + tick_s if standing and "off_track" not in kinds else 0.0
        _count(lap, kinds)
        over = "lap" in kinds or tick == len(orders) - 1
        status = _status(kinds, standing, step, over)
        progress = 100.0 if status == "lap_complete" else 100.0 * frame[_ALONG] / circuit.length_m
        time_s = (tick + 1) * tick_s
        steer, speed = round(degrees(last[0]), 2), round(float(last[1]), 2)
        rows.append(
            [
                episode, step, *(round(float(value), 4) for value in nose[tick + 1]),
                round(degrees(frame[_YAW]), 4), steer, speed, f"[{steer} {speed}]", 0.0, over,
                wheels_off[tick] == 0, round(float(progress), 4), int(nearest[tick + 1]),
                round(circuit.length_m, 2), round(time_s, 3), status, round(pause_s, 2),
            ]
        )  # fmt: skip
        if over:
            metrics.append(_metric(lap, episode, status, float(progress), laps, time_s))
            lap, episode, step = _Lap(time_s), episode + 1, 0
    return rows, metrics


def _noses(frames: NDArray[np.float64], ahead_m: float) -> NDArray[np.float64]:
    yaw = frames[:, _YAW]
    return np.stack(
        (
            frames[:, _X] + ahead_m * np.array([cos(angle) for angle in yaw]),
            frames[:, _Y] + ahead_m * np.array([sin(angle) for angle in yaw]),
        ),
        axis=1,
    )


def _nearest(circuit: Circuit, points: NDArray[np.float64]) -> NDArray[np.intp]:
    """The centre line's nearest point to each of these."""
    apart = np.square(points[:, None] - circuit.centre[None]).sum(axis=2)
    found: NDArray[np.intp] = apart.argmin(axis=1)
    return found


def _count(lap: _Lap, kinds: set[str]) -> None:
    lap.off_tracks += "off_track" in kinds
    lap.resets += "reset" in kinds
    lap.crashes += "contact" in kinds
    lap.immobilised += "immobilised" in kinds
    lap.reversed += "reversed" in kinds


def _status(kinds: set[str], standing: bool, step: int, over: bool) -> str:
    """DeepRacer's word for what a row shows."""
    for kind in ("off_track", "immobilised", "reversed"):
        if kind in kinds:
            return "immobilized" if kind == "immobilised" else kind
    if "lap" in kinds:
        return "lap_complete"
    if standing:
        return "pause"
    if over:
        return "time_up"
    return "prepare" if step == 1 else "in_progress"


def _metric(
    lap: _Lap, episode: int, status: str, progress: float, laps: Sequence[LapResult], now_s: float
) -> dict[str, Any]:
    spent_s = laps[episode].time_s if episode < len(laps) else now_s - lap.began_s
    return {
        "completion_percentage": int(progress),
        "metric_time": round(1000 * now_s),
        "start_time": round(1000 * lap.began_s),
        "elapsed_time_in_milliseconds": round(1000 * spent_s),
        "episode_status": _LABELS.get(status, status.replace("_", " ").capitalize()),
        "crash_count": lap.crashes,
        "immobilized_count": lap.immobilised,
        "off_track_count": lap.off_tracks,
        "reversed_count": lap.reversed,
        "reset_count": lap.resets,
        "trial": episode + 1,
    }
