from __future__ import annotations

import os
import subprocess
import sys
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
