"""Calling reward functions: one car after the other, or all that share a course at once.

Light to import: it is what the processes of `league.learn.reward.judging` run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from league.learn.reward import params as keys
from league.learn.reward.params import Params
from league.learn.reward.script import BATCH_FUNCTION, FUNCTION, Script, told

FloatArray = NDArray[np.float64]

MOST = 1e5
"""A reward beyond this, either way, stops the training, as in DeepRacer."""


class FailedCallError(Exception):
    """What a reward function did wrong: for which car of those given, where, and what."""

    def __init__(self, car: int, line: int, problem: str) -> None:
        self.car, self.line, self.problem = car, line, problem
        super().__init__(problem)


def judge(script: Script, cars: int, *, vectorised: bool) -> Callable[[Params], FloatArray]:
    """A function that pays so many cars, here in this process.

    It raises `FailedCallError`.

    Raises:
        RewardError: The file cannot be run.
    """
    return _Together(script) if vectorised else _OneByOne(script, cars)


class _OneByOne:
    """Calls the function of each car."""

    def __init__(self, script: Script, cars: int) -> None:
        self.script = script
        self.functions = script.functions(cars)

    def __call__(self, params: Params) -> FloatArray:
        values: list[Any] = []
        add = values.append
        with warnings.catch_warnings():
            # What numpy remarks on, DeepRacer does not stop for.
            warnings.simplefilter("ignore")
            try:
                for function, given in zip(self.functions, params.dicts(), strict=True):
                    add(function(given))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - strangers' code
                line = self.script.line_of(error.__traceback__)
                raise FailedCallError(len(values), line, told(error)) from None
            paid = _numbers(values)
        if paid is None:
            self._refuse(values, params)
            paid = np.array([_number(value) for value in values])
        return paid

    def _refuse(self, values: Sequence[Any], params: Params) -> None:
        """Say which value is no reward, if one is not."""
        for car, value in enumerate(values):
            problem = _problem(value)
            if problem:
                given = next(params.part(car, car + 1).dicts())
                line = self.script.line_of_return(self.functions[car], given)
                raise FailedCallError(car, line, f"{FUNCTION} {problem}")


class _Together:
    """Calls the form for many cars, once for every course, each of which has a module of its own."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.functions: dict[int, Callable[[Any], Any]] = {}
        self.first = script.functions(1, which=BATCH_FUNCTION)[0]

    def __call__(self, params: Params) -> FloatArray:
        paid = np.empty(len(params))
        courses = params.rows[:, keys.COURSE]
        for course in np.unique(courses).astype(int).tolist():
            mine = np.flatnonzero(courses == course)
            paid[mine] = self._pay(params, course, mine)
        return paid

    def _function(self, course: int) -> Callable[[Any], Any]:
        if course not in self.functions:
            fresh = self.first if not self.functions else self.script.functions(1, which=BATCH_FUNCTION)[0]
            self.functions[course] = fresh
        return self.functions[course]

    def _pay(self, params: Params, course: int, mine: NDArray[np.intp]) -> FloatArray:
        function = self._function(course)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                answer = np.asarray(function(params.arrays(course)), dtype=np.float64)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - strangers' code
                line = self.script.line_of(error.__traceback__)
                raise FailedCallError(int(mine[0]), line, f"{BATCH_FUNCTION}: {told(error)}") from None
        line = self.script.defined.get(BATCH_FUNCTION, 0)
        if answer.shape != mine.shape:
            problem = (
                f"{BATCH_FUNCTION} returned shape {answer.shape}, expected {mine.shape}: one for each car"
            )
            raise FailedCallError(int(mine[0]), line, problem)
        bad = np.flatnonzero(~(np.abs(answer) <= MOST))
        if bad.size:
            found = float(answer[bad[0]])
            problem = f"{BATCH_FUNCTION} returned {found!r}, expected finite numbers within ±{MOST:g}"
            raise FailedCallError(int(mine[bad[0]]), line, problem)
        return answer


def _numbers(values: list[Any]) -> FloatArray | None:
    """Rewards as an array if all are plain numbers in range, else None."""
    try:
        paid = np.fromiter(values, dtype=np.float64, count=len(values))
    except (TypeError, ValueError, OverflowError):
        return None
    return paid if bool((np.abs(paid) <= MOST).all()) else None


def _number(value: Any) -> float:
    """A reward as DeepRacer takes it: whatever `float` makes a number of, and an array of one number."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return float(value)


def _problem(value: Any) -> str:
    """What is wrong with a returned value, or nothing."""
    try:
        number = _number(value)
    except Exception:  # noqa: BLE001 - strangers' objects may raise anything
        shown = " ".join(repr(value).split())[:60] if value is not None else "nothing (None)"
        return f"returned {shown}, expected a number"
    if not isfinite(number):
        return f"returned {number}, expected a finite number"
    if abs(number) > MOST:
        return f"returned {number:g}, expected a number within ±{MOST:g}"
    return ""
