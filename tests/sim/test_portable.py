"""The same bytes on any machine: other instructions for numbers, and other libraries' arithmetic."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

# Everything that a race is computed from: roads of segments, cars that touch, boxes, bots that change lanes,
# loss of grip, worlds that draw. Drivers' own arithmetic is their own: these commands are plain numbers.
RACE = """
import hashlib
import numpy as np
from league import Batch, Bot, Box, DEEPRACER, Episode, Starts, Traffic, World
from league.hooks.catalogue import League
from league.sim import road
from league.sim.camera import CameraSensor
from league.sim.lidar import F1tenthLidarSensor, LidarSensor, SectorLidarSensor

league = League()
for name in sorted(league.circuits):
    circuit = league.circuit(name)
    print(name, circuit.sha256, hashlib.sha256(road.road_rows(circuit).tobytes()).hexdigest())
circuit = league.circuit("snail-shell")
boxes = [Box(*map(float, circuit.at(8.0, 0.2)), float(circuit.heading_at(8.0)))]
bots = [Bot(3.0, True, 0.8, True, 1), Bot(5.0, False, 1.2, True, 1)]
world = World(circuit, [DEEPRACER] * 3, boxes=boxes, bots=bots, spins=3.0, seed=5)
for car in range(3):
    world.place(car, 0.4 * car, 0.1 * car)
digest = hashlib.sha256()
for tick in range(300):
    world.step([[(tick * (car + 3) % 41 - 20) / 50, 1.5 + car / 2] for car in range(3)])
    digest.update(world.state_bytes())
print("world", digest.hexdigest())
for sensor in (LidarSensor(), F1tenthLidarSensor(), SectorLidarSensor(), CameraSensor()):
    print(sensor.id, hashlib.sha256(sensor.sense(world).tobytes()).hexdigest())
batch = Batch(
    [circuit, circuit.reversed()], DEEPRACER, worlds=6, bots=Traffic(2, (0.5, 1.5), changes=True),
    random_boxes=2, vary={"lateral_mps2": 0.2, "steer_fast_s": 0.2},
    episode=Episode(time_limit_s=5.0, starts=Starts(on_line=0.2)),
)
for tick in range(200):
    batch.step([[((tick * (w + 3) % 41 - 20) / 50, 2.0)] for w in range(6)])
print("batch", hashlib.sha256(b"".join(batch.state_bytes(w) for w in range(6))).hexdigest())
"""


@pytest.mark.slow
def test_a_race_is_the_same_bytes_with_the_plainest_instructions(tmp_path: Path) -> None:
    wide = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    if not wide:
        pytest.skip("this processor has no instructions beside the plainest")
    plain = {
        "NPY_DISABLE_CPU_FEATURES": " ".join(wide),
        "OPENBLAS_CORETYPE": "Prescott",
        "NUMBA_CPU_NAME": "generic",
        "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(tmp_path),
    }
    here, there = (
        subprocess.run(
            [sys.executable, "-c", RACE], env=os.environ | extra, capture_output=True, text=True, timeout=500
        )
        for extra in ({}, plain)
    )
    assert here.returncode == 0, here.stderr
    assert there.returncode == 0, there.stderr
    assert len(here.stdout.splitlines()) > 10
    assert there.stdout == here.stdout
