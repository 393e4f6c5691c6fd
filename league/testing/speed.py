"""How fast the simulator is: runs of ours and of plain reference kernels, in turns."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.learn.ground.crew import cores, crew
from league.sim.batch import Batch
from league.sim.car import CarSpec
from league.sim.episode import Episode, Starts
from league.sim.sensing import StateSensor
from league.sim.world import World
from league.testing.reference import Reference
from league.track.circuit import Circuit

HZ = 15
SIZES = (1, 64, 4096)
ROUNDS = 7
"""Runs of each, of which the median counts."""
_AIM = 64
"""Ticks after which the cars aim anew."""

Step = Callable[[], object]


class Runner:
    """Something that drives: how many cars, by how many threads, and what to call for one tick."""

    def __init__(self, what: str, cars: int, threads: int, step: Step, *, memory: int | None = None) -> None:
        self.what, self.cars, self.threads, self.step, self.memory = what, cars, threads, step, memory
        self.rates: list[float] = []

    def run(self, seconds: float, clock: Callable[[], float]) -> None:
        """Drive for about so long and keep the rate, in car-steps a second."""
        ticks, spent, start = 0, 0.0, clock()
        block = 1
        while spent < seconds:
            for _ in range(block):
                self.step()
            ticks += block
            spent = clock() - start
            block = max(1, min(int(ticks * 0.2), 4096))
        self.rates.append(ticks * self.cars / spent)


def measure_simulator(
    circuit: Circuit, car: CarSpec, *, seconds: float, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Measure `World` and `Batch` beside the reference kernels.

    One thread is timed by the processor's time that it used, which other programs do not change; several
    threads by the clock on the wall, one thread beside them for their ratio.

    Args:
        circuit: Where.
        car: What.
        seconds: About how long all of it may take, compiling aside.
        tell: Is told how it goes.
    """
    alone = [runner for size in SIZES for runner in _single(circuit, car, size)]
    alone.insert(0, _world(circuit, car))
    size = SIZES[-1]
    shared = [
        runner
        for threads in dict.fromkeys((1, cores()))
        for runner in (
            _batch(circuit, car, size, threads),
            _reference(circuit, size, threads, euler=False),
            _reference(circuit, size, threads, euler=True),
        )
    ]
    for runner in (*alone, *shared):
        runner.step()
    each = seconds / (ROUNDS * (len(alone) + len(shared)))
    for turn in range(ROUNDS):
        tell(f"round {turn + 1} of {ROUNDS} ...")
        for runner in alone:
            runner.run(each, time.thread_time)
        for runner in shared:
            runner.run(each, time.perf_counter)
    rows = _rows(alone, "processor") + (_rows(shared, "wall") if cores() > 1 else [])
    return {
        "circuit": circuit.id,
        "car": car.id,
        "control_hz": HZ,
        "substeps": -(-120 // HZ),
        "rounds": ROUNDS,
        "cores": cores(),
        "rows": rows,
        "peak_memory_mib": _peak_mib(),
    }


def _single(circuit: Circuit, car: CarSpec, size: int) -> list[Runner]:
    return [
        _batch(circuit, car, size, 1),
        _reference(circuit, size, 1, euler=False),
        _reference(circuit, size, 1, euler=True),
    ]


def _world(circuit: Circuit, car: CarSpec) -> Runner:
    world, sensor = World(circuit, [car], control_hz=HZ), StateSensor()
    world.place(0, 0.0)
    commands = np.array([[0.0, 1.5]])

    def step() -> None:
        seen = sensor.sense(world)[0]
        commands[0, 0] = np.arctan2(0.7 * seen[16], seen[15] * seen[15] + seen[16] * seen[16])
        world.step(commands)

    return Runner("World.step, observed and steered", 1, 1, step)


def _batch(circuit: Circuit, car: CarSpec, size: int, threads: int) -> Runner:
    episode = Episode(starts=Starts(on_line=0.2), time_limit_s=30.0)
    batch = Batch(circuit, car, worlds=size, control_hz=HZ, episode=episode, crew=crew(), parts=threads)
    commands = np.zeros((size, 1, 2))
    aim = _aiming(commands[:, 0], lambda: batch.seen[:, 0], 15, 0.7)

    def step() -> None:
        aim()
        batch.step(commands)

    return Runner("Batch.step, all on", size, threads, step, memory=batch.nbytes // size)


def _reference(circuit: Circuit, size: int, threads: int, *, euler: bool) -> Runner:
    plain = Reference(circuit, size, control_hz=HZ, substeps=-(-120 // HZ), euler=euler)
    commands = np.zeros((size, 2))
    aim = _aiming(commands, lambda: plain.seen, 6, 0.33)
    cuts = [size * k // threads for k in range(threads + 1)]

    def step() -> None:
        aim()
        if threads == 1:
            plain.step(commands)
            return
        others = [crew().submit(plain.part, commands, a, b) for a, b in pairwise(cuts[1:])]
        plain.part(commands, cuts[0], cuts[1])
        for other in others:
            other.result()

    return Runner("reference, Euler" if euler else "reference", size, threads, step)


def _aiming(
    commands: NDArray[np.float64], see: Callable[[], NDArray[np.float32]], column: int, twice_base_m: float
) -> Step:
    """A driver that now and then aims at a point ahead, for all cars; cheap beside the driving."""
    commands[:, 1] = 1.5
    ticks = 0

    def aim() -> None:
        nonlocal ticks
        if ticks % _AIM == 0 or (len(commands) > 1 and ticks % 8 == 0):
            x, y = see()[:, column], see()[:, column + 1]
            commands[:, 0] = np.arctan2(twice_base_m * y, x * x + y * y)
        ticks += 1

    return aim


def _rows(runners: list[Runner], clock: str) -> list[dict[str, Any]]:
    rate = {(one.what, one.cars, one.threads): median(one.rates) for one in runners}
    rows = []
    for one in runners:
        mine = rate[one.what, one.cars, one.threads]
        reference = rate.get(("reference", one.cars, one.threads))
        euler = rate.get(("reference, Euler", one.cars, one.threads))
        single = rate.get((one.what, one.cars, 1)) if one.threads > 1 else None
        rows.append(
            {
                "what": one.what,
                "cars": one.cars,
                "threads": one.threads,
                "clock": clock,
                "car_steps_per_s": mine,
                "simulated_s_per_s": mine / HZ,
                "of_reference": None if reference is None else mine / reference,
                "of_euler": None if euler is None else mine / euler,
                "of_one_thread": None if single is None else mine / single,
                "spread": (max(one.rates) - min(one.rates)) / mine,
                "bytes_per_car": one.memory,
            }
        )
    return rows


def _peak_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
