"""The pages of entries: forms that upload models, reports in words, and nothing for other sites' pages."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import networks
import pytest
from house import House, house
from lenient import be_lenient

from league.server.pages.garage import cost_figures
from league.server.rest import uploads
from league.store.records import ModelFiles


@pytest.fixture
async def home() -> AsyncIterator[House]:
    async with house() as running:
        await running.create(open_entry=False)
        yield running


@pytest.fixture
def lenient(home: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scrutineers who take no time."""
    be_lenient(home, monkeypatch)


class Visitor:
    """Somebody with a browser."""

    def __init__(self, http: aiohttp.ClientSession, home: House) -> None:
        self.http, self.url = http, f"{home.url}/events/cup"

    async def get(self, path: str = "") -> tuple[int, str]:
        async with self.http.get(self.url + path) as answer:
            assert answer.content_type == "text/html"
            return answer.status, await answer.text()

    async def send(
        self,
        path: str,
        model: ModelFiles | None = None,
        *,
        headers: dict[str, str] | None = None,
        **fields: str,
    ) -> tuple[int, str]:
        form = aiohttp.FormData(default_to_multipart=True)
        for name, text in fields.items():
            form.add_field(name, text)
        for name, content in (model.files("x") if model is not None else {}).items():
            name = name.removeprefix("x/")
            form.add_field(name, BytesIO(content), filename=name)
        if model is not None:
            form.add_field("cost.json", BytesIO(b""), filename="")  # as browsers send what was not chosen
        own = {"Sec-Fetch-Site": "same-origin"}
        async with self.http.post(
            self.url + path, data=form, headers=own if headers is None else headers
        ) as answer:
            return answer.status, await answer.text()


@pytest.fixture
def visitor(http: aiohttp.ClientSession, home: House) -> Visitor:
    return Visitor(http, home)


@pytest.fixture
async def ticket(home: House) -> str:
    """What lets its bearer enter the event."""
    return await home.book.issue_token("entry", event_id="cup")


def token_on(page: str) -> str:
    found = re.search(r'id="token">([0-9a-f]{64})<', page)
    assert found is not None
    return found[1]


async def test_a_model_comes_in_by_form_and_its_page_shows_the_report(visitor: Visitor, ticket: str) -> None:
    status, page = await visitor.get()
    assert (status, 'action="/events/cup/enter"' in page) == (200, True)
    status, page = await visitor.send("/enter", networks.steady(), name="Ada", token=ticket)
    assert (status, "solo lap" in page) == (200, True)
    assert len(token_on(page)) == 64
    status, page = await visitor.get("/entries/ada")
    assert status == 200
    assert networks.steady().sha256 in page
    assert "14 of 14 checks passed" in page
    assert "/events/cup/entries/ada" in (await visitor.get())[1]


async def test_a_refused_model_is_answered_with_the_exact_reason(
    visitor: Visitor, ticket: str, home: House
) -> None:
    status, page = await visitor.send("/enter", networks.endless_loop(), name="Ada", token=ticket)
    assert status == 422
    assert "operators: found operator &#39;Loop&#39;" in page
    assert (await home.book.event("cup")).plan.entries == ()


@pytest.mark.usefixtures("lenient")
async def test_versions_are_added_and_chosen_by_form(visitor: Visitor, ticket: str, home: House) -> None:
    token = token_on((await visitor.send("/enter", networks.steady(), name="Ada", token=ticket))[1])
    assert (await visitor.send("/entries/ada/versions", networks.random(), token=token))[0] == 422
    assert (await visitor.send("/entries/ada/versions", networks.steady(1.4), token=token))[0] == 200
    assert (await home.book.entry_source("cup", "ada")).version == 3
    status, page = await visitor.send("/entries/ada/active", version="1", token=token)
    assert (status, "Version 3" in page) == (200, True)  # sent on to the entry's page
    assert (await home.book.entry_source("cup", "ada")).version == 1


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"name": "Ada"}, 401, "a token is needed to enter this event"),
        ({"name": "Ada", "token": "0" * 64}, 401, "the token is not good"),
        ({"token": "TICKET"}, 400, "&#39;name&#39; is missing"),
        ({"name": " ", "token": "TICKET"}, 400, "has 0 characters"),
        ({"name": "Ada", "extra": "x"}, 400, "found part &#39;extra&#39;"),
    ],
)
async def test_what_cannot_be_entered_is_told_on_a_page(
    visitor: Visitor, ticket: str, fields: dict[str, str], status: int, said: str
) -> None:
    given = {name: text.replace("TICKET", ticket) for name, text in fields.items()}
    found, page = await visitor.send("/enter", networks.steady(), **given)
    assert (found, said in page) == (status, True), page


@pytest.mark.parametrize("version", ["", "x", "-1", "1e3", "9" * 30, "²"])
async def test_a_version_that_is_no_number_is_refused(visitor: Visitor, home: House, version: str) -> None:
    await home.lobby.entrance.enter("cup", "Ada", agent="tutorial")
    organiser = await home.book.issue_token("owner")
    status, page = await visitor.send("/entries/ada/active", version=version, token=organiser)
    assert (status, "expected a number" in page) == (400, True)


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "none"}, True),
        ({}, True),
        ({"Origin": "https://league.example", "X-Forwarded-Host": "league.example"}, True),
    ],
)
async def test_other_sites_pages_change_nothing(
    visitor: Visitor, home: House, headers: dict[str, str], allowed: bool
) -> None:
    status, _ = await visitor.send("/enter", networks.not_onnx(), headers=headers, name="Ada")
    assert status == (401 if allowed else 403)
    async with visitor.http.post(f"{home.url}/api/v1/events", json={}, headers=headers) as answer:
        assert answer.status == (401 if allowed else 403)
        assert (await answer.json())["error"]["code"] == ("auth" if allowed else "cross_site")


async def test_there_is_no_page_of_an_entry_that_is_not_there(visitor: Visitor) -> None:
    assert (await visitor.get("/entries/nobody"))[0] == 404


@pytest.mark.usefixtures("lenient")
async def test_names_and_reasons_cannot_break_out_of_a_page(visitor: Visitor, ticket: str) -> None:
    status, page = await visitor.send("/enter", networks.steady(), name="<script>x</script>", token=ticket)
    assert (status, "<script>x" in page) == (200, False)


def test_a_cost_card_shows_what_it_has() -> None:
    assert cost_figures({"wall_s": 90.0, "cloud_usd": 3.5, "cost_usd": 0.00123, "odd": 1.0}) == [
        ("Training", "1.5 min"),
        ("Cost", "$0.0012"),
        ("In the cloud", "$3.50"),
    ]


async def test_who_may_not_enter_sends_nothing_large(visitor: Visitor, home: House, monkeypatch) -> None:
    read: list[str] = []
    before = uploads._read_part

    async def noting(part, most):
        read.append(part.name)
        return await before(part, most)

    monkeypatch.setattr(uploads, "_read_part", noting)
    await home.lobby.entrance.enter("cup", "Ada", agent="tutorial")
    for path, fields in (("/enter", {"name": "Eve"}), ("/entries/ada/versions", {"token": "0" * 64})):
        assert (await visitor.send(path, networks.steady(), **fields))[0] == 401
    assert read == ["name", "token"]
