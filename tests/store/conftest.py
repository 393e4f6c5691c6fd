"""A record book in a file of its own, and something to write into it.

With LEAGUE_TEST_POSTGRES set to the URL of an empty PostgreSQL database whose owner may create schemas, the
tests that ask for `book_url` run there too.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from league.racing.fact import Fact
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.racing.rules import Rules
from league.store.book import RecordBook

POSTGRES = os.environ.get("LEAGUE_TEST_POSTGRES")


class Clock:
    """Stands still until it is told to move."""

    def __init__(self) -> None:
        self.time = datetime(2031, 5, 17, 19, 30, 0, 123456, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


class Evening:
    """A club evening: plans and results as the server would make them."""

    def entries(self, count: int = 4) -> tuple[EntryPlan, ...]:
        return tuple(
            EntryPlan(id=f"car-{n}", name=f"Car {n}", agent="pure-pursuit") for n in range(1, count + 1)
        )

    def event(self, event_id: str = "friday", *, entries: int = 4) -> EventPlan:
        return EventPlan(
            id=event_id,
            name="Friday night",
            circuit="club-loop",
            format="time-trial",
            seed=7,
            rules=Rules(off_track_penalty_s=2.5),
            entries=self.entries(entries),
        )

    def heat(self, heat_id: str = "qualifying-1", *, entries: Sequence[EntryPlan] | None = None) -> HeatPlan:
        return HeatPlan(
            id=heat_id,
            phase="qualifying",
            circuit="club-loop",
            car="deepracer",
            rules=Rules(),
            seed=11,
            grid=tuple(entries or self.entries()),
        )

    def result(self, heat: HeatPlan, *, lap_s: float = 9.0) -> HeatResult:
        return HeatResult(
            heat=heat.id,
            phase=heat.phase,
            circuit=CircuitFacts(id="club-loop", length_m=12.0, sha256="ab" * 32),
            car=heat.car,
            laps=3,
            rank="total",
            seed=heat.seed,
            behavior=1,
            clock="lockstep",
            state_hash="cd" * 32,
            entries=tuple(
                EntryResult(
                    place=place,
                    name=entry.name,
                    agent=entry.agent,
                    status="FIN",
                    entry_id=entry.id,
                    total_s=3 * lap_s + place,
                    score_s=3 * lap_s + place,
                    laps=tuple(
                        LapResult(time_s=round(lap_s + place / 3, 6), sectors_s=(3.1, 2.9)) for _ in range(3)
                    ),
                    progress_pct=100.0,
                )
                for place, entry in enumerate(heat.grid, 1)
            ),
        )

    def facts(self, count: int = 12) -> list[Fact]:
        return [
            Fact(tick, tick * 66_667, "lap", tick % 4, {"lap": 1, "time_us": 9_000_000, "valid": True})
            for tick in range(count)
        ]


@pytest.fixture
def evening() -> Evening:
    return Evening()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"] if POSTGRES else ["sqlite"])
async def book_url(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[str]:
    """Where an empty book may be made."""
    if request.param == "sqlite":
        yield str(tmp_path / "league.db")
        return
    asyncpg = pytest.importorskip("asyncpg")
    database = await asyncpg.connect(POSTGRES)
    await database.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    yield str(POSTGRES)
    await database.close()


@pytest.fixture
async def book(book_url: str, clock: Clock) -> AsyncIterator[RecordBook]:
    """An empty record book; its clock is the fixture `clock`."""
    async with await RecordBook.open(book_url, clock=clock) as opened:
        yield opened
