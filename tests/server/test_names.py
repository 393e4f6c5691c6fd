"""Under which names a server answers."""

from __future__ import annotations

import socket

import aiohttp
import pytest
from house import House, house
from hypothesis import given
from hypothesis import strategies as st

from league.server.door.names import answers_to, name_in


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:8490", "192.168.1.20", "[::1]:8490", "[fe80::1%25eth0]:80", "localhost:8490", "LOCALHOST",
     "league.localhost", "raspberrypi", "raspberrypi.local.", "pit.lan:8490", "box.home.arpa", "a.internal",
     "race.club.example", "club.example", "mine.example:443", socket.gethostname()],
)  # fmt: skip
def test_addresses_local_names_and_those_that_were_set_are_answered(host: str) -> None:
    assert answers_to(name_in(host), (".Club.example",), "https://Mine.example")


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8490", "127.0.0.1.evil.example", "localhost.evil.example",
     "local.evil.example", "notclub.example", "club.example.evil.example", "mine.example.evil.example",
     "1.2.3.4.5", "x.locals"],
)  # fmt: skip
def test_strangers_names_are_not(host: str) -> None:
    assert not answers_to(name_in(host), (".club.example",), "https://mine.example")


@given(st.text(max_size=60))
def test_whatever_a_header_says_is_judged(host: str) -> None:
    assert answers_to(name_in(host)) in (True, False)
    assert answers_to(name_in(host), ("*",))


@pytest.fixture
def asked() -> dict[str, str]:
    """What a browser sends that was led here under a stranger's name."""
    return {
        "Host": "evil.example:8490",
        "Origin": "http://evil.example:8490",
        "Sec-Fetch-Site": "same-origin",
    }


async def test_a_strangers_name_turned_to_this_server_is_refused_everywhere(
    home: House, http: aiohttp.ClientSession, asked: dict[str, str]
) -> None:
    await home.create()
    entry = {"name": "Mallory", "agent": "pure-pursuit"}
    async with http.post(f"{home.url}/api/v1/events/cup/entries", json=entry, headers=asked) as answer:
        told = (await answer.json())["error"]
        assert (answer.status, told["code"]) == (421, "host")
        assert "'evil.example'" in told["message"]
        assert 'hosts = ["NAME"]' in told["message"]
    async with http.get(f"{home.url}/events/cup", headers=asked) as answer:
        assert (answer.status, answer.content_type) == (421, "text/html")
        assert "evil.example" in await answer.text()
    for path in ("/ws/agent", "/ws/watch?event=cup", "/ws/control"):
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(home.url + path, headers=asked)
        assert refused.value.status == 421
    assert (await home.book.event("cup")).plan.entries == ()


async def test_a_name_that_was_set_and_our_own_proxy_are_answered(
    http: aiohttp.ClientSession, asked: dict[str, str]
) -> None:
    for setting in ({"hosts": ("evil.example",)}, {"proxies": ("127.0.0.1",)}):
        async with house(**setting) as home, http.get(home.url, headers=asked) as answer:
            assert answer.status == 200
