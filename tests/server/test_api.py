"""The REST interface: what anybody may read, what a token allows, and errors in words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import aiohttp
import networks
import pytest
from house import House, Peer, house

from league import BEHAVIOR
from league.racing.recording import Recording
from league.racing.telling import read_briefing
from league.racing.verify import verify

EVENT = {"name": "Club night", "circuit": "clubhouse-loop", "format": "head-to-head", "rules": {"laps": 1}}


class Desk:
    """Asks a server, with or without an organiser's token."""

    def __init__(self, http: aiohttp.ClientSession, home: House, token: str) -> None:
        self._http, self._url, self._token = http, f"{home.url}/api/v1", token

    async def ask(self, method: str, path: str, *, token: str | None = None, **body: Any) -> tuple[int, Any]:
        """Status and JSON of an answer."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with self._http.request(method, self._url + path, headers=headers, **body) as answer:
            return answer.status, await answer.json()

    async def get(self, path: str) -> Any:
        """What can be read there."""
        status, content = await self.ask("GET", path)
        assert status == 200, content
        return content

    async def organise(self, method: str, path: str, **body: Any) -> tuple[int, Any]:
        """Status and JSON of what an organiser asks."""
        return await self.ask(method, path, token=self._token, **body)


@pytest.fixture
async def desk(home: House, http: aiohttp.ClientSession) -> Desk:
    return Desk(http, home, await home.book.issue_token("owner"))


async def test_health_tells_what_is_served(desk: Desk, home: House) -> None:
    await home.create()
    health = await desk.get("/health")
    assert (health["status"], health["behavior"], health["events"]) == ("ok", BEHAVIOR, 1)


async def test_what_plugins_offer_can_be_read(desk: Desk) -> None:
    assert "clubhouse-loop" in (await desk.get("/circuits"))["circuits"]
    assert "tutorial" in (await desk.get("/agents"))["agents"]
    assert "onnx" not in (await desk.get("/agents"))["agents"]
    formats = {row["name"]: row["about"] for row in (await desk.get("/formats"))["formats"]}
    assert formats["time-trial"]


async def test_a_circuit_is_given_as_lines_to_draw(desk: Desk) -> None:
    there = await desk.get("/circuits/clubhouse-loop")
    back = await desk.get("/circuits/clubhouse-loop:reversed")
    assert len(there["centre"]) == len(there["left"]) == len(there["right"]) > 10
    assert {there["direction"], back["direction"]} == {"clockwise", "anticlockwise"}
    assert there["centre"][1:] == back["centre"][:0:-1]


@pytest.mark.parametrize("ref", ["nowhere", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd.csv", "x.toml"])
async def test_a_circuit_is_never_a_file_of_the_server(desk: Desk, ref: str) -> None:
    status, content = await desk.ask("GET", f"/circuits/{ref}")
    assert status == 404
    assert "no circuit is called" in content["error"]["message"]


async def test_an_event_goes_from_creation_to_its_leaderboard(desk: Desk, home: House, http) -> None:
    status, event = await desk.organise("POST", "/events", json=EVENT)
    assert (status, event["id"], event["status"]) == (201, "club-night", "open")
    ada = await Peer(http, home.url, "Ada", event="club-night").join()
    (entry,) = (await desk.get("/events/club-night"))["entries"]
    assert (entry["name"], entry["connected"], entry["hosted"]) == ("Ada", True, False)
    assert (await desk.organise("POST", "/events/club-night/start"))[1]["status"] == "running"
    await ada.drive_to_the_end(await ada.start())
    await home.end_of("club-night")
    board = await desk.get("/events/club-night/leaderboard")
    assert {"circuit", "laps", "seed", "behavior", "clock", "entries", "state_hash"} <= set(board)
    assert board["circuit"]["id"] == "clubhouse-loop"
    (row,) = board["entries"]
    assert (row["place"], row["name"], row["status"]) == (1, "Ada", "FIN")
    assert row["off_tracks"] == sum(lap["off_tracks"] for lap in row["laps"])
    assert row["total_s"] == pytest.approx(sum(lap["time_s"] for lap in row["laps"]))
    (heat,) = (await desk.get("/events/club-night/heats"))["heats"]
    whole = await desk.get(f"/events/club-night/heats/{heat['id']}")
    assert whole["result"]["state_hash"] == board["state_hash"]
    facts = (await desk.get(f"/events/club-night/heats/{heat['id']}/facts"))["facts"]
    kinds = [fact["kind"] for fact in facts]
    assert (kinds[0], kinds[-1], kinds.count("lap")) == ("start", "finish", 1)
    async with http.get(f"{home.url}/api/v1/events/club-night/heats/{heat['id']}/recording") as answer:
        recording = Recording.from_bytes(await answer.read())
    assert recording.result.state_hash == board["state_hash"]


async def test_boxes_and_bots_go_from_creation_to_the_recording(desk: Desk, home: House, http) -> None:
    rules = {"laps": 1, "boxes": 1, "box_places": ["50%,inner"], "bots": 1, "time_limit_s": 3}
    asked = {**EVENT, "format": "head-to-bot", "seed": 5, "rules": rules}
    status, made = await desk.organise("POST", "/events", json=asked)
    assert status == 201
    peer = Peer(http, home.url, "Ada", event=made["id"])
    await peer.join()
    await desk.organise("POST", f"/events/{made['id']}/start")
    assign = await peer.get_ready()
    assert len(assign.fields["boxes"]) == 2
    assert assign.fields["rules"]["bots"] == 1
    briefing = read_briefing(assign.fields)
    await peer.drive_to_the_end(await peer.hear("Obs"))
    await home.end_of(made["id"])
    (heat,) = await home.book.heats(made["id"])
    content = await home.book.recording(made["id"], heat.plan.id)
    recorded = Recording.from_bytes(content)
    assert recorded.boxes == briefing.boxes
    assert len(recorded.bots) == 1
    assert heat.plan.rules.objects_seed is not None
    assert verify(recorded).genuine


async def test_a_leaderboard_is_there_before_anything_was_raced(desk: Desk) -> None:
    await desk.organise("POST", "/events", json={**EVENT, "entries": [{"name": "T", "agent": "tutorial"}]})
    board = await desk.get("/events/club-night/leaderboard")
    assert [row["status"] for row in board["entries"]] == ["DNS"]
    assert board["circuit"]["length_m"] > 10


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"circuit": "nowhere"}, "no circuit is called 'nowhere'"),
        ({"format": "tombola"}, "no format is called 'tombola'"),
        ({"rules": {"laps": 0}}, "laps"),
        ({"rules": {"lap": 3}}, "lap"),
        ({"sed": 4}, "sed"),
        ({"id": "a/b"}, "event id 'a/b'"),
        ({"entries": [{"name": "X", "agent": "os:system"}]}, "no agent is called 'os:system'"),
        ({"entries": [{"name": "X"}]}, "names no agent"),
        (
            {"entries": [{"name": "X", "agent": "follow-the-gap"}]},
            "needs to see lidar; the event shows state",
        ),
        ({"name": ""}, "name"),
        ({"rules": {"boxes": 8}}, "boxes"),
        ({"rules": {"box_places": ["nowhere"]}}, "expected METRES,SIDE"),
        ({"rules": {"box_places": ["0.1,left"]}}, "stands on the grid"),
        ({"rules": {"boxes": 6}}, "find no place"),
        ({"rules": {"bots": 7}}, "bots"),
    ],
)
async def test_an_event_that_cannot_be_is_refused_in_words(desk: Desk, change, found: str) -> None:
    status, content = await desk.organise("POST", "/events", json={**EVENT, **change})
    assert status == 400
    assert found in content["error"]["message"]
    assert (await desk.get("/events"))["events"] == []


@pytest.mark.parametrize("body", ["", "{", "[]", "null", "[" * 100_000])
async def test_a_body_that_is_no_event_is_refused(desk: Desk, body: str) -> None:
    status, content = await desk.organise("POST", "/events", data=body)
    assert status == 400
    assert content["error"]["code"] == "bad_request"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/events"),
        ("POST", "/events/cup/start"),
        ("POST", "/events/cup/abort"),
        ("DELETE", "/events/cup/entries/ada"),
    ],
)
async def test_only_organisers_organise(desk: Desk, home: House, method: str, path: str) -> None:
    await home.create()
    assert (await desk.ask(method, path, json=EVENT))[0] == 401
    assert (await desk.ask(method, path, json=EVENT, token="0" * 64))[0] == 401
    mere = await home.book.issue_token("entry", event_id="cup")
    assert (await desk.ask(method, path, json=EVENT, token=mere))[0] == 403
    assert (await home.book.event("cup")).status == "open"


async def test_entering_a_closed_event_needs_its_token(desk: Desk, home: House) -> None:
    await home.create(open_entry=False)
    entry = {"name": "Ada", "agent": "tutorial"}
    assert (await desk.ask("POST", "/events/cup/entries", json=entry))[0] == 401
    await home.create("other", open_entry=False)
    elsewhere = await home.book.issue_token("entry", event_id="other")
    assert (await desk.ask("POST", "/events/cup/entries", json=entry, token=elsewhere))[0] == 403
    here = await home.book.issue_token("entry", event_id="cup")
    status, entered = await desk.ask("POST", "/events/cup/entries", json=entry, token=here)
    assert (status, entered["entry_id"]) == (201, "ada")
    # Its own token withdraws it, another's does not.
    path = "/events/cup/entries/ada"
    assert (await desk.ask("DELETE", path, token=here))[0] == 403
    assert (await desk.ask("DELETE", path, token=entered["token"]))[0] == 200
    assert (await desk.get("/events/cup"))["entries"] == []


async def test_an_invitation_gives_a_token_to_drive_with(desk: Desk, home: House, http) -> None:
    await home.create(open_entry=False)
    status, entered = await desk.organise("POST", "/events/cup/entries", json={"name": "Ada"})
    assert status == 201
    ada = await Peer(http, home.url, "whatever").join(token=entered["token"])
    (entry,) = (await desk.get("/events/cup"))["entries"]
    assert (entry["name"], entry["connected"], entry["hosted"]) == ("Ada", True, False)
    await ada.leave()


STEADY = networks.steady()


def model_form(**parts: bytes) -> aiohttp.FormData:
    metadata = STEADY.metadata.encode()
    given = {"name": b"Ada", "model.onnx": STEADY.onnx, "model_metadata.json": metadata, **parts}
    form = aiohttp.FormData()
    for name, content in given.items():
        form.add_field(name, BytesIO(content), filename=name, content_type="application/octet-stream")
    return form


async def test_a_model_is_kept_as_it_was_given(desk: Desk, home: House) -> None:
    await home.create()
    status, entered = await desk.ask("POST", "/events/cup/entries", data=model_form())
    assert status == 201, entered
    source = await home.book.entry_source("cup", entered["entry_id"])
    assert source.model is not None
    assert (source.model, source.hosted) == (STEADY, True)
    assert source.plan.kind == "onnx"


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"extra": b"x"}, "found part 'extra'"),
        ({"model_metadata.json": b"{"}, "cannot be read"),
        ({"name": b"\xff"}, "cannot be read"),
        ({"name": b"x" * 65}, "has 65 characters"),
        ({"name": b" "}, "has 0 characters"),
    ],
)
async def test_a_form_that_is_no_model_is_refused(desk: Desk, home: House, parts, found: str) -> None:
    await home.create()
    status, content = await desk.ask("POST", "/events/cup/entries", data=model_form(**parts))
    assert status == 400
    assert found in content["error"]["message"]


@pytest.fixture
async def small(http: aiohttp.ClientSession) -> AsyncIterator[tuple[House, Desk]]:
    async with house(model_bytes=1000, most_entries=2) as home:
        yield home, Desk(http, home, await home.book.issue_token("owner"))


async def test_a_model_over_the_limit_is_refused(small: tuple[House, Desk]) -> None:
    home, desk = small
    await home.create()
    form = model_form(**{"model.onnx": b"x" * 2_000_000})
    status, content = await desk.ask("POST", "/events/cup/entries", data=form)
    assert status == 400
    assert "larger than 1000 bytes" in content["error"]["message"]


async def test_a_full_event_takes_nobody(small: tuple[House, Desk]) -> None:
    home, desk = small
    await home.create()
    answers = await asyncio.gather(
        *(
            desk.ask("POST", "/events/cup/entries", json={"name": f"D{number}", "agent": "tutorial"})
            for number in range(5)
        )
    )
    assert sorted(status for status, _ in answers) == [201, 201, 409, 409, 409]


async def test_what_is_not_there_is_404_and_what_is_not_done_405(desk: Desk) -> None:
    for path in (
        "/events/nowhere",
        "/events/nowhere/leaderboard",
        "/events/nowhere/heats",
        "/events/nowhere/heats/x/facts",
        "/nothing",
    ):
        status, content = await desk.ask("GET", path)
        assert (status, content["error"]["code"]) == (404, "not_found"), path
    assert (await desk.organise("POST", "/events/nowhere/start"))[0] == 404
    status, content = await desk.ask("PUT", "/events")
    assert (status, content["error"]["code"]) == (405, "method_not_allowed")


async def test_starting_twice_is_a_conflict(desk: Desk, home: House, http) -> None:
    await home.create()
    ada = await Peer(http, home.url, "Ada").join()
    assert (await desk.organise("POST", "/events/cup/start"))[0] == 200
    status, content = await desk.organise("POST", "/events/cup/start")
    await ada.leave()
    assert (status, content["error"]["code"]) == (409, "conflict")


async def test_a_failure_of_ours_is_told_without_its_inside(desk: Desk, home: House, monkeypatch) -> None:
    async def fail() -> None:
        raise ZeroDivisionError("secret inside")

    monkeypatch.setattr(home.book, "events", fail)
    status, content = await desk.ask("GET", "/events")
    assert (status, content["error"]["code"]) == (500, "internal")
    assert "secret" not in content["error"]["message"]
