"""Ratings over REST: from every heat that stands, in groups that compare."""

from __future__ import annotations

import aiohttp
import paper
from house import CIRCUIT, House

from league.racing.ledger import Decision
from league.racing.plan import EventPlan, HeatPlan


async def test_ratings_follow_what_was_raced_and_decided(home: House, http: aiohttp.ClientSession) -> None:
    plan = paper.event("head-to-head", 3).model_dump() | {"id": "cup", "circuit": CIRCUIT}
    event = EventPlan.model_validate(plan)
    await home.book.add_event(event)
    for number in range(1, 4):
        heat = HeatPlan(
            id=f"h{number}", phase="race", circuit=CIRCUIT, car=event.car, rules=event.rules, seed=1,
            grid=event.entries,
        )  # fmt: skip
        await home.book.begin_heat("cup", heat)
        await home.book.finish_heat("cup", heat, paper.result(heat), [], b"none")

    async def group(query: str = "") -> dict[str, object]:
        async with http.get(f"{home.url}/api/v1/ratings{query}") as answer:
            (found,) = (await answer.json())["groups"]
            return dict(found)

    before = await group()
    assert [row["driver"] for row in before["drivers"]] == ["n00", "n01", "n02"]  # type: ignore[attr-defined]
    for number in range(1, 4):
        line = Decision(number=1, kind="disqualification", who="S", why="w", heat=f"h{number}", entry="n00")
        await home.book.decide("cup", line)
    after = await group("?event=cup")
    assert [row["driver"] for row in after["drivers"]] == ["n01", "n02"]  # type: ignore[attr-defined]
    assert (after["heats"], after["behavior"]) == (3, 1)
    async with http.get(f"{home.url}/api/v1/ratings?circuit=nowhere") as answer:
        assert (await answer.json()) == {"groups": []}
    for query, status in (("?event=gone", 404), ("?behavior=x", 400)):
        async with http.get(f"{home.url}/api/v1/ratings{query}") as answer:
            assert answer.status == status
