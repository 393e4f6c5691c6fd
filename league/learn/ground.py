"""The training ground: batches of worlds as stable-baselines3 wants its environments.

One step is one call for all cars. Learners that know the ground use `drive`, which hands out arrays;
stable-baselines3's own algorithms see an ordinary vector environment with a dictionary per car.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from league.hooks.catalogue import League
from league.learn.actions import Answers
from league.learn.crew import crew, share
from league.learn.paying import FileReward, Reward, Tick
from league.learn.recipe import Recipe
from league.learn.senses import Eyes, Seen, make_senses
from league.learn.settling import actions_of
from league.learn.variation import varied
from league.sim import marshal
from league.sim.batch import Batch
from league.sim.car import CarSpec
from league.sim.episode import Episode, Starts
from league.track.circuit import Circuit

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

_NOTHING: dict[str, Any] = {}


class Step(NamedTuple):
    """What a tick brought, one row a car."""

    seen: Seen
    """What cars see now; of those whose episode ended it is the next one's start."""
    rewards: Doubles
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
    off_track: Bools
    completed: Bools
    """Who came once round."""


class TrainingGround(VecEnv):
    """Many cars, each alone on a circuit.

    Args:
        recipe: Car, episode, reward, sensors, variation and how many cars.
        circuits: Where they drive.
        league: What the plugins offer.
        reward: What they are paid for.
        seed: Of everything that is drawn here.
    """

    def __init__(
        self, recipe: Recipe, circuits: Sequence[Circuit], league: League, reward: Reward, *, seed: int
    ) -> None:
        self.recipe, self.circuits, self.reward = recipe, tuple(circuits), reward
        self.answers = Answers(actions_of(recipe))
        self.random = np.random.default_rng(seed)
        self.batches = _batches(recipe, self.circuits, league.car(recipe.car), self.random, seed)
        worlds = sum(batch.worlds for batch in self.batches)
        self.eyes = Eyes(
            make_senses(league, _with_variation(recipe)),
            worlds,
            noise=recipe.vary.noise,
            latency_ticks=recipe.vary.latency_ticks,
            random=self.random,
        )
        low, high = (0, 255) if self.eyes.pictures else (-np.inf, np.inf)
        super().__init__(worlds, spaces.Box(low, high, self.eyes.shape, self.eyes.dtype), self.answers.space)
        lengths = [[road.length_m for road in batch.circuits] for batch in self.batches]
        self.length_m = np.concatenate(
            [np.resize(known, batch.worlds) for known, batch in zip(lengths, self.batches, strict=True)]
        )
        self._lap_m = np.where(recipe.episode.lap == "ignore", np.inf, self.length_m)
        self._lap_cuts = recipe.episode.lap == "bootstrap"
        self._gone_m, self._paid = np.zeros(worlds), np.zeros(worlds)
        self._steps = np.zeros(worlds, dtype=np.int64)
        self._before = np.zeros((worlds, 2))
        self._orders: Any = None
        self._scale = recipe.reward.scale
        self._worth = _Worth(worlds, recipe.learning.discount)
        self._follower = reward if isinstance(reward, FileReward) else None
        if self._follower is not None:
            self._follower.attach(self.batches)
        self.finished: list[Finished] = []
        """Episodes that ended since somebody last took them."""
        self.steps_done = 0
        """Ticks driven by all cars together."""

    # -- driving -------------------------------------------------------------------------------

    def begin(self) -> Seen:
        """Start new episodes everywhere."""
        for batch in self.batches:
            batch.reset()
        everybody = np.ones(self.num_envs, dtype=np.bool_)
        self._forget(everybody)
        return np.array(self.eyes.look(self.batches, everybody))

    def drive(self, answers: NDArray[Any]) -> Step:
        """Drive all cars by one tick.

        Args:
            answers: What the learner wants, a row a car: see `Answers`.
        """
        commands = self.answers.commands(answers)
        tick = self._advance(commands)
        paid = self.reward(tick)
        happened = self._joined([batch.happened[:, 0] for batch in self.batches])
        round_ = self._gone_m >= self._lap_m
        terminated = (happened & marshal.TERMINATED) != 0
        cut = (happened & marshal.TRUNCATED) != 0
        if self._lap_cuts:
            cut = (cut | round_) & ~terminated
        else:
            terminated |= round_
            cut &= ~terminated
        ended = terminated | cut
        self._paid += paid
        rewards = paid * (self._scale or self._worth.scale(paid, ended))
        self._before = commands
        self.steps_done += self.num_envs
        seen = self.eyes.look(self.batches)
        if not ended.any():
            return Step(seen, rewards, ended, cut, seen[:0])
        last_seen = seen[ended]
        self._note(ended, tick.off_track, round_)
        self._restart(ended)
        return Step(self.eyes.look(self.batches, ended), rewards, ended, cut, last_seen)

    def _advance(self, commands: Doubles) -> Tick:
        at = 0
        for batch in self.batches:
            batch.step(commands[at : at + batch.worlds, None])
            at += batch.worlds
        gained = self._joined([batch.gained_m[:, 0] for batch in self.batches])
        self._gone_m += gained
        self._steps += 1
        happened = self._joined([batch.happened[:, 0] for batch in self.batches])
        return Tick(
            gained_m=gained,
            progress_pct=np.minimum(self._gone_m / self.length_m, 1.0) * 100.0,
            steps=self._steps,
            commands=commands,
            before=self._before,
            wheels_off=self._joined([batch.wheels_off[:, 0] for batch in self.batches]),
            off_track=(happened & marshal.OFF_TRACK) != 0,
        )

    def _joined(self, parts: list[NDArray[Any]]) -> NDArray[Any]:
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _restart(self, ended: Bools) -> None:
        at = 0
        for batch in self.batches:
            mine = ended[at : at + batch.worlds]
            if mine.any():
                batch.reset(worlds=mine)
            at += batch.worlds
        self._forget(ended)

    def _forget(self, whose: Bools) -> None:
        self._gone_m[whose] = self._paid[whose] = 0.0
        self._steps[whose] = 0
        self._before[whose] = 0.0
        if self._follower is not None:
            self._follower.begin(whose)

    def _note(self, ended: Bools, off_track: Bools, round_: Bools) -> None:
        share = np.clip(self._gone_m[ended] / self.length_m[ended], 0.0, None)
        self.finished.append(
            Finished(
                self._paid[ended].copy(),
                self._steps[ended].copy(),
                np.minimum(share, 1.0) * 100.0,
                off_track[ended],
                share >= 1.0,
            )
        )

    def take_finished(self) -> Finished | None:
        """The episodes that ended since this was last asked; None if there are none."""
        taken, self.finished = self.finished, []
        if not taken:
            return None
        return Finished(*(np.concatenate(parts) for parts in zip(*taken, strict=True)))

    # -- as stable-baselines3 sees it ------------------------------------------------------------

    def reset(self) -> Seen:
        """Start new episodes everywhere."""
        return self.begin()

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take the actions."""
        self._orders = actions

    def step_wait(self) -> Any:
        """Drive them."""
        step = self.drive(self._orders)
        infos: list[dict[str, Any]] = [_NOTHING] * self.num_envs
        for row, car in enumerate(np.flatnonzero(step.ended)):
            infos[car] = {
                "terminal_observation": step.last_seen[row],
                "TimeLimit.truncated": bool(step.cut[car]),
            }
        return np.array(step.seen), step.rewards.astype(np.float32), step.ended, infos

    def close(self) -> None:
        """Let go of a reward's processes, if it has any."""
        if self._follower is not None:
            self._follower.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """The same attribute for every car asked for."""
        return [getattr(self, attr_name, None) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Nothing of a car alone can be set."""
        raise NotImplementedError("a training ground's cars have no attributes of their own")

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """Nothing of a car alone can be called."""
        raise NotImplementedError("a training ground's cars have no methods of their own")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """No car is wrapped in anything."""
        return [False for _ in self._get_indices(indices)]


class _Worth:
    """What cars are paid over a discounted while, and how much that spreads."""

    def __init__(self, cars: int, discount: float) -> None:
        self._worth, self._discount = np.zeros(cars), discount
        self._known = RunningMeanStd(shape=())

    def scale(self, paid: Doubles, ended: Bools) -> float:
        """What rewards are to be multiplied by so that their discounted sums spread by about 1."""
        self._worth = self._worth * self._discount + paid
        self._known.update(self._worth)
        self._worth[ended] = 0.0
        return float(1.0 / np.sqrt(self._known.var + 1e-8))


def _with_variation(recipe: Recipe) -> list[str]:
    """The sensors as they are asked for, cameras with the variation of the recipe."""
    if not recipe.vary.camera:
        return list(recipe.sensors)
    return [
        text
        if not text.startswith("camera") or "vary=" in text
        else f"{text}{'&' if '?' in text else '?'}vary={recipe.vary.camera:g}"
        for text in recipe.sensors
    ]


def episode_of(recipe: Recipe) -> Episode:
    """The episode that a recipe describes, less its laps, which the ground counts itself."""
    options = recipe.episode
    return Episode(
        time_limit_s=options.time_limit_s,
        starts=Starts(
            on_line=options.on_line,
            standing=options.standing,
            speed_mps=options.speed_mps,
            spread=options.spread,
            heading_rad=options.heading_rad,
        ),
    )


def _batches(
    recipe: Recipe, circuits: tuple[Circuit, ...], car: CarSpec, random: np.random.Generator, seed: int
) -> list[Batch]:
    """Batches that together hold the recipe's cars: one, or as many as there are different cars."""
    worlds = recipe.learning.cars
    kinds = min(recipe.vary.cars, worlds) if recipe.vary.car else 1
    cars = [varied(car, recipe.vary.car, random) for _ in range(kinds)] if recipe.vary.car else [car]
    cuts = [worlds * k // kinds for k in range(kinds + 1)]
    episode = episode_of(recipe)
    made = []
    for kind, spec in enumerate(cars):
        # Turned, so that every circuit is driven by many of the cars.
        turned = circuits[kind % len(circuits) :] + circuits[: kind % len(circuits)]
        count = cuts[kind + 1] - cuts[kind]
        made.append(
            Batch(
                turned,
                spec,
                worlds=count,
                control_hz=recipe.control_hz,
                episode=episode,
                seed=(seed * 1009 + kind) % 2**62,
                again="never",
                crew=crew(),
                parts=share(count),
            )
        )
    return made
