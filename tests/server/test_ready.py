"""What is kept ready: made once for all, and given out old only where that is said."""

from __future__ import annotations

import asyncio

import pytest

from league.server.rest.ready import KEPT, Ready


class Kitchen:
    """Makes what is asked for when it is let, and counts."""

    def __init__(self) -> None:
        self.revision, self.made = 1, 0
        self.open = asyncio.Event()
        self.open.set()

    async def make(self, name: str) -> tuple[int, str]:
        seen = self.revision
        await self.open.wait()
        self.made += 1
        return seen, f"{name} {seen}"


async def test_it_is_made_once_for_everybody_and_again_when_something_changed() -> None:
    kitchen = Kitchen()
    ready = Ready(kitchen.make)
    assert await asyncio.gather(*(ready.of("soup", 1) for _ in range(5))) == ["soup 1"] * 5
    assert kitchen.made == 1
    kitchen.revision = 2
    assert (await ready.of("soup", 2), await ready.of("soup", 1), kitchen.made) == ("soup 2", "soup 2", 2)


async def test_what_may_lag_is_given_out_as_it_was_while_it_is_made_anew() -> None:
    kitchen = Kitchen()
    ready = Ready(kitchen.make, may_lag=lambda _: True)
    assert (ready.last("soup"), await ready.of("soup", 1)) == (None, "soup 1")
    kitchen.open.clear()
    kitchen.revision = 2
    assert await ready.of("soup", 2) == "soup 1"
    exact = asyncio.create_task(ready.of("soup", 2, exact=True))
    kitchen.open.set()
    assert (await exact, await ready.of("soup", 2), ready.last("soup")) == ("soup 2", "soup 2", "soup 2")


async def test_who_asks_for_more_than_is_being_made_waits_for_the_next() -> None:
    kitchen = Kitchen()
    ready = Ready(kitchen.make)
    kitchen.open.clear()
    early = asyncio.create_task(ready.of("soup", 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    kitchen.revision = 2
    late = asyncio.create_task(ready.of("soup", 2))
    kitchen.open.set()
    assert (await early, await late, kitchen.made) == ("soup 1", "soup 2", 2)


async def test_who_gives_up_takes_nothing_from_the_others() -> None:
    kitchen = Kitchen()
    ready = Ready(kitchen.make)
    kitchen.open.clear()
    one, other = (asyncio.create_task(ready.of("soup", 1)) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    kitchen.open.set()
    assert await other == "soup 1"
    assert kitchen.made == 1


async def test_what_cannot_be_made_is_said_and_tried_again() -> None:
    kitchen = Kitchen()

    async def make(name: str) -> tuple[int, str]:
        if kitchen.revision == 1:
            raise ValueError("burnt")
        return await kitchen.make(name)

    ready = Ready(make)
    with pytest.raises(ValueError, match="burnt"):
        await ready.of("soup", 1)
    kitchen.revision = 2
    assert await ready.of("soup", 1) == "soup 2"


async def test_no_more_than_so_many_are_kept_and_closing_waits() -> None:
    kitchen = Kitchen()
    ready = Ready(kitchen.make)
    for number in range(KEPT + 1):
        await ready.of(f"soup {number}", 1)
    assert (ready.last("soup 0"), ready.last(f"soup {KEPT}")) == (None, f"soup {KEPT} 1")
    kitchen.open.clear()
    asked = asyncio.create_task(ready.of("bread", 1))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    asked.cancel()
    kitchen.open.set()
    await ready.close()
    assert ready.last("bread") == "bread 1"
