"""Championships: a season's plan, and every table that follows from it and from what its events came to.

A plan names events by id and says what places are worth; it holds no result and no decision, so whatever is
changed in it, the tables are worked out anew from the same facts and the same ledgers.

Pure: functions of a plan and of results.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from league.racing.result import EntryResult, HeatResult, Standing
from league.racing.season import (
    EventScore,
    PointsTable,
    RacingClass,
    Scoring,
    SeasonRow,
    class_of,
    fastest_lap_of,
    pole_of,
    promoted,
    season_table,
)

Name = Annotated[str, Field(min_length=1, max_length=64)]
Points = Annotated[float, Field(ge=-1000, le=1000)]
Row = TypeVar("Row", bound=EntryResult)


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ClassPlan(_Value):
    """Cars and sensors that race each other; an empty list allows any."""

    name: Name
    cars: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()


class SeasonPlan(_Value):
    """What a season counts."""

    id: str
    name: Name
    scoring: Name = "places"
    """What makes points of an event; a plugin's name for it."""
    by_place: Annotated[tuple[Points, ...], Field(max_length=64)] = PointsTable().by_place
    """What places are worth, from the first on."""
    pole: Points = 0
    fastest_lap: Points = 0
    best: Annotated[int, Field(ge=1)] | None = None
    """How many of a driver's events count, the best ones; None is all."""
    divisions: Annotated[tuple[Name, ...], Field(max_length=16)] = ()
    """From the highest to the lowest; who is in none stands in the lowest."""
    members: dict[str, Name] = {}
    """Division by driver."""
    promote: Annotated[float, Field(ge=0, le=1)] = 0.1
    """The share of a division that goes up, at least one driver."""
    classes: Annotated[tuple[ClassPlan, ...], Field(max_length=16)] = ()
    """An entry belongs to the first that takes its car and sensors."""
    drivers: dict[str, Name] = {}
    """Whose an entry is, by "EVENT/ENTRY"; others stand for themselves, by their ids."""
    events: tuple[str, ...] = ()
    """Ids of its events, in order."""

    @model_validator(mode="after")
    def _known_divisions(self) -> SeasonPlan:
        unknown = sorted(set(self.members.values()) - set(self.divisions))
        if unknown:
            raise ValueError(f"members: division {unknown[0]!r} is none of {', '.join(self.divisions)}")
        if len(set(self.events)) != len(self.events):
            raise ValueError("events: one is named twice")
        return self

    @property
    def points(self) -> PointsTable:
        """What places, the pole and the fastest lap are worth."""
        return PointsTable(self.by_place, self.pole, self.fastest_lap, self.best)

    def driver(self, event: str, entry: str) -> str:
        """Whose an entry is."""
        return self.drivers.get(f"{event}/{entry}", entry)

    def division(self, driver: str) -> str:
        """Where a driver stands; empty in a season without divisions."""
        return self.members.get(driver, self.divisions[-1] if self.divisions else "")


@dataclass(frozen=True, slots=True)
class RacedEvent:
    """What an event of a season came to, after every decision."""

    id: str
    standings: tuple[Standing, ...]
    results: tuple[HeatResult, ...]
    car: str
    sensors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What each entry asks to see."""


@dataclass(frozen=True, slots=True)
class Table:
    """One ranking of a season."""

    name: str
    """The division or class; empty for everybody."""
    rows: tuple[SeasonRow, ...]
    promoted: tuple[str, ...] = ()
    """Who goes up to the division above."""


@dataclass(frozen=True, slots=True)
class Tables:
    """Every ranking of a season."""

    overall: Table
    divisions: tuple[Table, ...]
    classes: tuple[Table, ...]
    names: Mapping[str, str]
    """What each driver's newest entry is called."""


def tables(plan: SeasonPlan, raced: Sequence[RacedEvent], scoring: Scoring) -> Tables:
    """Work out every table of a season.

    Args:
        plan: What counts.
        raced: Its events that have results, in any order; others are left out.
        scoring: What the plan's `scoring` names.
    """
    by_id = {event.id: event for event in raced}
    events = [by_id[event] for event in plan.events if event in by_id]
    names = {plan.driver(event.id, row.entry_id): row.name for event in events for row in event.standings}
    return Tables(
        overall=Table("", _rows(plan, events, scoring)),
        divisions=tuple(_division(plan, events, name, scoring) for name in plan.divisions),
        classes=tuple(_class(plan, events, one.name, scoring) for one in plan.classes),
        names=names,
    )


def next_members(plan: SeasonPlan, made: Tables) -> dict[str, str]:
    """The divisions of the season that follows: who is promoted stands one higher, all others as before."""
    members = {row.driver: plan.division(row.driver) for row in made.overall.rows} | dict(plan.members)
    for above, table in zip(plan.divisions, made.divisions[1:], strict=False):
        members |= dict.fromkeys(table.promoted, above)
    return {driver: division for driver, division in members.items() if division}


def _division(plan: SeasonPlan, events: Sequence[RacedEvent], name: str, scoring: Scoring) -> Table:
    among = {
        event.id: {
            row.entry_id
            for row in event.standings
            if plan.division(plan.driver(event.id, row.entry_id)) == name
        }
        for event in events
    }
    rows = _rows(plan, events, scoring, among)
    up: tuple[str, ...] = ()
    if name != plan.divisions[0] and rows and plan.promote > 0:
        up = promoted([row.driver for row in rows], Fraction(plan.promote).limit_denominator(1000))
    return Table(name, rows, up)


def _class(plan: SeasonPlan, events: Sequence[RacedEvent], name: str, scoring: Scoring) -> Table:
    known = [RacingClass(one.name, frozenset(one.cars), frozenset(one.sensors)) for one in plan.classes]

    def belongs(event: RacedEvent, entry: str) -> bool:
        found = class_of(known, event.car, event.sensors.get(entry, ()))
        return found is not None and found.name == name

    among = {
        event.id: {row.entry_id for row in event.standings if belongs(event, row.entry_id)}
        for event in events
    }
    return Table(name, _rows(plan, events, scoring, among))


def _rows(
    plan: SeasonPlan,
    events: Sequence[RacedEvent],
    scoring: Scoring,
    among: Mapping[str, Collection[str]] | None = None,
) -> tuple[SeasonRow, ...]:
    """The table of everybody, or of some entries of every event, whose places count among themselves."""
    scores = [_score(plan, event, None if among is None else among[event.id]) for event in events]
    return season_table(plan.points, scores, scoring)


def _score(plan: SeasonPlan, event: RacedEvent, among: Collection[str] | None) -> EventScore:
    rows, heats = event.standings, event.results
    if among is not None:
        rows = _only(rows, among)
        heats = tuple(heat.model_copy(update={"entries": _only(heat.entries, among)}) for heat in heats)
    return EventScore(
        event=event.id,
        standings=rows,
        pole=pole_of(event.results, among),
        fastest_lap=fastest_lap_of(event.results, among),
        drivers={row.entry_id: plan.driver(event.id, row.entry_id) for row in rows},
        heats=heats,
    )


def _only(rows: Sequence[Row], among: Collection[str]) -> tuple[Row, ...]:
    """The rows of some entries, with places among themselves."""
    kept = (row for row in rows if row.entry_id in among)
    return tuple(row.model_copy(update={"place": place}) for place, row in enumerate(kept, 1))
