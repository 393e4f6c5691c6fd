"""Options of commands whose work can be done by several processes, or by several machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import click

from league.cluster.engine import HERE, open_engine


def engine_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add `--workers` and `--cluster`."""
    for option in (
        click.option(
            "--cluster",
            is_flag=False,
            flag_value=HERE,
            metavar="[HOST:PORT|auto]",
            help="Let Ray do it, on the cluster that this machine is part of (extra `cluster`); without an "
            "address on all cores of this machine.",
        ),
        click.option(
            "--workers", type=click.IntRange(1, 1024), metavar="N", help="Processes on this machine."
        ),
    ):
        function = option(function)
    return function


@contextmanager
def chosen_engine(workers: int | None, cluster: str | None) -> Iterator[Executor | None]:
    """The engine that the options ask for; None where they ask for none."""
    if workers is None and cluster is None:
        yield None
        return
    with open_engine(cluster, workers=workers) as engine:
        yield engine
