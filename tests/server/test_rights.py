"""Every route against every role: nobody gets where they have no business, and no route is left out."""

from __future__ import annotations

import re
from typing import Any, get_args

import aiohttp
import pytest
from aiohttp import web
from house import House

from league.errors import ConfigError
from league.server.door.rights import RIGHTS, check_routes, name_of
from league.store.records import PersonRole, Role

API = "/api/v1"
ALL = "owner director steward timekeeper racer viewer entry timing"
RUN, RACE = "owner director", "owner director racer entry"

# Who may, besides whatever everybody may look at; written down here a second time on purpose.
EXPECTED = {
    "POST /events/{event}/enter": f"nobody {RACE}",
    "POST /events/{event}/entries/{entry}/versions": f"form {RACE}",
    "POST /events/{event}/entries/{entry}/active": f"form {RACE}",
    "GET /events/{event}/timekeeper": f"nobody {ALL}",
    "GET /desk": ALL,
    "GET /desk/new": RUN,
    "GET /desk/people": RUN,
    "GET /desk/events/{event}": "owner director steward",
    "GET /desk/events/{event}/stewards": "owner director steward",
    "GET /sign-in": f"nobody {ALL}",
    "POST /sign-in": f"nobody {ALL}",
    "POST /sign-out": f"nobody {ALL}",
    "GET /join": f"nobody {ALL}",
    "POST /join": f"nobody {ALL}",
    "GET /metrics": f"nobody {ALL}",
    "GET /ws/agent": f"nobody {RACE}",
    "GET /ws/timing": "form owner director timekeeper timing",
    "GET /ws/control": "form owner director timekeeper",
    f"POST {API}/join": f"nobody {ALL}",
    f"GET {API}/me": ALL,
    f"GET {API}/people": RUN,
    f"POST {API}/people/{{person}}/role": "owner",
    f"DELETE {API}/people/{{person}}": "owner",
    f"GET {API}/invitations": RUN,
    f"POST {API}/invitations": RUN,
    f"DELETE {API}/invitations/{{number}}": RUN,
    f"GET {API}/tokens": ALL,
    f"POST {API}/tokens": "owner director steward timekeeper racer viewer",
    f"DELETE {API}/tokens/{{number}}": ALL,
    f"GET {API}/audit": "owner",
    f"GET {API}/webhooks": RUN,
    f"POST {API}/webhooks": RUN,
    f"DELETE {API}/webhooks/{{number}}": RUN,
    f"GET {API}/webhooks/{{number}}/deliveries": RUN,
    f"POST {API}/webhooks/{{number}}/ping": RUN,
    f"POST {API}/seasons": RUN,
    f"POST {API}/seasons/{{season}}": RUN,
    f"POST {API}/seasons/{{season}}/events": RUN,
    f"DELETE {API}/seasons/{{season}}/events/{{event}}": RUN,
    f"POST {API}/seasons/{{season}}/next": RUN,
    f"POST {API}/events": RUN,
    f"POST {API}/events/{{event}}/start": RUN,
    f"POST {API}/events/{{event}}/abort": RUN,
    f"POST {API}/events/{{event}}/pause": RUN,
    f"POST {API}/events/{{event}}/resume": RUN,
    f"POST {API}/events/{{event}}/again": RUN,
    f"POST {API}/events/{{event}}/closing": RUN,
    f"POST {API}/events/{{event}}/race": RUN,
    f"POST {API}/events/{{event}}/tokens": RUN,
    f"POST {API}/events/{{event}}/entries": f"nobody {RACE}",
    f"DELETE {API}/events/{{event}}/entries/{{entry}}": RACE,
    f"POST {API}/events/{{event}}/entries/{{entry}}/versions": RACE,
    f"POST {API}/events/{{event}}/entries/{{entry}}/active": RACE,
    f"POST {API}/events/{{event}}/entries/{{entry}}/runs": RACE,
    f"POST {API}/events/{{event}}/decisions": "owner director steward",
    f"POST {API}/events/{{event}}/heats/{{heat}}/protests": RACE,
}
PLACES = {"event": "elsewhere", "entry": "ada", "person": "999", "number": "999"}
REFUSED_ROLE = "this one is of role"


def routes_of(home: House) -> list[str]:
    """Every route, HEAD with GET."""
    found = {
        name_of(route.method, route.resource.canonical if route.resource else "")
        for route in home.app.router.routes()
    }
    return sorted(found)


async def tokens_of(home: House) -> dict[str, str]:
    """A token of every role."""
    book, tokens = home.book, {}
    for role in get_args(PersonRole):
        person = await book.add_person(f"Some {role}", role)
        tokens[role] = await book.issue_own_token(person.number)
    tokens["entry"] = await book.issue_token("entry", event_id="cup")
    tokens["timing"] = await book.issue_token("timing", event_id="cup")
    assert set(tokens) == set(get_args(Role))
    return tokens


def address_of(home: House, route: str) -> tuple[str, str]:
    method, path = route.split(" ", 1)
    return method, home.url + re.sub(r"{(\w+)(:[^}]*)?}", lambda found: PLACES.get(found[1], "nothing"), path)


async def send(http: aiohttp.ClientSession, method: str, url: str, token: str | None) -> tuple[int, str]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with http.request(method, url, headers=headers, allow_redirects=False) as answer:
        text = (
            "" if answer.content_type.startswith("text/event-stream") else await answer.text(errors="replace")
        )
        return answer.status, text


async def test_every_route_refuses_every_role_that_has_no_business_there(
    home: House, http: aiohttp.ClientSession
) -> None:
    await home.create(open_entry=False)
    tokens = await tokens_of(home)
    wrong = []
    for route in routes_of(home):
        method, url = address_of(home, route)
        if RIGHTS[route].public:
            assert method == "GET", f"{route}: the read-only port would change something"
            assert route not in EXPECTED
            continue
        assert route in EXPECTED, f"{route} is not known here: who may use it?"
        allowed = EXPECTED[route].split()
        for role, token in {"nobody": None, **tokens}.items():
            status, text = await send(http, method, url, token)
            refused = status == 401 or (status == 403 and REFUSED_ROLE in text)
            if role == "nobody":
                # A page asks to sign in, and a form or a hello may bring the token.
                refused = (
                    status in (401, 303) if "nobody" not in allowed and "form" not in allowed else refused
                )
                may = "nobody" in allowed or "form" in allowed
            else:
                may = role in allowed
            if refused == may or status >= 500:
                wrong.append((route, role, status, text[-120:]))
    assert not wrong


async def test_what_is_said_here_and_nothing_else_has_a_route(home: House) -> None:
    assert sorted(RIGHTS) == routes_of(home)
    assert set(EXPECTED) <= set(RIGHTS)


@pytest.mark.parametrize("path", ["/ws/timing", "/ws/control"])
async def test_a_hello_is_held_to_the_same_table(home: House, http: aiohttp.ClientSession, path: str) -> None:
    await home.create(open_entry=False)
    for role, token in (await tokens_of(home)).items():
        async with http.ws_connect(home.url + path, protocols=("league.v1.json",)) as socket:
            await socket.send_json({"type": "hello", "token": token, "event": "cup"})
            said = await socket.receive_json()
            may = role in EXPECTED[f"GET {path}"].split()
            assert (said["type"], said.get("code")) == (("welcome", None) if may else ("error", "role")), role


@pytest.mark.parametrize("deed", ["enter", "entries/ada/versions", "entries/ada/active"])
async def test_a_token_in_a_form_is_held_to_the_same_table(
    home: House, http: aiohttp.ClientSession, deed: str
) -> None:
    await home.create(open_entry=False)
    route = "POST /events/{event}/" + deed.replace("ada", "{entry}")
    for role, token in (await tokens_of(home)).items():
        form = aiohttp.FormData({"token": token}, default_to_multipart=True)
        async with http.post(f"{home.url}/events/cup/{deed}", data=form) as answer:
            refused = answer.status == 403 and REFUSED_ROLE in await answer.text()
        assert refused == (role not in EXPECTED[route].split()), role


async def test_a_token_of_one_event_is_none_for_another(home: House, http: aiohttp.ClientSession) -> None:
    await home.create("cup")
    await home.create("other")
    token = await home.book.issue_token("director", event_id="cup")
    for path, status in (("cup", 200), ("other", 403)):
        answer = await send(http, "POST", f"{home.url}{API}/events/{path}/abort", token)
        assert answer[0] == status, answer
    assert (await send(http, "POST", f"{home.url}{API}/events", token))[0] == 403
    assert (await home.book.event("other")).status == "open"


def test_a_route_without_a_line_keeps_the_server_from_starting() -> None:
    async def handler(request: web.Request) -> Any: ...

    app = web.Application()
    app.router.add_post("/api/v1/events/{event}/explode", handler)
    with pytest.raises(ConfigError, match=r"'POST /api/v1/events/{event}/explode' has no line"):
        check_routes(app.router.routes())
