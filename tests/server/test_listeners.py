"""Telling plugins: in order, from a thread of their own, and never without bound."""

from __future__ import annotations

import asyncio
import threading

import pytest

from league import League, hookimpl
from league.server.race import listeners as telling
from league.server.race.listeners import Listeners


class Ear:
    """Hears of heats, and may be held up."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.threads: set[str] = set()
        self.go_on = threading.Event()
        self.go_on.set()

    @hookimpl
    def on_heat_started(self, heat: str) -> None:
        self.go_on.wait(10)
        self.threads.add(threading.current_thread().name)
        self.heard.append(heat)


def tell(listeners: Listeners, heat: str) -> None:
    listeners.tell("on_heat_started", event=None, heat=heat, names=())


async def test_everything_is_told_in_order_and_off_the_event_loop() -> None:
    ear = Ear()
    async with Listeners.open(League(installed=False, extra=[ear])) as listeners:
        for number in range(50):
            tell(listeners, str(number))
    assert ear.heard == [str(number) for number in range(50)]
    assert threading.current_thread().name not in ear.threads


async def test_a_listener_that_is_held_up_costs_news_and_not_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "MOST_WAITING", 5)
    ear = Ear()
    ear.go_on.clear()
    async with Listeners.open(League(installed=False, extra=[ear])) as listeners:
        for number in range(20):
            tell(listeners, str(number))
        await asyncio.sleep(0)
        assert listeners.dropped >= 14
        ear.go_on.set()
    assert ear.heard == sorted(ear.heard, key=int)
    assert len(ear.heard) == 20 - listeners.dropped


async def test_a_listener_that_never_ends_does_not_keep_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "FAREWELL_S", 0.1)
    ear = Ear()
    ear.go_on.clear()
    async with asyncio.timeout(5):
        async with Listeners.open(League(installed=False, extra=[ear])) as listeners:
            tell(listeners, "endless")
    assert ear.heard == []
    ear.go_on.set()
