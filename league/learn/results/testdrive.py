"""Test drives: a policy's race on every test circuit at once, as quickly as a batch can drive it.

The same rules and the same start as a time trial, so the laps are those that a heat would give.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.learn.ground.hurdles import hurdles_of
from league.learn.ground.senses import Eyes, Seen, Sense
from league.learn.settings.actions import Answers
from league.learn.settings.recipe import Objects
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.car import CarSpec
from league.sim.episode import Episode
from league.track.circuit import Circuit

SLOWEST_MPS = 0.5
"""A race is over when it has taken as long as at this speed."""

Answer = Callable[[Seen], NDArray[np.float32]]
"""Observations in, one row a car; the policy's best answers out."""


@dataclass(frozen=True)
class Driven:
    """What came of one car's race."""

    circuit: str
    laps_s: tuple[float, ...]
    off_tracks: int
    resets: int
    progress_pct: float
    """Share of all laps, 0 to 100."""
    finished: bool
    collisions: int = 0

    @property
    def total_s(self) -> float:
        """Time of the laps that were driven."""
        return sum(self.laps_s)

    @property
    def fastest_s(self) -> float | None:
        """The fastest lap, if there is one."""
        return min(self.laps_s, default=None)


def race_episode(laps: int, time_limit_s: float) -> Episode:
    """A race as an episode: put back with a penalty, not ended, for leaving the road and for collisions."""
    return Episode(
        laps=laps,
        laps_end="truncated",
        time_limit_s=time_limit_s,
        off_track="reset",
        immobilised="reset",
        reversed="reset",
        collision="reset",
    )


class TestDrive:
    """The same races again and again, on batches of their own.

    Args:
        circuits: Where; one car of each kind drives on each.
        cars: What drives: the car itself, or several that differ.
        senses: What they see.
        answers: What the policy's answers mean.
        control_hz: Ticks per second.
        laps: Laps of each race.
        noise: Noise of what they see.
        latency_ticks: How old it is at most.
        copies: How many of each car drive each circuit.
        time_limit_s: When a race is over; by default at `SLOWEST_MPS`.
        objects: What is in the way, at other places for every copy; the same ones in every drive.
    """

    __test__ = False  # no test of pytest's

    def __init__(
        self,
        circuits: Sequence[Circuit],
        cars: Sequence[CarSpec],
        senses: Sequence[Sense],
        answers: Answers,
        *,
        control_hz: int,
        laps: int = 3,
        noise: float = 0.0,
        latency_ticks: int = 0,
        copies: int = 1,
        time_limit_s: float | None = None,
        objects: Objects | None = None,
    ) -> None:
        self.circuits, self.laps, self.answers = tuple(circuits), laps, answers
        self._each = len(self.circuits) * copies
        self.count = self._each * len(cars)
        longest_m = max(circuit.length_m for circuit in circuits)
        episode = race_episode(laps, time_limit_s or laps * longest_m / SLOWEST_MPS)
        self.batches = [
            Batch(
                self.circuits,
                car,
                worlds=self._each,
                control_hz=control_hz,
                episode=episode,
                again="never",
                **hurdles_of(objects or Objects(), self.circuits, car),
            )
            for car in cars
        ]
        self._senses, self._noise, self._late = list(senses), noise, latency_ticks

    def __call__(self, answer: Answer, seed: int = 0) -> list[Driven]:
        """Race once with every car on every circuit; a car's circuits in turn, for every copy, car by car.

        Args:
            answer: Drives them all.
            seed: Of the noise in what they see.
        """
        for batch in self.batches:
            batch.reset(seed=seed)
        eyes = Eyes(
            self._senses,
            self.count,
            noise=self._noise,
            latency_ticks=self._late,
            random=np.random.default_rng(seed),
        )
        laps: list[list[float]] = [[] for _ in range(self.count)]
        racing = np.ones(self.count, dtype=np.bool_)
        began: NDArray[np.bool_] | None = racing
        progress = np.zeros(self.count)
        while racing.any():
            commands = self.answers.commands(answer(np.array(eyes.look(self.batches, began))))
            began = None
            happened, lap_s, progress_m = self._step(commands)
            for number in np.flatnonzero((happened & marshal.LAP) != 0):
                laps[number].append(float(lap_s[number]))
            progress = np.where(racing, progress_m, progress)
            racing = racing & ((happened & (marshal.TERMINATED | marshal.TRUNCATED)) == 0)
        return [self._driven(number, laps[number], float(progress[number])) for number in range(self.count)]

    def _step(self, commands: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Drive a tick: what happened, lap times, progress."""
        for number, batch in enumerate(self.batches):
            batch.step(commands[number * self._each : (number + 1) * self._each, None])
        return (
            np.concatenate([batch.happened[:, 0] for batch in self.batches]),
            np.concatenate([batch.lap_time_s[:, 0] for batch in self.batches]),
            np.concatenate([batch.progress_m[:, 0] for batch in self.batches]),
        )

    def _driven(self, number: int, laps_s: list[float], progress_m: float) -> Driven:
        kind, which = divmod(number, self._each)
        circuit, card = self.circuits[which % len(self.circuits)], self.batches[kind].card(which, 0)
        finished = len(laps_s) >= self.laps
        share = progress_m / (self.laps * circuit.length_m) * 100.0
        return Driven(
            circuit=circuit.id,
            laps_s=tuple(laps_s),
            off_tracks=int(card["off_tracks"]),
            resets=int(card["resets"]),
            progress_pct=100.0 if finished else float(np.clip(share, 0.0, 100.0)),
            finished=finished,
            collisions=int(card["collisions"]),
        )


def reached(drives: Sequence[Driven]) -> dict[str, Any]:
    """What test drives came to, in the few figures of a cost card; times are means over the circuits."""
    finished = [drive for drive in drives if drive.finished]
    return {
        "circuits": len(drives),
        "finished": len(finished),
        "off_tracks": sum(drive.off_tracks for drive in drives),
        "collisions": sum(drive.collisions for drive in drives),
        "race_s": round(float(np.mean([drive.total_s for drive in finished])), 6) if finished else None,
        "lap_s": round(float(np.mean([min(drive.laps_s) for drive in finished])), 6) if finished else None,
    }


def score(drives: Sequence[Driven], best_by: str, mean_reward: float) -> float:
    """How good test drives were, greater is better, by the measure that a recipe keeps models by.

    "race": all laps driven anywhere first, then the mean total time as a share of the circuit's length,
    unfinished races counted as far as they came. "lap_time": likewise with the fastest lap.
    """
    if best_by == "reward":
        return mean_reward
    progress = float(np.mean([drive.progress_pct for drive in drives]))
    if best_by == "progress":
        return progress
    unfinished = sum(not drive.finished for drive in drives)
    if unfinished:
        return -1e6 * unfinished + progress
    times = [drive.total_s if best_by == "race" else drive.fastest_s or np.inf for drive in drives]
    return -float(np.mean(times))
