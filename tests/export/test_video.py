"""Films: what ffmpeg reads back is what was raced."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
from tiny import CIRCUIT, league

from league import Rules, race
from league.errors import ConfigError
from league.export.picture import COLOURS, Pictures
from league.export.video import check_films, film
from league.racing.recording import Recording


@pytest.fixture(scope="module")
def recording() -> Recording:
    rules = Rules(laps=1, boxes=1, bots=1)
    names = ["A name that is much too long for a tower", "الاسم\n\x00<b>"]
    return race(
        CIRCUIT,
        ["pure-pursuit", "pure-pursuit"],
        names=names,
        rules=rules,
        format="head-to-head",
        league=league(),
    ).recordings[-1]


def test_cars_are_drawn_where_they_were(recording: Recording) -> None:
    pictures = Pictures(recording, width_px=640, height_px=360)
    for time_s in (0.0, 1.0, 2.5):
        drawn = np.asarray(pictures.at(time_s), dtype=int)
        tick = round(time_s * recording.plan.rules.control_hz)
        x_m, y_m = recording.frames[tick, 0, :2]
        ((x, y),) = pictures._px(np.array([(x_m, y_m)]))
        near = drawn[int(y) - 8 : int(y) + 9, int(x) - 8 : int(x) + 9].reshape(-1, 3)
        assert np.abs(near - np.array(COLOURS[0])).sum(axis=1).min() < 60


def pictures_in(path: Path, rate: int) -> int:
    """How many pictures ffmpeg finds in a film when it plays it."""
    ffmpeg = imageio_ffmpeg.get_ffmpeg_exe()
    play = [ffmpeg, "-v", "error", "-i", str(path), "-r", str(rate), "-f", "framecrc", "-"]
    said = subprocess.run(play, capture_output=True, text=True, check=True).stdout
    return sum(not line.startswith("#") for line in said.splitlines())


@pytest.mark.parametrize(("ending", "rate"), [(".mp4", 30), (".gif", 15)])
def test_a_film_is_as_long_as_the_race(recording: Recording, tmp_path: Path, ending: str, rate: int) -> None:
    path, told = tmp_path / f"race{ending}", []
    film(
        recording, path, speed=8.0, small=ending == ".gif", tell=lambda done, all_: told.append((done, all_))
    )
    shown = pictures_in(path, rate)
    raced_s = (len(recording.frames) - 1) / recording.plan.rules.control_hz
    assert shown == pytest.approx((raced_s / 8 + 2) * rate, abs=3)
    assert told[0][0] == 0
    assert told[-1][0] == told[-1][1] - 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_without_ffmpeg_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ConfigError, match=r"racing-league\[video\]"):
        check_films()
