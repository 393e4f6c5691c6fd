"""The OpenAPI document: it says what the routes do, all of them, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import aiohttp
import promised
import pytest
from aiohttp import web
from house import House, Peer
from openapi_spec_validator import validate

from league.server.rest.openapi import ROOT, described, document_of


def paths(app: web.Application) -> set[tuple[str, str]]:
    """Method and path of every route below the interface's root, from the router itself."""
    found = set()
    for route in app.router.routes():
        path = route.resource.canonical if route.resource is not None else ""
        if path.startswith(f"{ROOT}/") and route.method != "HEAD":
            found.add((route.method.lower(), re.sub(r":[^{}]*}", "}", path)))
    return found


async def test_the_document_is_openapi_and_says_which_version(
    home: House, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{home.url}/api/v1/openapi.json") as answer:
        document = await answer.json()
    assert document["openapi"].startswith("3.1")
    validate(document)


async def test_every_route_is_in_the_document_and_nothing_else(home: House) -> None:
    document = document_of(home.app)
    told = {(method, path) for path, methods in document["paths"].items() for method in methods}
    assert told == paths(home.app)
    assert len(told) > 20


async def test_every_route_says_what_it_takes_and_answers(home: House) -> None:
    silent = [f"{route.method} {route.path}" for route in described(home.app) if not route.known]
    assert not silent, "say it with @operation(…) above the handler"


async def test_operations_have_summaries_and_names_of_their_own(home: House) -> None:
    operations = [
        operation for methods in document_of(home.app)["paths"].values() for operation in methods.values()
    ]
    assert all(operation["summary"].endswith((".", ":")) for operation in operations)
    assert len({operation["operationId"] for operation in operations}) == len(operations)


class Reader:
    """Reads addresses, and holds what it is told to the document."""

    def __init__(self, http: aiohttp.ClientSession, home: House) -> None:
        self._http, self._home = http, home
        self._document = document_of(home.app)
        self.read: set[str] = set()

    async def get(self, path: str, **parts: str) -> Any:
        """What is answered at a path of the document."""
        address = self._home.url + path.format(**parts)
        async with self._http.get(address) as answer:
            assert answer.status == 200, await answer.text()
            content = (
                await answer.json() if answer.content_type == "application/json" else await answer.read()
            )
            media = answer.content_type
        promised.check(self._document, "get", path, 200, media, content)
        self.read.add(path)
        return content


@pytest.fixture
async def raced(home: House, peer: Callable[..., Peer]) -> House:
    """A server on which one heat was raced."""
    await home.create()
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    return home


async def test_answers_have_the_shapes_that_the_document_gives(
    raced: House, http: aiohttp.ClientSession
) -> None:
    reader = Reader(http, raced)
    (heat,) = (await reader.get(f"{ROOT}/events/{{event}}/heats", event="cup"))["heats"]
    (entry,) = (await reader.get(f"{ROOT}/events/{{event}}", event="cup"))["entries"]
    named = {"event": "cup", "heat": heat["id"], "entry": entry["id"], "ref": "clubhouse-loop"}
    for path, methods in document_of(raced.app)["paths"].items():
        if "get" in methods and set(re.findall(r"{(\w+)}", path)) <= set(named):
            endless = "text/event-stream" in methods["get"]["responses"]["200"].get("content", {})
            if {} in methods["get"]["security"] and not endless:
                await reader.get(path, **named)
    assert {f"{ROOT}/events/{{event}}/heats/{{heat}}", f"{ROOT}/events/{{event}}/leaderboard"} <= reader.read


@pytest.mark.parametrize(
    "body",
    [
        b'--x\r\nContent-Disposition: form-data; name="na\x19me"\r\n\r\nAda\r\n--x--\r\n',
        b"--x\r\nno header\r\n\r\nAda\r\n--x--\r\n",
        b"--y\r\n\r\nAda\r\n--y--\r\n",
        b"--x\r\nContent-Disposition: form-data; name=name",
        b"",
    ],
)
async def test_a_malformed_form_is_a_bad_request(
    home: House, http: aiohttp.ClientSession, body: bytes
) -> None:
    await home.create()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    async with http.post(f"{home.url}/api/v1/events/cup/entries", data=body, headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_request")
