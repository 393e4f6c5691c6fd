"""Stages of an event: which heats are due among a field of entries, and in which order it leaves them.

Every stage is a pure function of the field, best seed first, and of what has been raced. `StagedFormat`
makes a format of one stage or of several, each for the best of the one before.

Pure: no clock, no chance but the event's seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from league.racing.pairing import rounds_of
from league.racing.plan import EntryPlan, EventPlan, HeatPlan, derive_seed
from league.racing.result import HeatResult, Standing
from league.racing.standing import best_runs
from league.racing.tiebreak import counts, rank

SERIES = 3
"""Best of how many, where an event does not say."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """A heat that a stage asks for."""

    id: str
    grid: tuple[str, ...]
    """Entry ids by seat."""


class Log:
    """What has been raced, by what it settles.

    A heat settles a meeting if it has its name and the same entries raced it. If a decision changed who is
    to meet, or voided the whole heat, the meeting is raced anew under a name of its own ("final-1.2"), and
    the old heat stays in the book.
    """

    def __init__(self, raced: Iterable[HeatResult]) -> None:
        self._by_id = {heat.heat: heat for heat in raced}

    def look(self, name: str, grid: Sequence[str]) -> tuple[HeatResult | None, Meeting]:
        """The heat that settles a meeting, or None; and the meeting under the name it has or would get."""
        attempt, heat_id = 1, name
        while (heat := self._by_id.get(heat_id)) is not None:
            if {entry.entry_id for entry in heat.entries} == set(grid) and counts(heat):
                return heat, Meeting(heat_id, tuple(grid))
            attempt += 1
            heat_id = f"{name}.{attempt}"
        return None, Meeting(heat_id, tuple(grid))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A stage as it stands."""

    due: tuple[Meeting, ...]
    """Heats that can be run now; none if the stage is over."""
    order: tuple[str, ...]
    """The whole field, best first, as far as it is known."""
    settled: tuple[HeatResult, ...] = ()
    """Heats that counted."""


class Stage(Protocol):
    """One part of an event."""

    @property
    def name(self) -> str:
        """What its heats' names begin with, and their phase."""

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """What is due, and what the order is."""


@dataclass(frozen=True, slots=True)
class Solo:
    """Everybody drives alone; ranked on the score, as qualifying is."""

    name: str = "qualifying"

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """A heat for everybody who has not driven."""
        looks = [log.look(f"{self.name}-{entry}", (entry,)) for entry in field]
        heats = tuple(heat for heat, _ in looks if heat is not None)
        rows = best_runs([EntryPlan(id=entry, name=entry) for entry in field], heats)
        due = tuple(meeting for heat, meeting in looks if heat is None)
        return Outcome(due, tuple(row.entry_id for row in rows), heats)


@dataclass(frozen=True, slots=True)
class RoundRobin:
    """Everybody meets everybody, in heats of at most `size`; points are the share of opponents beaten."""

    name: str = "round-robin"
    size: int = 2

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """All heats at once: who meets whom depends on no result."""
        due, heats = [], []
        for number, grids in enumerate(rounds_of(len(field), self.size), start=1):
            for match, grid in enumerate(grids, start=1):
                name = f"{self.name}-{number}-{match}"
                heat, meeting = log.look(name, tuple(field[index] for index in grid))
                if heat is None:
                    due.append(meeting)
                else:
                    heats.append(heat)
        return Outcome(tuple(due), rank(field, heats), tuple(heats))


@dataclass(frozen=True, slots=True)
class Series:
    """Best of N heats; the grid turns by one seat every heat, so that two entries swap sides.

    It is over as soon as nobody can be caught. An entry alone races once.
    """

    name: str = "final"
    best_of: int = SERIES

    def outcome(self, field: tuple[str, ...], log: Log) -> Outcome:
        """One heat at a time."""
        heats: list[HeatResult] = []
        wins = dict.fromkeys(field, 0)
        for number in range(1, (self.best_of if len(field) > 1 else 1) + 1):
            turn = (number - 1) % max(len(field), 1)
            heat, meeting = log.look(f"{self.name}-{number}", (*field[turn:], *field[:turn]))
            if heat is None:
                return Outcome((meeting,), self._order(field, heats), tuple(heats))
            heats.append(heat)
            wins[heat.entries[0].entry_id] += 1
            first, *others = sorted(wins.values(), reverse=True)
            if first - max(others, default=0) > self.best_of - number:
                break
        return Outcome((), self._order(field, heats), tuple(heats))

    def _order(self, field: tuple[str, ...], heats: Sequence[HeatResult]) -> tuple[str, ...]:
        wins = {entry: Fraction(sum(heat.entries[0].entry_id == entry for heat in heats)) for entry in field}
        by_chain = rank(field, heats) if heats else field
        return tuple(sorted(by_chain, key=lambda entry: -wins[entry]))


@dataclass(frozen=True, slots=True)
class Leg:
    """A stage and how many of the best of the one before take part in it; None is everybody."""

    stage: Stage
    best: int | None = None


class StagedFormat:
    """A format made of stages; those that write one say its `name`, `about` and `legs`."""

    name = ""
    about = ""
    drawn = True
    """Whether the seed draws the first stage's order; else it is the order of entering."""

    def legs(self, event: EventPlan) -> tuple[Leg, ...]:
        """The stages, in order."""
        raise NotImplementedError

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """The heats that are due in the first stage that is not over."""
        by_id = {entry.id: entry for entry in event.entries}
        for leg, outcome in self._run(event, raced):
            if outcome.due:
                return tuple(self._plan(event, leg, meeting, by_id) for meeting in outcome.due)
        return ()

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Places by the last stage that each entry took part in; times are of its best run."""
        order: list[str] = []
        for _, outcome in self._run(event, raced):
            if outcome.settled:
                ahead = set(outcome.order)
                order = [*outcome.order, *(entry for entry in order if entry not in ahead)]
        rows = {row.entry_id: row for row in best_runs(event.entries, raced)}
        ids = [*order, *(entry for entry in rows if entry not in set(order))]
        ids.sort(key=lambda entry: rows[entry].status == "DNS" and rows[entry].attempts == 0)
        return tuple(
            rows[entry].model_copy(update={"place": place, "gap_s": None})
            for place, entry in enumerate(ids, start=1)
        )

    def _run(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> Iterable[tuple[Leg, Outcome]]:
        """Every stage that has begun, up to and with the first that is not over."""
        log = Log(raced)
        field = self._drawn(event) if self.drawn else tuple(entry.id for entry in event.entries)
        if not field:
            return
        if len(field) == 1:
            leg = Leg(Solo("solo"))
            yield leg, leg.stage.outcome(field, log)
            return
        for leg in self.legs(event):
            outcome = leg.stage.outcome(field[: leg.best], log)
            yield leg, outcome
            if outcome.due:
                return
            field = outcome.order

    def _drawn(self, event: EventPlan) -> tuple[str, ...]:
        ids = sorted(entry.id for entry in event.entries)
        draw = np.random.default_rng(derive_seed(event.seed, "draw", *ids))
        return tuple(ids[index] for index in draw.permutation(len(ids)))

    def _plan(self, event: EventPlan, leg: Leg, meeting: Meeting, by_id: dict[str, EntryPlan]) -> HeatPlan:
        return HeatPlan(
            id=meeting.id,
            phase=leg.stage.name,
            circuit=event.circuit,
            car=event.car,
            rules=event.rules,
            seed=derive_seed(event.seed, self.name, meeting.id),
            grid=tuple(by_id[entry] for entry in meeting.grid),
        )
