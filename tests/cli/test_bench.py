from __future__ import annotations

import json
import os
import shutil

import pytest
from click.testing import CliRunner

from league.cli import command


@pytest.mark.slow
def test_the_bench_measures_ours_beside_the_reference(tmp_path):
    out = tmp_path / "sim.json"
    done = CliRunner().invoke(command, ["bench", "sim", "--seconds", "1", "--json", str(out)])
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text())
    assert figures["kind"] == "sim"
    rows = {(row["what"], row["cars"], row["threads"]): row for row in figures["rows"]}
    for size in (1, 64, 4096):
        ours, plain = rows["Batch.step, all on", size, 1], rows["reference", size, 1]
        assert ours["car_steps_per_s"] > 0
        assert ours["of_reference"] == pytest.approx(ours["car_steps_per_s"] / plain["car_steps_per_s"])
        assert ours["simulated_s_per_s"] == pytest.approx(ours["car_steps_per_s"] / 15)
    assert figures["peak_memory_mib"] > 10
    assert "Batch.step" in done.output


def test_what_cannot_be_measured_is_refused_in_one_line():
    done = CliRunner().invoke(command, ["bench", "weather"])
    assert done.exit_code == 2
    assert "'weather' is not one of 'sim', 'server', 'sensors'" in done.output


@pytest.mark.slow
# Ray leaves sockets and files to the end of this process.
@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_the_bench_races_the_same_heats_here_and_on_a_cluster(tmp_path):
    out = tmp_path / "cluster.json"
    done = CliRunner().invoke(
        command,
        [
            "bench",
            "cluster",
            "--seconds",
            "1",
            "--workers",
            "2",
            "--circuit",
            "clubhouse-loop",
            "--json",
            str(out),
        ],
    )
    assert done.exit_code == 0, done.output
    figures = json.loads(out.read_text())
    one, alone, _, many, _, caged = figures["rows"]
    assert (one["what"], many["what"]) == ("one process", "Ray, 2 workers")
    assert many["of_one"] == pytest.approx(many["heats_per_s"] / one["heats_per_s"])
    overhead_s = 1 / alone["heats_per_s"] - 1 / one["heats_per_s"]
    assert figures["overhead_s"] == pytest.approx(overhead_s)
    assert figures["rows_per_heat"] > 10
    assert figures["worker_bytes"] > 10 * 2**20
    assert caged["what"] == "Ray, 2 workers, models in cages"
    assert caged["processor_s"] > 0
    assert "Ray, 2 workers" in done.output


@pytest.mark.slow
@pytest.mark.browser
def test_the_bench_times_every_frame_of_a_race_and_of_a_board(tmp_path):
    if not (os.environ.get("LEAGUE_CHROMIUM") or shutil.which("chromium")):
        pytest.skip("no Chromium: install one, or say where it is in LEAGUE_CHROMIUM")
    out = tmp_path / "browser.json"
    asked = ["bench", "browser", "--seconds", "1", "--entries", "20", "--json", str(out)]
    done = CliRunner().invoke(command, asked)
    assert done.exit_code == 0, done.output
    rows = json.loads(out.read_text())["rows"]
    assert [row["what"] for row in rows][:2] == ["live race of 8, 1280 × 720", "live race of 8, 360 × 640"]
    assert all(row["frames"] > 0 and row["p95_ms"] >= row["median_ms"] > 0 for row in rows)
    assert "longest task" in done.output
