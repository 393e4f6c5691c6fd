"""Several servers: on one PostgreSQL database they share events, on one SQLite file there is only one."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import databases
import pytest
from house import House, Steady, house
from served import at_home, program

from league.client import drive
from league.errors import RecordBookError
from league.racing.plan import EventPlan
from league.racing.rules import Rules
from league.server.race.hosting import only_server
from league.store.book import RecordBook
from league.store.records import EventOptions

PATIENCE_S = 60.0


@pytest.fixture
async def shared() -> AsyncIterator[str]:
    """A PostgreSQL database for several servers."""
    if not databases.POSTGRES:
        pytest.skip("set LEAGUE_TEST_POSTGRES to the URL of a PostgreSQL database")
    async with databases.postgres_database() as url:
        yield url


async def test_a_second_server_on_one_file_says_so_and_leaves_the_first_alone(tmp_path: Path) -> None:
    where = str(tmp_path / "league.sqlite")
    async with house(where) as home:
        with pytest.raises(
            RecordBookError, match=r"another server has it \(process \d+\); servers can share"
        ):
            async with house(where):
                pass
        await home.create()
        assert [record.plan.id for record in await home.book.events()] == ["cup"]
    async with house(where) as home:
        assert len(await home.book.events()) == 1


def test_a_server_that_comes_just_as_another_leaves_is_still_the_only_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book, lock = tmp_path / "league.sqlite", fcntl.flock
    leaving = [tmp_path / "league.sqlite-server"]

    def flock(descriptor: int, how: int) -> None:
        if leaving:
            leaving.pop().unlink()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", flock)
    taken = pytest.raises(RecordBookError, match="another server has it")
    with only_server(book), taken, only_server(book):
        raise AssertionError("there are two")
    assert list(tmp_path.iterdir()) == []


async def test_viewers_and_drivers_are_sent_to_the_host_that_runs_the_event(
    shared: str, http: aiohttp.ClientSession
) -> None:
    async with house(shared) as first, house(shared) as second:
        await first.create(autostart=2)
        await until_run_by(first)
        async with http.get(f"{second.url}/events/cup", allow_redirects=False) as answer:
            assert answer.status == 307
            assert answer.headers["Location"] == f"{first.url}/events/cup"
        async with http.ws_connect(f"{second.url}/ws/watch?event=cup") as watching:
            assert (await watching.receive_json())["event"]["id"] == "cup"
        assert len((await first.lobby.paddock("cup")).broadcast.log) >= 1
        owner = {"Authorization": f"Bearer {await second.book.issue_token('owner')}"}
        async with http.post(f"{second.url}/api/v1/events/cup/abort", headers=owner) as answer:
            assert answer.status == 409
            assert first.url in (await answer.json())["error"]["message"]
        reports = await asyncio.gather(
            drive(Steady, server=first.url, event="cup", name="Ada"),
            drive(Steady, server=second.url, event="cup", name="Bob"),
        )
        assert [report.reason for report in reports] == ["the event is over"] * 2
        assert await second.statuses() == {"Ada": "FIN", "Bob": "FIN"}


async def test_a_host_that_stops_leaves_its_events_to_the_others_at_once(shared: str) -> None:
    async with house(shared, lease_s=30.0) as second:
        async with house(shared, lease_s=30.0) as first:
            await first.create(autostart=1)
            await until_run_by(first)
        async with asyncio.timeout(PATIENCE_S):
            await second.lobby.paddock("cup")
        await until_run_by(second)


@pytest.mark.slow
async def test_a_host_that_could_not_renew_its_lease_stops_racing(
    shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house(shared, lease_s=3.0) as first, house(shared, lease_s=3.0) as second:
        await first.create(autostart=1, laps=2, pace=1.0)
        await until_run_by(first)
        driving = asyncio.create_task(
            drive(Steady, server=second.url, event="cup", name="Ada", patience_s=PATIENCE_S)
        )
        await until(first, "running")

        async def unplugged(*_: Any) -> bool:
            raise RecordBookError("the cable is out")

        monkeypatch.setattr(first.book, "renew_lease", unplugged)
        await until_run_by(second)
        assert (await driving).reason == "the event is over"
        (heat,) = await second.book.heats("cup")
        assert heat.status == "finished"
        assert heat.attempt >= 2
        assert await second.statuses() == {"Ada": "FIN"}


@pytest.mark.slow
async def test_of_two_server_processes_one_killed_in_mid_heat_nothing_is_lost(
    shared: str, tmp_path: Path
) -> None:
    plan = EventPlan(
        id="cup", name="Cup", circuit="clubhouse-loop", format="time-trial", seed=5,
        rules=Rules.parse({"laps": 1}),
    )  # fmt: skip
    names = ("Ada", "Bob", "Cyd")
    quiet = await raced(plan, names, tmp_path)
    settings = tmp_path / "league.toml"
    settings.write_text("[server]\nlease_s = 1.0\ndeadline_s = 20.0\nbank_s = 600.0\nopen_entry = true\n")
    options = ("--port", 0, "--config", settings, "--database", shared)
    async with await RecordBook.open(shared) as book:
        await book.add_event(plan, EventOptions(autostart=len(names), open_entry=True))
        with program("serve", *options, env=at_home(tmp_path / "one")) as first:
            await asyncio.to_thread(first.wait_for, r"open at (http://\S+)")
            with program("serve", *options, env=at_home(tmp_path / "two")) as second:
                url = (await asyncio.to_thread(second.wait_for, r"open at (http://\S+)"))[1]
                driving = [asyncio.create_task(drove(url, name)) for name in names]
                async with asyncio.timeout(PATIENCE_S):
                    while not await book.heats("cup"):  # noqa: ASYNC110 - another program writes it
                        await asyncio.sleep(0.02)
                lease = await book.lease("cup")
                assert lease is not None
                assert lease.url != url
                first.process.kill()
                assert [report.reason for report in await asyncio.gather(*driving)] == [
                    "the event is over"
                ] * 3
        heats = await book.heats("cup")
        assert [heat.status for heat in heats] == ["finished"] * 3
        assert sum(heat.attempt for heat in heats) > 3, "one was under way when its server was killed"
        assert await recordings(book) == quiet


async def raced(plan: EventPlan, names: tuple[str, ...], folder: Path) -> dict[str, bytes]:
    """The recordings of an event that nothing disturbed."""
    async with house(str(folder / "quiet.sqlite"), deadline_s=20.0, bank_s=600.0) as home:
        await home.lobby.create(plan, EventOptions(autostart=len(names), open_entry=True))
        await asyncio.gather(*(drove(home.url, name) for name in names))
        return await recordings(home.book)


async def recordings(book: RecordBook) -> dict[str, bytes]:
    return {
        heat.plan.grid[0].name: await book.recording("cup", heat.plan.id) or b""
        for heat in await book.heats("cup")
    }


async def drove(url: str, name: str) -> Any:
    return await drive(Steady, server=url, event="cup", name=name, patience_s=PATIENCE_S)


async def until_run_by(home: House) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while (lease := await home.book.lease("cup")) is None or lease.url != home.url:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def until(home: House, status: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not [heat for heat in await home.book.heats("cup") if heat.status == status]:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
