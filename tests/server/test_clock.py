"""A clock on the wall that is set forth and back while an evening is raced changes nothing of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
from databases import new_book
from house import LEAGUE, House, Steady

from league.client import drive
from league.racing.plan import EventPlan
from league.racing.rules import Rules
from league.server.app import create_app, serving
from league.server.race.settings import Settings
from league.store.records import EventOptions, HeatRecord
from league.store.transactions import wall_clock

NAMES = ("Ada", "Bob")
PLAN = EventPlan(
    id="cup", name="Cup", circuit="clubhouse-loop", format="time-trial", seed=5, rules=Rules(laps=1)
)


class Jumping:
    """Every look at it shows another time, years before or after the one before."""

    def __init__(self) -> None:
        self._chance = random.Random(20310517)
        self.looks = 0

    def __call__(self) -> datetime:
        self.looks += 1
        return datetime(2031, 5, 17, tzinfo=UTC) + timedelta(days=self._chance.randrange(-4000, 4000))


async def protest(url: str, heat: HeatRecord, token: str) -> int:
    """The answer to the driver of a heat who protests."""
    where = f"{url}/api/v1/events/cup/heats/{heat.plan.id}/protests"
    said = {"entry": heat.plan.grid[0].id, "why": "I saw a dog"}
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession() as http, http.post(where, json=said, headers=headers) as answer:
        return answer.status


async def evening(clock: Callable[[], datetime]) -> list[tuple[str, str, int, bytes | None]]:
    """The heats of an evening in their order, each with its status, its attempts and its recording."""
    settings = Settings(port=0, deadline_s=20.0, bank_s=600.0, ready_s=60.0, no_show_s=60.0)
    async with new_book(clock=clock) as book:
        app = create_app(LEAGUE, book, settings)
        async with serving(app, host="127.0.0.1", port=0) as url:
            home = House(url, app, book)
            await home.lobby.create(PLAN, EventOptions(open_entry=True))
            tokens = [(await home.lobby.entrance.reserve("cup", name))[1] for name in NAMES]
            racing = [
                asyncio.create_task(drive(Steady, server=url, event="cup", name=name, token=token))
                for name, token in zip(NAMES, tokens, strict=True)
            ]
            await home.lobby.start("cup")
            reports: list[Any] = await asyncio.wait_for(asyncio.gather(*racing), 120)
            assert [report.reason for report in reports] == ["the event is over"] * len(NAMES)
            heats = await book.heats("cup")
            said = [await protest(url, *of) for of in zip(heats, tokens, strict=True)]
            assert said == [201] * len(NAMES)  # as long after a heat as ever
            return [
                (heat.plan.id, heat.status, heat.attempt, await book.recording("cup", heat.plan.id))
                for heat in heats
            ]


async def test_an_evening_under_a_clock_that_jumps_by_years_is_the_same_evening() -> None:
    jumping = Jumping()
    disturbed = await evening(jumping)
    assert jumping.looks > 10
    assert [heat[:3] for heat in disturbed] == [
        ("time-trial-ada", "finished", 1), ("time-trial-bob", "finished", 1),
    ]  # fmt: skip
    assert disturbed == await evening(wall_clock)
