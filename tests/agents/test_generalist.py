"""The trained house driver: circuits that it was not trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from league import League, race

LEAGUE = League()
UNSEEN = ["2022_summit_speedway", "Bowtie_track", "reInvent2019_wide_cw"]


@pytest.mark.parametrize("name", UNSEEN)
@pytest.mark.parametrize("suffix", ["", ":reversed"])
def test_the_generalist_races_three_clean_laps_on_circuits_that_it_has_never_seen(
    data_folder: Path, name: str, suffix: str
) -> None:
    circuit = LEAGUE.circuit(f"{data_folder / 'circuits' / name}.npy{suffix}")
    entry = race(circuit, ["generalist"], seed=1, league=LEAGUE).standings[0]
    assert entry.status == "FIN"
    assert (len(entry.laps), entry.off_tracks, entry.resets) == (3, 0, 0)


def test_the_generalist_is_faster_than_the_tutorial_at_home() -> None:
    outcome = race("a-to-z-speedway", ["tutorial", "generalist"], format="time-trial", league=LEAGUE)
    assert [standing.name for standing in outcome.standings] == ["generalist", "tutorial"]
