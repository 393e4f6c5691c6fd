"""The agents' door: who is let in, how the others are told, and what ends a connection."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import aiohttp
import pytest
from house import House, Peer, house

from league.server.door.auth import FAILURES
from league.server.race.practice import PRACTICE
from league.server.race.scrutineers import SCRUTINEERING
from league.wire.messages import SUBPROTOCOL, Entry, Hello, Resume

Make = Callable[..., Peer]


async def refusal(peer: Peer, **hello) -> tuple[str, int | None]:
    """The error's code and the close code that a hello is answered with."""
    with pytest.raises(ConnectionError):
        await peer.join(**hello)
    (problem,) = [told for told in peer.told if type(told).__name__ == "Problem"]
    assert problem.fatal
    return problem.code, peer.socket.close_code


def problem_of(peer: Peer) -> str:
    """What it was told to be wrong."""
    return next(told.message for told in peer.told if type(told).__name__ == "Problem")


@pytest.mark.parametrize("offered", [(), ("league.v2",), ("chat", "league.v0")])
async def test_another_version_is_refused_over_http_in_words(home: House, http, offered) -> None:
    headers = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    headers["Sec-WebSocket-Key"] = "dGhlIHNhbXBsZSBub25jZQ=="
    if offered:
        headers["Sec-WebSocket-Protocol"] = ", ".join(offered)
    async with http.get(f"{home.url}/ws/agent", headers=headers) as answer:
        assert answer.status == 400
        error = (await answer.json())["error"]
    assert error["code"] == "version"
    assert SUBPROTOCOL in error["message"]


async def test_a_plain_request_is_told_that_this_is_for_websockets(home: House, http) -> None:
    async with http.get(f"{home.url}/ws/agent") as answer:
        assert answer.status == 400
        assert (await answer.json())["error"]["code"] == "upgrade"


async def test_small_messages_are_not_compressed_even_if_the_client_asks(home: House, http) -> None:
    async with http.ws_connect(f"{home.url}/ws/agent", protocols=(SUBPROTOCOL,), compress=15) as socket:
        assert socket.compress == 0
        assert socket.protocol == SUBPROTOCOL


async def test_an_event_that_does_not_exist_is_refused(home: House, peer: Make) -> None:
    assert await refusal(peer("Ada", event="nowhere")) == ("unknown_event", 4010)


async def test_a_closed_event_needs_a_token(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    assert await refusal(peer("Ada")) == ("auth", 4001)
    assert await refusal(peer("Ada"), token="0" * 64) == ("auth", 4001)
    _, token = await home.lobby.entrance.reserve("cup", "Ada")
    ada = await peer("Ada").join(token=token)
    assert ada.resume is not None
    assert (await home.lobby.paddock("cup")).connected() == {"ada"}


async def test_a_token_of_one_event_is_no_good_in_another(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    await home.create("other", open_entry=False)
    _, token = await home.lobby.entrance.reserve("other", "Ada")
    assert await refusal(peer("Ada"), token=token) == ("auth", 4001)


async def test_a_token_for_an_event_lets_its_bearer_enter(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    token = await home.book.issue_token("entry", event_id="cup", name="members")
    await peer("Ada").join(token=token)
    record = await home.book.event("cup")
    assert [entry.name for entry in record.plan.entries] == ["Ada"]


async def test_an_organisers_token_does_not_drive(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    token = await home.book.issue_token("owner")
    assert await refusal(peer("Ada"), token=token) == ("auth", 4001)


async def test_guessing_tokens_is_slowed_down(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    _, token = await home.lobby.entrance.reserve("cup", "Ada")
    for guess in range(FAILURES):
        await refusal(peer("Eve"), token=f"{guess:064}")
    assert await refusal(peer("Ada"), token=token) == ("auth", 4001)


async def test_a_name_that_is_taken_cannot_be_taken_again(home: House, peer: Make) -> None:
    await home.create()
    ada = await peer("Ada").join()
    await ada.leave()
    eve = peer("Ada")
    assert await refusal(eve) == ("auth", 4001)
    assert await refusal(peer(" ada ")) == ("auth", 4001)
    assert "is taken" in problem_of(eve)


async def test_a_wrong_session_does_not_resume(home: House, peer: Make) -> None:
    await home.create(open_entry=False)
    assert (await refusal(peer("Ada"), resume=Resume("0" * 32, "1" * 64)))[1] == 4001


async def test_two_hellos_with_one_name_at_once_make_one_entry(home: House, peer: Make) -> None:
    await home.create()
    outcomes = await asyncio.gather(*(peer("Ada").join() for _ in range(4)), return_exceptions=True)
    assert sum(isinstance(outcome, Peer) for outcome in outcomes) == 1
    assert len((await home.book.event("cup")).plan.entries) == 1


async def test_an_event_under_way_takes_no_entries(home: House, peer: Make) -> None:
    await home.create(autostart=1)
    ada = await peer("Ada").join()
    await ada.hear("Assign")
    assert await refusal(peer("Bob")) == ("not_open", 4010)


async def test_a_driver_that_needs_another_sensor_is_told_which(home: House, peer: Make) -> None:
    await home.create()
    blind = peer("Blind")
    assert await refusal(blind, want=("state", "camera")) == ("not_in_event", 4010)
    assert "camera" in problem_of(blind)


@pytest.mark.parametrize("event", ["cup", PRACTICE, SCRUTINEERING])
async def test_a_real_car_is_not_driven_through_a_simulation(home: House, peer: Make, event: str) -> None:
    await home.create(open_entry=False)
    _, token = await home.lobby.entrance.reserve("cup", "Ada")
    ada = await peer("Ada").connect()
    await ada.say(ada.session.hello(Hello(event, Entry("Ada", kind="physical"), token=token)))
    assert await ada.closed() == 4010
    assert "real car" in problem_of(ada)


async def test_who_says_nothing_is_sent_away(http) -> None:
    async with house(hello_s=0.2) as home:
        silent = await Peer(http, home.url, "Silent").connect()
        assert await silent.closed() == 4000


async def test_who_gives_no_sign_of_life_is_closed(http) -> None:
    async with house(ping_s=0.1, dead_s=0.3) as home:
        await home.create()
        dead = await Peer(http, home.url, "Dead").join()  # it never answers pings
        assert await dead.closed() == 4008


async def test_pings_are_answered_and_keep_a_quiet_driver_alive(http) -> None:
    async with house(ping_s=0.1, dead_s=2.0) as home:
        await home.create()
        async with http.ws_connect(f"{home.url}/ws/agent", protocols=(SUBPROTOCOL,)) as socket:
            assert (await socket.receive()).type is aiohttp.WSMsgType.BINARY  # welcome
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2.5):
                    await socket.receive()  # answers pings while it waits
        quiet = await Peer(http, home.url, "Quiet").join()
        await quiet.socket.ping(b"there?")
        pong = await quiet.socket.receive()
        assert (pong.type, bytes(pong.data)) == (aiohttp.WSMsgType.PONG, b"there?")


async def test_a_withdrawn_entry_is_sent_away_and_stays_away(home: House, peer: Make) -> None:
    await home.create()
    ada = await peer("Ada").join()
    await peer("Bob").join()
    await home.lobby.start("cup")
    await ada.hear("Assign")
    await home.lobby.entrance.withdraw("cup", "ada")
    assert await ada.closed() == 4011
    assert (await refusal(peer("Ada"), resume=ada.resume))[0] in ("removed", "auth", "resume", "not_open")


async def test_a_server_that_stops_says_so(http) -> None:
    async with house() as home:
        await home.create()
        ada = await Peer(http, home.url, "Ada").join()
        closing = asyncio.create_task(ada.closed())
        await asyncio.sleep(0.05)
    assert await closing == 4012
    (bye,) = [told for told in ada.told if type(told).__name__ == "Bye"]
    assert "try again" in bye.reason


async def test_too_many_connections_are_refused_over_http(http) -> None:
    async with house(most_sockets=1) as home:
        first = await Peer(http, home.url, "Ada").connect()
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await Peer(http, home.url, "Bob").connect()
        assert refused.value.status == 503
        await first.leave()


async def test_a_driver_that_does_not_read_is_cut_off(http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("league.server.race.line.BACKLOG_BYTES", 64 * 1024)
    async with house(deadline_s=0.001, bank_s=0.0, resume_s=0.1) as home:
        await home.create(autostart=2, rules={"time_limit_s": 3600})
        ada, mute = Peer(http, home.url, "Ada"), Peer(http, home.url, "Mute")
        for driver in (ada, mute):
            await driver.join()
        first, _ = await asyncio.gather(ada.start(), mute.start())
        mute.socket._response.connection.protocol.pause_reading()  # type: ignore[union-attr]
        paddock = await home.lobby.paddock("cup")
        driver = paddock.driver("mute")
        assert driver.line is not None
        while driver.line is not None:
            driver.line.say(b"x" * 60_000)
            await asyncio.sleep(0)
        await ada.drive_to_the_end(first)
    assert "did not read" in driver.away_because
