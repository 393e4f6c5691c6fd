"""Entering a model: looked at, driven for a lap, kept in versions, and refused with the exact reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import networks
import pytest
from house import House, house
from lenient import be_lenient

from league.errors import RaceError, RemoteProtocolError
from league.server.race.scrutineers import MOST_WAITING, SCRUTINEERING
from league.store.records import ModelFiles
from league.wire.messages import Entry, Hello

ROWS = [
    "digest", "size", "format", "weights inside", "opset", "operators", "shapes", "well formed", "loads",
    "sensors", "pace", "answers", "same answers", "solo lap",
]  # fmt: skip


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house(most_versions=3, solo_lap_s=60.0) as running:
        await running.create()
        yield running


@pytest.fixture
def lenient(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrutineers who take no time."""
    be_lenient(home, monkeypatch)


class Racer:
    """Somebody who asks a server."""

    def __init__(self, http: aiohttp.ClientSession, home: House) -> None:
        self._http, self._url = http, f"{home.url}/api/v1/events/cup/entries"
        self.token = ""

    async def ask(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._http.request(method, self._url + path, headers=headers, **body) as answer:
            return answer.status, await answer.json()

    async def enter(self, model: ModelFiles, name: str = "Ada") -> tuple[int, Any]:
        return await self.ask("POST", "", data=form(model, name))

    async def renew(self, model: ModelFiles) -> tuple[int, Any]:
        return await self.ask("POST", "/ada/versions", data=form(model))

    async def versions(self) -> list[dict[str, Any]]:
        status, content = await self.ask("GET", "/ada")
        assert status == 200
        found: list[dict[str, Any]] = content["versions"]
        return found


def form(model: ModelFiles, name: str | None = None) -> aiohttp.FormData:
    made = aiohttp.FormData()
    if name is not None:
        made.add_field("name", name)
    made.add_field("model.onnx", BytesIO(model.onnx), filename="model.onnx")
    made.add_field("model_metadata.json", BytesIO(model.metadata.encode()), filename="model_metadata.json")
    return made


@pytest.fixture
def racer(http: aiohttp.ClientSession, home: House) -> Racer:
    return Racer(http, home)


def rows(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {check["name"]: check for check in report["checks"]}


@pytest.mark.slow
async def test_a_model_that_drives_is_entered_with_a_report_of_every_check(racer: Racer, home: House) -> None:
    status, entered = await racer.enter(networks.steady())
    assert status == 201, entered
    report = entered["report"]
    assert [check["name"] for check in report["checks"]] == ROWS
    assert (report["passed"], report["reason"]) == (True, "")
    assert report["sha256"] == networks.steady().sha256
    assert rows(report)["solo lap"]["found"].startswith("a lap in ")
    assert (entered["entry_id"], entered["version"], entered["active"]) == ("ada", 1, True)
    (version,) = await racer.versions()
    assert version["report"] == report
    assert (version["version"], version["active"], version["sha256"]) == (1, True, report["sha256"])
    await home.lobby.start("cup")
    await home.end_of()
    assert await home.statuses() == {"Ada": "FIN"}


async def test_a_model_that_is_refused_is_not_entered_and_the_reason_is_told(
    racer: Racer, home: House
) -> None:
    status, refused = await racer.enter(networks.endless_loop())
    assert status == 422
    assert refused["error"]["code"] == "scrutineering"
    assert "operators: found operator 'Loop'" in refused["error"]["message"]
    assert [check["name"] for check in refused["report"]["checks"] if not check["passed"]] == ["operators"]
    assert (await home.book.event("cup")).plan.entries == ()


async def test_a_model_that_does_not_get_round_fails_its_solo_lap(racer: Racer) -> None:
    standing = networks.steady(speed=0.0)
    status, refused = await racer.enter(standing)
    assert status == 422
    lap = rows(refused["report"])["solo lap"]
    assert "% of a lap" in lap["found"]
    assert "60 s" in lap["expected"]


@pytest.mark.usefixtures("lenient")
async def test_versions_are_kept_and_one_races(racer: Racer, home: House) -> None:
    _, entered = await racer.enter(networks.steady())
    racer.token = entered["token"]
    faster = networks.steady(speed=1.5)
    status, renewed = await racer.renew(faster)
    assert (status, renewed["version"], renewed["active"]) == (201, 2, True)
    status, refused = await racer.renew(networks.random())
    assert (status, refused["version"], refused["active"]) == (422, 3, False)
    versions = await racer.versions()
    assert [(v["version"], v["accepted"], v["active"]) for v in versions] == [
        (1, True, False),
        (2, True, True),
        (3, False, False),
    ]
    assert versions[2]["sha256"] == networks.random().sha256
    assert (await home.book.entry_source("cup", "ada")).model == faster
    assert (await racer.ask("POST", "/ada/active", json={"version": 1}))[0] == 200
    assert (await home.book.entry_source("cup", "ada")).model == networks.steady()
    status, content = await racer.ask("POST", "/ada/active", json={"version": 3})
    assert (status, "did not pass" in content["error"]["message"]) == (400, True)
    status, content = await racer.renew(faster)
    assert (status, "has 3 versions" in content["error"]["message"]) == (409, True)


@pytest.mark.usefixtures("lenient")
async def test_an_agent_by_name_is_a_version_too(racer: Racer, home: House) -> None:
    _, entered = await racer.enter(networks.steady())
    racer.token = entered["token"]
    status, renewed = await racer.ask("POST", "/ada/versions", json={"agent": "tutorial"})
    assert (status, renewed["version"], renewed["active"]) == (201, 2, True)
    source = await home.book.entry_source("cup", "ada")
    assert (source.plan.kind, source.source, source.model) == ("scripted", "tutorial", None)
    status, content = await racer.ask("POST", "/ada/versions", json={"agent": "os:system"})
    assert (status, "no agent is called" in content["error"]["message"]) == (400, True)


@pytest.mark.usefixtures("lenient")
async def test_only_the_entry_itself_and_organisers_change_its_versions(racer: Racer, home: House) -> None:
    _, entered = await racer.enter(networks.steady())
    choice = {"version": 1}
    assert (await racer.ask("POST", "/ada/active", json=choice))[0] == 401
    assert (await racer.renew(networks.steady()))[0] == 401
    racer.token = await home.book.issue_token("entry", event_id="cup")
    assert (await racer.ask("POST", "/ada/active", json=choice))[0] == 403
    racer.token = await home.book.issue_token("owner")
    assert (await racer.ask("POST", "/ada/active", json=choice))[0] == 200
    racer.token = entered["token"]
    assert (await racer.ask("POST", "/ada/active", json=choice))[0] == 200


@pytest.mark.usefixtures("lenient")
async def test_versions_stay_as_they_are_once_the_event_has_begun(racer: Racer, home: House) -> None:
    _, entered = await racer.enter(networks.steady())
    racer.token = entered["token"]
    await home.lobby.start("cup")
    await home.end_of()
    assert (await racer.renew(networks.steady()))[0] == 409
    assert (await racer.ask("POST", "/ada/active", json={"version": 1}))[0] == 409


async def test_no_more_models_wait_than_may(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    scrutineers = home.lobby.scrutineers
    monkeypatch.setattr(scrutineers, "_line", [None] * MOST_WAITING)
    with pytest.raises(RaceError, match="try again in a minute"):
        await home.lobby.entrance.submit("cup", "Ada", networks.steady())


async def test_whoever_waits_sees_the_place_in_the_line_and_the_time_to_expect(
    home: House, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = asyncio.Event(), asyncio.Event()

    async def slow(*_: object) -> Any:
        began.set()  # by then all three stand in line
        await go_on.wait()

    scrutineers = home.lobby.scrutineers
    monkeypatch.setattr(scrutineers, "_inspect", slow)
    paddock = await home.lobby.paddock("cup")
    models = [ModelFiles(b"network", str(number)) for number in range(3)]
    asked = [
        asyncio.create_task(scrutineers.inspect(paddock.record.plan, paddock.circuit, model))
        for model in models
    ]
    await began.wait()
    async with http.get(f"{home.url}/api/v1/scrutineering") as answer:
        line = (await answer.json())["line"]
    assert [(place["position"], place["sha256"]) for place in line] == [
        (number, model.sha256) for number, model in enumerate(models, 1)
    ]
    assert 0 < line[0]["expected_s"] < line[1]["expected_s"] < line[2]["expected_s"]
    go_on.set()
    await asyncio.gather(*asked)
    assert scrutineers.line() == []


async def test_a_model_that_takes_for_ever_is_given_up_and_the_next_one_comes(
    home: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hangs(*_: object) -> Any:
        await asyncio.Event().wait()

    scrutineers = home.lobby.scrutineers
    monkeypatch.setattr(scrutineers, "_inspect", hangs)
    monkeypatch.setattr(scrutineers, "most_s", 0.05)
    paddock = await home.lobby.paddock("cup")
    asked = (
        scrutineers.inspect(paddock.record.plan, paddock.circuit, ModelFiles(b"network", "{}"))
        for _ in range(3)
    )
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(problem) for problem in found] == ["the scrutineers gave up on the model after 0.05 s"] * 3
    assert scrutineers.waiting == 0


async def test_nobody_takes_a_solo_lap_uncalled(home: House) -> None:
    for token in (None, "", "0" * 64):
        hello = Hello(event=SCRUTINEERING, entry=Entry("Eve"), token=token)
        with pytest.raises(RemoteProtocolError, match="no solo lap is waiting"):
            await home.lobby.entrance.admit(hello, "elsewhere")
