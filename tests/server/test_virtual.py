"""Virtual standings, and how addresses want pages to be shown."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from show import Show, an_event
from stadium import follow, make_heat

from league.hooks.catalogue import League
from league.server.race.scene import Scene
from league.server.race.virtual import MOST_ENTRIES, outlook, projected
from league.server.race.watch import Broadcast


def test_cars_that_race_are_carried_on_at_their_average_speed() -> None:
    heat = make_heat(3, laps=2)
    speeds = (1.2, 0.9, 0.0)
    while heat.tick < 60:
        seen = heat.observe()
        heat.advance([one and follow(one, speed) for one, speed in zip(seen, speeds, strict=True)])
    first, second, still = projected(heat).entries
    assert [first.entry_id, second.entry_id, still.entry_id] == ["e0", "e1", "e2"]
    assert (first.status, second.status, still.status) == ("FIN", "FIN", "DNF-timeout")
    assert first.total_s is not None
    assert second.total_s is not None
    whole_m = 2 * heat.circuit.length_m
    assert first.total_s == pytest.approx(whole_m / 1.2, rel=0.2)
    assert second.gap_s == pytest.approx(second.total_s - first.total_s)


def test_a_finished_race_is_its_own_projection() -> None:
    heat = make_heat(2, laps=1)
    while not heat.finished:
        heat.advance([one and follow(one) for one in heat.observe()])
    assert projected(heat) == heat.result()


def test_the_format_says_how_the_event_would_stand() -> None:
    event = an_event(["A", "B"], circuit="clubhouse-loop", laps=1)
    heat = make_heat(2, laps=1)
    for _ in range(60):
        heat.advance([one and follow(one) for one in heat.observe()])
    look = outlook(event, League().format("time-trial"), (), heat)
    assert look is not None
    assert {row.status for row in look()} == {"FIN"}


def test_large_events_have_no_virtual_standings() -> None:
    event = an_event([f"E{i}" for i in range(MOST_ENTRIES + 1)])
    assert outlook(event, League().format("time-trial"), (), make_heat(2)) is None


async def test_viewers_are_told_at_every_sectors_end() -> None:
    heat = make_heat(1, laps=1)
    feed = Broadcast({"type": "hello"})
    told: list[str] = []

    class Line:
        def write(self, data: bytes) -> None:
            told.append(data.decode(errors="replace"))

        def get_write_buffer_size(self) -> int:
            return 0

        def is_closing(self) -> bool:
            return False

    feed.join(Line())
    scene = Scene(heat, feed, outlook=lambda: ())
    while not heat.finished:
        scene.show(heat.advance([one and follow(one) for one in heat.observe()]))
    virtual = [parcel.message for parcel in feed.log if parcel.message["type"] == "virtual"]
    assert len(virtual) == heat.plan.rules.sectors
    await feed.close()


@pytest.mark.parametrize(
    ("query", "found", "missing"),
    [
        ("?theme=dark", ' data-theme="dark"', "data-embed"),
        ("?theme=%22%3E%3Cscript%3E", '<html lang="en">', "<script>"),
        ("?embed=1", " data-embed", "data-overlay"),
        ("?overlay=1&scroll=0", " data-overlay", "projector.js"),
        ("?scroll=60", "projector.js", "data-embed"),
        ("?qr=1&theme=dark&heats=all", "/events/spring-cup?heats=all</figcaption>", "style="),
        ("", '<html lang="en">', 'class="code"'),
    ],
)
async def test_an_address_says_how_its_page_is_shown(query: str, found: str, missing: str) -> None:
    event = an_event(["A"], circuit="clubhouse-loop")
    async with (
        Show.open(event, [follow]) as show,
        show.serving() as address,
        ClientSession() as session,
        session.get(f"{address}/events/spring-cup{query}") as answer,
    ):
        text = await answer.text()
    assert answer.status == 200
    assert found in text
    assert missing not in text


@pytest.mark.parametrize("host", ["x'\"<i>", "[::1", "a b", "\u202e"])
async def test_a_name_that_is_none_gets_no_code(host: str) -> None:
    event = an_event(["A"], circuit="clubhouse-loop")
    async with (
        Show.open(event, [follow]) as show,
        show.serving() as address,
        ClientSession() as session,
        session.get(f"{address}/?qr=1", headers={"Host": host}) as answer,
    ):
        assert answer.status in (200, 400)
        assert "<i>" not in await answer.text()
