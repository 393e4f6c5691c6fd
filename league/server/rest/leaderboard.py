"""An event's standings in the result JSON that `league race --json` prints, too."""

from __future__ import annotations

from typing import Any, Protocol

from league.racing import BEHAVIOR
from league.racing.result import CircuitFacts, HeatResult
from league.store.records import EventRecord
from league.track.circuit import Circuit


class Ledgered(Protocol):
    """What a board says of the ledger that it follows."""

    @property
    def revision(self) -> int:
        """How many lines the ledger has."""

    @property
    def final(self) -> bool:
        """Whether no more is to come."""


def about_board(
    record: EventRecord,
    ledger: Ledgered,
    *,
    heats: int,
    first: HeatResult | None,
    circuit: Circuit | None,
    state_hash: str,
) -> dict[str, Any]:
    """A board but for its entries.

    Args:
        record: The event.
        ledger: The ledger that it follows.
        heats: How many are finished.
        first: The first of them; None without one.
        circuit: The event's circuit; only needed while nothing has been raced.
        state_hash: The heats' hash.
    """
    event = record.plan
    if first is not None:
        facts = first.circuit
        said: dict[str, Any] = {"car": first.car, "laps": first.laps, "rank": first.rank}
        said |= {"behavior": first.behavior, "clock": first.clock}
    else:
        assert circuit is not None
        facts = CircuitFacts(id=circuit.id, length_m=round(circuit.length_m, 6), sha256=circuit.sha256)
        said = {"car": event.car, "laps": event.rules.laps, "rank": event.rules.rank}
        said |= {"behavior": BEHAVIOR, "clock": event.rules.clock}
    return {
        "event": event.id,
        "name": event.name,
        "status": record.status,
        "heats": heats,
        "revision": ledger.revision,
        "final": ledger.final,
        "circuit": facts.model_dump(mode="json"),
        **said,
        "seed": event.seed,
        "format": event.format,
        "state_hash": state_hash,
    }
