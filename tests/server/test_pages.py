"""The HTML pages: what they show, what they refuse to run, and where they lead."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from aiohttp import ClientSession
from show import Show, an_event
from stadium import follow

from league.racing.agent import Command, Observation
from league.server.pages import words
from league.server.pages.assets import Assets
from league.server.pages.routes import Pages
from league.store.records import EventOptions

HOSTILE = (
    "<img src=x onerror=alert(1)>",
    '"><script>alert(1)</script>',
    "\u202egnp.exe\u202c \u202e",
    "A" * 64,
    "{{ 7 * 7 }}{% raw %}",
    "\u0645\u0631\u062d\u0628\u0627",
)
PATHS = (
    "/",
    "/boards",
    "/boards/clubhouse-loop",
    "/events/spring-cup",
    "/events/spring-cup/heats/final-1",
    "/events/spring-cup/heats/final-1/replay",
    "/events/spring-cup/entries/e0",
    "/live/spring-cup",
    "/events/none",
)


class Page(HTMLParser):
    """What a browser would make of a page: its elements, links and text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def links(self) -> list[str]:
        return [found for _, attrs in self.tags for key in ("href", "src") if (found := attrs.get(key))]


def reckless(seen: Observation) -> Command:
    """Straight on for three seconds, whatever comes."""
    return Command(0.0, 3.0) if seen.tick < 45 else follow(seen)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def raced() -> AsyncIterator[tuple[Show, str]]:
    """A show with a finished heat of hostile names, and its address."""
    event = an_event(HOSTILE, circuit="clubhouse-loop", laps=2)
    drivers = [*[follow] * (len(HOSTILE) - 1), reckless]
    async with Show.open(event, drivers) as show, show.serving() as address:
        show.pace = None
        await show.status("running")
        await show.race(show.heat("final-1"))
        yield show, address


async def fetch(address: str, path: str, **headers: str) -> tuple[int, dict[str, str], str]:
    async with ClientSession() as session, session.get(address + path, headers=headers) as answer:
        return answer.status, dict(answer.headers), await answer.text()


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.mark.parametrize("path", PATHS)
async def test_hostile_names_are_shown_and_do_nothing(raced: tuple[Show, str], path: str) -> None:
    _, _, text = await fetch(raced[1], path)
    page = Page(text)
    for tag, attributes in page.tags:
        assert tag not in ("img", "script") or (attributes["src"] or "").startswith("/static/")
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
    if path.endswith("heats/final-1"):
        for name in HOSTILE:
            assert name in page.text
        assert "49" not in page.text.split("Classification")[1].split("Laps")[0]


async def test_a_board_whose_places_are_not_by_total_says_what_they_are_by(raced: tuple[Show, str]) -> None:
    _, _, text = await fetch(raced[1], "/events/spring-cup")
    assert "the final places those who race it, qualifying all others" in Page(text).text


@pytest.mark.parametrize("path", PATHS)
async def test_no_page_names_another_host(raced: tuple[Show, str], path: str) -> None:
    _, _, text = await fetch(raced[1], path)
    for link in Page(text).links():
        assert urlsplit(link).netloc == ""
        assert link.startswith(("/", "#"))


async def test_no_static_file_names_another_host() -> None:
    for name, data in Assets.read().content.items():
        found = re.findall(rb"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", data)
        assert [url for url in found if url != b"http://www.w3.org"] == [], name


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_allows_only_its_own_scripts(raced: tuple[Show, str], path: str) -> None:
    status, headers, text = await fetch(raced[1], path)
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not re.search(r"<style|<script(?![^>]* src=)", text)
    assert status == (404 if path.endswith("none") else 200)


async def test_every_link_leads_somewhere(raced: tuple[Show, str]) -> None:
    seen: dict[str, int] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in seen or path.startswith(("/api/", "#")):
            continue
        seen[path], headers, text = await fetch(raced[1], path)
        if headers["Content-Type"].startswith("text/html"):
            waiting += Page(text).links()
    assert set(seen.values()) == {200}
    assert {"/events/spring-cup", "/live/spring-cup", "/events/spring-cup/heats/final-1"} <= set(seen)


async def test_every_module_that_a_script_imports_exists() -> None:
    content = Assets.read().content
    for name, data in content.items():
        for imported in re.findall(r'from "\./([^"]+)"', data.decode()):
            assert imported in content, f"{name} imports {imported}"


async def test_the_board_holds_what_a_racer_looks_for(raced: tuple[Show, str]) -> None:
    show, address = raced
    _, _, text = await fetch(address, "/events/spring-cup")
    (result,) = await show.book.results("spring-cup")
    first = result.entries[0]
    row = text.split(f'data-entry="{first.entry_id}"')[1].split("</tr>")[0]
    cells = dict(re.findall(r'<td class="(\w+)">(.*?)</td>', row))
    assert cells["kind"] == "scripted"
    assert cells["agent"] == "pure-pursuit"
    assert cells["total"] == words.seconds(first.total_s)
    assert cells["fastest"].startswith(words.seconds(first.fastest_lap_s))
    assert (cells["laps"], cells["offs"], cells["resets"]) == ("2", str(first.off_tracks), str(first.resets))


async def test_a_heat_page_tells_every_lap_and_every_penalty_with_its_reason(raced: tuple[Show, str]) -> None:
    show, address = raced
    _, _, text = await fetch(address, "/events/spring-cup/heats/final-1")
    said = Page(text).text
    (result,) = await show.book.results("spring-cup")
    for entry in result.entries:
        for lap in entry.laps:
            assert words.seconds(lap.time_s) in said
    facts = await show.book.facts("spring-cup", "final-1")
    penalties = [fact for fact in facts if fact.kind == "penalty"]
    assert penalties, "one of them drives straight on"
    assert said.count("for the contact") + said.count("off the road") >= len(penalties)


async def test_a_heat_that_has_not_been_raced_is_listed_without_a_link(raced: tuple[Show, str]) -> None:
    _, _, text = await fetch(raced[1], "/events/spring-cup")
    heats = text.split('id="heats"')[1].split("</ol>")[0]
    for item in heats.split("<li")[1:]:
        assert ("<a " in item) == ('data-status="waiting"' not in item)
    assert 'data-status="waiting"' in heats


async def test_the_page_says_how_to_join_at_the_address_that_was_asked(raced: tuple[Show, str]) -> None:
    _, _, text = await fetch(raced[1], "/events/spring-cup", Host="club.example:8490")
    assert "ws://club.example:8490" in text
    _, _, text = await fetch(raced[1], "/", **{"Host": "league.example", "X-Forwarded-Proto": "https"})
    assert "wss://league.example" in text


async def test_a_hostile_host_name_is_inert(raced: tuple[Show, str]) -> None:
    _, _, text = await fetch(raced[1], "/", Host="x'\"<i>")
    assert "<i>" not in text


@pytest.mark.parametrize(
    "path", ["/nothing", "/events/<b>x", "/events/spring-cup/heats/nope", "/live/nope", "/static/x/y"]
)
async def test_an_unknown_address_is_answered_with_404(raced: tuple[Show, str], path: str) -> None:
    status, _, text = await fetch(raced[1], path)
    assert status == 404
    assert "<b>" not in text


@pytest.mark.parametrize("name", ["..%2fpages.py", "%2e%2e/pages.py", "..", "base.html", "%00"])
async def test_only_static_files_are_served(raced: tuple[Show, str], name: str) -> None:
    status, _, _ = await fetch(raced[1], f"/static/{Assets.read().version}/{name}")
    assert status == 404


async def test_static_files_are_kept_for_ever_under_the_present_address_only(raced: tuple[Show, str]) -> None:
    assets = Assets.read()
    _, headers, _ = await fetch(raced[1], assets.address("live.js"))
    assert "immutable" in headers["Cache-Control"]
    assert headers["Content-Type"].startswith("text/javascript")
    _, headers, text = await fetch(raced[1], "/static/old/live.js")
    assert headers["Cache-Control"] == "no-cache"
    assert text.encode() == assets.content["live.js"]
    with pytest.raises(KeyError):
        assets.address("missing.js")


async def test_a_board_is_scored_again_only_after_something_changed() -> None:
    event = an_event(["A", "B"], circuit="clubhouse-loop", laps=1)
    async with Show.open(event, [follow] * 2) as show, show.serving() as address:
        show.pace = None
        _, _, before = await fetch(address, "/events/spring-cup")
        assert '<td class="total">–</td>' in before
        await show.race(show.heat("final-1"))
        _, _, after = await fetch(address, "/events/spring-cup")
        (result,) = await show.book.results("spring-cup")
        assert f'<td class="total">{words.seconds(result.entries[0].total_s)}</td>' in after


async def test_an_event_whose_circuit_and_format_are_gone_is_still_shown() -> None:
    event = an_event(["A"], circuit="clubhouse-loop")
    async with Show.open(event, [follow]) as show, show.serving() as address:
        gone = event.model_copy(update={"id": "old", "circuit": "sold-for-housing", "format": "forgotten"})
        await show.book.add_event(gone, EventOptions())
        for path in ("/", "/events/old", "/live/old"):
            status, _, text = await fetch(address, path)
            assert status == 200
            if path != "/live/old":
                assert "sold-for-housing" in text


async def test_a_failure_is_answered_with_a_page_and_no_inside(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a secret of the engine room")

    monkeypatch.setattr(Pages, "_event", fail)
    event = an_event(["A"], circuit="clubhouse-loop")
    async with Show.open(event, [follow]) as show, show.serving() as address:
        status, _, text = await fetch(address, "/live/spring-cup")
    assert status == 500
    assert "secret" not in text
    assert "secret of the engine room" in caplog.text
