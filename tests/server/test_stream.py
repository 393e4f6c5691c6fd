"""An event's news as server-sent events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from house import House, Peer

from league.server.race.watch import event_chunk

PATIENCE_S = 30.0


async def told(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    """Every event of a stream: its name and its data."""
    name, data = "", ""
    async with asyncio.timeout(PATIENCE_S):
        async for raw in answer.content:
            line = raw.decode().rstrip("\n")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            elif line.startswith("data: "):
                data = line.removeprefix("data: ")
            elif not line and name:
                yield name, json.loads(data)
                name = data = ""


async def test_a_race_is_told_from_its_start_to_its_board(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create()
    heard: list[tuple[str, Any]] = []
    async with http.get(f"{home.url}/api/v1/events/cup/stream") as answer:
        assert (answer.status, answer.content_type) == (200, "text/event-stream")
        ada = await peer("Ada").join()
        await home.lobby.start("cup")
        racing = asyncio.create_task(ada.drive_to_the_end(await ada.start()))
        async for name, data in told(answer):
            heard.append((name, data))
            if name == "board" and data["standings"] and data["standings"][0]["status"] == "FIN":
                break
        await racing
    names = [name for name, _ in heard]
    assert names[0] == "hello"
    assert {"board", "heat", "event"} <= set(names)
    assert not {"frame", "snap"} & set(names)
    laps = [data for name, data in heard if name == "event" and data["kind"] == "lap"]
    assert len(laps) == 1


async def test_frames_are_told_to_those_who_ask_for_them(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create(pace=20.0)
    ada = await peer("Ada").join()
    async with http.get(f"{home.url}/api/v1/events/cup/stream?frames=1") as answer:
        await home.lobby.start("cup")
        racing = asyncio.create_task(ada.drive_to_the_end(await ada.start()))
        async for name, data in told(answer):
            if name == "frame":
                assert len(data["cars"]) == 8
                break
        else:
            pytest.fail("no frame was told")
        await racing


async def test_an_event_that_is_not_there_has_no_stream(home: House, http: aiohttp.ClientSession) -> None:
    async with http.get(f"{home.url}/api/v1/events/nothing/stream") as answer:
        assert answer.status == 404
        assert (await answer.json())["error"]["code"] == "not_found"


async def test_whoever_leaves_is_no_viewer_any_more_and_a_server_that_stops_ends_the_stream(
    home: House, http: aiohttp.ClientSession
) -> None:
    await home.create()
    broadcast = (await home.lobby.paddock("cup")).broadcast
    async with http.get(f"{home.url}/api/v1/events/cup/stream") as answer:
        await anext(told(answer))
        assert len(broadcast.viewers) == 1
        await home.lobby.close()
        rest = [name async for name, _ in told(answer)]
        assert set(rest) <= {"board"}
    assert not broadcast.viewers


def test_an_event_is_one_chunk_whatever_the_names_in_it() -> None:
    message = {"type": "event", "name": "Zoë\n\ndata: no\r\n"}
    size, _, rest = event_chunk(message).partition(b"\r\n")
    assert len(rest) == int(size, 16) + 2
    text = rest[:-2].decode()
    assert text.count("\n") == 3
    assert json.loads(text.split("data: ", 1)[1]) == message
