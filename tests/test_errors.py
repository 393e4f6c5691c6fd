"""Errors cross to other processes whole."""

from __future__ import annotations

import pickle

import pytest

from league.errors import (
    CircuitError,
    HeatFinishedError,
    LeagueError,
    RemoteProtocolError,
    UnknownNameError,
)


@pytest.mark.parametrize(
    "error",
    [
        HeatFinishedError("heat 'final' is finished"),
        UnknownNameError("agent", "pure-persuit", ["pure-pursuit", "tutorial"]),
        CircuitError("loop.toml", "too narrow", place="row 12"),
        RemoteProtocolError("bad_frame", "not msgpack", close=1003),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_is_the_same_in_another_process(error: LeagueError) -> None:
    other = pickle.loads(pickle.dumps(error))
    assert type(other) is type(error)
    assert (str(other), other.args, vars(other)) == (str(error), error.args, vars(error))
