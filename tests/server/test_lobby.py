"""Events from their creation to their end: also over restarts, and two at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from house import House, Peer, Steady, house

from league import EntryPlan, League, hookimpl
from league.client import drive
from league.errors import InputError, RaceError, UnknownNameError
from league.racing.plan import EventPlan
from league.store.records import EventOptions

Make = Callable[..., Peer]


def steady(home: House, name: str, event: str = "cup", **given):
    return drive(Steady, server=home.url, event=event, name=name, **{"patience_s": 2.0, **given})


async def test_an_event_starts_by_itself_when_enough_are_there(home: House, peer: Make) -> None:
    await home.create(autostart=2)
    ada = await peer("Ada").join()
    assert (await home.book.event("cup")).status == "open"
    bob = await peer("Bob").join()
    first, second = await asyncio.gather(ada.start(), bob.start())
    assert (await home.book.event("cup")).status == "running"
    await asyncio.gather(ada.drive_to_the_end(first), bob.drive_to_the_end(second))
    await home.end_of()
    assert (await home.book.event("cup")).status == "finished"


async def test_a_finished_heat_is_in_the_book_before_a_driver_is_told(home: House, peer: Make) -> None:
    await home.create(autostart=1)
    ada = await peer("Ada").join()
    obs = await ada.start()
    finish = home.book.finish_heat
    written = asyncio.Event()

    async def finish_late(*args, **kwargs) -> bool:
        await asyncio.sleep(0.2)
        outcome = await finish(*args, **kwargs)
        written.set()
        return outcome

    home.book.finish_heat = finish_late  # type: ignore[method-assign]
    await ada.drive_to_the_end(obs)
    assert written.is_set()
    assert [heat.status for heat in await home.book.heats("cup")] == ["finished"]


async def test_every_heat_of_a_format_is_raced(home: House) -> None:
    await home.create(style="qualifying-final", autostart=2)
    await asyncio.gather(steady(home, "Ada"), steady(home, "Bob"))
    heats = [heat.plan.id for heat in await home.book.heats("cup")]
    assert heats == ["qualifying-ada", "qualifying-bob", "final"]


async def test_two_events_run_at_once(home: House) -> None:
    for event in ("one", "two"):
        await home.create(event, autostart=2)
    together = [steady(home, name, event) for event in ("one", "two") for name in ("Ada", "Bob")]
    reports = await asyncio.gather(*together)
    assert [report.reason for report in reports] == ["the event is over"] * 4
    for event in ("one", "two"):
        assert set((await home.statuses(event)).values()) == {"FIN"}


async def test_a_restarted_server_goes_on_with_a_running_event(book_url: str, http) -> None:
    async with house(book_url) as home:
        await home.create(style="time-trial", autostart=2, laps=1)
        ada, bob = Peer(http, home.url, "Ada"), Peer(http, home.url, "Bob")
        await ada.join()
        await bob.join()
        await ada.drive_to_the_end(await ada.start())
        await bob.drive(await bob.start(), until=3)
        (cut_off,) = [heat for heat in await home.book.heats("cup") if heat.status == "running"]
        seed = cut_off.plan.seed
        leaving = asyncio.create_task(bob.closed())
    assert await leaving == 4012
    async with house(book_url) as home:
        assert [heat.status for heat in await home.book.heats("cup")] == ["finished", "abandoned"]
        bob = await Peer(http, home.url, "Bob").join(resume=bob.resume)
        await bob.drive_to_the_end(await bob.start())
        heats = await home.book.heats("cup")
        assert [(heat.status, heat.attempt) for heat in heats] == [("finished", 1), ("finished", 2)]
        assert heats[1].plan.seed == seed
        await home.end_of()
        assert (await home.book.event("cup")).status == "finished"


async def test_an_entry_without_a_token_is_known_again_after_a_restart(book_url: str, http) -> None:
    async with house(book_url) as home:
        await home.create(autostart=1)
        ada = await Peer(http, home.url, "Ada").join()
        await ada.drive(await ada.start(), until=3)
        session = ada.resume
        await ada.leave()
    async with house(book_url) as home:
        ada = Peer(http, home.url, "Ada")
        await ada.join(resume=session)
        await ada.drive_to_the_end(await ada.start())
        assert await home.statuses() == {"Ada": "FIN"}


async def test_an_aborted_event_counts_for_nothing_and_sends_drivers_home(home: House, peer: Make) -> None:
    await home.create(autostart=1)
    ada = await peer("Ada").join()
    await ada.drive(await ada.start(), until=3)
    leaving = asyncio.create_task(ada.closed())
    await home.lobby.abort("cup")
    assert await leaving == 1000
    assert (await home.book.event("cup")).status == "aborted"
    assert await home.book.results("cup") == ()
    with pytest.raises(RaceError, match="aborted"):
        await home.lobby.start("cup")
    with pytest.raises(RaceError, match="nothing to stop"):
        await home.lobby.abort("cup")


async def test_a_failure_of_the_server_is_nobodys_loss(home: House, peer: Make, monkeypatch) -> None:
    def fail(*args, **more) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(home.book, "finish_heat", fail)
    await home.create(autostart=1)
    ada = await peer("Ada").join()
    obs = await ada.start()
    with pytest.raises(ConnectionError):
        await ada.drive_to_the_end(obs)
    await home.end_of()
    assert (await home.book.event("cup")).status == "aborted"
    assert await home.book.results("cup") == ()
    (heat,) = await home.book.heats("cup")
    assert (heat.status, heat.reason) == ("abandoned", "the server failed: the disk is full")
    assert "the disk is full" in (await home.lobby.paddock("cup")).problem


async def test_an_event_that_names_what_is_not_there_is_refused(home: House) -> None:
    def plan(**changes) -> EventPlan:
        return EventPlan(**{"id": "x", "name": "X", "circuit": "clover", "format": "time-trial", **changes})

    for wrong in (
        plan(circuit="nowhere"),
        plan(circuit="/etc/passwd"),
        plan(format="tombola"),
        plan(car="tank"),
        plan(entries=(EntryPlan(id="a", name="A", agent="os:system"),)),
        plan(entries=(EntryPlan(id="a", name="A", agent="onnx"),)),
    ):
        with pytest.raises(UnknownNameError):
            await home.lobby.create(wrong, EventOptions())
    with pytest.raises(InputError, match="conformance"):
        await home.lobby.create(plan(id="conformance"), EventOptions())
    assert await home.book.events() == []


async def test_an_event_without_entries_cannot_start(home: House) -> None:
    await home.create()
    with pytest.raises(RaceError, match="no entries"):
        await home.lobby.start("cup")


class Notes:
    """A listener that writes down what it is told, and fails at some of it."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @hookimpl
    def on_heat_started(self, heat: str, names: tuple[str, ...]) -> None:
        self.told.append(f"started {heat} {','.join(names)}")

    @hookimpl
    def on_lap(self, name: str, lap) -> None:
        self.told.append(f"lap {lap['lap']} {name}")
        raise ValueError("a listener that fails stops nobody")

    @hookimpl
    def on_heat_finished(self, result) -> None:
        self.told.append(f"finished {result.heat}")

    @hookimpl
    def on_standings_changed(self, standings) -> None:
        self.told.append(f"standings {[row.status for row in standings]}")

    @hookimpl
    def choose_grid(self, entries):
        return tuple(reversed(entries))


async def test_plugins_are_told_in_order_and_may_choose_the_grid(http) -> None:
    notes = Notes()
    async with house(league=League(extra=[notes])) as home:
        await home.create(autostart=2)
        ada, bob = await Peer(http, home.url, "Ada").join(), await Peer(http, home.url, "Bob").join()
        first, second = await asyncio.gather(ada.start(), bob.start())
        await asyncio.gather(ada.drive_to_the_end(first), bob.drive_to_the_end(second))
        await home.end_of()
    started = notes.told.index("started heat-1 Bob,Ada")
    finished = notes.told.index("finished heat-1")
    assert started < notes.told.index("lap 1 Ada") < finished
    assert "standings ['FIN', 'FIN']" in notes.told[finished:]


async def test_a_slow_listener_delays_no_race(http) -> None:
    release = asyncio.Event()
    loop = asyncio.get_running_loop()

    class Slow:
        @hookimpl
        def on_heat_started(self) -> None:
            asyncio.run_coroutine_threadsafe(release.wait(), loop).result(20)

    async with house(league=League(extra=[Slow()])) as home:
        await home.create(autostart=1)
        ada = await Peer(http, home.url, "Ada").join()
        await ada.drive_to_the_end(await ada.start())
        assert not release.is_set()
        release.set()


async def test_viewers_see_the_heat_from_its_start_to_its_result(home: House, peer: Make, http) -> None:
    await home.create(autostart=1)
    async with http.ws_connect(f"{home.url}/ws/watch?event=cup", protocols=("league.v1.json",)) as watching:
        ada = await peer("Ada").join()
        await ada.drive_to_the_end(await ada.start())
        seen: list[dict] = []
        async with asyncio.timeout(60):
            while not any(m["type"] == "heat" and m["status"] == "finished" for m in seen):
                seen.append(await watching.receive_json())
    assert seen[0]["type"] == "hello"
    assert seen[0]["event"]["name"] == "Cup"
    statuses = [m["status"] for m in seen if m["type"] == "heat"]
    assert statuses == ["starting", "running", "finished"]
    snap = next(m for m in seen if m["type"] == "snap")
    assert [seat["name"] for seat in snap["seats"]] == ["Ada"]
    assert snap["car"]["length_m"] > 0.2
    assert {"lap", "finish"} <= {m["kind"] for m in seen if m["type"] == "event"}
    boards = [m for m in seen if m["type"] == "board"]
    assert {"id": "heat-1", "phase": "head-to-head", "status": "running"} in boards[-1]["heats"]
