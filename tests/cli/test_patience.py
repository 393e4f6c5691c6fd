"""Patience with functions that never return."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any

import pytest

from league.cli.patience import patience

FILE = "reward.py"


def alarm() -> None:
    """What happens when the time is up, now."""
    look = signal.getsignal(signal.SIGALRM)
    assert callable(look)
    look(signal.SIGALRM, sys._getframe())


def function(code: str) -> Callable[[], Any]:
    names: dict[str, Any] = {"alarm": alarm}
    exec(compile(code, FILE, "exec"), names)
    found: Callable[[], Any] = names["function"]
    return found


def test_a_call_that_is_still_the_same_is_given_up() -> None:
    hangs = function("def function():\n    while True:\n        alarm()")
    with patience(FILE, 3600.0), pytest.raises(TimeoutError, match="no answer for 3600 s"):
        hangs()


def test_calls_that_return_are_left_alone_however_many() -> None:
    short = function("def function():\n    alarm()\n    return 1")
    with patience(FILE, 3600.0):
        assert [short() for _ in range(3)] == [1, 1, 1]


def test_what_other_files_do_may_take_its_time() -> None:
    with patience(FILE, 3600.0):
        for _ in range(3):
            alarm()


def test_a_function_that_loops_for_ever_is_interrupted() -> None:
    loops = function("def function():\n    while True:\n        pass")
    with patience(FILE, 0.05), pytest.raises(TimeoutError):
        loops()


def test_afterwards_everything_is_as_before() -> None:
    before = signal.getsignal(signal.SIGALRM)
    with patience(FILE, 3600.0):
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
