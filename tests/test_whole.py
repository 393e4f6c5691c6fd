"""Files that are there completely or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from league.whole import LEFT_S, whole, write_private


def left_by(pid: int, folder: Path, name: str = "monday.sqlite", *, age_s: float = 2 * LEFT_S) -> Path:
    """A file such as a killed process leaves."""
    path = folder / f".{name}.{pid}.partial"
    path.write_text("half")
    os.utime(path, (time.time() - age_s,) * 2)
    return path


@pytest.fixture
def gone() -> int:
    """The number of a process that is no more."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid


def test_what_a_killed_process_left_goes_with_the_next_write_beside_it(tmp_path: Path, gone: int) -> None:
    left_by(gone, tmp_path)
    left_by(gone, tmp_path, "b").rename(tmp_path / f".b.{gone}.partial-journal")
    with whole(tmp_path / "tuesday.sqlite") as partial:
        partial.write_text("whole")
    assert [path.name for path in tmp_path.iterdir()] == ["tuesday.sqlite"]


def test_what_may_still_be_somebodys_stays(tmp_path: Path, gone: int) -> None:
    kept = {
        left_by(os.getppid(), tmp_path),  # it is there
        left_by(os.getpid(), tmp_path),  # ours: of another thread
        left_by(gone, tmp_path, "on-another-machine", age_s=0.0),
    }
    for name in (f"a.{gone}.partial", f".{gone}.partial", f".a.{gone}.partially", ".a.x.partial"):
        kept.add(left_by(gone, tmp_path).rename(tmp_path / name))
    folder = tmp_path / f".folder.{gone}.partial"
    folder.mkdir()
    os.utime(folder, (0, 0))
    path = tmp_path / "tuesday.sqlite"
    with whole(path) as partial:
        partial.write_text("whole")
    assert {*tmp_path.iterdir()} == {*kept, folder, path}


def test_a_file_takes_its_place_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")
    with whole(path, ending=".gif") as partial:
        assert partial.suffix == ".gif"
        partial.write_text("after")
        assert path.read_text() == "before"
    assert path.read_text() == "after"
    assert [*tmp_path.iterdir()] == [path]


def test_what_is_broken_off_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("before")

    def break_off() -> None:
        with whole(path) as partial:
            partial.write_text("half")
            raise KeyError

    with pytest.raises(KeyError):
        break_off()
    assert path.read_text() == "before"
    assert [*tmp_path.iterdir()] == [path]


def test_a_private_file_is_for_its_user_only(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "secret"
    write_private(path, "one")
    write_private(path, "two")
    assert path.read_text() == "two"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"), whole(tmp_path / "file" / "below") as partial:
        partial.write_text("")
