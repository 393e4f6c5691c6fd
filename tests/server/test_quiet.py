"""Events for idle hours: they go on only while nothing else is raced."""

from __future__ import annotations

import asyncio

import pytest
from house import PATIENCE_S, House

from league.racing.plan import EntryPlan
from league.server.race import running

PAIR = tuple(EntryPlan(id=name, name=name, agent="tutorial") for name in ("a", "b"))


async def test_rating_heats_wait_until_no_other_event_is_running(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "LOOK_S", 0.0)
    for name, style in (("idle", "rating"), ("other", "rating"), ("cup", "head-to-head")):
        await home.create(name, style=style, entries=PAIR)
    await home.book.set_status("cup", "running")
    await home.book.set_status("other", "running")  # of the same kind: they do not wait for each other
    run = home.lobby._event_run(await home.lobby.paddock("idle"))
    looked = asyncio.Event()
    ask = home.book.running

    async def counted() -> dict[str, str]:
        found = await ask()
        looked.set()
        return found

    monkeypatch.setattr(home.book, "running", counted)
    waiting = asyncio.create_task(run._quiet())
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(2):
            looked.clear()
            await looked.wait()
        assert not waiting.done()
        await home.book.set_status("cup", "finished")
        await waiting


async def test_other_events_wait_for_nobody(home: House) -> None:
    await home.create("idle", style="rating", entries=PAIR)
    await home.create("cup", entries=PAIR)
    await home.book.set_status("idle", "running")
    async with asyncio.timeout(PATIENCE_S):
        await home.lobby._event_run(await home.lobby.paddock("cup"))._quiet()
