"""The timing tower in a terminal: of a server's event, and of a race in this process."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from house import House, Peer, house
from rich.console import Console

from league.cli import following
from league.cli.following import Picture, follow
from league.cli.tower import HeatTower, screen, tower_table
from league.errors import RaceError
from league.quick import race
from league.racing.fact import Fact
from league.racing.tower import Tower

PATIENCE_S = 60.0


def terminal(**options: Any) -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=120, force_terminal=True, legacy_windows=False, **options), out


async def watched(home: House, console: Console, *, laps: int = 1) -> None:
    """Run an event of one driver while somebody follows it."""
    await home.create(laps=laps)
    async with asyncio.timeout(PATIENCE_S), aiohttp.ClientSession() as http:
        following = asyncio.create_task(follow(home.url, "cup", console))
        ada = await Peer(http, home.url, "Ada [bold]").join()
        await home.lobby.start("cup")
        await ada.drive_to_the_end(await ada.start())
        await following


async def test_a_pipe_gets_a_line_for_every_lap_and_no_colour() -> None:
    out = io.StringIO()
    async with house() as home:
        await watched(home, Console(file=out, width=160), laps=2)
    lines = out.getvalue().splitlines()
    assert [line.split(" in ")[0] for line in lines if " lap " in line] == [
        "heat-1: Ada [bold] lap 1",
        "heat-1: Ada [bold] lap 2",
    ]
    assert "\x1b" not in out.getvalue()


async def test_a_terminal_gets_a_tower_that_is_gone_at_the_end() -> None:
    console, out = terminal(color_system="standard")
    async with house() as home:
        await watched(home, console)
    shown = out.getvalue()
    assert "Ada [bold]" in shown
    assert "s raced" in shown
    assert shown.rstrip("\n").endswith("\x1b[2K")


async def test_a_server_that_is_not_there_is_one_line() -> None:
    with pytest.raises(RaceError, match=r"127\.0\.0\.1:1"):
        await follow("http://127.0.0.1:1", "cup", Console(file=io.StringIO()))
    async with house() as home:
        with pytest.raises(RaceError, match="no event is called 'cup'"):
            await follow(home.url, "cup", Console(file=io.StringIO()))


async def test_a_server_that_comes_back_is_followed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = 0

    async def events(server: str, event: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        nonlocal connections
        connections += 1
        yield "hello", {"event": {"name": "Cup", "status": "finished" if connections == 3 else "running"}}
        if connections == 1:
            raise following.LostError("torn off in the middle")

    monkeypatch.setattr(following, "events", events)
    out = io.StringIO()
    await follow("here", "cup", Console(file=out, width=160), patience_s=0.01)
    assert connections == 3
    assert out.getvalue().count("waiting for it to come back") == 2


async def test_a_server_that_stays_away_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = 0

    async def events(server: str, event: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        nonlocal connections
        connections += 1
        if connections > 1:
            raise following.LostError("connection refused")
        yield "hello", {"event": {"name": "Cup", "status": "running"}}

    monkeypatch.setattr(following, "events", events)
    with pytest.raises(RaceError, match="here: the server is gone, and not back within 0 s"):
        await follow("here", "cup", Console(file=io.StringIO()), patience_s=0.0)


def seat(number: int, **more: Any) -> Mapping[str, Any]:
    known = {"place": number + 1, "name": "AB"[number], "lap": 1, "status": "racing", "reason": ""}
    times = {"last_us": None, "best_us": None, "total_us": None, "gap_us": None, "penalty_ticks": 0}
    return {"seat": number, **known, **times, **more}


def test_gaps_sectors_and_colours_come_from_the_messages() -> None:
    picture = Picture()
    picture.hear("heat", {"heat": "final", "status": "running", "names": ["A", "B"]})
    for number, sector, us in ((0, 0, 3_000_000), (1, 0, 2_900_000), (0, 1, 2_000_000)):
        said = {"kind": "sector", "seat": number, "data": {"sector": sector, "time_us": us}}
        picture.hear("event", said)
    first = seat(0, last_us=9_000_000, best_us=9_000_000, gap_us=0)
    second = seat(1, last_us=9_500_000, best_us=9_500_000, gap_us=700_000, penalty_ticks=3)
    picture.hear("snap", {"heat": "final", "t_us": 1, "laps": 3, "seats": [second, first]})
    a, b = picture.rows()
    assert (a.name, a.gap_s, a.best_tone, a.sector, a.sector_tone, a.state) == (
        "A",
        None,
        "best",
        2,
        "best",
        "racing",
    )
    assert (b.name, b.gap_s, b.interval_s, b.last_tone, b.sector, b.state) == (
        "B",
        0.7,
        0.7,
        "own",
        1,
        "penalty",
    )
    picture.hear("heat", {"heat": "next", "status": "starting", "names": ["A"]})
    assert picture.rows() == []


def test_a_race_in_this_process_moves_a_tower() -> None:
    console, out = terminal(color_system="standard")
    with screen(console) as view:
        race("clubhouse-loop", ["pure-pursuit"], laps=1, on_tick=HeatTower(view).look)
    assert "pure-pursuit" in out.getvalue()
    assert "1 lap · " in out.getvalue()


@pytest.mark.parametrize("no_color", [False, True])
def test_the_fastest_time_is_purple_unless_colour_is_not_wanted(no_color: bool) -> None:
    tower = Tower(["A"])
    tower.hear(Fact(0, 9_000_000, "lap", 0, {"lap": 1, "time_us": 9_000_000}))
    console, out = terminal(color_system="standard", no_color=no_color)
    console.print(tower_table("a heat", tower.rows()))
    assert "9.000" in out.getvalue()
    assert bool(re.search(r"\x1b\[[0-9;]*35m", out.getvalue())) is not no_color


def test_where_there_is_no_terminal_nothing_is_drawn() -> None:
    out = io.StringIO()
    with screen(Console(file=out)) as view:
        assert not view.due
        view.draw("something")
    assert out.getvalue() == ""
