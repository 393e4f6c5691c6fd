"""A recording as CSV: where every car was at every tick, or DeepRacer's simtrace of one car.

No files here: a recording goes in, text comes out.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from league.errors import InputError
from league.learn.results.simtrace import COLUMNS, trace_seat
from league.racing.recording import Recording

POSITIONS: Final = (
    "time_s", "seat", "name", "x_m", "y_m", "yaw_rad", "speed_mps", "along_m", "lap", "flags",
)  # fmt: skip


def positions(recording: Recording) -> str:
    """Every car's position at every tick; x and y are of the chassis origin, along_m of the nose."""
    hz = recording.plan.rules.control_hz
    names = [entry.name for entry in recording.plan.grid]
    return _text(
        POSITIONS,
        (
            (
                f"{tick / hz:.5f}", seat, names[seat],
                *(f"{value:.5f}" for value in frame[seat, :5]), int(frame[seat, 5]), int(frame[seat, 6]),
            )
            for tick, frame in enumerate(recording.frames)
            for seat in range(len(names))
        ),
    )  # fmt: skip


def simtrace(recording: Recording, seat: int = 0) -> str:
    """One car's race as DeepRacer logs it, one row a tick and one episode a lap; rewards are 0.

    Raises:
        InputError: There is no such seat.
    """
    if not 0 <= seat < len(recording.plan.grid):
        raise InputError(f"seat is {seat}, expected 0 to {len(recording.plan.grid) - 1}")
    rows, _ = trace_seat(recording, seat, wheels_off(recording, seat), recording.circuit)
    return _text(COLUMNS, rows)


def wheels_off(recording: Recording, seat: int) -> list[int]:
    """After every tick, how many of a car's wheels were off the road, by where its chassis was."""
    car, frames = recording.car, recording.frames[1:, seat]
    x_m, y_m, yaw_rad = frames[:, 0], frames[:, 1], frames[:, 2]
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    off: NDArray[np.int64] = np.zeros(len(frames), dtype=np.int64)
    for ahead, track in ((car.front_axle_m, car.front_track_m), (-car.rear_axle_m, car.rear_track_m)):
        for aside in (-track / 2, track / 2):
            wheel = np.stack((x_m + ahead * cos - aside * sin, y_m + ahead * sin + aside * cos), axis=1)
            off += ~recording.circuit.on_road(wheel)
    found: list[int] = off.tolist()
    return found


def _text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()
