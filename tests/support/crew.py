"""A small event, and a worker that is a thread of this process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import league_agents
from league import EntryPlan, EventPlan, Rules
from league.cluster.stall import HeatTask, Stall
from league.hooks.catalogue import installed
from league.store.records import ModelFiles

MODELS = Path(league_agents.__file__).parent / "models"


class Here(Executor):
    """An engine without other processes; what it is given crosses as it would to one."""

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            fn, args, kwargs = pickle.loads(pickle.dumps((fn, args, kwargs)))
            done.set_result(pickle.loads(pickle.dumps(fn(*args, **kwargs))))
        except Exception as error:
            done.set_exception(pickle.loads(pickle.dumps(error)))
        return done


class OneWorker(ThreadPoolExecutor):
    """An engine of one worker, which has a stall of its own."""

    def __init__(self, stall: Stall) -> None:
        super().__init__(1)
        self._stall = stall

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        (task,) = args
        assert isinstance(task, HeatTask)
        return super().submit(self._stall.race, task)


@contextmanager
def one_worker() -> Iterator[OneWorker]:
    """The worker, until the block ends."""
    stall = Stall(installed())
    with OneWorker(stall) as worker:
        yield worker
        ThreadPoolExecutor.submit(worker, stall.close).result()


def cup(style: str = "time-trial", entries: int = 3, *, laps: int = 1, **more: Any) -> EventPlan:
    """An event of the house's drivers on a short circuit."""
    agents = ("pure-pursuit", "tutorial")
    return EventPlan(
        id="cup",
        name="Cup",
        circuit="clubhouse-loop",
        format=style,
        seed=5,
        rules=Rules(laps=laps, time_limit_s=3600.0),
        entries=tuple(
            EntryPlan(id=f"entry-{n}", name=f"Entry {n}", agent=agents[n % 2]) for n in range(1, entries + 1)
        ),
        **more,
    )


def submitted() -> ModelFiles:
    """A trained house driver, as a racer would submit it."""
    folder = MODELS / "generalist"
    return ModelFiles(
        (folder / "model.onnx").read_bytes(), (folder / "model_metadata.json").read_text(encoding="utf-8")
    )
