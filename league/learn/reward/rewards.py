"""Rewards from a DeepRacer user's own `reward_function.py`, unmodified, for all cars of a tick.

In use:

    telemetry = Telemetry(batch)                       # what the params are measured from
    rewards = Rewards("reward_function.py", batch.worlds, folder=run_folder)
    ...
    batch.step(commands[:, None])
    paid = rewards(telemetry.read(commands))           # one number a car
    batch.reset(worlds=ended)
    telemetry.begin(ended)
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.errors import RewardError
from league.learn.reward import params as keys
from league.learn.reward.calling import FailedCallError, judge
from league.learn.reward.judging import Crew
from league.learn.reward.params import Params
from league.learn.reward.script import Script

FloatArray = NDArray[np.float64]

KEPT_FILE = "reward-failed.json"


class Rewards:
    """What a reward function pays each car.

    Args:
        source: The file, or a script that was read already.
        cars: How many; each has a module of its own, whose globals it keeps from call to call.
        workers: Spread the cars over as many processes; 0 is this process.
        untrusted: Run the function in processes that can do little else: a limit for processor time,
            memory and files, and no network where that can be had.
        vectorised: Call `reward_batch` with arrays; None does so if the file has one.
        folder: Where the params that made a function fail are kept.
        seed: Of the random numbers that the function draws.

    Raises:
        RewardError: The file cannot be read or run.
    """

    def __init__(
        self,
        source: str | Path | Script,
        cars: int,
        *,
        workers: int = 0,
        untrusted: bool = False,
        vectorised: bool | None = None,
        folder: str | Path | None = None,
        seed: int = 0,
    ) -> None:
        self.script = source if isinstance(source, Script) else Script.read(source)
        self.cars = cars
        self.vectorised = self.script.has_batch if vectorised is None else vectorised
        self.calls = 0
        """Calls of the function so far; one for every car and tick, also where they are batched."""
        self._folder = Path(folder) if folder is not None else None
        self._judge: Callable[[Params], FloatArray]
        self._crew: Crew | None = None
        if workers or untrusted:
            self._crew = Crew(
                self.script,
                cars,
                workers=max(workers, 1),
                untrusted=untrusted,
                vectorised=self.vectorised,
                seed=seed,
            )
            self._judge = self._crew.judge
        else:
            self.script.begin(seed)
            self._judge = judge(self.script, cars, vectorised=self.vectorised)

    def __call__(self, params: Params) -> FloatArray:
        """What every car is paid for a tick, float64 of shape (cars,).

        Raises:
            RewardError: The function failed or gave no number within ±1e5; says on which line, in which
                episode and step, and where the params are kept.
        """
        self.calls += len(params)
        try:
            return self._judge(params)
        except FailedCallError as failure:
            raise self._explain(failure, params) from None

    def close(self) -> None:
        """End the processes, if there are any."""
        if self._crew is not None:
            self._crew.close()

    def __enter__(self) -> Rewards:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _explain(self, failure: FailedCallError, params: Params) -> RewardError:
        row = params.rows[failure.car]
        episode, step = int(row[keys.EPISODE]), int(row[keys.STEPS])
        given = next(params.part(failure.car, failure.car + 1).dicts())
        facts = {
            "file": self.script.name,
            "line": failure.line,
            "problem": failure.problem,
            "car": failure.car,
            "episode": episode,
            "step": step,
            "params": given,
        }
        kept = self._keep(facts)
        line = f" line {failure.line}:" if failure.line else ""
        return RewardError(
            f"{self.script.name}:{line} {failure.problem} "
            f"(car {failure.car}, episode {episode}, step {step}; {kept})"
        )

    def _keep(self, facts: dict[str, Any]) -> str:
        folder = self._folder or Path(tempfile.gettempdir())
        path = folder / KEPT_FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        except OSError as error:
            return f"its params could not be kept: {path}: {error.strerror}"
        return f"its params are in {path}"
