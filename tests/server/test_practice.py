"""The practice event: two drivers that belong together, and nothing in the record book."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from house import House, Peer, house

from league.server.race import practice
from league.testing.conformance import check_server

Make = Callable[..., Peer]
EVENT = practice.PRACTICE


async def test_two_whose_names_begin_alike_race_one_lap(home: House, peer: Make) -> None:
    good, bad = peer("doctor-1a-good", event=EVENT), peer("doctor-1a-bad", event=EVENT)
    other = await peer("doctor-2b-good", event=EVENT).join()
    await good.join()
    await bad.join()
    first, second = await asyncio.gather(good.start(), bad.start())
    results = await asyncio.gather(good.drive_to_the_end(first), bad.drive_to_the_end(second))
    for result in results:
        names = {entry["name"] for entry in result.result["entries"]}
        assert names == {"doctor-1a-good", "doctor-1a-bad"}
        assert result.result["laps"] == 1
    assert other.session.heat is None
    await other.leave()
    assert await home.book.events() == []


@pytest.mark.parametrize("name", ["Ada", "doctor-", "doctor-good", "doctor--good"])
async def test_a_name_of_another_form_is_refused(home: House, peer: Make, name: str) -> None:
    visitor = peer(name, event=EVENT)
    with pytest.raises(ConnectionError):
        await visitor.join()
    assert visitor.socket.close_code == 4010


async def test_a_third_driver_finds_the_pair_complete(home: House, peer: Make) -> None:
    both = [await peer(f"doctor-1a-{name}", event=EVENT).join() for name in ("good", "bad")]
    with pytest.raises(ConnectionError):
        await peer("doctor-1a-ugly", event=EVENT).join()
    for one in both:
        await one.leave()


async def test_who_waits_alone_is_sent_home(http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(practice, "PATIENCE_S", 0.2)
    async with house() as home:
        alone = await Peer(http, home.url, "doctor-1a-good", event=EVENT).join()
        assert await alone.closed() == 1000
        (bye,) = [told for told in alone.told if type(told).__name__ == "Bye"]
        assert "nobody else came" in bye.reason


async def test_only_a_few_practise_at_once(home: House, peer: Make) -> None:
    waiting = [
        await peer(f"doctor-{number}-good", event=EVENT).join() for number in range(practice.MOST_PAIRS)
    ]
    with pytest.raises(ConnectionError):
        await peer("doctor-x-good", event=EVENT).join()
    for one in waiting:
        await one.leave()


def test_the_oval_is_closed_and_wide_enough() -> None:
    oval = practice.oval()
    assert oval.length_m == pytest.approx(2 * 2.0 + 2 * 3.1416, abs=0.05)
    assert oval.segment_m.max() < 0.15
    assert not oval.clockwise


@pytest.mark.slow
async def test_every_client_of_the_conformance_kit_is_answered_as_it_should() -> None:
    async with house() as home:
        findings = await check_server(home.url)
    assert [str(finding) for finding in findings if not finding.passed] == []
    assert len(findings) > 20
