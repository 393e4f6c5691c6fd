"""Files that are there completely or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from league.whole import whole, write_private


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
