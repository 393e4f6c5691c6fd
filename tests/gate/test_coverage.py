"""The gate's tests reach every branch of the gate."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_branch_of_the_gate_is_taken_by_its_own_tests(tmp_path: Path) -> None:
    data = tmp_path / "coverage"
    run = [sys.executable, "-m", "coverage"]
    own = [
        str(path) for path in sorted((ROOT / "tests" / "gate").glob("test_*.py")) if path != Path(__file__)
    ]
    subprocess.run(
        [*run, "run", "--branch", "--include=*/league/gate/*", f"--data-file={data}", "-m", "pytest", "-q",
         "-p", "no:cacheprovider", *own],
        cwd=ROOT, check=True,
    )  # fmt: skip
    report = [*run, "report", f"--data-file={data}", "--show-missing", "--fail-under=100"]
    done = subprocess.run(report, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
