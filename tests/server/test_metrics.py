"""Figures for Prometheus: what they count, and that Prometheus can read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import aiohttp
import pytest
from house import House, Peer
from prometheus_client.parser import text_string_to_metric_families

from league.server.race.pulse import LATE_S, Pulse


async def figures(http: aiohttp.ClientSession, home: House) -> Mapping[str, float]:
    """Every sample by its name and labels."""
    async with http.get(f"{home.url}/metrics") as answer:
        assert answer.status == 200
        text = await answer.text()
    return {
        name + "".join(f" {key}={value}" for key, value in sorted(labels.items())): figure
        for family in text_string_to_metric_families(text)
        for name, labels, figure, *_ in family.samples
    }


async def test_a_race_is_counted_tick_by_tick(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    before = await figures(http, home)
    assert before["league_ticks_total"] == before["league_heats_running"] == 0
    await home.create()
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    seen = await ada.start()
    during = await figures(http, home)
    assert during["league_heats_running"] == during["league_drivers_connected"] == 1
    assert during["league_events status=running"] == 1
    await ada.drive_to_the_end(seen)
    await home.end_of()
    after = await figures(http, home)
    assert after["league_heats_total clock=lockstep"] == after["league_laps_total"] == 1
    assert after["league_ticks_total"] > 15
    assert (after["league_events status=running"], after["league_events status=finished"]) == (0, 1)


async def test_a_heat_that_keeps_time_tells_how_late_its_ticks_are(
    home: House, http: aiohttp.ClientSession, peer: Callable[..., Peer]
) -> None:
    await home.create(pace=50.0)
    ada = await peer("Ada").join()
    await home.lobby.start("cup")
    await ada.drive_to_the_end(await ada.start())
    await home.end_of()
    seen = await figures(http, home)
    assert seen["league_tick_late_seconds_count"] == pytest.approx(seen["league_ticks_total"], abs=2)
    assert seen["league_tick_late_seconds_bucket le=+Inf"] == seen["league_tick_late_seconds_count"]


async def test_answers_are_timed_by_route_so_that_names_cannot_fill_the_memory(
    home: House, http: aiohttp.ClientSession
) -> None:
    for name in ("a", "b", "c"):
        async with http.get(f"{home.url}/api/v1/events/{name}"):
            pass
        async with http.get(f"{home.url}/{name}"):
            pass
    async with http.request("HACK", f"{home.url}/api/v1/events"):
        pass
    seen = await figures(http, home)
    told = "league_http_request_seconds_count method=GET route=/api/v1/events/{event} status=4xx"
    assert seen[told] == 3
    assert seen["league_http_request_seconds_count method=GET route=none status=4xx"] == 3
    assert not [name for name in seen if "HACK" in name]


async def test_whoever_watches_is_counted(home: House, http: aiohttp.ClientSession) -> None:
    await home.create()
    async with http.ws_connect(f"{home.url}/ws/watch?event=cup", protocols=("league.v1.json",)) as socket:
        await socket.receive_json()
        assert (await figures(http, home))["league_viewers"] == 1
    assert not [name for name in await figures(http, home) if "ws/watch" in name]


def test_lateness_is_counted_in_the_bucket_that_it_belongs_to() -> None:
    pulse = Pulse()
    for late_s in (-1.0, 0.0, LATE_S[0], LATE_S[0] * 1.01, LATE_S[-1] * 2):
        pulse.opened(late_s)
    assert pulse.buckets[0] == 3
    assert pulse.buckets[1] == pulse.buckets[-1] == 1
    assert pulse.late_s == pytest.approx(LATE_S[0] * 2.01 + LATE_S[-1] * 2)
