"""Films of heats and pictures of cameras, as browsers ask for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from aiohttp import ClientSession
from PIL import Image
from show import Show, an_event
from stadium import follow, make_heat, run

from league.hooks.catalogue import League
from league.server.pages.eye import picture
from league.server.pages.film import MOST_FRAMES, film_of, line_of
from league.sim.camera import CameraSensor
from league.sim.car import DEEPRACER

pytestmark = pytest.mark.asyncio(loop_scope="module")

HEAT = "/events/spring-cup/heats/final-1"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def raced() -> AsyncIterator[tuple[Show, str]]:
    event = an_event(["A", "B"], circuit="clubhouse-loop", laps=1)
    async with Show.open(event, [follow] * 2) as show, show.serving() as address:
        show.pace = None
        await show.race(show.heat("final-1"))
        yield show, address


async def ask(address: str, path: str) -> tuple[int, str, bytes]:
    async with ClientSession() as session, session.get(address + path) as answer:
        return answer.status, answer.content_type, await answer.read()


async def test_a_film_holds_every_picture_and_every_fact(raced: tuple[Show, str]) -> None:
    show, address = raced
    async with ClientSession() as session, session.get(f"{address}{HEAT}/film") as answer:
        film: dict[str, Any] = await answer.json()
    facts = await show.book.facts("spring-cup", "final-1")
    assert film["facts"] == [fact.as_dict() for fact in facts]
    assert len(film["frames"]) == len(film["ticks"]) > facts[-1].tick
    assert {len(frame) for frame in film["frames"]} == {16}
    assert len(film["line"]) > 20, "the circuit's racing line is known"


async def test_pictures_of_a_camera_are_what_the_sensor_sees(raced: tuple[Show, str]) -> None:
    heat = make_heat(2)
    for _ in range(20):
        seen = heat.observe()
        heat.advance([one and follow(one) for one in seen])
    for seat, sensed in enumerate(CameraSensor().sense(heat.world)):
        made = picture(heat.circuit, heat.car, seat, heat.frame()[:, :3].tolist())
        shown = np.asarray(Image.open(BytesIO(made)), dtype=float).ravel()
        assert np.abs(shown - np.floor(sensed)).max() <= 1.0


async def test_a_camera_is_asked_for_by_seat_and_tick(raced: tuple[Show, str]) -> None:
    _, address = raced
    status, kind, first = await ask(address, f"{HEAT}/camera?seat=0&k=3")
    assert (status, kind) == (200, "image/png")
    _, _, later = await ask(address, f"{HEAT}/camera?seat=0&k=40")
    assert first != later


@pytest.mark.parametrize("query", ["seat=2", "seat=-1", "seat=x", "seat=0&k=99999", "seat=0&k=", "seat=²"])
async def test_a_camera_that_is_not_there_is_answered_with_404(raced: tuple[Show, str], query: str) -> None:
    status, _, _ = await ask(raced[1], f"{HEAT}/camera?{query}")
    assert status == 404


async def test_a_watched_race_can_be_seen_through_a_camera(raced: tuple[Show, str]) -> None:
    _, address = raced
    status, kind, made = await ask(address, "/live/spring-cup/camera?seat=1")
    assert (status, kind) == (200, "image/png")
    assert Image.open(BytesIO(made)).size == (160, 120)
    assert (await ask(address, "/live/spring-cup/camera?seat=2"))[0] == 404
    assert (await ask(address, "/live/nothing/camera?seat=0"))[0] == 404


@pytest.mark.parametrize("path", ["/film", "/camera?seat=0", "/replay"])
async def test_an_unknown_heat_has_no_replay(raced: tuple[Show, str], path: str) -> None:
    assert (await ask(raced[1], f"/events/spring-cup/heats/nope{path}"))[0] == 404


async def test_a_recording_of_another_version_is_refused_in_words(raced: tuple[Show, str]) -> None:
    show, address = raced
    plan = show.heat("final-9")
    heat = make_heat(2)
    run(heat, lambda _, seen: follow(seen))
    result = heat.result().model_copy(update={"heat": "final-9"})
    entries = tuple(
        row.model_copy(update={"entry_id": entry.id})
        for row, entry in zip(result.entries, plan.grid, strict=True)
    )
    await show.book.begin_heat("spring-cup", plan)
    old = b"league-heat 0\nold"
    await show.book.finish_heat("spring-cup", plan, result.model_copy(update={"entries": entries}), (), old)
    status, _, text = await ask(address, "/events/spring-cup/heats/final-9/film")
    assert status == 404
    assert b"that this version can read" in text


async def test_the_line_is_that_of_the_car_on_the_circuit_as_it_is() -> None:
    circuit = League().circuit("clubhouse-loop")
    line = line_of(circuit, DEEPRACER)
    far = np.hypot(*(np.array(line)[:, None, :2] - circuit.centre[None]).transpose(2, 0, 1)).min(axis=1)
    assert far.max() < float(np.max(circuit.width_left_m + circuit.width_right_m))
    assert line_of(make_heat(1).circuit, DEEPRACER) == []


async def test_a_long_film_leaves_pictures_out_and_keeps_the_last() -> None:
    recording = run(make_heat(1, laps=1), lambda _, seen: follow(seen)).recording()
    many = np.repeat(recording.frames[:1], 3 * MOST_FRAMES, axis=0)
    film = film_of(replace(recording, frames=many, bot_frames=np.zeros((len(many), 0, 4))), [])
    assert film["every"] == 3
    assert film["ticks"][-1] == len(many) - 1
    assert len(film["frames"]) <= MOST_FRAMES + 1
