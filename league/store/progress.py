"""How far an event's heats have been read, and the hash over their states.

The database puts the states' hashes together, a slice at a time: a third of a million rows that are only
hashed one after the other would take longer as values of Python than everything else that standings need.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, Text, cast, func, null, select
from sqlalchemy.ext.asyncio import AsyncConnection

from league.store import tables
from league.store.transactions import AnyRow

_heats, _results = tables.heats, tables.results

SLICE: Final = 100_000
"""Heats whose hashes are put together in one go: 6.4 MB of them."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a tally has read an event's heats.

    Args:
        low: Every heat of the event with a smaller number is finished and read.
        seen: Numbers from `low` on of those that are finished and read.
        below: How many are below.
        digest: Hash over the states of those below.
    """

    low: int = 0
    seen: frozenset[int] = frozenset()
    below: int = 0
    digest: Any = field(default_factory=hashlib.sha256)

    @property
    def heats(self) -> int:
        """How many are finished and read."""
        return self.below + len(self.seen)


@dataclass(frozen=True, slots=True)
class Step:
    """What was read in one go.

    Args:
        progress: How far everything is read now.
        state_hash: The hash over the states of all finished heats, in the order in which they began.
        new: Numbers of heats that were not finished before; empty if everything was read.
    """

    progress: Progress
    state_hash: str
    new: frozenset[int]


async def read_on(db: AsyncConnection, event: int, known: Progress | None) -> Step:
    """Read what was finished of an event since; None is everything."""
    before = known or Progress()
    begun = select(_heats.c.number).where(_heats.c.event == event, _heats.c.number >= before.low)
    # The index is walked in its own order, so this ends at the first.
    going = begun.where(_heats.c.status != "finished").order_by(_heats.c.number).limit(1)
    end = await db.scalar(going)
    digest, below, low = before.digest.copy(), before.below, before.low
    numbers = set[int]()
    async for part in _slices(db, event, low, end, numbered=known is not None):
        digest.update(part.hashes.encode())
        below, low = below + part.heats, part.last + 1
        numbers.update(_numbers(part))
    whole, seen = digest.copy(), set[int]()
    if end is not None:
        async for part in _slices(db, event, end + 1, None, numbered=True):
            whole.update(part.hashes.encode())
            seen.update(_numbers(part))
    new = frozenset((numbers | seen) - before.seen) if known is not None else frozenset[int]()
    return Step(Progress(low, frozenset(seen), below, digest), whole.hexdigest(), new)


def _numbers(part: AnyRow) -> list[int]:
    return [int(number) for number in part.numbers.split(",")] if part.numbers else []


async def _slices(
    db: AsyncConnection, event: int, start: int, end: int | None, *, numbered: bool
) -> AsyncIterator[AnyRow]:
    """The hashes of finished heats with numbers from `start` to before `end`, in order."""
    while True:
        part = (await db.execute(_slice(event, start, end, numbered=numbered))).one()
        if part.heats:
            yield part
            start = part.last + 1
        if part.heats < SLICE:
            return


def _slice(event: int, start: int, end: int | None, *, numbered: bool) -> Select[*tuple[Any, ...]]:
    wanted = (_heats.c.event == event) & (_heats.c.number >= start) & (_heats.c.status == "finished")
    if end is not None:
        wanted &= _heats.c.number < end
    # Both databases take in the rows of a sorted subquery in its order.
    rows = (
        select(_heats.c.number, _results.c.state_hash)
        .join(_results, _results.c.heat == _heats.c.number)
        .with_hint(_results, "INDEXED BY ix_results_heat_state_hash", "sqlite")
        .where(wanted)
        .order_by(_heats.c.number)
        .limit(SLICE)
        .subquery()
    )
    numbers = func.aggregate_strings(cast(rows.c.number, Text), ",") if numbered else null()
    return select(
        func.aggregate_strings(rows.c.state_hash, "").label("hashes"),
        numbers.label("numbers"),
        func.count().label("heats"),
        func.max(rows.c.number).label("last"),
    )
