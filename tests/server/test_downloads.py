"""A heat's downloads: what a server gives is what the command line writes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import aiohttp
from house import House, Peer
from mcap.reader import make_reader

from league.export.mcap import mcap
from league.export.sheets import positions
from league.learn.results.simtrace import COLUMNS
from league.racing.recording import Recording


async def test_a_finished_heat_can_be_had_in_every_form(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create()
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    (heat,) = await home.book.heats("cup")
    content = await home.book.recording("cup", heat.plan.id)
    assert content is not None
    recording = Recording.from_bytes(content)
    one = f"{home.url}/api/v1/events/cup/heats/{heat.plan.id}"

    async def body(name: str) -> bytes:
        async with http.get(f"{one}/{name}") as answer:
            assert answer.status == 200, await answer.text()
            assert "attachment" in answer.headers["Content-Disposition"]
            return await answer.read()

    found = await body("recording.mcap")
    assert found == mcap(recording)
    assert make_reader(io.BytesIO(found)).get_summary() is not None
    assert (await body("positions.csv")).decode() == positions(recording)
    rows = list(csv.reader(io.StringIO((await body("simtrace.csv?seat=0")).decode())))
    assert (tuple(rows[0]), len(rows)) == (COLUMNS, len(recording.frames))
    assert (await body("as/simtrace?seat=0")) == (await body("simtrace.csv"))
    assert (await body("as/mcap")) == found
    for asked, status in (
        ("simtrace.csv?seat=7", 400),
        ("simtrace.csv?seat=-1", 400),
        ("simtrace.csv?seat=²", 400),
        ("as/simtrace?seat=7", 400),
        ("as/simtrace?seat=²", 400),
        ("as/simtrace?token=1", 400),
        ("as/mp4", 404),
        ("as/nothing", 404),
    ):
        async with http.get(f"{one}/{asked}") as answer:
            assert answer.status == status


async def test_a_heat_that_was_not_raced_has_no_downloads(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    for name in ("recording.mcap", "positions.csv", "simtrace.csv", "as/positions"):
        async with http.get(f"{home.url}/api/v1/events/cup/heats/heat-1/{name}") as answer:
            assert answer.status == 404
