from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from league.testing import benchmarks_train
from league.testing.benchmarks_train import Nothing, measure


def test_the_environment_that_does_nothing_has_our_shape() -> None:
    plain = Nothing(3, 105)
    seen = plain.reset()
    plain.step_async(None)
    again, paid, done, told = plain.step_wait()
    assert seen.shape == again.shape == (3, 105)
    assert paid.sum() == 0.0
    assert not done.any()
    assert told == [{}, {}, {}]


@pytest.mark.slow
def test_the_bench_measures_all_three_in_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = tmp_path / "ours"
    ours.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(ours))
    # Torch makes a folder for itself when its compiler is first looked at, which may be here.
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "torch"))
    monkeypatch.setattr(benchmarks_train, "SETTINGS", ((1, 4096),))
    (row,) = measure(0.5, lambda text: None)
    assert row["rounds"] >= 3
    assert min(row["steps_per_s"], row["plain_steps_per_s"], row["python_reward_steps_per_s"]) > 100
    assert row["ratio"] > 0.3
    assert [*ours.iterdir()] == [], "it leaves something in the temporary folder"
