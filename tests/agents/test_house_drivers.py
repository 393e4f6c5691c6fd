"""The house drivers: three clean laps, on our circuits and on DeepRacer's, both ways round."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from league import Circuit, EntryResult, League, race
from league.racing import BEHAVIOR
from league.testing import check_agent
from league.track.limit import limit_s
from league_agents.follow_the_gap import FollowTheGap
from league_agents.pure_pursuit import PurePursuit
from league_agents.racing_line import RacingLine
from league_agents.tutorial import Tutorial

LEAGUE = League()
HOUSE = {
    "tutorial": Tutorial,
    "pure-pursuit": PurePursuit,
    "racing-line": RacingLine,
    "follow-the-gap": FollowTheGap,
}
OURS = sorted(LEAGUE.circuits)
# What the car could do at best, by optimal control on the same car (lap in s); measured elsewhere.
OPTIMUM_S = {"reInvent2019_wide_cw": 5.24, "reInvent2019_track": 6.38, "2022_summit_speedway": 7.21}
GAP_IS_HARD = {"old-town"}
"""Circuits that cannot be seen through by LIDAR: walls sixty centimetres apart, bends close together."""


def drive(circuit: str | Circuit, agent: str, laps: int = 3) -> EntryResult:
    outcome = race(circuit, [agent], laps=laps, seed=1, league=LEAGUE)
    return outcome.heats[0].entries[0]


def assert_clean(entry: EntryResult, laps: int = 3) -> None:
    assert (entry.status, len(entry.laps), entry.off_tracks, entry.resets) == ("FIN", laps, 0, 0)


@pytest.mark.parametrize("name", HOUSE)
def test_it_keeps_the_contract(name: str) -> None:
    report = check_agent(HOUSE[name])
    assert report.off_tracks == 0
    assert report.progress_m > 10


@pytest.mark.parametrize("name", HOUSE)
def test_it_is_registered_under_its_name(name: str) -> None:
    assert type(LEAGUE.agent(name).make()) is HOUSE[name]


@pytest.mark.parametrize("name", HOUSE)
@pytest.mark.parametrize("circuit", ["a-to-z-speedway:reversed", "clubhouse-loop"])
def test_it_drives_three_clean_laps(name: str, circuit: str) -> None:
    assert_clean(drive(circuit, name))


@pytest.mark.parametrize("name", HOUSE)
def test_the_same_race_twice_is_the_same_to_the_byte(name: str) -> None:
    first, second = (
        race("clubhouse-loop", [name], laps=1, seed=4, league=LEAGUE).state_hash for _ in range(2)
    )
    assert first == second


def test_the_fast_ones_are_faster_than_the_careful_ones() -> None:
    total_s = {name: drive("a-to-z-speedway:reversed", name).total_s or 999 for name in HOUSE}
    assert total_s["racing-line"] < total_s["pure-pursuit"] < total_s["tutorial"]
    assert total_s["racing-line"] < 0.65 * total_s["pure-pursuit"]


def test_plugins_of_agents_import_nothing_heavy() -> None:
    heavy = ("scipy", "onnxruntime", "torch", "numba", "aiohttp")
    modules = ", ".join(f"league_agents.{name.replace('-', '_')}" for name in (*HOUSE, "onnx_model"))
    code = f"import sys, {modules}; print([name for name in {heavy!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


# -- the whole table -------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("way", ["", ":reversed"], ids=["forwards", "reversed"])
@pytest.mark.parametrize("circuit", OURS)
def test_our_circuits_are_driven_clean(circuit: str, way: str) -> None:
    for name in HOUSE:
        entry = drive(circuit + way, name)
        if name == "follow-the-gap" and circuit in GAP_IS_HARD:
            assert entry.status == "FIN"
        else:
            assert_clean(entry)


def closed_files(folder: Path) -> list[Path]:
    files = sorted((folder / "circuits").glob("*.npy"))
    return [file for file in files if file.stem != "Straight_track"]  # the only one that is open


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tutorial", "pure-pursuit", "racing-line"])
def test_deepracer_circuits_are_driven_clean(name: str, data_folder: Path) -> None:
    files = closed_files(data_folder)
    assert len(files) >= 29
    refs = [f"{file}{way}" for file in files for way in ("", ":reversed")]
    entries = {ref: drive(ref, name) for ref in refs}
    assert [ref for ref, entry in entries.items() if entry.status != "FIN" or entry.off_tracks] == []


@pytest.mark.slow
def test_follow_the_gap_drives_most_deepracer_circuits_clean(data_folder: Path) -> None:
    files = closed_files(data_folder)
    entries = [drive(str(file), "follow-the-gap") for file in files]
    assert all(entry.status == "FIN" for entry in entries)
    assert sum(entry.off_tracks == 0 for entry in entries) >= 0.85 * len(entries)


@pytest.mark.slow
@pytest.mark.parametrize(("circuit", "optimum_s"), OPTIMUM_S.items())
def test_the_racing_line_is_within_six_percent_of_the_optimum(
    circuit: str, optimum_s: float, data_folder: Path
) -> None:
    entry = drive(str(data_folder / "circuits" / f"{circuit}.npy"), "racing-line")
    assert_clean(entry)
    assert entry.fastest_lap_s is not None
    assert 0.97 * optimum_s < entry.fastest_lap_s < 1.06 * optimum_s


@pytest.mark.slow
@pytest.mark.parametrize("way", ["", ":reversed"], ids=["forwards", "reversed"])
@pytest.mark.parametrize("circuit", OURS)
def test_the_racing_line_is_within_five_percent_of_the_limit(circuit: str, way: str) -> None:
    entry = drive(circuit + way, "racing-line")
    assert_clean(entry)
    best_s = limit_s(LEAGUE.circuit(circuit + way), LEAGUE.car("deepracer"), behavior=BEHAVIOR)
    assert best_s is not None
    assert entry.fastest_lap_s is not None
    assert best_s < entry.fastest_lap_s <= 1.05 * best_s
