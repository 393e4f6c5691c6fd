"""`league event` and `league queue` against a server: hours, runs, and races among entries."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from click.testing import CliRunner
from house import House, house

from league.cli import command
from league.errors import InputError


class Desk:
    """Somebody who runs events from a terminal."""

    def __init__(self, home: House, token: str) -> None:
        self._at = ("--server", home.url)
        self._token = token

    async def __call__(self, *arguments: str, signed: bool = True) -> str:
        by = ("--token", self._token) if signed else ()
        whole = [*arguments, *by, *self._at]
        ran = await asyncio.to_thread(CliRunner().invoke, command, whole, standalone_mode=False)
        if ran.exception is not None and not isinstance(ran.exception, SystemExit):
            raise ran.exception
        return str(ran.output)


@pytest.mark.slow
async def test_an_evening_with_an_hour_a_practice_and_a_race(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    async with house() as home:
        league = Desk(home, await home.book.issue_token("owner"))
        create = ("event", "create", "--circuit", "clubhouse-loop", "--laps", "1")
        await league(
            *create, "Cup", "--entry", "Ann=tutorial", "--entry", "Ben=pure-pursuit",
            "--deadline", "2031-05-17 20:00", "--attempts", "4", "--attempts-a-day", "2",
        )  # fmt: skip
        options = (await home.book.event("cup")).options
        assert options.closes_at is not None
        assert f"{options.closes_at.astimezone():%Y-%m-%d %H:%M}" == "2031-05-17 20:00"
        assert (options.attempts, options.attempts_a_day) == (4, 2)
        assert "entries close 2031-05-17 20:00" in await league("event", "show", "cup", signed=False)
        assert "until 2031-05-17 21:30" in await league("event", "close", "cup", "--at", "2031-05-17 21:30")
        assert "again" in await league("event", "close", "cup", "--open")
        assert "until " in await league("event", "close", "cup")
        with pytest.raises(InputError, match="takes no entries since"):
            await league("event", "invite", "cup", "Late")

        await league(*create, "Practice", "--format", "practice", "--open-entry")
        assert "entered in practice as ann" in await league("event", "bring", "practice", "cup", "ann")
        async with asyncio.timeout(60):
            while len(await home.book.results("practice")) < 1:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        assert "ann has a run in practice" in await league("event", "run", "practice", "ann")
        async with asyncio.timeout(60):
            while len(await home.book.results("practice")) < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
            while "nobody waits" not in await league("queue", "practice", signed=False):  # noqa: ASYNC110
                await asyncio.sleep(0.02)

        made = await league("event", "race", "cup", "ben", "ann", "--name", "Duel", "--wait")
        assert "duel waits for: league event start duel" in made
        assert [entry.id for entry in (await home.book.event("duel")).plan.entries] == ["ben", "ann"]


@pytest.mark.parametrize("hour", ["tomorrow", "2031-13-01 20:00", "20:00"])
def test_an_hour_that_is_none_is_refused_in_one_line(hour: str) -> None:
    ran = CliRunner().invoke(command, ["event", "create", "Cup", "--circuit", "clover", "--deadline", hour])
    assert ran.exit_code == 2
    assert f"{hour!r}, expected" in ran.output.replace("\n", " ")


def test_two_hours_at_once_are_refused() -> None:
    ran: Any = CliRunner().invoke(command, ["event", "close", "cup", "--open", "--at", "2031-05-17 20:00"])
    assert str(ran.exception) == "--at and --open: expected one of them"
