"""Pages that plugins add: shown, linked, kept from harm, and left out where they cannot be shown."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import aiohttp
import paper
import pytest
from house import CIRCUIT, house
from strangers import STYLE, Pages, fastest_laps, lay_out, league_with

from league import EventPlan, HeatPlan, League, Page, Visit
from league.server.pages import added
from league.store.book import RecordBook


async def race(book: RecordBook) -> None:
    """An event of one heat on paper."""
    plan = paper.event("time-trial", 2).model_dump() | {"id": "cup", "circuit": CIRCUIT}
    event = EventPlan.model_validate(plan)
    await book.add_event(event)
    heat = HeatPlan(
        id="h1", phase="race", circuit=CIRCUIT, car=event.car, rules=event.rules, seed=1, grid=event.entries
    )
    await book.begin_heat("cup", heat)
    await book.finish_heat("cup", heat, paper.result(heat), [], b"none")


async def fetch(http: aiohttp.ClientSession, url: str) -> tuple[int, str, Mapping[str, str]]:
    async with http.get(url) as answer:
        return answer.status, await answer.text(), answer.headers


async def test_a_plugins_page_shows_what_was_raced(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    async with house(league=league_with(lay_out(tmp_path / "page"), laps=fastest_laps)) as home:
        await race(home.book)
        status, text, headers = await fetch(http, f"{home.url}/pages/laps")
        assert status == 200
        assert "<li>Name 0 6.667</li><li>Name 1 7.000</li>" in text
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert "<li>" not in (await fetch(http, f"{home.url}/pages/laps?event=other"))[1]
        assert '<a href="/pages/laps">Laps</a>' in (await fetch(http, home.url))[1]
        (address,) = (part for part in text.split('"') if part.endswith("laps.css"))
        status, text, headers = await fetch(http, home.url + address)
        assert (status, text, headers["Content-Type"]) == (200, STYLE, "text/css; charset=utf-8")
        assert "immutable" in headers["Cache-Control"]
        for gone in ("/pages/other", "/pages/laps/files/1/page.html", "/pages/other/files/1/laps.css"):
            assert (await fetch(http, home.url + gone))[0] == 404


async def test_standings_and_the_catalogue_are_told(http: aiohttp.ClientSession, tmp_path: Path) -> None:
    def show(visit: Visit) -> dict[str, Any]:
        names = [row.name for row in visit.standings("cup")]
        return {"laps": [(f"{name} <of> {len(visit.league.circuits)}", 1.0) for name in names]}

    opened = league_with(lay_out(tmp_path / "page"), laps=show)
    async with house(league=opened) as home:
        await race(home.book)
        _, text, _ = await fetch(http, f"{home.url}/pages/laps")
        assert f"<li>Name 0 &lt;of&gt; {len(opened.circuits)} 1.000</li>" in text


async def test_a_page_that_fails_is_named_and_the_others_are_shown(
    http: aiohttp.ClientSession, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(visit: Visit) -> dict[str, Any]:
        raise ZeroDivisionError("no laps")

    def unknown(visit: Visit) -> dict[str, Any]:
        return {"laps": visit.results("gone")}

    def poor(visit: Visit) -> dict[str, Any]:
        return {"nothing": 0}

    shows = {"broken": broken, "unknown": unknown, "poor": poor, "laps": fastest_laps}
    async with house(league=league_with(lay_out(tmp_path / "page"), **shows)) as home:
        with caplog.at_level(logging.ERROR):
            status, text, _ = await fetch(http, f"{home.url}/pages/broken")
        assert (status, "page &#39;broken&#39; failed: ZeroDivisionError: no laps" in text) == (500, True)
        assert "ZeroDivisionError" in caplog.text
        status, text, _ = await fetch(http, f"{home.url}/pages/unknown")
        assert (status, "No event is called &#39;gone&#39;" in text) == (404, True)
        status, text, _ = await fetch(http, f"{home.url}/pages/poor")
        assert (status, "UndefinedError" in text) == (500, True)
        assert (await fetch(http, f"{home.url}/pages/laps"))[0] == 200


async def test_a_page_that_takes_too_long_is_given_up(
    http: aiohttp.ClientSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = threading.Event()

    def endless(visit: Visit) -> dict[str, Any]:
        done.wait(60)
        return {"laps": []}

    monkeypatch.setattr(added, "LIMIT_S", 0.2)
    async with house(league=league_with(lay_out(tmp_path / "page"), endless=endless)) as home:
        try:
            status, text, _ = await fetch(http, f"{home.url}/pages/endless")
            assert (status, "took longer than 0.2 s" in text) == (500, True)
        finally:
            done.set()


@pytest.mark.parametrize(
    ("name", "page", "reason"),
    [
        ("laps", lambda folder: Page("Laps", folder, fastest_laps, "gone.html"), "no template 'gone.html'"),
        ("laps", lambda folder: Page(" ", folder, fastest_laps), "has no title"),
        ("laps", lambda folder: Page("Laps", folder, None), "show is None, expected a function"),  # type: ignore[arg-type]
        ("laps", lambda folder: folder, "something unusable under 'laps'"),
        (
            "Laps/all",
            lambda folder: Page("Laps", folder, fastest_laps),
            "something unusable under 'Laps/all'",
        ),
    ],
)
def test_a_page_that_cannot_be_shown_leaves_its_plugin_out(
    tmp_path: Path, name: str, page: Any, reason: str
) -> None:
    opened = League(extra=[Pages(**{name: page(lay_out(tmp_path / "page"))})], installed=False)
    assert (opened.plugins[0].status, reason in opened.plugins[0].reason) == ("left out", True)
    assert opened.pages == {}
