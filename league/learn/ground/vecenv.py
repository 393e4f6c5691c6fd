"""The training ground: fields of cars as stable-baselines3 wants its environments.

One step is one call for all cars. Learners that know the ground use `drive`, which hands out arrays;
stable-baselines3's own algorithms see an ordinary vector environment with a dictionary per car. Where there
are more circuits than cars, or many different cars, several fields take turns, one stretch of driving each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.running_mean_std import RunningMeanStd
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from league.hooks.catalogue import League
from league.learn.ground.field import Driven, Field, Finished
from league.learn.ground.senses import Seen, Sight
from league.learn.reward.paying import Reward
from league.learn.settings.actions import Answers
from league.learn.settings.recipe import Recipe
from league.learn.settings.settling import actions_of
from league.track.circuit import Circuit

Doubles = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_FIELDS = 16

_NOTHING: dict[str, Any] = {}


class TrainingGround(VecEnv):
    """Many cars, each alone on a circuit.

    Args:
        recipe: Car, episode, sensors, variation and how many cars.
        circuits: Where they drive.
        league: What the plugins offer.
        reward: Makes what the cars of a field are paid for.
        seed: Of everything that is drawn here.
    """

    def __init__(
        self,
        recipe: Recipe,
        circuits: Sequence[Circuit],
        league: League,
        reward: Callable[[], Reward],
        *,
        seed: int,
    ) -> None:
        self.recipe, self.circuits = recipe, tuple(circuits)
        self.answers = Answers(actions_of(recipe))
        roads = self._shuffled(seed)
        count = min(MOST_FIELDS, ceil(len(roads) / recipe.learning.cars))
        self.fields = [
            Field(
                recipe,
                roads[(start := number * recipe.learning.cars % len(roads)) :] + roads[:start],
                league,
                self.answers,
                reward(),
                seed=seed * 31 + number,
            )
            for number in range(count)
        ]
        self._turn = 0
        self._waiting: dict[int, tuple[Seen, Bools]] = {}
        eyes = self.fields[0].eyes
        low, high = (0, 255) if eyes.pictures else (-np.inf, np.inf)
        super().__init__(
            self.fields[0].cars, spaces.Box(low, high, eyes.shape, eyes.dtype), self.answers.space
        )
        self._scale = recipe.reward.scale
        self._worth = _Worth(self.num_envs, recipe.learning.discount)
        self._orders: Any = None
        self.steps_done = 0
        """Ticks driven by all cars together."""

    @property
    def sights(self) -> tuple[Sight, ...]:
        """Where in an observation each sensor's numbers are."""
        return self.fields[0].eyes.sights

    @property
    def field(self) -> Field:
        """The field whose turn it is."""
        return self.fields[self._turn]

    def _shuffled(self, seed: int) -> tuple[Circuit, ...]:
        """The circuits in another order, so that each field has some of all kinds; one or two stay."""
        order = np.random.default_rng(seed).permutation(len(self.circuits))
        return tuple(self.circuits[k] for k in order) if len(self.circuits) > 2 else self.circuits

    # -- driving -------------------------------------------------------------------------------

    def begin(self) -> Seen:
        """Start new episodes everywhere."""
        self._waiting.clear()
        return self.field.begin()

    def rotate(self, seen: Seen, starts: Bools) -> tuple[Seen, Bools]:
        """Let the next field drive, if there are several.

        Args:
            seen: What the present one's cars see.
            starts: Whose episode begins there.

        Returns:
            The same of the next one's.
        """
        if len(self.fields) == 1:
            return seen, starts
        self._waiting[self._turn] = seen, starts
        self._turn = (self._turn + 1) % len(self.fields)
        if self._turn not in self._waiting:
            self._waiting[self._turn] = self.field.begin(), np.ones(self.num_envs, dtype=np.bool_)
        return self._waiting.pop(self._turn)

    def drive(self, answers: NDArray[Any]) -> Driven:
        """Drive all cars by one tick; what they are paid is scaled."""
        driven = self.field.drive(answers)
        self.steps_done += self.num_envs
        scale = self._scale or self._worth.scale(driven.paid, driven.ended)
        return driven if scale == 1.0 else driven._replace(paid=driven.paid * scale)

    def take_finished(self) -> Finished | None:
        """The episodes that ended since this was last asked; None if there are none."""
        taken = [episodes for field in self.fields for episodes in field.take_finished()]
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
            cut = bool(step.cut[car])
            infos[car] = {"terminal_observation": step.last_seen[row], "TimeLimit.truncated": cut}
        return np.array(step.seen), step.paid.astype(np.float32), step.ended, infos

    def close(self) -> None:
        """Let go of the rewards' processes, if they have any."""
        for field in self.fields:
            field.close()

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
