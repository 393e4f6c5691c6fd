"""`league restore`: what it says, and that a failure leaves everything as it was."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from terminal import run_league


def events(book: Path) -> list[str]:
    with closing(sqlite3.connect(book)) as db:
        return [row[0] for row in db.execute("SELECT id FROM events")]


def book_in(folder: Path, name: str) -> Path:
    """A record book with two events."""
    source = Path(__file__).parents[1] / "store" / "books" / "0009.sql"
    with closing(sqlite3.connect(folder / name)) as db:
        db.executescript(source.read_text(encoding="utf-8"))
    return folder / name


def test_a_backup_comes_back_and_what_was_there_is_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, target = book_in(tmp_path, "monday.sqlite"), tmp_path / "league.sqlite"
    said = run_league(capsys, "restore", backup, "--database", target)
    assert (said.code, said.out.split()) == (0, [f"{target}:", "2", "events"])
    again = run_league(capsys, "restore", backup, "--database", target)
    assert again.code == 2
    assert again.err.endswith("expected a new one; --replace renames it and begins anew\n")
    replaced = run_league(capsys, "restore", backup, "--database", target, "--replace")
    (aside,) = tmp_path.glob("league.sqlite.2*")
    assert replaced.out.splitlines()[0] == f"{aside}: what was there before"
    assert events(aside) == events(target) == ["friday", "saturday"]


@pytest.mark.parametrize("content", [b"a letter to the club", b""], ids=["text", "empty"])
def test_a_file_that_is_no_backup_leaves_everything_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes
) -> None:
    letter, target = tmp_path / "letter.txt", tmp_path / "league.sqlite"
    letter.write_bytes(content)
    refused = run_league(capsys, "restore", letter, "--database", target)
    assert refused.code != 0
    assert len(refused.err.splitlines()) == 1
    assert not target.exists()
    book_in(tmp_path, "league.sqlite")
    assert run_league(capsys, "restore", letter, "--database", target, "--replace").code != 0
    assert events(target) == ["friday", "saturday"]
    assert [*tmp_path.glob("league.sqlite?*")] in ([], [tmp_path / "league.sqlite.lock"])


def test_an_import_keeps_what_was_there_and_takes_no_backup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, export = book_in(tmp_path, "league.sqlite"), tmp_path / "league.zip"
    assert run_league(capsys, "export", export, "--database", target).code == 0
    refused = run_league(capsys, "import", export, "--database", target)
    assert (refused.code, refused.err.count("--replace")) == (2, 1)
    imported = run_league(capsys, "import", export, "--database", target, "--replace")
    (aside,) = tmp_path.glob("league.sqlite.2*")
    assert imported.out.splitlines()[0] == f"{aside}: what was there before"
    wrong = run_league(capsys, "import", aside, "--database", tmp_path / "new.sqlite")
    assert (wrong.code, wrong.err) == (
        2,
        f"league: {aside}: a record book, expected an export; `league restore` brings a backup back\n",
    )
    assert not (tmp_path / "new.sqlite").exists()
