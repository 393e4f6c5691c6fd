"""A small circuit, a driver that stays on it, and ways to run heats."""

from __future__ import annotations

from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np

from league.racing.agent import Command, Observation
from league.racing.heat import Heat
from league.racing.plan import EntryPlan, HeatPlan
from league.racing.rules import Rules
from league.sim.car import DEEPRACER, CarSpec
from league.sim.sensing import PoseSensor, StateSensor
from league.track.circuit import Circuit


def stadium(
    *, straight_m: float = 3.0, radius_m: float = 1.2, half_m: float = 0.5, step_m: float = 0.05
) -> Circuit:
    """Two straights and two half circles, anticlockwise, starting half-way along the lower straight."""
    length_m = 2 * straight_m + 2 * pi * radius_m
    count = round(length_m / step_m)
    rows = []
    for s in np.arange(count) * length_m / count:
        s = (s + straight_m / 2) % length_m
        turn = pi * radius_m
        if s < straight_m:
            x, y, a = s, 0.0, 0.0
        elif s < straight_m + turn:
            a = (s - straight_m) / radius_m
            x, y = straight_m + radius_m * np.sin(a), radius_m * (1 - np.cos(a))
        elif s < 2 * straight_m + turn:
            x, y, a = straight_m - (s - straight_m - turn), 2 * radius_m, pi
        else:
            a = pi + (s - 2 * straight_m - turn) / radius_m
            x, y = radius_m * np.sin(a), radius_m * (1 - np.cos(a))
        rows.append((x, y, a))
    table = np.array(rows)
    normal = np.stack((-np.sin(table[:, 2]), np.cos(table[:, 2])), axis=1)
    centre = table[:, :2]
    return Circuit("stadium", centre, centre + half_m * normal, centre - half_m * normal)


def follow(seen: Observation, speed_mps: float = 1.0) -> Command:
    """Keep to the centre line, aiming at a point 0.8 m ahead."""
    x, y = (float(value) for value in seen.ahead[1][:2])
    return Command(float(np.arctan2(2 * 0.35 * y, x * x + y * y)), speed_mps)


def plan(cars: int = 1, *, seed: int = 1, **rules: Any) -> HeatPlan:
    return HeatPlan(
        id="h",
        phase="test",
        circuit="stadium",
        car="deepracer",
        rules=Rules(**rules),
        seed=seed,
        grid=tuple(EntryPlan(id=f"e{seat}", name=f"Car {seat}") for seat in range(cars)),
    )


def make_heat(
    cars: int = 1, *, car: CarSpec = DEEPRACER, circuit: Circuit | None = None, **rules: Any
) -> Heat:
    return Heat(plan(cars, **rules), circuit or stadium(), car, [StateSensor(), PoseSensor()])


def run(heat: Heat, drive: Callable[[int, Observation], Command | None], limit: int = 5000) -> Heat:
    while not heat.finished:
        seen = heat.observe()
        heat.advance([None if one is None else drive(seat, one) for seat, one in enumerate(seen)])
        assert heat.tick < limit, "the heat does not end"
    return heat
