"""How the simulation's loops are compiled: one decorator, so that every kernel has the same rules.

No fast-math and no parallel loops: the same inputs must give the same bytes on every run.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compiled(function: Kernel) -> Kernel:
    """Compile a function when it is first called and keep the result on disk for later runs."""
    return cast("Kernel", njit(cache=True, error_model="numpy")(function))
