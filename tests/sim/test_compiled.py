from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from league.sim.draws import chance

CODE = """
import os, pathlib, shutil
from league.sim.draws import chance
place = pathlib.Path(os.environ["NUMBA_CACHE_DIR"])
shutil.rmtree(place)
place.touch()
print(chance(1, 2, 3))
"""


def test_what_can_be_neither_read_nor_kept_is_compiled_for_this_process_alone(tmp_path: Path) -> None:
    place = tmp_path / "compiled"
    place.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", CODE], env=os.environ | {"NUMBA_CACHE_DIR": str(place)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) == chance(1, 2, 3)


def test_versions_that_nobody_uses_any_more_are_removed_when_another_comes(tmp_path: Path) -> None:
    days = {f"league-{number}": number for number in (0, 2, 3, 4, 5, 6, 7, 31, 40)}
    for name, day in days.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "kernel.nbi").touch()
        before = time.time() - 86400 * day - 60
        os.utime(tmp_path / name, (before, before))
    (tmp_path / "somebody-elses").mkdir()
    subprocess.run(
        [sys.executable, "-c", "import league.sim.compiled"],
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}, timeout=120, check=True,
    )  # fmt: skip
    left = {folder.name for folder in tmp_path.iterdir()}
    # Its own and the newest five beside it; of the others only what was used today.
    assert left & {*days} == {f"league-{day}" for day in (0, 2, 3, 4, 5)}
    assert len(left) == 7
