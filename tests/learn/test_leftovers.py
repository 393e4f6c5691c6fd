"""What training leaves behind besides its own folder: nothing."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from tiny import begin, recipe


@pytest.mark.slow
def test_training_leaves_nothing_in_the_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    run = begin(tmp_path / "run", recipe())
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    run.train()
    assert [*temporary.iterdir()] == []
