"""An event's standings in the result JSON that `league race --json` prints, too."""

from __future__ import annotations

from typing import Any

from league.hooks.catalogue import League
from league.quick import RaceOutcome
from league.racing import BEHAVIOR
from league.racing.ledger import Judged
from league.racing.result import CircuitFacts
from league.store.records import EventRecord
from league.track.circuit import Circuit


def leaderboard(
    league: League, record: EventRecord, judged: Judged, circuit: Circuit | None
) -> dict[str, Any]:
    """Standings of an event as they are now.

    Args:
        league: For the event's format.
        record: The event.
        judged: Its finished heats, after every decision.
        circuit: Its circuit; only needed while nothing has been raced.
    """
    event, raced = record.plan, judged.results
    standings = league.format(event.format).standings(event, raced)
    about = {"event": event.id, "name": event.name, "status": record.status, "heats": len(raced)}
    about |= {"revision": judged.revision, "final": judged.final}
    if raced:
        return RaceOutcome(event, raced, standings, ()).as_dict() | about
    assert circuit is not None
    facts = CircuitFacts(id=circuit.id, length_m=round(circuit.length_m, 6), sha256=circuit.sha256)
    return {
        "circuit": facts.model_dump(mode="json"),
        "car": event.car,
        "laps": event.rules.laps,
        "rank": event.rules.rank,
        "seed": event.seed,
        "behavior": BEHAVIOR,
        "clock": event.rules.clock,
        "format": event.format,
        "entries": [row.model_dump(mode="json") for row in standings],
        "state_hash": "",
    } | about
