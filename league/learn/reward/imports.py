"""What a reward function gets when it imports something: numpy as it was, and chance of its own.

Most functions were written for versions of numpy that had more names. And what a function draws at random
must neither depend on who else draws, nor disturb them: with the same seed it pays the same again.
"""

from __future__ import annotations

import builtins
import math
import random
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

import numpy as np

# What numpy had when most reward functions were written, and no longer has. DeepRacer's simulator ran them
# on versions before 1.24.
_OLD_NUMPY: dict[str, Any] = {
    "float": float,
    "int": int,
    "bool": bool,
    "object": object,
    "str": str,
    "complex": complex,
    "long": int,
    "unicode": str,
    "float_": np.float64,
    "complex_": np.complex128,
    "Inf": np.inf,
    "Infinity": np.inf,
    "infty": np.inf,
    "PINF": np.inf,
    "NINF": -np.inf,
    "NaN": np.nan,
    "NAN": np.nan,
    "PZERO": 0.0,
    "NZERO": -0.0,
    "math": math,
    "alltrue": np.all,
    "sometrue": np.any,
    "product": np.prod,
    "cumproduct": np.cumprod,
    "round_": np.round,
    "asfarray": lambda values, dtype=np.float64: np.asarray(values, dtype=dtype),
    "asscalar": lambda value: value.item(),
    "row_stack": np.vstack,
    "in1d": lambda values, among, **how: np.isin(values, among, **how).ravel(),
    "trapz": np.trapezoid,
    "msort": lambda values: np.sort(values, axis=0),
    "mat": np.asmatrix,
}


class Imports:
    """Python's import, for the modules of one script."""

    def __init__(self) -> None:
        self._draws = random.Random()
        self._numpy_draws = np.random.RandomState()
        self._random = _like(random, {name: getattr(self._draws, name, None) for name in random.__all__})
        part = {name: getattr(self._numpy_draws, name, None) for name in np.random.__all__}
        self._numpy_random = _like(np.random, part)
        self._numpy = _like(np, {})
        for name, value in _OLD_NUMPY.items():
            # numpy has "bool" and "long" again, which now mean something else than they did.
            if name in ("bool", "long") or name not in vars(np):
                setattr(self._numpy, name, value)
        self._numpy.random = self._numpy_random  # type: ignore[attr-defined]
        self.begin(0)

    def begin(self, seed: int) -> None:
        """Begin both streams of random numbers."""
        self._draws.seed(seed)
        self._numpy_draws.seed(seed % 2**32)

    def __call__(
        self,
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 - the names that Python calls it with
        locals: Mapping[str, Any] | None = None,  # noqa: A002
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> ModuleType:
        """What an import statement asks for."""
        found = builtins.__import__(name, globals, locals, fromlist or (), level)
        if found is random:
            return self._random
        if found is np.random:
            return self._numpy_random
        if found is not np:
            return found
        part = name.partition(".")[2].partition(".")[0]
        if part and part != "random":  # a part of numpy that may have been imported just now
            setattr(self._numpy, part, getattr(np, part))
        return self._numpy


def _like(module: ModuleType, instead: Mapping[str, Any]) -> ModuleType:
    """A module with the same contents, less those that are replaced by something."""
    copy = ModuleType(module.__name__, module.__doc__)
    copy.__dict__.update(vars(module))
    copy.__dict__.update({name: value for name, value in instead.items() if value is not None})
    return copy
