"""Signing in, people over REST, the read-only port, brakes, headers, and where tokens must never be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from clubhouse import until
from house import LEAGUE, House, house

from league.server.app import create_app, serving
from league.server.door.admission import PORTS
from league.server.door.brake import BURST_S, MOST, Buckets
from league.server.race.settings import Settings
from league.store.book import RecordBook

API = "/api/v1"
PATIENCE_S = 90.0
"""For a driver that a busy machine starts."""
HOSTILE = [
    "<script>alert(1)</script>",
    "\u202egnp.exe",
    "W" * 64,
    "a\x1b[31mb",
    "'; DROP TABLE people;--",
    "</textarea>",
]


class Asked:
    """What a server answered."""

    def __init__(self, status: int, headers: Any, text: str, told: Any) -> None:
        self.status, self.headers, self.text, self.told = status, headers, text, told


async def ask(
    http: aiohttp.ClientSession, method: str, url: str, *, token: str = "", headers: Any = None, **sent: Any
) -> Asked:
    given = {**({"Authorization": f"Bearer {token}"} if token else {}), **(headers or {})}
    async with http.request(method, url, headers=given, allow_redirects=False, **sent) as answer:
        told = await answer.json() if answer.content_type == "application/json" else None
        return Asked(answer.status, answer.headers, await answer.text(errors="replace"), told)


async def person(home: House, name: str, role: Any) -> str:
    return await home.book.issue_own_token((await home.book.add_person(name, role)).number)


def form(**parts: str) -> aiohttp.FormData:
    return aiohttp.FormData(parts, default_to_multipart=True)


async def signed_in(http: aiohttp.ClientSession, home: House, token: str) -> dict[str, str]:
    """The cookie and what a browser says of its own pages."""
    answer = await ask(http, "POST", f"{home.url}/sign-in", data=form(token=token, next="/desk"))
    assert (answer.status, answer.headers["Location"]) == (303, "/desk")
    cookie = answer.headers["Set-Cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/"))
    assert token not in cookie
    http.cookie_jar.clear()
    return {"Cookie": cookie.partition(";")[0], "Sec-Fetch-Site": "same-origin"}


# -- signing in --------------------------------------------------------------------------------------


async def test_a_browser_signs_in_and_out(home: House, http: aiohttp.ClientSession) -> None:
    browser = await signed_in(http, home, await person(home, "Olga", "owner"))
    assert (await ask(http, "GET", f"{home.url}{API}/me", headers=browser)).told["name"] == "Olga"
    assert "Olga" in (await ask(http, "GET", f"{home.url}/desk", headers=browser)).text
    assert (await ask(http, "POST", f"{home.url}/sign-out", headers=browser)).status == 303
    assert (await ask(http, "GET", f"{home.url}{API}/me", headers=browser)).status == 401
    answer = await ask(http, "GET", f"{home.url}/desk", headers=browser)
    assert (answer.status, answer.headers["Location"]) == (303, "/sign-in?next=/desk")


@pytest.mark.parametrize(
    "says",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {},
    ],
)
async def test_a_cookie_alone_changes_nothing(
    home: House, http: aiohttp.ClientSession, says: dict[str, str]
) -> None:
    await home.create()
    browser = await signed_in(http, home, await person(home, "Olga", "owner"))
    asked = {"Cookie": browser["Cookie"], **says}
    for path in (f"{API}/events/cup/abort", "/sign-out", f"{API}/invitations"):
        answer = await ask(http, "POST", home.url + path, headers=asked, json={"role": "owner"})
        assert answer.status == 403, path
    assert (await home.book.event("cup")).status == "open"
    assert await home.book.invitations() == []


@pytest.mark.parametrize("path", ["/ws/agent", "/ws/control", "/ws/timing"])
async def test_another_sites_page_opens_no_socket_on_which_one_can_talk(
    home: House, http: aiohttp.ClientSession, path: str
) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await http.ws_connect(home.url + path, protocols=("league.v1.json",), origin="https://evil.example")
    assert refused.value.status == 403


async def test_the_cookie_is_secure_behind_tls(home: House, http: aiohttp.ClientSession) -> None:
    token = await person(home, "Olga", "owner")
    secure = {"X-Forwarded-Proto": "https"}
    answer = await ask(http, "POST", f"{home.url}/sign-in", data=form(token=token), headers=secure)
    assert "Secure" in answer.headers["Set-Cookie"]


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil", ""]
)
async def test_signing_in_leads_nowhere_else(
    home: House, http: aiohttp.ClientSession, following: str
) -> None:
    data = form(token=await person(home, "Olga", "owner"), next=following)
    assert (await ask(http, "POST", f"{home.url}/sign-in", data=data)).headers["Location"] == "/"


async def test_a_wrong_token_signs_nobody_in(home: House, http: aiohttp.ClientSession) -> None:
    answer = await ask(http, "POST", f"{home.url}/sign-in", data=form(token="0" * 64))
    assert (answer.status, "Set-Cookie" in answer.headers) == (401, False)
    assert "the token is not good" in answer.text


# -- people ------------------------------------------------------------------------------------------


async def test_people_are_invited_change_and_go(home: House, http: aiohttp.ClientSession) -> None:
    owner = await person(home, "Olga", "owner")
    url = home.url + API
    made = await ask(http, "POST", f"{url}/invitations", token=owner, json={"role": "racer", "name": "Anna"})
    joined = await ask(http, "POST", f"{url}/join", json={"code": made.told["code"], "name": "Anna"})
    assert (joined.status, joined.told["role"]) == (201, "racer")
    again = await ask(http, "POST", f"{url}/join", json={"code": made.told["code"], "name": "Mallory"})
    assert again.status == 403
    racer = joined.told["token"]
    assert (await ask(http, "GET", f"{url}/people", token=racer)).status == 403
    changed = await ask(http, "POST", f"{url}/people/Anna/role", token=owner, json={"role": "director"})
    assert changed.told["role"] == "director"
    assert len((await ask(http, "GET", f"{url}/people", token=racer)).told["people"]) == 2
    for role in ("owner", "director"):
        above = await ask(http, "POST", f"{url}/invitations", token=racer, json={"role": role})
        assert above.status == 403, "a director would make somebody like themselves"
    assert (await ask(http, "DELETE", f"{url}/people/Anna", token=owner)).status == 200
    assert (await ask(http, "GET", f"{url}/me", token=racer)).status == 401


async def test_nobody_changes_their_own_account(home: House, http: aiohttp.ClientSession) -> None:
    owner = await person(home, "Olga", "owner")
    path = f"{home.url}{API}/people/olga"
    assert (await ask(http, "POST", f"{path}/role", token=owner, json={"role": "viewer"})).status == 403
    assert (await ask(http, "DELETE", path, token=owner)).status == 403


async def test_everybody_sees_and_takes_back_their_own_tokens_only(
    home: House, http: aiohttp.ClientSession
) -> None:
    owner, racer = await person(home, "Olga", "owner"), await person(home, "Anna", "racer")
    url = f"{home.url}{API}/tokens"
    own = (await ask(http, "GET", url, token=racer)).told["tokens"]
    assert [one["person"] for one in own] == ["Anna"]
    every = (await ask(http, "GET", url, token=owner)).told["tokens"]
    olgas = next(one["number"] for one in every if one["person"] == "Olga")
    assert (await ask(http, "DELETE", f"{url}/{olgas}", token=racer)).status == 400
    new = (await ask(http, "POST", url, token=racer, json={"name": "laptop", "days": 1})).told
    assert (new["role"], new["expires_at"] is not None) == ("racer", True)
    assert (await ask(http, "DELETE", f"{url}/{own[0]['number']}", token=owner)).status == 200
    assert (await ask(http, "GET", url, token=racer)).status == 401
    assert (await ask(http, "GET", url, token=new["token"])).status == 200


async def test_a_token_that_ends_gives_none_that_outlives_it(
    home: House, http: aiohttp.ClientSession
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    short = await home.book.issue_token("director", expires_at=ends)
    made = await ask(http, "POST", f"{home.url}{API}/tokens", token=short, json={"name": "longer"})
    assert datetime.fromisoformat(made.told["expires_at"]) == ends


async def test_a_racer_looks_after_their_own_entries_only(home: House, http: aiohttp.ClientSession) -> None:
    await home.create(open_entry=False)
    anna, bert = await person(home, "Anna", "racer"), await person(home, "Bert", "racer")
    url = f"{home.url}{API}/events/cup/entries"
    entry = {"name": "Anna's car", "agent": "tutorial"}
    made = await ask(http, "POST", url, token=anna, json=entry)
    assert made.status == 201
    one = f"{url}/{made.told['entry_id']}"
    assert (await ask(http, "DELETE", one, token=bert)).status == 403
    assert (await ask(http, "POST", f"{one}/versions", token=bert, json={"agent": "tutorial"})).status == 403
    assert (await ask(http, "POST", f"{one}/versions", token=anna, json={"agent": "tutorial"})).status == 201
    assert (await ask(http, "DELETE", one, token=anna)).status == 200


async def test_the_audit_log_tells_who_did_what_from_where(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    owner, viewer = await person(home, "Olga", "owner"), await person(home, "Vic", "viewer")
    url = home.url + API
    await ask(http, "POST", f"{url}/events/cup/start", token=viewer)
    await ask(http, "POST", f"{url}/events/cup/start", token="0" * 64)
    await ask(http, "POST", f"{url}/events/cup/abort", token=owner)
    lines = (await ask(http, "GET", f"{url}/audit", token=owner)).told["deeds"]
    told = [(one["who"], one["role"], one["what"], one["status"], one["address"]) for one in lines]
    assert told == [
        ("Olga", "owner", f"POST {API}/events/cup/abort", 200, "127.0.0.1"),
        ("Vic", "viewer", f"POST {API}/events/cup/start", 403, "127.0.0.1"),
    ]


# -- the organiser's hand ----------------------------------------------------------------------------


async def test_a_pause_keeps_the_next_heat_from_beginning(home: House, http: aiohttp.ClientSession) -> None:
    await home.create(style="time-trial")
    owner = await person(home, "Olga", "owner")
    await home.lobby.entrance.enter("cup", "Ada", agent="tutorial")
    url = f"{home.url}{API}/events/cup"
    assert (await ask(http, "POST", f"{url}/again", token=owner)).status == 409
    assert (await ask(http, "POST", f"{url}/pause", token=owner)).told["paused"] is True
    assert (await ask(http, "POST", f"{url}/start", token=owner)).status == 200
    assert (await ask(http, "GET", f"{url}/heats")).told["heats"] == []
    assert (await ask(http, "POST", f"{url}/resume", token=owner)).told["paused"] is False
    async with asyncio.timeout(PATIENCE_S):
        await home.lobby.wait_for_end("cup")
    assert (await home.book.event("cup")).status == "finished"


async def test_a_heat_that_is_raced_again_begins_anew_with_its_seed(
    home: House, http: aiohttp.ClientSession
) -> None:
    await home.create(style="time-trial", laps=3, pace=1.0)
    owner = await person(home, "Olga", "owner")
    await home.lobby.entrance.enter("cup", "Ada", agent="tutorial")
    await home.lobby.start("cup")
    paddock, url = await home.lobby.paddock("cup"), f"{home.url}{API}/events/cup"
    async with asyncio.timeout(PATIENCE_S):
        await until(lambda: paddock.heat)
        (before,) = await home.book.heats("cup")
        assert (await ask(http, "POST", f"{url}/again", token=owner)).status == 200
        await until(lambda: paddock.again is not None and paddock.heat)
    (after,) = await home.book.heats("cup")
    assert (after.attempt, after.plan) == (2, before.plan)
    assert (await ask(http, "POST", f"{url}/abort", token=owner)).told["status"] == "aborted"


# -- the read-only port ------------------------------------------------------------------------------


@pytest.fixture
async def ports() -> AsyncIterator[tuple[str, str, RecordBook]]:
    async with await RecordBook.open(":memory:") as book:
        app = create_app(LEAGUE, book, Settings(port=0))
        async with serving(app, host="127.0.0.1", port=0, public_port=0) as url:
            yield url, f"http://127.0.0.1:{app[PORTS].public}", book


async def test_on_the_read_only_port_one_can_only_look(
    ports: tuple[str, str, RecordBook], http: aiohttp.ClientSession
) -> None:
    url, public, book = ports
    owner = await book.issue_token("owner")
    assert (
        await ask(http, "POST", f"{url}{API}/invitations", token=owner, json={"role": "racer"})
    ).status == 201
    assert (
        await ask(http, "POST", f"{public}{API}/invitations", token=owner, json={"role": "racer"})
    ).status == 403
    for path in ("/", f"{API}/events", f"{API}/health"):
        assert (await ask(http, "GET", public + path)).status == 200
    for path in ("/sign-in", "/join", "/desk", f"{API}/me", f"{API}/audit", "/ws/agent", "/ws/control"):
        assert (await ask(http, "GET", public + path, token=owner)).status == 403, path
    assert "Sign in" not in (await ask(http, "GET", f"{public}/")).text
    assert "Sign in" in (await ask(http, "GET", f"{url}/")).text


# -- brakes ------------------------------------------------------------------------------------------


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_bucket_gives_a_burst_and_then_what_comes_in() -> None:
    clock = Clock()
    buckets = Buckets(2.0, clock=clock)
    assert [buckets.wait_s("a") for _ in range(int(2 * BURST_S))] == [0.0] * int(2 * BURST_S)
    assert buckets.wait_s("a") == pytest.approx(0.5)
    assert buckets.wait_s("b") == 0.0
    clock.now_s += 0.5
    assert buckets.wait_s("a") == 0.0
    assert buckets.wait_s("a") > 0.0


def test_buckets_of_everybody_take_bounded_memory() -> None:
    buckets = Buckets(1.0, clock=Clock())
    for number in range(MOST + 100):
        buckets.wait_s(f"address-{number}")
    assert len(buckets) == MOST


async def test_who_asks_too_fast_is_told_when_to_come_back(http: aiohttp.ClientSession) -> None:
    async with house(changes_per_s=0.001, proxies=("127.0.0.1",)) as home:
        elsewhere = {"X-Forwarded-For": "198.51.100.7"}
        url = f"{home.url}{API}/events/cup/start"
        assert (await ask(http, "POST", url, headers=elsewhere)).status == 401
        answer = await ask(http, "POST", url, headers=elsewhere)
        assert (answer.status, answer.told["error"]["code"]) == (429, "rate")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await ask(http, "GET", f"{home.url}{API}/events", headers=elsewhere)).status == 200
        other = {"X-Forwarded-For": "198.51.100.7, 198.51.100.8"}
        assert (await ask(http, "POST", url, headers=other)).status == 401


# -- headers -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/", "/nowhere", "/sign-in", f"{API}/events", f"{API}/events/none", "/static/x/live.js"]
)
async def test_every_answer_says_what_browsers_may_do_with_it(
    home: House, http: aiohttp.ClientSession, path: str
) -> None:
    headers = (await ask(http, "GET", home.url + path)).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'self'" in policy or "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("path", "may"), [("/?embed", True), ("/sign-in?embed", False), ("/desk?embed", False)]
)
async def test_only_public_pages_may_stand_in_others_frames(
    home: House, http: aiohttp.ClientSession, path: str, may: bool
) -> None:
    policy = (await ask(http, "GET", home.url + path)).headers["Content-Security-Policy"]
    assert ("frame-ancestors *" in policy) == may


# -- secrets and hostile names -----------------------------------------------------------------------


async def test_no_token_is_in_logs_pages_answers_or_recordings(
    home: House, http: aiohttp.ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="league")
    await home.create("cup")
    owner = await person(home, "Olga", "owner")
    browser = await signed_in(http, home, owner)
    url = home.url + API
    code = (await ask(http, "POST", f"{url}/invitations", token=owner, json={"role": "racer"})).told["code"]
    joined = (await ask(http, "POST", f"{url}/join", json={"code": code, "name": "Anna"})).told
    entry = {"name": "Anna's", "agent": "tutorial"}
    entered = (await ask(http, "POST", f"{url}/events/cup/entries", token=joined["token"], json=entry)).told
    keeper = {"role": "timekeeper", "name": "Tim"}
    given = (await ask(http, "POST", f"{url}/events/cup/tokens", token=owner, json=keeper)).told
    secrets = [
        owner,
        browser["Cookie"].partition("=")[2],
        code,
        joined["token"],
        entered["token"],
        given["token"],
    ]
    assert all(len(secret) >= 32 for secret in secrets)
    await ask(http, "POST", f"{url}/events/cup/start", token=owner)
    async with asyncio.timeout(PATIENCE_S):
        await home.lobby.wait_for_end("cup")
    (heat,) = (await ask(http, "GET", f"{url}/events/cup/heats")).told["heats"]
    one = f"/events/cup/heats/{heat['id']}"
    told = [caplog.text, (await home.book.recording("cup", heat["id"]) or b"").hex()]
    for path in (
        "/", "/desk", "/desk/people", "/desk/new", "/desk/events/cup", "/events/cup", "/events/cup/next", one,
        "/events/cup/entries/anna-s", "/live/cup", "/metrics", f"{API}/people", f"{API}/invitations",
        f"{API}/tokens", f"{API}/audit", f"{API}/me", f"{API}/events/cup", f"{API}/events/cup/entries/anna-s",
        f"{API}/events/cup/leaderboard", f"{API}/events/cup/leaderboard.csv", f"{API}{one}",
        f"{API}{one}/facts", f"{API}{one}/result.csv",
    ):  # fmt: skip
        answer = await ask(http, "GET", home.url + path, headers=browser)
        assert answer.status == 200, path
        told.append(answer.text)
    for secret in secrets:
        assert not [text[:80] for text in told if secret in text or secret.encode().hex() in text]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_name_is_inert_everywhere(
    home: House, http: aiohttp.ClientSession, name: str
) -> None:
    await home.create("cup")
    token = await person(home, name, "owner")
    browser = await signed_in(http, home, token)
    await home.book.invite("racer", name=name, invited_by=name)
    await home.lobby.entrance.enter("cup", name, agent="tutorial")
    for path in ("/", "/desk", "/desk/people", "/desk/events/cup", "/events/cup", "/events/cup/next"):
        answer = await ask(http, "GET", home.url + path, headers=browser)
        assert answer.status == 200, path
        assert "<script>alert" not in answer.text
        assert "</textarea>" not in answer.text
    known = (await ask(http, "GET", f"{home.url}{API}/people", headers=browser)).told["people"]
    assert [one["name"] for one in known] == [" ".join(name.split()).replace("\x1b", "")]


async def test_ten_thousand_letters_are_no_name(home: House, http: aiohttp.ClientSession) -> None:
    owner, url = await person(home, "Olga", "owner"), home.url + API
    for path, asked in (
        ("/invitations", {"role": "racer", "name": "x" * 10_000}),
        ("/tokens", {"name": "x" * 10_000}),
        ("/join", {"code": "0" * 32, "name": "x" * 10_000}),
        ("/join", {"code": "x" * 10_000, "name": "Anna"}),
    ):
        answer = await ask(http, "POST", url + path, token=owner, json=asked)
        assert answer.status == 400, path
        assert len(answer.text) < 1000
