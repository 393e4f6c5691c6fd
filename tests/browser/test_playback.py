"""Between frames: the picture's own clock and the places that it makes up, in the browser's engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page
from show import Show, an_event
from stadium import follow

from league.server.pages.assets import Assets

pytestmark = [pytest.mark.browser, pytest.mark.quick, pytest.mark.asyncio(loop_scope="session")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(chromium: Browser) -> AsyncIterator[Page]:
    """A page on which the module can be imported."""
    async with Show.open(an_event(["A"], circuit="clubhouse-loop"), [follow]) as show, show.serving() as url:
        context = await chromium.new_context()
        opened = await context.new_page()
        await opened.goto(url)
        yield opened
        await context.close()


async def play(page: Page, frames: list[dict[str, Any]], moments_ms: list[float]) -> list[dict[str, Any]]:
    """What is shown of car 0 at some moments, each frame added when its own `at_ms` has come."""
    shown: list[dict[str, Any]] = await page.evaluate(
        """async ([address, frames, moments]) => {
            const { Playback } = await import(address);
            const playback = new Playback();
            return moments.map((now) => {
                while (frames.length && frames[0].at_ms <= now) playback.add(frames.shift(), now);
                const picture = playback.at(now);
                return { t_s: picture?.t_s, ...picture?.cars.get(0) };
            });
        }""",
        [Assets.read().address("playback.js"), frames, moments_ms],
    )
    return shown


def frame(k: int, x_m: float, *, at_ms: float, heat: str = "h", speed_mps: float = 2.0) -> dict[str, Any]:
    car = [0, round(x_m * 1000), 0, 0, round(speed_mps * 1000), 0, 0, 0]
    return {"heat": heat, "k": k, "t_us": round(k * 1e6 / 15), "cars": car, "at_ms": at_ms}


def straight(count: int, *, faster: float = 1.0) -> list[dict[str, Any]]:
    """A car at 2 m/s along the x axis, 15 frames a second of the race."""
    return [frame(k, 2 * k / 15, at_ms=k * 1000 / 15 / faster) for k in range(count)]


async def test_a_steady_car_is_shown_steadily(page: Page) -> None:
    shown = await play(page, straight(60), [ms * 1000 / 60 for ms in range(230)])
    steps = [b["x"] - a["x"] for a, b in pairwise(shown[60:])]
    assert min(steps) > 0.02
    assert max(steps) < 0.05


async def test_a_burst_of_frames_does_not_hurry_the_picture(page: Page) -> None:
    shown = await play(page, straight(60), [ms * 1000 / 60 for ms in range(30, 230)])
    steps = [b["x"] - a["x"] for a, b in pairwise(shown[30:])]
    assert max(steps) < 0.05


async def test_the_picture_is_about_one_frame_behind(page: Page) -> None:
    (late,) = (await play(page, straight(60), [ms * 1000 / 60 for ms in range(220)]))[-1:]
    now_s = 219 / 60
    assert 0.03 < now_s - late["t_s"] < 0.25


async def test_a_race_faster_than_real_time_is_followed(page: Page) -> None:
    shown = await play(page, straight(300, faster=8), [ms * 1000 / 60 for ms in range(140)])
    assert abs(shown[-1]["t_s"] - 8 * 139 / 60) < 1.5
    assert all(b["t_s"] >= a["t_s"] for a, b in pairwise(shown[1:]))


async def test_a_car_that_is_put_elsewhere_does_not_fly_there(page: Page) -> None:
    frames = [frame(k, 2 * k / 15 if k < 20 else 30, at_ms=k * 1000 / 15) for k in range(40)]
    shown = await play(page, frames, [ms * 1000 / 120 for ms in range(300)])
    assert not [one for one in shown if one.get("x") is not None and 5 < one["x"] < 29.9]


async def test_nothing_is_made_up_when_frames_stop(page: Page) -> None:
    shown = await play(page, straight(20), [ms * 1000 / 60 for ms in range(400)])
    assert shown[-1]["x"] == pytest.approx(2 * 19 / 15, abs=0.002)


async def test_late_and_repeated_frames_are_left_out(page: Page) -> None:
    frames = straight(30)
    shown = await play(page, [*frames, {**frames[5], "at_ms": 2000}], [ms * 1000 / 60 for ms in range(180)])
    assert all(b["x"] >= a["x"] - 1e-9 for a, b in pairwise(shown[1:]))


async def test_another_heat_begins_at_its_own_first_frame(page: Page) -> None:
    frames = [*straight(30), *[frame(k, -k / 15, at_ms=2000 + k * 66, heat="next") for k in range(30)]]
    shown = await play(page, frames, [ms * 1000 / 60 for ms in range(240)])
    assert shown[-1]["x"] == pytest.approx(-29 / 15, abs=0.01)


async def test_before_the_first_frame_there_is_no_picture(page: Page) -> None:
    assert (await play(page, straight(3), [-5.0]))[0].get("x") is None
