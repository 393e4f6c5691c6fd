"""A record book of its own for each test, and something to write into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from databases import new_book

from league.racing.fact import Fact
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, EntryResult, HeatResult, LapResult
from league.racing.rules import Rules
from league.store.book import RecordBook


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


@pytest.fixture
async def book(kept_in: str, clock: Clock) -> AsyncIterator[RecordBook]:
    """An empty record book; its clock is the fixture `clock`."""
    async with new_book(clock=clock) as opened:
        yield opened
