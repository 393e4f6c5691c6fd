"""Engines: where work is done, in processes of this machine or on a Ray cluster.

An engine is a `concurrent.futures.Executor`: whoever hands out work neither knows nor cares where it is done.
Ray is optional (extra `cluster`). It schedules, moves and repeats work; nothing of that is done here.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import version
from typing import Any, Final, ParamSpec, TypeVar

from league.errors import ConfigError, LeagueError, RaceError
from league.hooks.catalogue import installed
from league.racing import BEHAVIOR

HERE: Final = "here"
"""The address of a cluster that consists of this machine, and is there only as long as it is needed."""
RETRIES: Final = 5
"""How often work is done again whose worker died."""
STORE_BYTES: Final = 100 * 1024 * 1024
"""Ray's memory for objects, where the cluster is ours: what is raced is small."""
_SEALED: Final = ("racing-league", "numpy", "numba", "onnxruntime")
# Ray reads these when it is imported: it tells nobody that it is used, and leaves our settings alone.
_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
}

P = ParamSpec("P")
R = TypeVar("R")


@contextmanager
def open_engine(cluster: str | None, *, workers: int | None = None) -> Iterator[Executor]:
    """An engine for as long as the block lasts.

    Args:
        cluster: Address of a Ray cluster, HOST:PORT; `HERE` makes one of this machine; None does without Ray.
        workers: Processes on this machine; by default as many as it has cores.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers at the address.
    """
    workers = workers or len(os.sched_getaffinity(0))
    if cluster is None:
        with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
            yield pool
        return
    with RayEngine(cluster, workers=workers) as engine:
        try:
            yield engine
        except BaseException:
            engine.shutdown(wait=False, cancel_futures=True)
            raise


class RayEngine(Executor):
    """Work as Ray tasks, one core each; done again where a worker or a machine is lost.

    Args:
        address: HOST:PORT of a cluster that this machine is part of, or `HERE`.
        workers: Cores of a cluster that is made here.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers.
    """

    def __init__(self, address: str = HERE, *, workers: int | None = None) -> None:
        self._ray = ray = _import_ray()
        own: dict[str, Any] = {"address": address}
        if address == HERE:
            own = {
                "address": "local", "num_cpus": workers, "object_store_memory": STORE_BYTES,
                "include_dashboard": False,
            }  # fmt: skip
        try:
            ray.init(**own, log_to_driver=False, logging_level=logging.ERROR, namespace="league")
        except Exception as error:  # Ray raises whatever comes
            raise ConfigError(f"cluster {address}: cannot be used: {_line(error)}") from error
        self._task = ray.remote(num_cpus=1, max_retries=RETRIES)(_sealed)
        self._seal = seal()
        self._asked: dict[Future[Any], Any] = {}

    @property
    def machines(self) -> int:
        """How many machines are part of the cluster now."""
        return sum(bool(node["Alive"]) for node in self._ray.nodes())

    @property
    def cores(self) -> int:
        """How many cores they have for us together."""
        return int(self._ray.cluster_resources().get("CPU", 0))

    def submit(self, fn: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Future[R]:
        """Have something done; the function must be one that every machine can import.

        Cancelling the future ends the work, wherever it is.
        """
        name = getattr(getattr(fn, "func", fn), "__name__", "work")
        ref = self._task.options(name=name).remote(self._seal, fn, args, kwargs)
        asked: Future[R] = Future()
        self._asked[asked] = ref
        asked.add_done_callback(self._forget)
        ref.future().add_done_callback(lambda done: self._settle(asked, done))
        return asked

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, or end the one that was made here; what is still under way ends with it."""
        for asked in [*self._asked]:
            if cancel_futures:
                asked.cancel()
            elif wait:
                asked.exception()
        self._ray.shutdown()

    def _forget(self, asked: Future[Any]) -> None:
        ref = self._asked.pop(asked, None)
        if ref is not None and asked.cancelled() and self._ray.is_initialized():
            self._ray.cancel(ref, force=True)

    def _settle(self, asked: Future[Any], done: Future[Any]) -> None:
        if not asked.set_running_or_notify_cancel():
            return
        error = done.exception()
        if error is None:
            asked.set_result(done.result())
            return
        cause = getattr(error, "cause", None)  # what the work itself raised, over there
        if isinstance(cause, LeagueError):
            asked.set_exception(cause)
        else:
            asked.set_exception(RaceError(f"cluster: {_line(cause or error)}"))


def seal() -> Mapping[str, str]:
    """What has to be the same wherever work is done, so that it comes to the same bytes."""
    return dict(_own_seal())


@lru_cache(maxsize=1)
def _own_seal() -> tuple[tuple[str, str], ...]:
    plugins = ", ".join(sorted(report.name for report in installed().plugins if report.status == "loaded"))
    versions = ((name, version(name)) for name in _SEALED)
    return (*versions, ("behaviour", str(BEHAVIOR)), ("plugins", plugins))


def _sealed(expected: Mapping[str, str], fn: Callable[..., R], args: Any, kwargs: Any) -> R:
    """Do work that came from another machine, if this one is equipped like it."""
    for name, found in _own_seal():
        if found != expected.get(name):
            raise ConfigError(
                f"worker {os.uname().nodename}: {name} {found}, expected {expected.get(name)}; "
                "install the same on every machine"
            )
    return fn(*args, **kwargs)


def _import_ray() -> Any:
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ImportError as error:
        raise ConfigError(f"a cluster needs Ray: pip install 'racing-league[cluster]' ({error})") from None
    return ray


def _line(error: BaseException) -> str:
    """An error in one line; Ray's have many."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
