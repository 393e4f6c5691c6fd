"""Errors cross to other processes whole, and what the system says is said plainly."""

from __future__ import annotations

import pickle
import socket
import ssl

import aiohttp
import pytest

from league.errors import (
    CircuitError,
    HeatFinishedError,
    LeagueError,
    RemoteProtocolError,
    UnknownNameError,
    why_unreachable,
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


async def test_a_connection_that_nobody_takes_is_told_without_a_librarys_words() -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = held.getsockname()[1]
        async with aiohttp.ClientSession() as http:
            with pytest.raises(aiohttp.ClientConnectorError) as raised:
                await http.get(f"http://127.0.0.1:{port}/")
    assert "ssl:default" in str(raised.value)
    assert why_unreachable(raised.value) == "Connection refused"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TimeoutError(), "no answer in time"),
        (
            OSError("Multiple exceptions: [Errno 111] Connect call failed ('::1', 1), [Errno 101] x"),
            "Connection refused",
        ),
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ConnectionResetError(104, "Connection reset by peer"), "Connection reset by peer"),
        (aiohttp.ServerDisconnectedError(), "Server disconnected"),
        (ValueError(), "ValueError"),
    ],
)
def test_why_something_cannot_be_reached(error: BaseException, words: str) -> None:
    assert why_unreachable(error) == words


def test_a_certificate_that_is_not_trusted_is_named() -> None:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed")
    error.verify_message = "self-signed certificate"
    assert why_unreachable(error) == "its certificate is not trusted: self-signed certificate"
