"""Whose an entry is: on the board, its page, in the interface for programs and in spreadsheets."""

from __future__ import annotations

import csv
import io
from typing import Any

import aiohttp
from house import House

EVENT = "/api/v1/events/cup"


async def enter(http: aiohttp.ClientSession, home: House, name: str, owner: str = "") -> str:
    """Enter an agent, as a racer of this name if there is one; gives the entry's id."""
    headers = {}
    if owner:
        racer = await home.book.add_person(owner, "racer")
        headers["Authorization"] = f"Bearer {await home.book.issue_own_token(racer.number)}"
    asked = {"name": name, "agent": "pure-pursuit"}
    async with http.post(f"{home.url}{EVENT}/entries", json=asked, headers=headers) as answer:
        assert answer.status == 201
        return str((await answer.json())["entry_id"])


async def text(http: aiohttp.ClientSession, home: House, path: str) -> str:
    async with http.get(home.url + path) as answer:
        assert answer.status == 200
        return await answer.text()


async def rows(http: aiohttp.ClientSession, home: House, path: str) -> list[dict[str, Any]]:
    async with http.get(f"{home.url}{EVENT}{path}") as answer:
        return list((await answer.json())["entries"])


async def sheet(http: aiohttp.ClientSession, home: House) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(await text(http, home, f"{EVENT}/leaderboard.csv"))))


async def test_whoever_entered_a_car_with_an_account_is_named_wherever_it_is(
    home: House, http: aiohttp.ClientSession
) -> None:
    await home.create()
    assert await rows(http, home, "/leaderboard") == []
    entry = await enter(http, home, "Bolt", "Anna Lytics")
    await enter(http, home, "Stray")
    for listed in (
        await rows(http, home, ""), await rows(http, home, "/leaderboard"), await sheet(http, home)
    ):  # fmt: skip
        assert {row["name"]: row["owner"] for row in listed} == {"Bolt": "Anna Lytics", "Stray": ""}
    for page in ("/events/cup", "/events/cup?q=lytics", f"/events/cup/entries/{entry}"):
        assert "Anna Lytics" in await text(http, home, page), page
    assert "Stray" not in await text(http, home, "/events/cup?q=lytics")


async def test_who_left_the_league_is_named_no_more(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    await enter(http, home, "Bolt", "Anna Lytics")
    assert "Anna" in await text(http, home, "/events/cup")
    await home.book.remove_person("Anna Lytics")
    assert "Anna" not in await text(http, home, "/events/cup")


async def test_hostile_owners_and_names_are_inert(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    named = {
        "=1+1": "=cmd|' /C calc'!A0", "<script>alert(1)</script>": "@SUM(A1)", "\u202egnp.exe": "\uff1d1+1",
        'quo"ted': 'a","b', "W" * 64: "+49 1", "last": "line\nbreak",
    }  # fmt: skip
    for owner, name in named.items():
        await enter(http, home, name, owner)
    page = await text(http, home, "/events/cup")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page
    listed = await sheet(http, home)
    assert len(listed) == len(named)
    for row in listed:
        assert None not in row.values(), "a row with too few cells"
        assert None not in row, "a row with too many cells"
        assert not row["name"].startswith(("=", "+", "-", "@", "\uff1d"))
        assert not row["owner"].startswith(("=", "+", "-", "@"))
    assert {"'=cmd|' /C calc'!A0", "'@SUM(A1)", "'\uff1d1+1", "'+49 1", 'a","b'} <= {
        row["name"] for row in listed
    }


async def test_a_name_of_ten_thousand_letters_is_refused_in_one_line(
    home: House, http: aiohttp.ClientSession
) -> None:
    await home.create()
    asked = {"name": "W" * 10_240, "agent": "pure-pursuit"}
    async with http.post(f"{home.url}{EVENT}/entries", json=asked) as answer:
        message = (await answer.json())["error"]["message"]
        assert (answer.status, "\n" in message, len(message) < 300) == (400, False, True)
