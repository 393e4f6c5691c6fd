"""The learner: stable-baselines3's PPO with a leaner way to gather experience, and with Huber loss.

What is learned, and how, is stable-baselines3's. Gathering differs: cars are driven with the policy's mean
and noise drawn beforehand, and all values are computed at once afterwards instead of step by step. The
numbers are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from math import log, pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from stable_baselines3 import PPO, SAC
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples
from stable_baselines3.ppo import ppo as sb3_ppo

from league.learn.ground.vecenv import TrainingGround
from league.learn.training.policies import plain_layers

Floats = NDArray[np.float32]


class Experience(RolloutBuffer):
    """What was driven between two updates; may have been cut short, and hold gaps."""

    counts: NDArray[np.bool_] | None = None
    """Which entries count, shape (steps, cars); None is all."""

    def reset(self) -> None:
        """Forget it all."""
        self.buffer_size = getattr(self, "most_steps", self.buffer_size)
        self.most_steps = self.buffer_size
        self.counts = None
        super().reset()

    def cut(self, steps: int) -> None:
        """Keep only the first steps."""
        self.buffer_size = steps
        for name in (
            "observations",
            "actions",
            "rewards",
            "returns",
            "episode_starts",
            "values",
            "log_probs",
            "advantages",
        ):
            setattr(self, name, getattr(self, name)[:steps])
        self.pos, self.full = steps, True

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """All that counts, shuffled, in batches; a last batch of a few is left for another time."""
        if not self.generator_ready:
            keep = slice(None) if self.counts is None else self.counts.reshape(-1)
            self._flat = [
                torch.from_numpy(array.reshape(-1, *array.shape[2:])[keep]).to(self.device)
                for array in (
                    self.observations,
                    self.actions,
                    self.values,
                    self.log_probs,
                    self.advantages,
                    self.returns,
                )
            ]
            self.generator_ready = True
        total = len(self._flat[0])
        size = min(batch_size or total, total)
        order = torch.from_numpy(np.random.permutation(total)).to(self.device)
        for start in range(0, total, size):
            rows = order[start : start + size]
            if len(rows) * 4 < size:
                return  # a handful would make a step as large as that of a whole batch
            seen, actions, values, log_probs, advantages, returns = (part[rows] for part in self._flat)
            yield RolloutBufferSamples(seen, actions, values, log_probs, advantages, returns)


class _Budgeted:
    """Schedules follow the run's budget, of which stable-baselines3 knows nothing."""

    remaining = 1.0
    """Share of the budget that is left."""

    def _update_current_progress_remaining(self, num_timesteps: int, total_timesteps: int) -> None:
        self._current_progress_remaining = self.remaining


class RacingSAC(_Budgeted, SAC):
    """SAC that drives a `TrainingGround`."""


class RacingPPO(_Budgeted, PPO):
    """PPO that drives a `TrainingGround`.

    Args:
        loss: What a wrong value costs: "mse" or "huber".
        whole_episodes: Update after one whole episode of each car instead of after a number of steps.
        given: See stable-baselines3's PPO.
    """

    env: TrainingGround
    rollout_buffer: Experience

    def __init__(self, *given: Any, loss: str = "mse", whole_episodes: bool = False, **options: Any) -> None:
        self.loss, self.whole_episodes = loss, whole_episodes
        options["rollout_buffer_class"] = Experience
        super().__init__(*given, **options)

    def train(self) -> None:
        """Learn from what was gathered."""
        with _value_loss(self.loss):
            super().train()

    def collect_rollouts(
        self, env: Any, callback: Any, rollout_buffer: RolloutBuffer, n_rollout_steps: int
    ) -> bool:
        """Drive and note what happens, as stable-baselines3's own does."""
        ground: TrainingGround = env
        assert isinstance(rollout_buffer, Experience)
        self.policy.set_training_mode(False)
        rollout_buffer.reset()
        callback.on_rollout_start()
        seen, starts = self._last_obs, self._last_episode_starts
        assert isinstance(seen, np.ndarray)
        assert starts is not None
        self._last_obs, self._last_episode_starts = ground.rotate(seen, starts)
        if self.whole_episodes:
            self._last_obs = ground.begin()
            self._last_episode_starts = np.ones(ground.num_envs, dtype=bool)
        with torch.no_grad():
            ends = self._gather(ground, rollout_buffer, n_rollout_steps)
            last_values = self._look_back(rollout_buffer, ends)
        assert self._last_episode_starts is not None
        rollout_buffer.compute_returns_and_advantage(last_values, self._last_episode_starts)
        if self.whole_episodes:
            keep = np.cumsum(rollout_buffer.episode_starts, axis=0) <= 1
            rollout_buffer.counts = keep
        counts = rollout_buffer.counts
        self.num_timesteps += rollout_buffer.rewards.size if counts is None else int(counts.sum())
        callback.update_locals(locals())
        if not callback.on_step():
            return False
        callback.on_rollout_end()
        return True

    def _gather(self, ground: TrainingGround, buffer: Experience, steps: int) -> list[tuple[int, Any, Any]]:
        """Drive; returns the step, the cars and the last observations of all that was cut off."""
        chance = _Chance(self, steps)
        cuts: list[tuple[int, Any, Any]] = []
        going = np.ones(ground.num_envs, dtype=bool)
        seen, starts = self._last_obs, self._last_episode_starts
        assert isinstance(seen, np.ndarray)
        for t in range(steps):
            buffer.observations[t] = seen
            answers, noted = chance.answers(t, buffer.observations[t])
            step = ground.drive(answers)
            buffer.actions[t], buffer.log_probs[t] = noted
            buffer.rewards[t], buffer.episode_starts[t] = step.paid, starts
            if step.cut.any():
                cuts.append((t, np.flatnonzero(step.cut), step.last_seen[step.cut[step.ended]]))
            seen, starts = step.seen, step.ended
            if self.whole_episodes:
                going &= ~step.ended
                if not going.any():
                    buffer.cut(t + 1)
                    break
        buffer.pos, buffer.full = buffer.buffer_size, True
        self._last_obs, self._last_episode_starts = np.array(seen), starts
        return cuts

    def _look_back(self, buffer: Experience, cuts: list[tuple[int, Any, Any]]) -> torch.Tensor:
        """Fill in the values, and what would have come after each cut; returns the last values."""
        for t in range(0, buffer.buffer_size, chunk := max(1, _CHUNK // buffer.n_envs)):
            part = buffer.observations[t : t + chunk]
            values = self._values(part.reshape(-1, *part.shape[2:]))
            buffer.values[t : t + chunk] = values.numpy().reshape(part.shape[:2])
        if cuts:
            after = self._values(np.concatenate([seen for _, _, seen in cuts])).numpy()
            at = 0
            for t, cars, _ in cuts:
                buffer.rewards[t, cars] += self.gamma * after[at : at + len(cars)]
                at += len(cars)
        assert isinstance(self._last_obs, np.ndarray)
        return self._values(self._last_obs)

    def _values(self, seen: NDArray[Any]) -> torch.Tensor:
        return self.policy.predict_values(torch.from_numpy(seen).to(self.device)).flatten().cpu()


_CHUNK = 16384
"""Observations whose values are computed at a time."""


class _Chance:
    """A policy's answers with noise that is drawn beforehand for a whole stretch of driving."""

    def __init__(self, learner: RacingPPO, steps: int) -> None:
        self.policy, self.device = learner.policy, learner.device
        space: Any = learner.action_space
        cars = learner.n_envs
        self.discrete = hasattr(space, "n")
        self.quick = quick_actor(learner.policy) if learner.device.type == "cpu" else None
        if self.discrete:
            uniform = torch.rand(steps, cars, int(space.n)).clamp_(1e-12)
            self.noise = -torch.log(-torch.log(uniform))  # Gumbel: the greatest sum is a draw
            return
        self.noise = torch.randn(steps, cars, *space.shape)
        deviation = self.policy.log_std.detach().cpu()
        plain = -0.5 * self.noise.square().sum(-1) - deviation.sum() - 0.5 * log(2 * pi) * space.shape[0]
        self.log_probs = plain.numpy()
        self.noise *= deviation.exp()

    def answers(self, t: int, seen: NDArray[Any]) -> tuple[Any, tuple[Any, Any]]:
        """What to drive; and what to note of it: actions and logarithms of their probabilities."""
        if self.quick is not None:
            mean = torch.from_numpy(self.quick(seen))
        else:
            policy = self.policy
            features = policy.pi_features_extractor(torch.from_numpy(seen).to(self.device))
            mean = policy.action_net(policy.mlp_extractor.forward_actor(features)).cpu()
        if self.discrete:
            chosen = (mean + self.noise[t]).argmax(-1)
            logs = torch.log_softmax(mean, -1).gather(1, chosen[:, None])[:, 0]
            return chosen.numpy(), (chosen.numpy()[:, None], logs.numpy())
        actions = (mean + self.noise[t]).numpy()
        return actions, (actions, self.log_probs[t])


def quick_actor(policy: Any) -> Callable[[NDArray[Any]], Floats] | None:
    """The mean answers of a policy of plain layers over scaled numbers, in numpy; None for any other.

    For a few dozen cars torch spends more time on finding out what to do than on doing it.
    """
    layers = plain_layers(policy)
    if layers is None:
        return None
    steps = [(matrix[:-1].copy(), matrix[-1].copy()) for matrix in layers.matrices()]
    shares, bend = layers.shares, layers.bend

    def answer(seen: NDArray[Any]) -> Floats:
        # As `PlainLayers.answer`, in a third of its time where there is one policy.
        found: Floats = seen[:, : len(shares)] * shares
        for number, (weights, bias) in enumerate(steps):
            found = bend(found) if number else found
            found = found @ weights
            found += bias
        return found

    return answer


class _HuberInstead:
    """`torch.nn.functional` with the Huber loss in the place of the squared error."""

    def __getattr__(self, name: str) -> Any:
        return getattr(torch.nn.functional, name)

    @staticmethod
    def mse_loss(wanted: torch.Tensor, found: torch.Tensor) -> torch.Tensor:
        """Half the square of errors up to 1, beyond that their size less a half (rl_coach's Huber loss)."""
        return torch.nn.functional.huber_loss(wanted, found)


@contextmanager
def _value_loss(kind: str) -> Iterator[None]:
    """Let stable-baselines3's PPO, which offers no choice, use this loss for its values."""
    module: Any = sb3_ppo
    before = module.F
    if kind == "huber":
        module.F = _HuberInstead()
    try:
        yield
    finally:
        module.F = before
