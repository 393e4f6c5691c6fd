"""Cars that drive about, and what reward functions are told of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from textwrap import dedent

import numpy as np
from stadium import stadium

from league import DEEPRACER, Batch, Episode, Starts
from league.learn.reward.params import Params
from league.learn.reward.telemetry import Telemetry


@lru_cache(maxsize=8)
def driven(cars: int = 5, ticks: int = 12, *, others: int = 0) -> tuple[Params, ...]:
    """What cars are told that follow the road more or less, some of them off it; episodes start again."""
    each = 1 + others
    episode = Episode(time_limit_s=1.5, starts=Starts(on_line=0.3))
    batch = Batch(
        stadium(), DEEPRACER, worlds=cars, cars_per_world=each, episode=episode, seed=4, again="never"
    )
    telemetry = Telemetry(batch)
    random = np.random.default_rng(1)
    told = []
    for _ in range(ticks):
        x, y = batch.seen[:, :, 15], batch.seen[:, :, 16]
        steer = np.arctan2(0.7 * y, x * x + y * y) + random.normal(0.0, 0.2, x.shape)
        commands = np.stack((np.clip(steer, -0.5, 0.5), random.uniform(0.3, 4.0, x.shape)), axis=-1)
        batch.step(commands)
        params = telemetry.read(commands.reshape(-1, 2))
        told.append(Params(params.rows[::each], params.courses, params.objects[::each]))
        ended = (batch.terminated | batch.truncated)[:, 0]
        batch.reset(worlds=ended)
        telemetry.begin(np.repeat(ended, each))
    return tuple(told)


def write(folder: Path, code: str, name: str = "reward_function.py") -> Path:
    """A reward function's file; code that is one expression of `p` makes a whole function."""
    if "\n" not in code:
        code = f"def reward_function(p):\n    return {code}\n"
    file = folder / name
    file.write_text(dedent(code), encoding="utf-8")
    return file
