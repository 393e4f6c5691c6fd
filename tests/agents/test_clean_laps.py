"""Three clean laps: on every circuit there is, some house driver stays on the road."""

from __future__ import annotations

from pathlib import Path

import pytest

from league import League, Rules, Standing, race

LEAGUE = League()
OURS = sorted(LEAGUE.circuits)
# One community file is an open road on purpose.
OPEN = "Straight_track.npy"
CLOSED_FILES = 29


def drive(circuit: str, agent: str) -> Standing:
    """How an agent does over three laps, alone."""
    return race(circuit, [agent], league=LEAGUE, rules=Rules(time_limit_s=600)).standings[0]


def assert_clean(row: Standing, circuit: str) -> None:
    """Three laps, never off the track, never sent back."""
    assert (row.status, len(row.laps)) == ("FIN", 3), f"{circuit}: {row.status} {row.reason}"
    assert (row.off_tracks, row.resets, row.collisions) == (0, 0, 0), circuit


@pytest.mark.parametrize("circuit", OURS)
@pytest.mark.parametrize("direction", ["", ":reversed"])
def test_pure_pursuit_drives_three_clean_laps_on_every_circuit_of_ours(circuit: str, direction: str) -> None:
    assert_clean(drive(circuit + direction, "pure-pursuit"), circuit)


@pytest.mark.parametrize("agent", ["tutorial", "follow-the-gap"])
def test_the_other_drivers_drive_three_clean_laps_on_a_to_z_speedway(agent: str) -> None:
    assert_clean(drive("a-to-z-speedway", agent), agent)


def test_every_closed_community_circuit_is_driven_cleanly(data_folder: Path) -> None:
    files = sorted(path for path in (data_folder / "circuits").glob("*.npy") if path.name != OPEN)
    assert len(files) == CLOSED_FILES
    for file in files:
        assert_clean(drive(str(file), "pure-pursuit"), file.name)


@pytest.mark.slow
def test_every_closed_community_circuit_is_driven_cleanly_the_other_way_too(data_folder: Path) -> None:
    for file in sorted((data_folder / "circuits").glob("*.npy")):
        if file.name != OPEN:
            assert_clean(drive(f"{file}:reversed", "pure-pursuit"), file.name)
            assert_clean(drive(str(file), "tutorial"), file.name)
