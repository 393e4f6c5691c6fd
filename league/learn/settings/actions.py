"""What a learner's answers mean, for all cars at once: an action space as stable-baselines3 wants it."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from league.racing.metadata import Actions, ContinuousActions

Doubles = NDArray[np.float64]


class Answers:
    """The answers of a learner and the commands that they stand for.

    With ranges two numbers within -1 to 1, steering and speed, scaled linearly; with a list of actions the
    number of one.
    """

    def __init__(self, actions: Actions) -> None:
        self.actions = actions
        self.discrete = not isinstance(actions, ContinuousActions)
        self.size = actions.size
        """How many numbers a network answers with."""
        if isinstance(actions, ContinuousActions):
            self.space: Any = spaces.Box(-1.0, 1.0, (2,), np.float32)
            low = np.array([actions.steer_rad[0], actions.speed_mps[0]])
            high = np.array([actions.steer_rad[1], actions.speed_mps[1]])
            self._half, self._middle = (high - low) / 2.0, (high + low) / 2.0
        else:
            self.space = spaces.Discrete(actions.size)
            self._table = actions.table

    def commands(self, answers: NDArray[Any]) -> Doubles:
        """Steering (rad) and speed (m/s), shape (cars, 2); what lies beyond a range is taken for its end."""
        if self.discrete:
            found: Doubles = self._table[np.asarray(answers, dtype=np.int64).reshape(-1)]
            return found
        # As `ContinuousActions.commands`, in half the time: this is called once a step.
        orders: Doubles = np.minimum(np.maximum(answers, -1.0), 1.0) * self._half
        orders += self._middle
        return orders

    def still(self, cars: int) -> NDArray[Any]:
        """Answers of the right form that ask for nothing in particular."""
        return np.zeros(cars, dtype=np.int64) if self.discrete else np.zeros((cars, 2), dtype=np.float32)
