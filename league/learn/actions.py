"""What a learner's answers mean: from numbers to steering and speed, and to DeepRacer's metadata."""

from __future__ import annotations

from math import radians
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from league.learn.recipe import ActionSpace

Doubles = NDArray[np.float64]


class Actions:
    """An action space in use.

    Continuous: two numbers within -1 to 1, steering and speed, scaled linearly to the ranges. Discrete: the
    number of an action in the list.
    """

    def __init__(self, given: ActionSpace) -> None:
        self.given = given
        self.table = np.array([(radians(steer), speed) for steer, speed in given.actions]).reshape(-1, 2)
        self.discrete = len(self.table) > 0
        low = np.array([radians(given.steering_angle_deg[0]), given.speed_mps[0]])
        high = np.array([radians(given.steering_angle_deg[1]), given.speed_mps[1]])
        self._half, self._middle = (high - low) / 2.0, (high + low) / 2.0
        self.space: Any = (
            spaces.Discrete(len(self.table))
            if self.discrete
            else spaces.Box(-1.0, 1.0, (2,), np.float32)
        )

    @property
    def size(self) -> int:
        """How many numbers a network answers with."""
        return len(self.table) if self.discrete else 2

    def commands(self, answers: NDArray[Any]) -> Doubles:
        """Steering (rad) and speed (m/s), shape (cars, 2); what lies beyond a range is taken for its end."""
        if self.discrete:
            found: Doubles = self.table[np.asarray(answers, dtype=np.int64).reshape(-1)]
            return found
        orders = np.minimum(np.maximum(answers, -1.0), 1.0) * self._half
        orders += self._middle
        return orders

    def metadata(self, sensors: tuple[str, ...], vision: str) -> dict[str, Any]:
        """The same as DeepRacer's `model_metadata.json` has it."""
        given = self.given
        if self.discrete:
            space: Any = [
                {"steering_angle": steer, "speed": speed, "index": index}
                for index, (steer, speed) in enumerate(given.actions)
            ]
        else:
            (right, left), (slow, fast) = given.steering_angle_deg, given.speed_mps
            space = {"steering_angle": {"high": left, "low": right}, "speed": {"high": fast, "low": slow}}
        return {
            "action_space_type": "discrete" if self.discrete else "continuous",
            "action_space": space,
            "sensor": [_SENSORS.get(name.partition("?")[0], name.partition("?")[0].upper()) for name in sensors],
            "neural_network": _NETWORKS[vision],
            "training_algorithm": "clipped_ppo",
            "version": "5",
        }


_SENSORS = {
    "state": "STATE",
    "camera": "FRONT_FACING_CAMERA",
    "camera-stereo": "STEREO_CAMERAS",
    "lidar": "LIDAR",
    "lidar-sectors": "SECTOR_LIDAR",
    "lidar-discretized": "DISCRETIZED_SECTOR_LIDAR",
}
_NETWORKS = {
    "shallow": "DEEP_CONVOLUTIONAL_NETWORK_SHALLOW",
    "default": "DEEP_CONVOLUTIONAL_NETWORK",
    "deep": "DEEP_CONVOLUTIONAL_NETWORK_DEEP",
}
