"""Boards and laps as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import aiohttp
from house import House, Peer

from league.server.rest.sheets import LAP, STANDING


async def rows(http: aiohttp.ClientSession, home: House, name: str) -> list[dict[str, str]]:
    async with http.get(f"{home.url}/api/v1/events/cup/{name}.csv") as answer:
        assert (answer.status, answer.content_type) == (200, "text/csv")
        assert f'filename="cup-{name}.csv"' in answer.headers["Content-Disposition"]
        return list(csv.DictReader(io.StringIO(await answer.text())))


async def test_a_board_and_its_laps_are_sheets(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create(laps=2)
    ada = await peer('=HYPERLINK("http://x")').join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    (standing,) = await rows(http, home, "leaderboard")
    laps = await rows(http, home, "laps")
    assert (tuple(standing), tuple(laps[0])) == (STANDING, LAP)
    assert standing["name"] == laps[0]["name"] == '\'=HYPERLINK("http://x")'
    assert [lap["lap"] for lap in laps] == ["1", "2"]
    assert abs(sum(float(lap["time_s"]) for lap in laps) - float(standing["total_s"])) < 1e-6


async def test_an_event_that_is_not_there_has_no_sheet(home: House, http: aiohttp.ClientSession) -> None:
    for name in ("leaderboard", "laps"):
        async with http.get(f"{home.url}/api/v1/events/nothing/{name}.csv") as answer:
            assert answer.status == 404
