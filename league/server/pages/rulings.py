"""What stewards decided, as lines and marks for people.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from league.racing.ledger import Decision, in_force
from league.racing.plan import HeatPlan
from league.server.pages import words


@dataclass(frozen=True, slots=True)
class Ruling:
    """A line of the ledger, as a page tells it."""

    line: Decision
    name: str
    """Whom it is about; empty where it is about a heat, or about another line."""
    text: str
    stands: bool
    """Whether nobody has undone it."""

    @property
    def at(self) -> datetime:
        """When it was decided."""
        return datetime.fromtimestamp(self.line.epoch_ns / 1e9, UTC)


def rulings_of(lines: Iterable[Decision], names: Mapping[str, str]) -> list[Ruling]:
    """Every line of a ledger in words, in order.

    Args:
        lines: The ledger.
        names: What entries are called, by id.
    """
    ordered = list(lines)
    standing = {line.number for line in in_force(ordered)}
    return [
        Ruling(line, names.get(line.entry, line.entry), words.decided(line), line.number in standing)
        for line in ordered
    ]


def rulings_about(plan: HeatPlan, lines: Sequence[Decision]) -> list[Ruling]:
    """The lines about a heat, and those that undo them."""
    mine = {line.number for line in lines if line.heat == plan.id}
    for line in lines:
        mine |= {line.number} if line.target in mine else set()
    told = rulings_of(lines, {entry.id: entry.name for entry in plan.grid})
    return [ruling for ruling in told if ruling.line.number in mine]


def marks_of(lines: Iterable[Decision]) -> dict[str, tuple[str, str]]:
    """What stands about each entry, short enough to stand beside its time, and in words with the reasons."""
    about: dict[str, list[Decision]] = {}
    for line in in_force(list(lines)):
        if line.entry and words.mark(line):
            about.setdefault(line.entry, []).append(line)
    return {
        entry: (
            ", ".join(words.mark(line) for line in found),
            "; ".join(f"{words.title(line.heat)}: {words.decided(line)}, {line.why}" for line in found),
        )
        for entry, found in about.items()
    }
