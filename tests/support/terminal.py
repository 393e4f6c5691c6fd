"""Running the command line in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from league.cli import main


class Ran(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]
"""Runs `league` with arguments; the fixture `run` of the command line's tests is one."""


def run_league(capsys: pytest.CaptureFixture[str], *arguments: object) -> Ran:
    """Run `league` with arguments and say how it ended."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    code = ended.value.code
    return Ran(code if isinstance(code, int) else 1, out, err)
