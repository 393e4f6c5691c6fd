"""Boxes and bots on the live page, in a real browser."""

from __future__ import annotations

import asyncio
from functools import partial
from math import hypot

import pytest
from show import Show, an_event
from stadium import follow
from viewing import OpenPage, until

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]


@pytest.mark.quick
async def test_boxes_and_bots_are_drawn_where_they_are(open_page: OpenPage) -> None:
    event = an_event(
        ("Kestrel",), circuit="a-to-z-speedway", laps=1, boxes=2, bots=2, bot_speed_mps=0.5, objects_seed=4
    )
    async with Show.open(event, [partial(follow, speed_mps=0.4)]) as show, show.serving() as address:
        await show.status("running")
        race = asyncio.create_task(show.race(show.heat("object-avoidance-1")))
        try:
            async with open_page(f"{address}/live/spring-cup") as page:
                await until(page, "league.bots().length === 2 && league.frames() > 5")
                boxes = await page.evaluate("league.race.boxes")
                assert len(boxes) == 2
                centre = show.circuit.centre
                for x_mm, y_mm, _, length_mm, width_mm in boxes:
                    assert (length_mm, width_mm) == (500, 400)
                    assert min(hypot(x - x_mm / 1000, y - y_mm / 1000) for x, y in centre) < 0.4
                before = await page.evaluate("league.bots()")
                x, y = before[0]["x"], before[0]["y"]
                await until(page, f"Math.hypot(league.bots()[0].x - {x}, league.bots()[0].y - {y}) > 0.2")
                assert "1 car, 2 bots, 2 boxes" in str(
                    await page.locator("#canvas").get_attribute("aria-label")
                )
                # Cardboard, in the colour that only boxes have, at the place of the first one.
                found = await page.evaluate(
                    """(() => {
                        const canvas = document.getElementById("canvas");
                        const { width, height } = canvas;
                        const seen = canvas.getContext("2d").getImageData(0, 0, width, height).data;
                        let count = 0;
                        for (let i = 0; i < seen.length; i += 4) {
                            if (seen[i] === 196 && seen[i + 1] === 154 && seen[i + 2] === 98) count += 1;
                        }
                        return count;
                    })()"""
                )
                assert found > 100
        finally:
            race.cancel()
            await asyncio.wait((race,))
