"""Polishing: a last stretch of training that shortens the race itself.

PPO learns from driving with noise and keeps as far from every edge as that noise asks for. Polishing drives
without: many copies of the policy, each changed a little, race at once, and the policy moves towards those
that were faster. These are evolution strategies (Salimans et al. 2017, arXiv:1703.03864) with mirrored
changes, ranks in the place of times, and Adam.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from league.errors import ConfigError
from league.learn.results.testdrive import TestDrive, score
from league.learn.training.policies import PlainLayers, plain_layers

if TYPE_CHECKING:
    from league.learn.training.run import Run
    from league.sim.car import CarSpec

Floats = NDArray[np.float32]

_SEED, _FIELD_SEED = 41, 42
SLOWEST = 1.5
"""A copy's race is over when it has taken so many times as long as the policy's own."""
LOOK_EVERY = 4
"""Generations between test drives, where cars differ."""


class Polish:
    """Polishes a run's policy, a generation of races at a time.

    Args:
        run: The run; its test circuits are what the policy is polished on. Where cars differ or what they see
            is noisy, every generation has new cars and new noise, or the policy learns these few by heart.

    Raises:
        ConfigError: The policy sees more than one sensor's numbers.
    """

    def __init__(self, run: Run) -> None:
        layers = plain_layers(run.learner.policy)
        if layers is None:
            raise ConfigError(
                f"polish: sees {', '.join(run.recipe.sensors)}, expected one sensor that gives numbers"
            )
        self.run, self.options, self.layers = run, run.recipe.polish, layers
        self.races = self.options.copies * run.test.count
        """Races of a generation."""

    def begin(self) -> None:
        """Start from the best policy so far."""
        run = self.run
        assert run.best is not None, "a test drive comes before"
        run.learner.policy.load_state_dict(run.best["policy"])
        self._random = np.random.default_rng([run.recipe.seed, _SEED])
        self._mean = torch.nn.Parameter(torch.from_numpy(self.layers.weights()))
        self._adam = torch.optim.Adam([self._mean], lr=self.options.rate, betas=(0.9, 0.99))
        self._scale = self.layers.scale()
        self._best, self._generations = -np.inf, 0
        self._field = _Copies(run, self.options.copies)

    def generation(self, left: float) -> int:
        """Race once with every copy, and move; gives how many ticks they drove.

        Args:
            left: Share of the polishing that is left; steps shrink with it.
        """
        half = self.options.copies // 2
        draws = self._random.standard_normal((half, len(self._scale)), dtype=np.float32)
        changes, mean = self.options.spread * self._scale * draws, self._mean.detach().numpy()
        copies = np.concatenate([mean + changes, mean - changes])
        found, ticks = self._field.race(self.layers, copies)
        # The field's word is not enough: the policy's own test drive decides what is kept.
        if not self._field.changing and found.max() > self._best:
            self._best = float(found.max())
            self.layers.take(copies[int(found.argmax())])
            self.run.pit.look()
        self._move(draws, found, left)
        self.layers.take(self._mean.detach().numpy())
        self._generations += 1
        if self._field.changing and self._generations % LOOK_EVERY == 0:
            self.run.pit.look()  # another field's word says nothing about this one's
        return ticks

    def _move(self, draws: Floats, found: NDArray[np.float64], left: float) -> None:
        """A step of Adam along the changes, weighted by the ranks of what they gave."""
        ranks = found.argsort().argsort() / (len(found) - 1) - 0.5
        half = len(draws)
        uphill = ((ranks[:half] - ranks[half:])[:, None] * draws).mean(axis=0)
        # One rate for all: Adam's steps are of one size, a layer's of the size of its weights.
        before = self._mean.detach().clone()
        self._mean.grad = torch.from_numpy(-uphill.astype(np.float32))
        self._adam.param_groups[0]["lr"] = self.options.rate * left
        self._adam.step()
        with torch.no_grad():
            self._mean.copy_(before + (self._mean - before) * torch.from_numpy(self._scale))


class _Copies:
    """The same test drives for many copies of a policy at once."""

    def __init__(self, run: Run, copies: int) -> None:
        drives = run.test(run.best_answers())
        times_s = [drive.total_s for drive in drives]
        done = all(drive.finished for drive in drives)
        self.run, self.copies = run, copies
        self.cars, self.roads = len(run.test.batches), len(run.test.circuits)
        self.by = run.recipe.keep.best_by
        self.time_limit_s = SLOWEST * max(times_s) if done else None
        self.changing = run.recipe.vary.car > 0.0 or run.recipe.vary.noise > 0.0
        """Whether every race has new cars and new noise."""
        self._random = np.random.default_rng([run.recipe.seed, _FIELD_SEED])
        self._always = None if self.changing else self._gather(run.test_cars())

    def _gather(self, cars: list[CarSpec]) -> TestDrive:
        return self.run.test_drive(cars, copies=self.copies, time_limit_s=self.time_limit_s)

    def _next(self) -> tuple[TestDrive, int]:
        """The next race, and the seed of its noise."""
        if self._always is not None:
            return self._always, 0
        seed = int(self._random.integers(2**31))
        return self._gather(self.run.test_cars(seed)), seed

    def race(self, layers: PlainLayers, copies: Floats) -> tuple[NDArray[np.float64], int]:
        """The score of each copy, greater is better; and how many ticks all their cars drove."""
        matrices = layers.split(copies)
        shape = (self.cars, self.copies, self.roads)
        ticks = 0

        def answer(seen: NDArray[Any]) -> NDArray[Any]:
            nonlocal ticks
            ticks += 1
            # Every copy's cars in one block, for one product of matrices a copy.
            rows = seen.reshape(*shape, -1).swapaxes(0, 1).reshape(self.copies, -1, seen.shape[-1])
            found = layers.answer(rows, matrices)
            return found.reshape(self.copies, self.cars, self.roads, -1).swapaxes(0, 1).reshape(len(seen), -1)

        test, seed = self._next()
        drives = test(lambda seen: layers.choose(answer(seen)), seed)
        by_copy = np.arange(test.count).reshape(shape).swapaxes(0, 1).reshape(self.copies, -1)
        scores = [score([drives[number] for number in numbers], self.by, 0.0) for numbers in by_copy]
        return np.array(scores), ticks * test.count
