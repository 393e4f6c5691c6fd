"""Rewards that are built in, over all cars at once, and what every reward is told of a tick.

A reward is any function of a `Tick` that gives one number a car.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from league.learn.reward.rewards import Rewards
from league.learn.reward.telemetry import Telemetry
from league.learn.settings.recipe import RewardOptions
from league.sim.batch import Batch

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(slots=True)
class Tick:
    """What happened to all cars in a tick, one number a car."""

    gained_m: Doubles
    """Progress along the road."""
    progress_pct: Doubles
    """Progress since the episode began, as DeepRacer counts it: 100 is once round from there."""
    steps: NDArray[np.int64]
    """Ticks of the episode, from 1."""
    commands: Doubles
    """Steering (rad) and speed (m/s) asked for, shape (cars, 2)."""
    before: Doubles
    """The same of the tick before; zeros at an episode's start."""
    wheels_off: Doubles
    """Wheels off the road, 0 to 4."""
    off_track: Bools
    """Who left the road in this tick."""
    collision: Bools
    """Who ran into a box or bot in it."""


Reward = Callable[[Tick], Doubles]


def progress_reward(options: RewardOptions, full_swing_rad: float) -> Reward:
    """So much for every metre of progress, something off for leaving the road, collisions and swinging."""
    per_m, off_track, effort = options.per_m, options.off_track, options.effort / full_swing_rad

    def reward(tick: Tick) -> Doubles:
        paid = per_m * tick.gained_m
        paid[tick.off_track] += off_track
        paid[tick.collision] += options.collision
        if effort:
            swing = np.abs(tick.commands[:, 0] - tick.before[:, 0])
            paid -= effort * np.where(tick.steps > 1, swing, 0.0)
        return paid

    return reward


def pursuit_reward(tick: Tick) -> Doubles:
    """With all wheels on the road progress / steps × 100 + speed², else 0.01.

    The reward of the three experiments: 100 % of a lap is worth the same however long it takes, and only
    the square of the speed asked for tells fast from slow.
    """
    speed = tick.commands[:, 1]
    paid = tick.progress_pct / tick.steps * 100.0 + speed * speed
    return np.where(tick.wheels_off == 0.0, paid, 0.01)


def built_in(options: RewardOptions, full_swing_rad: float) -> Reward:
    """The built-in reward that a recipe asks for."""
    return pursuit_reward if options.kind == "pursuit" else progress_reward(options, full_swing_rad)


class FileReward:
    """A DeepRacer user's reward function, or a vectorised one.

    Args:
        options: The file, and how it is to be run.
        cars: How many.
        folder: Where the params that made it fail are kept.
        seed: Of the random numbers of its processes.

    Raises:
        RewardError: The file cannot be read or run.
    """

    def __init__(self, options: RewardOptions, cars: int, *, folder: Path, seed: int) -> None:
        self.rewards = Rewards(
            options.file,
            cars,
            workers=options.workers,
            untrusted=options.untrusted,
            vectorised=True if options.vectorised else None,
            folder=folder,
            seed=seed,
        )
        self._telemetry: Telemetry | None = None

    def attach(self, batch: Batch) -> None:
        """Follow the cars of a batch."""
        self._telemetry = Telemetry(batch)

    def begin(self, whose: Bools) -> None:
        """Episodes have begun for some cars."""
        assert self._telemetry is not None
        self._telemetry.begin(whose)

    def __call__(self, tick: Tick) -> Doubles:
        """What every car is paid."""
        assert self._telemetry is not None
        return self.rewards(self._telemetry.read(tick.commands))

    def close(self) -> None:
        """End its processes."""
        self.rewards.close()
