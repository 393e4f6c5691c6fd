"""How fast training is, beside stable-baselines3's own PPO on an environment that does nothing.

Both learn side by side in one process, in turns, with the same sizes: 64 cars, 128 steps of each between
updates, 105 numbers seen and 2 answered, two hidden layers of 64. What is compared is the whole of it:
driving, paying, learning.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env.base_vec_env import VecEnv

from league.hooks.catalogue import League
from league.learn.ground.vecenv import TrainingGround
from league.learn.reward.paying import FileReward, Reward, built_in
from league.learn.settings.recipe import Recipe
from league.learn.training.run import make_learner
from league.sim.layout import STATE_SIZE

CARS, STEPS = 64, 128
SETTINGS = ((4, 2048), (10, 256))
"""Epochs and batch sizes."""
LEAST_ROUNDS = 3

PYTHON_REWARD = """\
def reward_function(params):
    if params["all_wheels_on_track"] and params["steps"] > 0:
        return params["progress"] / params["steps"] * 100.0 + params["speed"] ** 2
    return 0.01
"""


class Nothing(VecEnv):
    """An environment that costs nothing: it shows the same and pays nothing, for ever."""

    def __init__(self, cars: int, size: int) -> None:
        super().__init__(
            cars,
            spaces.Box(-np.inf, np.inf, (size,), np.float32),
            spaces.Box(-1.0, 1.0, (2,), np.float32),
        )
        self._seen = np.zeros((cars, size), dtype=np.float32)
        self._paid, self._done = np.zeros(cars, dtype=np.float32), np.zeros(cars, dtype=np.bool_)
        self._told: list[dict[str, Any]] = [{} for _ in range(cars)]

    def reset(self) -> Any:
        """Show it."""
        return self._seen

    def step_async(self, actions: Any) -> None:
        """Take anything."""

    def step_wait(self) -> Any:
        """Show it again."""
        return self._seen, self._paid, self._done, self._told

    def close(self) -> None:
        """Nothing is open."""

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """There is nothing to be had."""
        return [None] * self.num_envs

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """There is nothing to set."""

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **options: Any) -> list[Any]:
        """There is nothing to call."""
        return [None] * self.num_envs

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """It is not."""
        return [False] * self.num_envs


def measure(seconds: float, tell: Callable[[str], None]) -> list[dict[str, Any]]:
    """Steps a second of our training, with a built-in and with a Python reward, and of stable-baselines3's.

    Args:
        seconds: How long to measure in all, roughly.
        tell: Told what is going on.
    """
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "reward_function.py"
        file.write_text(PYTHON_REWARD, encoding="utf-8")
        for epochs, batch in SETTINGS:
            tell(f"{epochs} epochs in batches of {batch} ...")
            rows.append(_row(epochs, batch, file, seconds / len(SETTINGS)))
    return rows


def _row(epochs: int, batch: int, file: Path, seconds: float) -> dict[str, Any]:
    own = _ours(epochs, batch, None)
    paid = _ours(epochs, batch, file)
    plain = PPO(
        "MlpPolicy",
        Nothing(CARS, STATE_SIZE),
        n_steps=STEPS,
        batch_size=batch,
        n_epochs=epochs,
        device="cpu",
        seed=1,
    )
    learners = {"ours": own, "python": paid, "plain": plain}
    for learner in learners.values():
        _update(learner)  # compiles, and begins the first episodes
    taken: dict[str, list[float]] = {name: [] for name in learners}
    began = time.perf_counter()
    while len(taken["plain"]) < LEAST_ROUNDS or time.perf_counter() - began < seconds:
        for name, learner in learners.items():
            before = time.perf_counter()
            _update(learner)
            taken[name].append(time.perf_counter() - before)
    paid.env.close()
    rates = {name: CARS * STEPS / statistics.median(times) for name, times in taken.items()}
    # Turn by turn, so that what else the machine does slows both sides of a ratio.
    against = {
        name: statistics.median(p / t for p, t in zip(taken["plain"], taken[name], strict=True))
        for name in ("ours", "python")
    }
    return {
        "epochs": epochs,
        "batch_size": batch,
        "rounds": len(taken["plain"]),
        "steps_per_s": rates["ours"],
        "python_reward_steps_per_s": rates["python"],
        "plain_steps_per_s": rates["plain"],
        "ratio": against["ours"],
        "python_reward_ratio": against["python"],
        "spread": _spread(taken["ours"]),
    }


def _ours(epochs: int, batch: int, file: Path | None) -> Any:
    recipe = Recipe.parse(
        {
            "circuits": ["a-to-z-speedway"],
            "budget": {"steps": 1},
            "reward": {"kind": "progress", "scale": 1.0}
            if file is None
            else {"kind": "file", "file": str(file), "scale": 0.01},
            "learning": {"cars": CARS, "steps": STEPS, "epochs": epochs, "batch_size": batch},
        }
    )
    league = League()

    def reward() -> Reward:
        if file is None:
            return built_in(recipe.reward, 1.0)
        return FileReward(recipe.reward, CARS, folder=file.parent, seed=1)

    roads = [league.circuit(ref) for ref in recipe.circuits]
    return make_learner(recipe, TrainingGround(recipe, roads, league, reward, seed=1), "cpu")


def _update(learner: Any) -> None:
    """Drive and learn once."""
    learner.set_logger(Logger(None, []))  # one of its own would leave a folder behind
    learner.learn(CARS * STEPS, reset_num_timesteps=True, log_interval=None)
    if isinstance(learner.env, TrainingGround):
        learner.env.take_finished()


def _spread(times: list[float]) -> float:
    """Half the range between the quartiles as a share of the median."""
    low, _, high = statistics.quantiles(times, n=4)
    return (high - low) / 2.0 / statistics.median(times)
