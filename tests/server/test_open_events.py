"""Events that close their entries, limit attempts or stay open, and races among entries of another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import networks
import pytest
from databases import new_book
from house import LEAGUE, House, Peer
from lenient import be_lenient

from league.errors import RaceError
from league.racing.plan import EntryPlan
from league.server.app import create_app, serving
from league.server.race.settings import Settings
from league.store.book import RecordBook

HOUSE_DRIVERS = (
    EntryPlan(id="pace-car", name="Pace car", agent="tutorial"),
    EntryPlan(id="rival", name="Rival", agent="pure-pursuit"),
)


class Wall:
    """A clock on a wall, that anybody may set."""

    def __init__(self) -> None:
        self.time = datetime(2031, 5, 17, 19, 30, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def wall() -> Wall:
    return Wall()


@asynccontextmanager
async def a_house(wall: Wall, **settings: Any) -> AsyncIterator[House]:
    async with new_book(clock=wall) as book:
        app = create_app(LEAGUE, book, Settings(port=0, **{"ready_s": 60.0, "no_show_s": 60.0, **settings}))
        async with serving(app, host="127.0.0.1", port=0) as url:
            yield House(url, app, book)


@pytest.fixture
async def home(wall: Wall) -> AsyncIterator[House]:
    async with a_house(wall) as running:
        yield running


@pytest.fixture
async def ask(home: House, http: aiohttp.ClientSession) -> Callable[..., Any]:
    """Ask the server; by default as its owner."""
    owner = await home.book.issue_token("owner", name="owner")

    async def asked(method: str, path: str, token: str | None = owner, **body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with http.request(method, f"{home.url}/api/v1{path}", headers=headers, **body) as answer:
            return answer.status, await answer.json()

    return asked


def event(**changes: Any) -> dict[str, Any]:
    return {
        "name": "Cup", "circuit": "clubhouse-loop", "format": "time-trial", "rules": {"laps": 1}, **changes
    }  # fmt: skip


async def until(holds: Callable[[], Any]) -> None:
    async with asyncio.timeout(90):
        while not await holds():  # noqa: ASYNC110 - the race is another task
            await asyncio.sleep(0.02)


async def over(home: House, event_id: str = "cup") -> None:
    """Wait until an event is over, on a busy machine, too."""
    await asyncio.wait_for(home.lobby.wait_for_end(event_id), 90)


async def driven(home: House, count: int, event_id: str = "cup") -> list[Any]:
    """The results of an event, once it has so many."""

    async def enough() -> bool:
        return len(await home.book.results(event_id)) >= count

    await until(enough)
    return list(await home.book.results(event_id))


# -- the hour at which entries close -------------------------------------------------------------------


async def test_after_its_hour_an_event_takes_nobody_and_no_other_version(
    home: House, ask: Any, wall: Wall, peer: Callable[..., Peer]
) -> None:
    closes = wall.time + timedelta(hours=1)
    status, made = await ask("POST", "/events", json=event(closes_at=closes.isoformat(), open_entry=True))
    assert (status, made["closes_at"]) == (201, closes.isoformat())
    _, entered = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    wall.time = closes - timedelta(seconds=1)
    status, _ = await ask("POST", "/events/cup/entries/ada/versions", json={"agent": "pure-pursuit"})
    assert status == 201
    wall.time = closes
    for path, body in [
        ("/events/cup/entries", {"name": "Bob", "agent": "tutorial"}),
        ("/events/cup/entries/ada/versions", {"agent": "tutorial"}),
        ("/events/cup/entries/ada/active", {"version": 1}),
    ]:
        status, told = await ask("POST", path, token=entered["token"] if "ada" in path else None, json=body)
        assert status == 409, told
        assert told["error"]["message"] == "event 'cup' takes no entries since 2031-05-17 20:30 UTC"
    late = peer("Late")
    with pytest.raises(ConnectionError):
        await late.join()
    assert "takes no entries since 2031-05-17 20:30 UTC" in str(late.told[-1])
    assert late.told[-1].code == "not_open"
    assert [entry.id for entry in (await home.book.event("cup")).plan.entries] == ["ada"]
    await home.lobby.start("cup")
    await over(home)
    assert await home.statuses() == {"Ada": "FIN"}


async def test_the_hour_can_be_moved_and_closing_is_at_once(home: House, ask: Any, wall: Wall) -> None:
    await ask("POST", "/events", json=event())
    status, told = await ask("POST", "/events/cup/closing", json={"closes_at": "now"})
    assert (status, told["closes_at"]) == (200, wall.time.isoformat())
    status, _ = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    assert status == 409
    status, told = await ask("POST", "/events/cup/closing", json={"closes_at": None})
    assert (status, told["closes_at"]) == (200, None)
    status, _ = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    assert status == 201
    for wrong in ("tomorrow", "2031-05-17T19:30:00"):  # an hour without a zone is no moment
        assert (await ask("POST", "/events/cup/closing", json={"closes_at": wrong}))[0] == 400


async def test_a_clock_that_is_put_right_opens_and_closes_as_it_says(
    home: House, ask: Any, wall: Wall
) -> None:
    closes = wall.time + timedelta(hours=1)
    await ask("POST", "/events", json=event(closes_at=closes.isoformat()))
    wall.time += timedelta(days=400)
    assert (await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"}))[0] == 409
    wall.time -= timedelta(days=400)
    assert (await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"}))[0] == 201


# -- attempts -------------------------------------------------------------------------------------------


async def test_a_racer_has_so_many_attempts_in_an_event(home: House, ask: Any) -> None:
    await ask("POST", "/events", json=event(attempts=3))
    anna = await home.book.add_person("Anna", "racer")
    token = await home.book.issue_own_token(anna.number)
    for name, expected in [("One", 201), ("Two", 201)]:
        body = {"name": name, "agent": "tutorial"}
        assert (await ask("POST", "/events/cup/entries", token=token, json=body))[0] == expected
    renew = {"agent": "pure-pursuit"}
    assert (await ask("POST", "/events/cup/entries/one/versions", token=token, json=renew))[0] == 201
    for path, body in [
        ("/events/cup/entries", {"name": "Three", "agent": "tutorial"}),
        ("/events/cup/entries/two/versions", renew),
    ]:
        status, told = await ask("POST", path, token=token, json=body)
        assert (status, told["error"]["message"]) == (
            409, "event 'cup': 3 attempts were made, as many as a racer has",
        )  # fmt: skip
    ben = await home.book.add_person("Ben", "racer")
    others = await home.book.issue_own_token(ben.number)
    body = {"name": "Ben", "agent": "tutorial"}
    assert (await ask("POST", "/events/cup/entries", token=others, json=body))[0] == 201


async def test_attempts_of_a_day_come_back_one_by_one(home: House, ask: Any, wall: Wall) -> None:
    await ask("POST", "/events", json=event(attempts_a_day=2))
    _, entered = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})

    async def renew() -> tuple[int, Any]:
        body = {"agent": "tutorial"}
        asked = await ask("POST", "/events/cup/entries/ada/versions", token=entered["token"], json=body)
        return asked[0], asked[1]

    wall.time += timedelta(hours=10)
    assert (await renew())[0] == 201
    status, told = await renew()
    assert status == 409
    assert told["error"]["message"] == (
        "event 'cup': 2 attempts were made within 24 hours, as many as a racer has; "
        "the next from 2031-05-18 19:30 UTC"
    )
    wall.time += timedelta(hours=14)
    assert (await renew())[0] == 201
    assert (await renew())[0] == 409


async def test_attempts_under_a_clock_that_was_far_ahead_lock_nobody_out(
    home: House, ask: Any, wall: Wall
) -> None:
    await ask("POST", "/events", json=event(attempts_a_day=1))
    wall.time += timedelta(days=3650)
    _, entered = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    wall.time -= timedelta(days=3650)
    body = {"agent": "tutorial"}
    status, _ = await ask("POST", "/events/cup/entries/ada/versions", token=entered["token"], json=body)
    assert status == 201


# -- events that stay open ------------------------------------------------------------------------------


@pytest.fixture
def lenient(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrutineers who take no time."""
    be_lenient(home, monkeypatch)


@pytest.mark.slow
async def test_every_submission_is_a_run_and_the_best_counts_until_the_entries_close(
    home: House, ask: Any, wall: Wall
) -> None:
    await ask("POST", "/events", json=event(format="open-time-trial", open_entry=True))
    _, entered = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "pure-pursuit"})
    (first,) = await driven(home, 1)
    body = {"agent": "tutorial"}
    assert (await ask("POST", "/events/cup/entries/ada/versions", token=entered["token"], json=body))[
        0
    ] == 201
    _, second = await driven(home, 2)
    status, _ = await ask("POST", "/events/cup/entries/ada/runs", token=entered["token"])
    assert status == 201
    _, _, third = await driven(home, 3)
    assert first.entries[0].total_s != second.entries[0].total_s
    # The same driver under the same rules has the same time.
    assert third.entries[0].total_s == second.entries[0].total_s
    _, board = await ask("GET", "/events/cup/leaderboard")
    (row,) = board["entries"]
    assert row["total_s"] == min(first.entries[0].total_s, second.entries[0].total_s)
    assert row["attempts"] == 3
    assert (await home.book.event("cup")).status == "running"
    await ask("POST", "/events/cup/closing", json={"closes_at": "now"})
    await over(home)
    assert (await home.book.event("cup")).status == "finished"


@pytest.mark.slow
async def test_a_run_is_of_the_version_that_drove_it(
    home: House, ask: Any, lenient: None, http: aiohttp.ClientSession
) -> None:
    await ask("POST", "/events", json=event(format="open-time-trial", open_entry=True))
    _, entered = await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    await driven(home, 1)
    form = aiohttp.FormData()
    for part, content in networks.steady().files("m").items():
        form.add_field(part.removeprefix("m/"), content, filename=part)
    status, told = await ask("POST", "/events/cup/entries/ada/versions", token=entered["token"], data=form)
    assert status == 201, told
    first, second = await driven(home, 2)
    assert (first.heat, second.heat) == ("open-time-trial-ada-1", "open-time-trial-ada-2")
    assert {entry.status for heat in (first, second) for entry in heat.entries} == {"FIN"}
    assert (first.entries[0].agent, second.entries[0].agent) == ("tutorial", "model.onnx")


async def test_who_is_not_there_keeps_nobody_waiting_and_drives_when_it_comes(
    home: House, ask: Any, peer: Callable[..., Peer]
) -> None:
    await ask("POST", "/events", json=event(format="practice", open_entry=True))
    _, away = await ask("POST", "/events/cup/entries", json={"name": "Away"})
    await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    (first,) = await driven(home, 1)
    assert first.entries[0].name == "Ada"

    async def only_away() -> bool:
        _, told = await ask("GET", "/events/cup/queue", token=None)
        queue = [(due["position"], due["entries"][0]["id"], due["running"]) for due in told["queue"]]
        return queue == [(1, "away", False)] and told["queue"][0]["expected_s"] > 0

    await until(only_away)
    driver = await peer("Away").join(token=away["token"])
    await driver.drive_to_the_end(await driver.start())
    assert [heat.entries[0].name for heat in await driven(home, 2)] == ["Ada", "Away"]
    again = await peer("Away").join(token=away["token"])  # who comes again, comes for another run
    await again.drive_to_the_end(await again.start())
    assert [heat.heat for heat in await driven(home, 3)][-1] == "practice-away-2"


@pytest.mark.slow
async def test_who_never_gets_ready_holds_the_queue_up_no_longer_than_it_may(
    wall: Wall, http: aiohttp.ClientSession
) -> None:
    async with a_house(wall, ready_s=4.0) as home:
        await home.create(style="practice")
        sleeper = await Peer(http, home.url, "Sleeper").join()
        await sleeper.hear("Assign")
        ada = await Peer(http, home.url, "Ada").join()
        await ada.drive_to_the_end(await ada.start())
        heats = await driven(home, 2)
    assert [(heat.entries[0].name, heat.entries[0].status) for heat in heats] == [
        ("Sleeper", "DNS"), ("Ada", "FIN"),
    ]  # fmt: skip


@pytest.mark.slow
async def test_a_practice_goes_on_after_a_restart(wall: Wall, tmp_path: Any, http: Any) -> None:
    for count in (1, 2):
        async with await RecordBook.open(str(tmp_path / "league.sqlite"), clock=wall) as book:
            app = create_app(LEAGUE, book, Settings(port=0))
            async with serving(app, host="127.0.0.1", port=0) as url:
                home = House(url, app, book)
                if count == 1:
                    await home.create(style="practice")
                    await home.lobby.entrance.enter("cup", "Ada", agent="tutorial")
                else:
                    await home.lobby.entrance.ask_run("cup", "ada")
                await driven(home, count)


async def test_limits_hold_for_runs_too_on_the_wire_as_well(
    home: House, ask: Any, peer: Callable[..., Peer]
) -> None:
    await ask("POST", "/events", json=event(format="practice", open_entry=True, attempts=1))
    driver = await peer("Ada").join()
    token = driver.resume.token if driver.resume is not None else ""
    await driver.drive_to_the_end(await driver.start())
    await driven(home, 1)
    again = peer("Ada")
    with pytest.raises(ConnectionError):
        await again.join(token=token)
    assert "1 attempts were made" in str(again.told[-1])
    with pytest.raises(RaceError, match="as many as a racer has"):
        await home.lobby.entrance.ask_run("cup", "ada")


async def test_only_events_that_stay_open_give_runs(home: House, ask: Any) -> None:
    await home.create(entries=HOUSE_DRIVERS)
    status, told = await ask("POST", "/events/cup/entries/rival/runs")
    assert (status, told["error"]["message"]) == (
        409, "event 'cup' does not stay open: its format says who races when",
    )  # fmt: skip


async def test_an_entry_of_an_event_practises_without_touching_its_standings(home: House, ask: Any) -> None:
    await home.create("final", entries=HOUSE_DRIVERS)
    before = await home.book.event("final")
    await ask("POST", "/events", json=event(format="practice", open_entry=True))
    body = {"name": "Rival", "of_event": "final", "of_entry": "rival"}
    status, told = await ask("POST", "/events/cup/entries", json=body)
    assert (status, told["entry_id"]) == (201, "rival")
    (heat,) = await driven(home, 1)
    assert (heat.entries[0].name, heat.entries[0].agent) == ("Rival", "pure-pursuit")
    assert await home.book.event("final") == before
    assert await home.book.results("final") == ()
    stranger = await home.book.issue_token("entry", event_id="final", entry_id="pace-car")
    assert (await ask("POST", "/events/cup/entries", token=stranger, json=body))[0] == 403


# -- a race among entries -------------------------------------------------------------------------------


@pytest.mark.slow
async def test_a_director_lets_some_entries_race_under_the_rules_of_the_final(
    home: House, ask: Any, http: aiohttp.ClientSession
) -> None:
    rules = {"laps": 1, "off_track_penalty_s": 1.5}
    await ask("POST", "/events", json=event(rules=rules, format="open-time-trial", open_entry=True))
    anna = await home.book.add_person("Anna", "racer")
    token = await home.book.issue_own_token(anna.number)
    for name, agent in [("Anna", "tutorial"), ("Ben", "pure-pursuit"), ("Cleo", "tutorial")]:
        body = {"name": name, "agent": agent}
        await ask("POST", "/events/cup/entries", token=token if name == "Anna" else None, json=body)
    await ask("POST", "/events/cup/entries", json={"name": "Dan"})
    await driven(home, 3)
    race = {"entries": ["ben", "anna", "dan"], "name": "Show race"}
    status, made = await ask("POST", "/events/cup/race", json=race)
    assert status == 201, made
    assert (made["id"], made["status"], made["format"]) == ("show-race", "running", "head-to-head")
    assert [entry["id"] for entry in made["entries"]] == ["ben", "anna", "dan"]
    assert [entry["owner"] for entry in made["entries"]] == ["", "Anna", ""]
    assert made["rules"]["off_track_penalty_s"] == 1.5
    assert list(made["tokens"]) == ["dan"]
    dan = await Peer(http, home.url, "Dan", event="show-race").join(token=made["tokens"]["dan"])
    await dan.drive_to_the_end(await dan.start())
    await over(home, "show-race")
    (result,) = await home.book.results("show-race")
    assert {entry.name: entry.status for entry in result.entries} == {
        "Anna": "FIN",
        "Ben": "FIN",
        "Dan": "FIN",
    }
    assert len(await home.book.results("cup")) == 3
    for wrong in (["ben", "ben"], ["nobody"], []):
        assert (await ask("POST", "/events/cup/race", json={"entries": wrong}))[0] == 400
    assert [record.plan.id for record in await home.book.events()] == ["cup", "show-race"]


# -- pages ----------------------------------------------------------------------------------------------


async def test_pages_say_when_entries_close_and_how_often_one_may_try(
    home: House, ask: Any, http: aiohttp.ClientSession, wall: Wall
) -> None:
    closes = wall.time + timedelta(hours=1)
    await ask("POST", "/events", json=event(closes_at=closes.isoformat(), attempts=5, attempts_a_day=2))
    await ask("POST", "/events/cup/entries", json={"name": "Ada", "agent": "tutorial"})
    token = await home.book.issue_token("owner")
    pages = {}
    for path in ("/events/cup", "/events/cup/next", "/desk/events/cup", "/desk/new"):
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(home.url + path, headers=headers) as answer:
            assert answer.status == 200, path
            pages[path] = await answer.text()
    for path in ("/events/cup", "/events/cup/next", "/desk/events/cup"):
        assert "2031-05-17 20:30 UTC" in pages[path], path
        assert "Attempts of a racer: 5. Attempts within 24 hours: 2." in pages[path], path
    assert 'id="race"' in pages["/desk/events/cup"]
    assert 'id="close-at"' in pages["/desk/events/cup"]
    assert 'name="closes_at" type="datetime-local"' in pages["/desk/new"]
