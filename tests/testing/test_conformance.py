"""The conformance kit: it passes the league's own server and client, and finds fault with bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp
import pytest

from league import Agent, Command, League, Observation
from league.client import drive
from league.errors import ConfigError, RemoteProtocolError
from league.server.app import create_app, serving
from league.server.race.settings import Settings
from league.store.book import RecordBook
from league.testing import scenarios, scripts
from league.testing.conformance import Finding, check_client, check_server, play_scenario
from league.testing.finding import Unmet, expect
from league.testing.rogue import Rogue
from league.testing.scripted import Talk
from league.wire.codec import decode, encode
from league.wire.messages import AGENT_PATH, SUBPROTOCOL
from league.wire.serverside import AgentSession


@pytest.fixture
async def server(tmp_path) -> AsyncIterator[str]:
    async with await RecordBook.open(str(tmp_path / "league.db")) as book:
        app = create_app(League(), book, Settings())
        async with serving(app, host="127.0.0.1", port=0) as url:
            yield url


async def play(scenario, url: str) -> Finding:
    async with aiohttp.ClientSession() as http:
        return await play_scenario(scenario, http, url)


# -- servers -----------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_our_server_passes(server):
    told = []
    findings = await check_server(server, on_finding=told.append)
    assert [str(finding) for finding in findings if not finding.passed] == []
    assert sorted(map(str, told)) == sorted(map(str, findings))
    assert len(findings) == len(scenarios.ALONE) + len(scenarios.BESIDE_A_GOOD_DRIVER)


@pytest.mark.parametrize(
    "scenario",
    [*scenarios.ALONE, scenarios.good_driver, scenarios.some_garbage, scenarios.future_answers],
    ids=lambda scenario: scenario.__name__,
)
async def test_our_server_passes_the_quick_ones(server, scenario):
    finding = await play(scenario, server)
    assert finding.passed, str(finding)


async def test_no_server_is_one_finding_for_each_scenario():
    findings = await check_server("127.0.0.1:1")
    assert not any(finding.passed for finding in findings)
    assert "connect" in findings[-1].found.lower()


async def test_an_address_that_is_none_is_said_so():
    with pytest.raises(ConfigError, match="server address 'ftp://x'"):
        await check_server("ftp://x")


def sabotage(monkeypatch, name, instead):
    monkeypatch.setattr(AgentSession, name, instead)


async def test_a_server_that_takes_late_answers_is_found_out(server, monkeypatch):
    whole = AgentSession.receive

    def receive(self, frame, now_s):
        message = decode(frame, limit=1 << 20)
        if message["type"] == "act" and self.tick is not None:
            message["k"] = self.tick
            frame = encode(message, "msgpack")
        return whole(self, frame, now_s)

    sabotage(monkeypatch, "receive", receive)
    monkeypatch.setattr(Rogue, "patience_s", 0.5)
    finding = await play(scenarios.late_answers, server)
    assert not finding.passed


async def test_a_server_that_swallows_garbage_is_found_out(server, monkeypatch):
    whole = AgentSession.receive

    def receive(self, frame, now_s):
        try:
            return whole(self, frame, now_s)
        except RemoteProtocolError:
            return []

    sabotage(monkeypatch, "receive", receive)
    monkeypatch.setattr(Rogue, "patience_s", 0.5)
    for scenario in (scenarios.garbage_first, scenarios.not_hello_first, scenarios.wrong_version):
        finding = await play(scenario, server)
        assert not finding.passed
        assert "error" in finding.expected


async def test_a_server_that_closes_with_the_wrong_code_is_found_out(server, monkeypatch):
    whole = AgentSession.receive

    def receive(self, frame, now_s):
        try:
            return whole(self, frame, now_s)
        except RemoteProtocolError as error:
            raise RemoteProtocolError(error.code, str(error), close=error.close and 1008) from None

    sabotage(monkeypatch, "receive", receive)
    finding = await play(scenarios.garbage_first, server)
    assert (finding.expected.partition(" (")[0], finding.found) == ("close code 4000", "1008")


async def test_a_good_driver_that_misses_a_tick_fails_the_finding(server, monkeypatch):
    whole = AgentSession.close_tick

    def close_tick(self, now_s):
        answer = whole(self, now_s)
        return None if self.tick == 20 else answer

    sabotage(monkeypatch, "close_tick", close_tick)
    finding = await play(scenarios.unknown_words, server)
    assert not finding.passed
    assert "missed by the good driver" in finding.expected


# -- clients -----------------------------------------------------------------------------------------


class Steady(Agent):
    """Drives straight on."""

    def act(self, seen: Observation) -> Command:
        return Command(0.0, 1.0)


async def test_a_client_is_checked_with_every_script(monkeypatch):
    played = (scripts.plain_heat, scripts.unknown_words, scripts.not_in_event)
    monkeypatch.setattr(scripts, "SCRIPTS", played)  # tests/test_client.py plays them all
    told = []

    async def run(url):
        await drive(Steady, server=url, event="conformance", name="steady")

    findings = await check_client(run, on_finding=told.append)
    assert [str(finding) for finding in findings if not finding.passed] == []
    assert told == findings
    assert [finding.name + "." for finding in findings] == [
        " ".join(script.__doc__.split()) for script in played
    ]


async def clumsy(url, *, answer=lambda obs: [obs["k"]], hello=True):
    """A client that answers as it is told to, ready or not."""
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(url + AGENT_PATH, protocols=(SUBPROTOCOL,)) as socket,
    ):
        async for received in socket:
            message = decode(received.data, limit=1 << 20, items=4096)
            said = []
            if message["type"] == "welcome" and hello:
                entry = {"name": "clumsy"}
                said = [{"type": "hello", "proto": [1, 0], "event": "conformance", "entry": entry}]
            elif message["type"] == "accepted":
                said = [{"type": "sync", "t0": 0}]
            elif message["type"] == "assign":
                said = [{"type": "ready", "heat": message["heat"]}]
            elif message["type"] == "obs":
                common = {"type": "act", "heat": message["heat"], "steer_rad": 0.0, "speed_mps": 1.0}
                said = [{**common, "k": k} for k in answer(message)]
            elif message["type"] == "bye":
                return
            for one in said:
                await socket.send_bytes(encode(one, "msgpack"))


async def test_a_plain_client_passes_the_plain_script():
    finding = await scripts.play(scripts.plain_heat, clumsy)
    assert finding.passed, str(finding)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (lambda obs: [], "nothing"),
        (lambda obs: [obs["k"] + 1], "expected the tick shown last"),
        (lambda obs: [obs["k"], obs["k"]], "one to tick 0"),
    ],
    ids=["silent", "ahead", "twice"],
)
async def test_a_client_that_answers_wrongly_is_found_out(monkeypatch, answer, found):
    monkeypatch.setattr(Talk, "patience_s", 0.5)
    finding = await scripts.play(scripts.plain_heat, lambda url: clumsy(url, answer=answer))
    assert not finding.passed
    assert found in finding.found


async def test_a_client_that_does_not_come_back_is_found_out(monkeypatch):
    finding = await scripts.play(scripts.broken_connection, clumsy)
    assert not finding.passed
    assert finding.expected.startswith("a connection within 5 s")


async def test_a_client_that_comes_back_where_it_must_not_is_found_out():
    async def stubborn(url):
        while True:
            await clumsy(url)
            await asyncio.sleep(0.1)

    finding = await scripts.play(scripts.not_in_event, stubborn)
    assert (finding.passed, finding.expected) == (False, "no further connection")


# -- findings ----------------------------------------------------------------------------------------


def test_a_finding_is_one_line():
    assert str(Finding("It works", True, "x", "x")) == "ok    It works"
    assert str(Finding("It works", False, "4000", "1006")) == "FAIL  It works: expected 4000, found 1006"


def test_what_is_expected_and_not_met_says_what_was_found():
    expect(True, "anything", 1)
    with pytest.raises(Unmet, match="expected 2, found 3"):
        expect(False, "2", 3)
