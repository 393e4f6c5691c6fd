"""The page about the REST interface: it shows what the document says."""

from __future__ import annotations

import html
import re

import aiohttp
from house import House

from league.server.pages.handbook import lines
from league.server.rest.openapi import document_of


async def test_the_page_shows_every_operation_with_an_example(
    home: House, http: aiohttp.ClientSession
) -> None:
    async with http.get(f"{home.url}/api") as answer:
        assert (answer.status, answer.content_type) == (200, "text/html")
        page = html.unescape(re.sub("</?code>", "", await answer.text()))
    shown = list(lines(document_of(home.app), home.url))
    assert len(shown) > 20
    for line in shown:
        assert f"{line.method} {line.path}" in page
        assert line.summary.replace("`", "") in page
        assert line.example in page


async def test_an_operation_that_needs_a_token_says_whose(home: House) -> None:
    shown = {(line.method, line.path): line for line in lines(document_of(home.app), "http://x")}
    create = shown["POST", "/api/v1/events"]
    assert "director" in create.roles
    assert "Bearer $TOKEN" in create.example
    assert {name for name, _, needed in create.fields if needed} == {"name", "circuit"}
    assert shown["GET", "/api/v1/events"].roles == ()
    enter = shown["POST", "/api/v1/events/{event}/entries"]
    assert [name for name, _, needed in enter.parts if needed] == [
        "name",
        "model.onnx",
        "model_metadata.json",
    ]
