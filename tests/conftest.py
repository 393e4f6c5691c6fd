"""What every test may ask for."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import databases
import pytest
from hypothesis import settings

# Machines are noisy: how long an example takes says nothing about the program.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

ROOT = Path(__file__).resolve().parents[1]
NO_DATA = "no test data at"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of circuits, recordings and settings for tests; never part of the project."""
    folder = Path(os.environ.get("LEAGUE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{NO_DATA} {folder} (set LEAGUE_TEST_DATA)")
    return folder


# A test that can reach one of these opens a record book, and runs once for each kind of database.
_OPENS_BOOKS = {"book", "book_url", "home"}, {"house", "new_book"}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Where there is a PostgreSQL server, tests that open a book run there, too.

    Those of the book itself at once; those of what stands on it count as slow there, for they are many.
    """
    fixtures, names = _OPENS_BOOKS
    if len(databases.KINDS) > 1 and (
        fixtures & {*metafunc.fixturenames} or any(hasattr(metafunc.module, name) for name in names)
    ):
        metafunc.fixturenames.insert(0, "kept_in")
        of_books = metafunc.definition.path.parent.name == "store"
        marks = () if of_books else (pytest.mark.slow,)
        kinds = ["sqlite", *(pytest.param(kind, marks=marks) for kind in databases.KINDS[1:])]
        metafunc.parametrize("kept_in", kinds, indirect=True)


@pytest.fixture
def kept_in(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The kind of database that books are kept in."""
    kind = str(getattr(request, "param", "sqlite"))
    monkeypatch.setattr(databases, "kept_in", kind)
    return kind


@pytest.fixture
async def book_url(kept_in: str, tmp_path: Path) -> AsyncIterator[str]:
    """Where an empty book may be made."""
    async with databases.book_place(tmp_path) as where:
        yield where


@pytest.fixture(scope="session", autouse=True)
def _tidy_databases() -> Iterator[None]:
    yield
    asyncio.run(databases.forget_templates())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where LEAGUE_REQUIRE_ALL is set, a test that would be skipped fails, unless only the data is absent."""
    report = yield
    if report.skipped and os.environ.get("LEAGUE_REQUIRE_ALL") and not hasattr(report, "wasxfail"):
        reason = str(report.longrepr[-1]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if NO_DATA not in reason:
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} must not be skipped here: {reason}"
    return report
