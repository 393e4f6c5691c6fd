from __future__ import annotations

import json
from pathlib import Path

import pytest
from tiny import CIRCUIT

from league.cli import main


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def test_an_evaluation_is_printed_written_drawn_and_logged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {name: str(tmp_path / name) for name in ("result.json", "line.png", "logs")}
    options = ["--laps", "1", "--trials", "3", "--car-spread", "0.1", "--noise", "1", "--latency", "1"]
    places = ["--json", files["result.json"], "--plot", files["line.png"], "--logs", files["logs"]]
    assert run("evaluate", "pure-pursuit", CIRCUIT, *options, *places) == 0
    shown = capsys.readouterr().out
    assert "trial 3" in shown
    assert "of 3 trials finished" in shown
    told = json.loads(Path(files["result.json"]).read_text())
    assert set(told) >= {
        "circuit",
        "laps",
        "seed",
        "behavior",
        "clock",
        "entries",
        "state_hash",
        "trials",
        "spread",
    }
    assert told["spread"]["total_s"]["deviation"] > 0.0
    assert Path(files["line.png"]).stat().st_size > 10_000
    assert len(list(Path(files["logs"]).glob("evaluation-*/evaluation-simtrace/0-iteration.csv"))) == 3


def test_bad_input_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ("nobody", CIRCUIT),
        ("pure-pursuit", "nowhere"),
        ("pure-pursuit", CIRCUIT, "--seed", "-1"),
        ("pure-pursuit", CIRCUIT, "--laps", "0"),
        (str(tmp_path), CIRCUIT),
    ):
        assert run("evaluate", *arguments) == 2
        assert len(capsys.readouterr().err.strip().splitlines()) == 1
