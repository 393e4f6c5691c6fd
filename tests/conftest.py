"""What every test may ask for."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
NO_DATA = "no test data at"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of circuits, recordings and settings for tests; never part of the project."""
    folder = Path(os.environ.get("LEAGUE_TEST_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"{NO_DATA} {folder} (set LEAGUE_TEST_DATA)")
    return folder


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
