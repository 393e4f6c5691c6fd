"""Films: a recording as a browser plays it, and the racing line that it is drawn over.

Pure: values in, JSON-safe values out.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from league.errors import LeagueError
from league.racing import BEHAVIOR
from league.racing.recording import Recording
from league.server.race.watch import frame_cars, outline
from league.sim.car import CarSpec
from league.track.circuit import Circuit
from league.track.limit import limit_of

MOST_FRAMES: Final = 20_000
"""Of longer heats every second, third … picture is left out: 22 minutes at 15 Hz have all of theirs."""
LINE_POINTS: Final = 600


def film_of(recording: Recording, line: list[list[float]]) -> dict[str, Any]:
    """Everything that a browser needs to play a heat: whole numbers in mm, mrad and µs.

    `frames` and `bots` hold one flat list for each picture, as `frame_cars` and the watch socket have them;
    `every` tells how many ticks lie between two.
    """
    plan, hz = recording.plan, recording.plan.rules.control_hz
    every = -(-len(recording.frames) // MOST_FRAMES)
    ticks = sorted({*range(0, len(recording.frames), every), len(recording.frames) - 1})
    bots = (np.round(recording.bot_frames * 1000).astype(np.int64)).tolist()
    return {
        "heat": plan.id,
        "phase": plan.phase,
        "circuit": outline(recording.circuit),
        "line": line,
        "car": {"length_m": recording.car.length_m, "width_m": recording.car.width_m},
        "boxes": [[round(1000 * figure) for figure in box] for box in recording.boxes],
        "hz": hz,
        "laps": plan.rules.laps,
        "sectors": plan.rules.sectors,
        "seats": [
            {"seat": seat, "entry": entry.id, "name": entry.name, "agent": entry.agent}
            for seat, entry in enumerate(plan.grid)
        ],
        "every": every,
        "ticks": ticks,
        "frames": [
            frame_cars(rows[:, :3], rows[:, 3], along_m=rows[:, 4], lap=rows[:, 5], flags=rows[:, 6])
            for rows in (recording.frames[tick] for tick in ticks)
        ],
        "bots": [
            [figure for number, row in enumerate(bots[tick]) for figure in (number, *row)] for tick in ticks
        ]
        if recording.bots
        else [],
        "facts": [fact.as_dict() for fact in recording.facts],
    }


def line_of(circuit: Circuit, car: CarSpec) -> list[list[float]]:
    """The racing line of a car on a circuit, [x, y, speed] in m and m/s; empty where none is known."""
    try:
        limit = limit_of(circuit, car, behavior=BEHAVIOR)
    except LeagueError:  # a damaged file beside the circuit is no reason to show no race
        return []
    if limit is None:
        return []
    step = max(1, -(-len(limit.line) // LINE_POINTS))
    points: list[list[float]] = np.round(limit.line[::step, [0, 1, 3]], 3).tolist()
    return points
