"""The record book's page of ratings: what is needed to say how strong drivers are."""

from __future__ import annotations

from sqlalchemy import select

from league.racing.ledger import judge
from league.racing.plan import EventPlan
from league.racing.result import HeatResult
from league.store import tables
from league.store.decisions import ledger_of
from league.store.transactions import Transactions, unbroken

_heats, _results, _events = tables.heats, tables.results, tables.events


class RatingPages:
    """Heats over all events."""

    _data: Transactions

    @unbroken
    async def rated_heats(
        self, *, circuit: str = "", behavior: int | None = None, event: str = "", newest: int = 5000
    ) -> list[tuple[str, HeatResult]]:
        """Finished heats with the event of each after every decision, in the order in which they began.

        Args:
            circuit: Only those on the circuit with this id; empty is all.
            behavior: Only those of this behaviour version; None is all.
            event: Only those of this event; empty is all.
            newest: No more than so many, the newest.
        """
        asked = (
            select(
                _heats.c.number, _events.c.id, _events.c.number, _events.c.plan_json, _results.c.result_json
            )
            .join(_results, _results.c.heat == _heats.c.number)
            .join(_events, _events.c.number == _heats.c.event)
            .order_by(_heats.c.number.desc())
            .limit(newest)
        )
        if circuit:
            asked = asked.where(_results.c.circuit == circuit)
        if behavior is not None:
            asked = asked.where(_results.c.behavior == behavior)
        if event:
            asked = asked.where(_events.c.id == event)
        async with self._data.reading() as db:
            rows = (await db.execute(asked)).all()
            ledgers = {number: await ledger_of(db, number) for number in {row[2] for row in rows}}
        found: list[tuple[str, HeatResult]] = []
        for _, event_id, number, plan, text in reversed(rows):
            result = HeatResult.model_validate_json(text)
            if ledgers[number]:
                rules = EventPlan.model_validate_json(plan).rules
                (result,) = judge((result,), ledgers[number], rules).results
            found.append((event_id, result))
        return found

    @unbroken
    async def running(self) -> dict[str, str]:
        """The format of every event that is running, by the event's id."""
        asked = select(_events.c.id, _events.c.plan_json).where(_events.c.status == "running")
        async with self._data.reading() as db:
            rows = (await db.execute(asked)).all()
        return {row.id: EventPlan.model_validate_json(row.plan_json).format for row in rows}
