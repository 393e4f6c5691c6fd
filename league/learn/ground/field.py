"""A field: cars that drive side by side in training, each in a world of its own, and what they are paid.

Episodes end when the batch's referee says so or when a car has come once round, if that is to be an end;
the field starts the next one itself, so that the last observations are there to be looked at.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from league.hooks.catalogue import League
from league.learn.ground.crew import crew, share
from league.learn.ground.hurdles import hurdles_of
from league.learn.ground.senses import Eyes, Seen, make_senses
from league.learn.reward.paying import FileReward, Reward, Tick
from league.learn.settings.actions import Answers
from league.learn.settings.recipe import Recipe
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.car import CarSpec
from league.sim.episode import Episode, Starts
from league.sim.kernel import FIGURES
from league.track.circuit import Circuit

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


class Driven(NamedTuple):
    """What a tick brought, one row a car."""

    seen: Seen
    """What cars see now; of those whose episode ended it is the next one's start. Copy what you keep."""
    paid: Doubles
    ended: Bools
    """Whose episode ended."""
    cut: Bools
    """Whose episode was cut off, so that what would have come counts."""
    last_seen: Seen
    """What those that ended saw at the end, one row for each of them."""


class Finished(NamedTuple):
    """Episodes that ended: one entry each."""

    reward: Doubles
    steps: Ints
    progress_pct: Doubles
    completed: Bools
    """Who came once round."""


class Field:
    """Cars that drive side by side.

    Args:
        recipe: Episode, sensors, variation and how many cars.
        circuits: Where they drive: car i on number i modulo how many there are.
        league: What the plugins offer.
        answers: What the learner's answers mean.
        reward: What the cars are paid for.
        seed: Of everything that is drawn here.
    """

    def __init__(
        self,
        recipe: Recipe,
        circuits: Sequence[Circuit],
        league: League,
        answers: Answers,
        reward: Reward,
        *,
        seed: int,
    ) -> None:
        self.answers, self.reward = answers, reward
        random = np.random.default_rng(seed)
        self.batch = _batch(recipe, tuple(circuits), league.car(recipe.car), seed)
        self.cars = self.batch.worlds
        self.eyes = Eyes(
            make_senses(league, _with_variation(recipe)),
            self.cars,
            noise=recipe.vary.noise,
            latency_ticks=recipe.vary.latency_ticks,
            random=random,
        )
        self._length_m = np.resize([road.length_m for road in self.batch.circuits], self.cars)
        # DeepRacer counts from where the origin starts to where the nose is.
        self._head_m = league.car(recipe.car).nose_m
        lap = recipe.episode.lap
        self._lap_m = self._length_m if lap != "ignore" else np.full(self.cars, np.inf)
        self._lap_cuts = lap == "bootstrap"
        self._gone_m, self._paid = np.zeros(self.cars), np.zeros(self.cars)
        self._steps = np.zeros(self.cars, dtype=np.int64)
        self._before = np.zeros((self.cars, 2))
        self._follower = reward if isinstance(reward, FileReward) else None
        if self._follower is not None:
            self._follower.attach(self.batch)
        self._finished: list[Finished] = []

    def begin(self) -> Seen:
        """Start new episodes everywhere."""
        self.batch.reset()
        everybody = np.ones(self.cars, dtype=np.bool_)
        self._forget(everybody)
        return np.array(self.eyes.look([self.batch], everybody))

    def drive(self, answers: NDArray[Any]) -> Driven:
        """Drive all cars by one tick.

        Args:
            answers: What the learner wants, a row a car.
        """
        commands = self.answers.commands(answers)
        self.batch.step(commands[:, None])
        happened = self.batch.happened[:, 0]
        tick = self._tick(commands, happened)
        paid = self.reward(tick)
        self._paid += paid
        self._before = commands
        ended, cut, round_ = self._ends(happened)
        seen = self.eyes.look([self.batch])
        if not ended.any():
            return Driven(seen, paid, ended, cut, seen[:0])
        last_seen = seen[ended]
        self._note(ended, round_)
        self._restart(ended)
        return Driven(self.eyes.look([self.batch], ended), paid, ended, cut, last_seen)

    def take_finished(self) -> list[Finished]:
        """The episodes that ended since this was last asked."""
        taken, self._finished = self._finished, []
        return taken

    def close(self) -> None:
        """Let go of a reward's processes, if it has any."""
        if self._follower is not None:
            self._follower.close()

    # -- inside --------------------------------------------------------------------------------

    def _tick(self, commands: Doubles, happened: Ints) -> Tick:
        gained = self.batch.gained_m[:, 0]
        self._gone_m += gained
        self._steps += 1
        return Tick(
            gained_m=gained,
            progress_pct=np.minimum((self._gone_m + self._head_m) / self._length_m, 1.0) * 100.0,
            steps=self._steps,
            commands=commands,
            before=self._before,
            wheels_off=self.batch.wheels_off[:, 0],
            off_track=(happened & marshal.OFF_TRACK) != 0,
            collision=(happened & marshal.COLLISION) != 0,
        )

    def _ends(self, happened: Ints) -> tuple[Bools, Bools, Bools]:
        """Whose episode ended, whose was only cut off, who came once round."""
        round_ = self._gone_m + self._head_m >= self._lap_m
        terminated = (happened & marshal.TERMINATED) != 0
        cut = (happened & marshal.TRUNCATED) != 0
        if self._lap_cuts:
            cut |= round_
        else:
            terminated |= round_
        cut &= ~terminated
        return terminated | cut, cut, round_

    def _restart(self, ended: Bools) -> None:
        self.batch.reset(worlds=ended)
        self._forget(ended)

    def _forget(self, whose: Bools) -> None:
        self._gone_m[whose] = self._paid[whose] = 0.0
        self._steps[whose] = 0
        # In its place, not in it: the learner's own array may be the one that was kept.
        self._before = np.where(whose[:, None], 0.0, self._before)
        if self._follower is not None:
            self._follower.begin(whose)

    def _note(self, ended: Bools, round_: Bools) -> None:
        part = np.clip((self._gone_m[ended] + self._head_m) / self._length_m[ended], 0.0, None)
        self._finished.append(
            Finished(
                reward=self._paid[ended],
                steps=self._steps[ended],
                progress_pct=np.minimum(part, 1.0) * 100.0,
                completed=round_[ended] | (part >= 1.0),
            )
        )


def _with_variation(recipe: Recipe) -> list[str]:
    """The sensors as they are asked for, cameras with the variation of the recipe."""
    vary = recipe.vary.camera
    return [
        f"{text}{'&' if '?' in text else '?'}vary={vary:g}"
        if vary and text.startswith("camera") and "vary=" not in text
        else text
        for text in recipe.sensors
    ]


def episode_of(recipe: Recipe) -> Episode:
    """The episode that a recipe describes, less its laps, which the field counts itself."""
    options = recipe.episode
    return Episode(
        time_limit_s=options.time_limit_s,
        collision=options.collision,
        collision_penalty_s=options.collision_penalty_s,
        starts=Starts(
            on_line=options.on_line,
            standing=options.standing,
            speed_mps=options.speed_mps,
            spread=options.spread,
            heading_rad=options.heading_rad,
        ),
    )


def _batch(recipe: Recipe, circuits: tuple[Circuit, ...], car: CarSpec, seed: int) -> Batch:
    """The batch of a field: where cars differ, every one draws its figures anew with each episode."""
    worlds = recipe.learning.cars
    vary = dict.fromkeys(FIGURES, recipe.vary.car) if recipe.vary.car else {}
    return Batch(
        circuits[:worlds],
        car,
        worlds=worlds,
        control_hz=recipe.control_hz,
        episode=episode_of(recipe),
        seed=seed * 1009 % 2**62,
        again="never",
        vary={**vary, "spins": recipe.vary.spins},
        crew=crew(),
        parts=share(worlds),
        **hurdles_of(recipe.objects, circuits[:worlds], car),
    )
