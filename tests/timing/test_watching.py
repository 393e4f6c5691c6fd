"""A film of the line, from the picture to the server's list."""

from __future__ import annotations

import asyncio
from math import cos, sin
from pathlib import Path

import cv2
import numpy as np
import pytest
from clubhouse import CIRCUIT, club, green, written
from overhead import SIZE, TAG_M, Overhead

from league.errors import InputError
from league.timing.camera import Mount, Watcher, calibrate_place
from league.timing.client import TimingLine
from league.timing.watching import follow, pictures

GROUND = {10: (-0.9, 0.6, 0.0), 11: (-0.9, -0.6, 0.0), 12: (0.9, 0.6, 0.0), 13: (0.9, -0.6, 0.0)}
FPS = 30
NOSE_M = 0.14


def film(path: Path) -> Watcher:
    """A car passes the line twice, half a second apart, at 2 m/s; gives what watches it."""
    camera = Overhead((0.0, -1.1, 2.5), (0.0, 0.05), distortion=(0.0,) * 5)
    still = camera.draw((tag, x, y, 0.0, yaw) for tag, (x, y, yaw) in GROUND.items())
    lens = calibrate_place(still, GROUND, TAG_M, camera.matrix, np.zeros(5))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), FPS, SIZE)
    for frame in range(round(1.0 * FPS)):
        at_m = -0.6 + 2.0 * ((frame / FPS) % 0.5)
        x, y = (float(value) for value in CIRCUIT.at(at_m % CIRCUIT.length_m))
        yaw = float(CIRCUIT.heading_at(at_m % CIRCUIT.length_m))
        picture = camera.draw([(3, x, y, 0.12, yaw)])
        writer.write(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR))
    writer.release()
    assert cos(yaw) ** 2 + sin(yaw) ** 2 == pytest.approx(1)
    return Watcher(lens, {3: Mount("car", height_m=0.12)})


async def test_a_film_of_the_line_becomes_crossings_in_the_book(tmp_path: Path) -> None:
    watcher = await asyncio.to_thread(film, tmp_path / "line.avi")
    async with club(tmp_path / "league.db") as home:
        token = await home.book.issue_token("timing", name="camera", event_id="cup")
        await green(home)
        said: list[str] = []
        async with TimingLine.open(home.url, token, device="camera") as line:
            shown = pictures(str(tmp_path / "line.avi"))
            await follow(shown, watcher, CIRCUIT, line, noses_m={"car": NOSE_M}, tell=said.append)
            await line.delivered()
        assert await written(home) == pytest.approx([0, 500], abs=6)
        heat = (await home.lobby.paddock("cup")).timing.heat
        assert heat is not None
        assert heat.frame()[0, 4] == pytest.approx(0.5, abs=0.15), "the server knows where it is"
    assert len(said) == 2
    assert said[0].startswith("car crossed the line at ")


async def test_a_camera_that_there_is_not_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be opened"):
        await anext(pictures(str(tmp_path / "nothing.avi")))
