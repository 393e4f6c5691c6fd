"""The stewards' ledger: decisions are written down, never changed, and results follow from them.

Results are a function of what was raced and of the ledger; undoing is a line like any other. Decisions name
heats and entries by id, so nothing that edits an event or a season can lose one.

Pure: functions of results and decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from league.errors import InputError
from league.racing.result import EntryResult, HeatResult, LapResult
from league.racing.rules import Rules
from league.racing.standing import classify, fastest, score_s

DecisionKind = Literal[
    "penalty",  # `seconds` are added to the time that ranks; negative gives time back
    "void",  # the result does not count; without an entry the whole heat's does not
    "disqualification",
    "reinstatement",  # takes back every void and disqualification of the result before it
    "lap",  # lap `lap` took `seconds`, or is `valid` or not
    "no-action",  # an incident was looked at, and nothing follows from it
    "final",  # no more is to come; any later line makes the results provisional again
    "undo",  # the line `target` was a mistake; of an undo: it was none
]
VERDICTS: Final = {"void": "VOID", "disqualification": "DSQ", "reinstatement": None}


class Line(Protocol):
    """A line of an append-only list whose "undo" lines take back earlier ones."""

    @property
    def number(self) -> int:
        """Its place in the list."""

    @property
    def kind(self) -> str:
        """What it says."""

    @property
    def target(self) -> int:
        """The line that an "undo" takes back."""


AnyLine = TypeVar("AnyLine", bound=Line)


def in_force(ordered: Sequence[AnyLine]) -> list[AnyLine]:
    """The lines that nobody has undone; only a later line can undo one, so the last word comes first."""
    undone: set[int] = set()
    for line in reversed(ordered):
        if line.kind == "undo" and line.number not in undone and line.target < line.number:
            undone.add(line.target)
    return [line for line in ordered if line.number not in undone]


class Decision(BaseModel):
    """One line of the ledger."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: Annotated[int, Field(ge=1)]
    """Counts the ledger's lines, from 1."""
    kind: DecisionKind
    who: Annotated[str, Field(min_length=1, max_length=64)]
    why: Annotated[str, Field(max_length=500)] = ""
    epoch_ns: Annotated[int, Field(ge=0)] = 0
    """When it was decided, in nanoseconds since 1970."""
    heat: str = ""
    entry: str = ""
    seconds: float | None = None
    lap: Annotated[int, Field(ge=0)] = 0
    """From 1."""
    valid: bool | None = None
    incident: Annotated[int, Field(ge=0)] = 0
    """The incident that it settles; 0 is none."""
    target: Annotated[int, Field(ge=0)] = 0
    """Of an undo: the line that it takes back."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Results as they stand."""

    results: tuple[HeatResult, ...]
    revision: int
    """How many lines the ledger has; results of one revision are always the same."""
    final: bool
    """Whether the last line says that no more is to come."""


def judge(raced: Iterable[HeatResult], ledger: Iterable[Decision], rules: Rules) -> Judged:
    """What the results are after every decision.

    Args:
        raced: The heats as they were raced; never changed.
        ledger: Every decision, in any order.
        rules: `average_laps` is read, where the best average ranks.
    """
    lines = sorted(ledger, key=lambda line: line.number)
    standing = in_force(lines)
    results = []
    for heat in raced:
        mine = [line for line in standing if line.heat == heat.heat]
        results.append(_judged(heat, mine, rules) if mine else heat)
    return Judged(
        results=tuple(results),
        revision=lines[-1].number if lines else 0,
        final=bool(lines) and lines[-1].kind == "final",
    )


def check(line: Decision, ledger: Iterable[Decision], raced: Iterable[HeatResult]) -> None:
    """Whether a decision can be written after those that are there.

    Raises:
        InputError: It is about a line, heat, entry or lap that there is not, or lacks what it decides.
    """
    numbers = {other.number for other in ledger}
    if line.number != len(numbers) + 1:
        raise InputError(f"decision: found number {line.number}, expected {len(numbers) + 1}")
    if line.kind == "undo":
        if line.target not in numbers:
            raise InputError(f"undo: found line {line.target}, expected the number of an earlier decision")
        return
    if line.kind == "final":
        return
    heat = next((heat for heat in raced if heat.heat == line.heat), None)
    if heat is None:
        raise InputError(f"{line.kind}: found heat {line.heat!r}, expected one that has been raced")
    row = heat.of(line.entry)
    if row is None and (line.entry or line.kind not in (*VERDICTS, "no-action")):
        ids = ", ".join(entry.entry_id for entry in heat.entries)
        raise InputError(f"{line.kind}: found entry {line.entry!r}, expected one of {ids}")
    if line.kind == "penalty" and line.seconds is None:
        raise InputError("penalty: found no seconds, expected how many")
    if line.kind == "lap":
        _check_lap(line, row)


def _check_lap(line: Decision, row: EntryResult | None) -> None:
    laps = len(row.laps) if row else 0
    if not 1 <= line.lap <= laps:
        raise InputError(f"lap: found lap {line.lap}, expected 1 to {laps}")
    if line.seconds is None and line.valid is None:
        raise InputError("lap: found neither seconds nor valid, expected one of them")
    if line.seconds is not None and line.seconds <= 0:
        raise InputError(f"lap: found {line.seconds} seconds, expected more than 0")


def _judged(heat: HeatResult, lines: Sequence[Decision], rules: Rules) -> HeatResult:
    ranking = rules.model_copy(update={"rank": heat.rank})
    rows = []
    for row in heat.entries:
        mine = [line for line in lines if line.entry in ("", row.entry_id)]
        rows.append(_row(row, mine, ranking) if mine else row)
    return heat.model_copy(update={"entries": classify(rows)})


def _row(row: EntryResult, lines: Sequence[Decision], rules: Rules) -> EntryResult:
    """One result after the decisions about it, in the order in which they were made."""
    changed: dict[str, object] = {}
    laps, total_s, score = row.laps, row.total_s, row.score_s
    edits = [line for line in lines if line.kind == "lap"]
    if edits:
        laps = _edited(row.laps, edits)
        if total_s is not None:
            longer_s = sum(lap.time_s for lap in laps) - sum(lap.time_s for lap in row.laps)
            total_s = round(total_s + longer_s, 6)
        best = fastest(laps)
        changed |= {
            "laps": laps,
            "fastest_lap_s": best.time_s if best else None,
            "fastest_lap_off_tracks": best.off_tracks if best else 0,
        }
        score = score_s(rules, laps, total_s)
    penalty_s = sum(line.seconds or 0.0 for line in lines if line.kind == "penalty")
    if penalty_s:
        total_s = None if total_s is None else round(total_s + penalty_s, 6)
        score = None if score is None else round(score + penalty_s, 6)
    changed |= {"total_s": total_s, "score_s": score}
    for line in lines:
        if line.kind in VERDICTS:
            verdict = VERDICTS[line.kind]
            changed |= {"status": verdict or row.status, "reason": line.why if verdict else row.reason}
    return row.model_copy(update=changed)


def _edited(laps: Sequence[LapResult], edits: Iterable[Decision]) -> tuple[LapResult, ...]:
    made = list(laps)
    for line in edits:
        if 1 <= line.lap <= len(made):
            said = {"time_s": line.seconds, "valid": line.valid}
            update = {name: value for name, value in said.items() if value is not None}
            made[line.lap - 1] = made[line.lap - 1].model_copy(update=update)
    return tuple(made)
