"""Judging over REST: decisions count on every board, and whoever may protest is heard in time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import aiohttp
import paper
import pytest
from house import CIRCUIT, House

from league.racing.incident import PROTEST_S
from league.racing.plan import EventPlan, HeatPlan

EVENT = "/api/v1/events/cup"


@dataclass
class Stewards:
    """An event of three that has been raced on paper: n00 before n01 before n02, a second between them."""

    home: House
    http: aiohttp.ClientSession
    tokens: dict[str, str]

    async def ask(self, method: str, path: str, token: str = "", **said: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.tokens[token]}"} if token else {}
        address = f"{self.home.url}{EVENT}{path}"
        async with self.http.request(method, address, json=said or None, headers=headers) as answer:
            return answer.status, await answer.json(content_type=None) if "csv" not in path else (
                await answer.text()
            )

    async def decide(self, kind: str, **said: Any) -> dict[str, Any]:
        asked = {"kind": kind, "heat": "h1", "why": "because", **said}
        status, told = await self.ask("POST", "/decisions", "steward", **asked)
        assert status in (200, 201), told
        return dict(told)

    async def order(self) -> list[tuple[str, str]]:
        _, board = await self.ask("GET", "/leaderboard")
        return [(row["entry_id"], row["status"]) for row in board["entries"]]


@pytest.fixture
async def stewards(home: House, http: aiohttp.ClientSession) -> Stewards:
    plan = paper.event("time-trial", 3)
    plan = EventPlan.model_validate(plan.model_dump() | {"id": "cup", "circuit": CIRCUIT})
    await home.book.add_event(plan)
    heat = HeatPlan(
        id="h1", phase="race", circuit=CIRCUIT, car=plan.car, rules=plan.rules, seed=1, grid=plan.entries
    )
    await home.book.begin_heat("cup", heat)
    await home.book.finish_heat("cup", heat, paper.result(heat), [], b"none")
    tokens = {
        "steward": await home.book.issue_token("steward", name="Sam"),
        "n01": await home.book.issue_token("entry", event_id="cup", entry_id="n01"),
    }
    return Stewards(home, http, tokens)


async def test_a_penalty_counts_on_the_board_the_heat_and_in_both_files(stewards: Stewards) -> None:
    made = await stewards.decide("penalty", entry="n00", seconds=1.5)
    assert made["decision"]["who"].startswith("Sam")
    assert await stewards.order() == [("n01", "FIN"), ("n00", "FIN"), ("n02", "FIN")]
    _, heat = await stewards.ask("GET", "/heats/h1")
    assert [row["total_s"] for row in heat["result"]["entries"]] == [21.0, 21.5, 22.0]
    assert (heat["revision"], heat["final"]) == (1, False)
    for file in ("/leaderboard.csv", "/heats/h1/result.csv"):
        _, text = await stewards.ask("GET", file)
        head, first, second, _ = text.splitlines()
        assert head.startswith("place,name,agent,status,total_s")
        assert first.startswith("1,Name 1,")
        assert ",21.5," in second


async def test_every_decision_can_be_taken_back_and_given_again(stewards: Stewards) -> None:
    before = await stewards.order()
    await stewards.decide("disqualification", entry="n00")
    out = await stewards.order()
    assert out[-1] == ("n00", "DSQ")
    await stewards.decide("undo", target=1, heat="")
    assert await stewards.order() == before
    await stewards.decide("undo", target=2, heat="")
    assert await stewards.order() == out
    _, ledger = await stewards.ask("GET", "/decisions")
    assert [(line["number"], line["kind"], line["undone"]) for line in ledger["decisions"]] == [
        (1, "disqualification", False),
        (2, "undo", True),
        (3, "undo", False),
    ]


async def test_a_command_sent_twice_is_one_decision(stewards: Stewards) -> None:
    first = await stewards.decide("penalty", entry="n00", seconds=0.5, command="c1")
    again = await stewards.decide("penalty", entry="n00", seconds=0.5, command="c1")
    assert (first["new"], again["new"]) == (True, False)
    assert first["decision"] == again["decision"]


async def test_who_looked_at_an_older_ledger_is_told_so(stewards: Stewards) -> None:
    await stewards.decide("void", entry="n00", revision=0)
    said = {"kind": "void", "heat": "h1", "entry": "n00", "why": "again", "revision": 0}
    status, told = await stewards.ask("POST", "/decisions", "steward", **said)
    assert (status, told["error"]["code"]) == (409, "conflict")


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"kind": "penalty", "heat": "h9", "entry": "n00", "seconds": 1}, 400),
        ({"kind": "penalty", "heat": "h1", "entry": "n00"}, 400),
        ({"kind": "void", "heat": "h1", "entry": "nobody"}, 400),
        ({"kind": "void", "heat": "h1", "entry": "n00", "incident": 5}, 400),
        ({"kind": "undo", "target": 1}, 400),
        ({"kind": "hang"}, 400),
    ],
)
async def test_a_decision_that_makes_no_sense_is_refused(
    stewards: Stewards, said: dict[str, Any], status: int
) -> None:
    found, told = await stewards.ask("POST", "/decisions", "steward", why="because", **said)
    assert found == status
    assert "Traceback" not in told["error"]["message"]
    assert await stewards.home.book.decisions("cup") == ()


async def test_racers_do_not_judge_and_stewards_do_not_protest(stewards: Stewards) -> None:
    said = {"kind": "void", "heat": "h1", "entry": "n00", "why": "mine"}
    assert (await stewards.ask("POST", "/decisions", "n01", **said))[0] == 403
    assert (await stewards.ask("POST", "/decisions", **said))[0] == 401
    protest = {"entry": "n01", "why": "pushed"}
    assert (await stewards.ask("POST", "/heats/h1/protests", "steward", **protest))[0] == 403


async def test_a_protest_is_an_incident_until_a_steward_decides(stewards: Stewards) -> None:
    said = {"entry": "n01", "against": "n00", "why": "pushed me off", "at_s": 4.0}
    status, filed = await stewards.ask("POST", "/heats/h1/protests", "n01", **said)
    assert (status, filed["kind"], filed["open"]) == (201, "protest", True)
    assert (await stewards.ask("POST", "/heats/h1/protests", "n01", **said))[0] == 200
    status, told = await stewards.ask("POST", "/heats/h1/protests", "n01", entry="n00", why="not mine")
    assert status == 403
    final = {"kind": "final", "why": "over"}
    status, told = await stewards.ask("POST", "/decisions", "steward", **final)
    assert (status, told["error"]["message"]) == (
        409, "event 'cup': protests 1 are not decided; results stay provisional",
    )  # fmt: skip
    await stewards.decide("penalty", entry="n00", seconds=5, incident=filed["number"])
    _, told = await stewards.ask("GET", "/incidents?heat=h1")
    assert [(item["open"], item["decisions"]) for item in told["incidents"]] == [(False, [1])]
    await stewards.decide("undo", target=1, heat="")
    _, told = await stewards.ask("GET", "/incidents?open=1")
    assert len(told["incidents"]) == 1


async def test_results_are_final_only_after_the_time_for_protests(
    stewards: Stewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    final = {"kind": "final", "why": "over"}
    status, told = await stewards.ask("POST", "/decisions", "steward", **final)
    assert status == 409
    assert "may protest until" in told["error"]["message"]
    later = stewards.home.book._data.now() + timedelta(seconds=PROTEST_S + 1)
    monkeypatch.setattr("league.server.rest.stewarding.now", lambda: later)
    said = {"entry": "n01", "why": "too late"}
    status, told = await stewards.ask("POST", "/heats/h1/protests", "n01", **said)
    assert (status, "15 minutes after it" in told["error"]["message"]) == (409, True)
    await stewards.decide("final", heat="")
    _, board = await stewards.ask("GET", "/leaderboard")
    assert board["final"] is True
    await stewards.decide("penalty", entry="n00", seconds=1)
    _, board = await stewards.ask("GET", "/leaderboard")
    assert (board["final"], board["revision"]) == (False, 2)
