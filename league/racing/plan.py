"""Plans: what is to be raced. An event's plan is what a format reads, a heat's plan what it answers.

Pure: values only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Annotated, Literal, Protocol

from pydantic import BaseModel, ConfigDict, Field

from league.errors import InputError
from league.racing.result import HeatResult, Standing
from league.racing.rules import Rules

EntryKind = Literal["onnx", "scripted", "remote", "physical"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EntryPlan(_Value):
    """Who races with what."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    name: Annotated[str, Field(min_length=1, max_length=64)]
    agent: str = ""
    """What drives: an agent's name, a model's file name, or what a remote client says of itself."""
    kind: EntryKind = "scripted"


class EventPlan(_Value):
    """An organiser's competition."""

    id: str
    name: str
    circuit: str
    """Reference of the circuit: an id, or an id with ":reversed"."""
    format: str
    car: str = "deepracer"
    seed: int = 0
    rules: Rules = Rules()
    grid_size: Annotated[int, Field(ge=2, le=8)] = 4
    """Most cars in one head-to-head heat."""
    plus_minus: Annotated[float, Field(gt=0, le=10)] = 1.0
    """How sure a format that rates has to be of every strength: half of the 95 % interval."""
    entries: tuple[EntryPlan, ...] = ()
    asked: tuple[str, ...] = ()
    """Of an event that stays open: an entry's id for every run that was asked for, in that order."""


class HeatPlan(_Value):
    """One race: a grid of entries for a number of laps."""

    id: str
    """Unique within the event and the same whenever the format is asked again, e.g. "qualifying-3"."""
    phase: str
    circuit: str
    car: str
    rules: Rules
    seed: int
    grid: tuple[EntryPlan, ...]
    """Entries by seat; seat 0 starts in front."""


class Format(Protocol):
    """Decides which heats an event needs next and what the standings are.

    Both are pure functions of the plan and of the heats raced so far, in any order; so an event can be
    resumed, replayed and scored again from its results alone.
    """

    name: str
    about: str
    """One line for lists and forms.

    A format whose standings are always `best_runs(event.entries, raced)` may say `ranks_best_runs = True`:
    boards of very many runs are then made without reading all of them. One that says
    `waits_for_quiet = True` is raced only while no other event is running. One that says
    `stays_open = True` is raced while it takes entries, run by run as `EventPlan.asked` tells, until its
    entries close.
    """

    def next_heats(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[HeatPlan, ...]:
        """The heats that can be run now and have not been; empty when the event is over."""

    def standings(self, event: EventPlan, raced: tuple[HeatResult, ...]) -> tuple[Standing, ...]:
        """Every entry's place, first to last; entries that have not raced come last."""


def race_of(
    event: EventPlan,
    heats: Sequence[HeatPlan],
    entries: Sequence[str],
    *,
    new_id: str,
    name: str,
    style: str,
    seed: int | None = None,
) -> EventPlan:
    """An event of its own for entries of another one, under the rules that hold in that one's final.

    Args:
        event: The other event.
        heats: Its heats so far; the newest of a final says what holds there, or else the event itself.
        entries: Ids of those who are to race.
        new_id: Of the new event.
        name: Of the new event.
        style: Format of the new event.
        seed: By default one that follows from the other event's and the new id.

    Raises:
        InputError: An entry is named twice.
    """
    if len(set(entries)) != len(entries):
        raise InputError(f"entries {', '.join(entries)}: one is named twice")
    finals = [heat for heat in heats if "final" in heat.phase]
    return EventPlan(
        id=new_id,
        name=name,
        circuit=finals[-1].circuit if finals else event.circuit,
        format=style,
        car=finals[-1].car if finals else event.car,
        seed=derive_seed(event.seed, "race", new_id) if seed is None else seed,
        rules=finals[-1].rules if finals else event.rules,
        grid_size=min(8, max(event.grid_size, len(entries))),
        plus_minus=event.plus_minus,
    )


def derive_seed(seed: int, *names: str | int) -> int:
    """A seed of its own for each named part, from one seed; in [0, 2**53) so that JSON keeps it whole."""
    digest = hashlib.sha256(repr((seed, *names)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 11
