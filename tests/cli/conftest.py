"""A server, and the command line of the user who started it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from served import at_home, serving
from terminal import Ran, Run, run_league


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of the user in these tests."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[str]:
    """A server's address."""
    with serving(folder) as (url, _):
        yield url


@pytest.fixture
def run(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, folder: Path, server: str
) -> Run:
    """Runs `league` as the user who started the server."""
    for name, value in at_home(folder).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LEAGUE_SERVER", server)
    monkeypatch.delenv("LEAGUE_TOKEN", raising=False)

    def go(*arguments: object) -> Ran:
        return run_league(capsys, *arguments)

    return go
