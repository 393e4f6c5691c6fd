"""Timing by hand and by device: from an append-only list of crossings and decisions to laps.

Nothing is ever taken out of the list: a crossing that was none is voided by a decision, and a decision is
undone by another one. What stands is a pure function of the list, of who races, of the rules and of the
clock, whatever the order in which things were written down.

Pure: values in, values out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from league.errors import InputError
from league.racing.distance import distance
from league.racing.ledger import in_force
from league.racing.plan import EntryPlan
from league.racing.result import LapResult, Status
from league.racing.rules import Rules

NoteKind = Literal[
    "green",  # the lights went green; at_us is 0
    "crossing",  # a device saw something cross a point
    "add",  # a person saw an entry cross the line
    "void",  # the crossing `target` was none
    "restore",  # it was one after all
    "reassign",  # it was this entry's
    "reset",  # the entry's car was put back on the road by hand
    "finish",  # the entry's run is over
    "dnf",  # the entry does not go on
    "undo",  # the decision `target` was a mistake; of an undo: it was none
]
ON_CROSSINGS: Final[tuple[NoteKind, ...]] = ("void", "restore", "reassign")
OF_ENTRIES: Final[tuple[NoteKind, ...]] = ("add", "reset", "finish", "dnf")
LINE: Final = "line"
"""The point where laps begin and end; others are kept and not counted."""
SURE: Final = 0.5
"""A device that is less sure of a crossing than this leaves it to a person."""
OVERTIME_S: Final = 60.0
"""So long a lap that was under way when time was up may still take."""
LONG: Final = 1.7
"""A lap so many times as long as the fastest may lack a crossing."""


class Note(BaseModel):
    """One line of the list."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    number: Annotated[int, Field(ge=1)]
    """Counts the lines of a run, from 1."""
    kind: NoteKind
    at_us: int = 0
    """When it happened, since the green light."""
    entry: str = ""
    """Whose, by the entry's id; for a crossing what a person or the device's map said at once."""
    target: int = 0
    """The line that a decision is about."""
    point: str = LINE
    device: str = ""
    seq: int = 0
    """The device's own number of the crossing."""
    car: str = ""
    """What the device calls the car, if it can tell cars apart."""
    confidence: Annotated[float, Field(ge=0, le=1)] = 1.0
    who: str = ""
    """Who decided."""
    why: str = ""
    epoch_ns: int = 0
    """Of a green light: when it was, in nanoseconds since 1970."""


Standing = Literal["counts", "start", "too soon", "early", "late", "void", "waits", "elsewhere"]
"""What became of a crossing: it ends a lap; it begins the first; it repeats the one before; it was before
the green light; the run was over; a person voided it; nobody knows whose it is; it was not at the line."""


@dataclass(frozen=True, slots=True)
class Passing:
    """One crossing as it stands."""

    note: Note
    entry: str
    """Whose; empty while it waits for a person."""
    standing: Standing
    lap: int = 0
    """The lap that it ends, from 1; 0 if it ends none."""
    lap_us: int = 0
    hint: str = ""
    """What a timekeeper should look at."""


@dataclass(slots=True)
class Tally:
    """One entry's run as it stands."""

    entry: EntryPlan
    laps: list[LapResult] = field(default_factory=list)
    started_us: int | None = None
    """When the clock of the first lap began; None while it has not."""
    last_us: int = 0
    """When the lap under way began."""
    resets: int = 0
    total_us: int | None = None
    """For all laps; None if they are not all driven."""
    status: Status | None = None
    """How it ended; None while it goes on."""
    reason: str = ""
    ended_us: int | None = None

    @property
    def ended(self) -> bool:
        """Whether the run is over."""
        return self.status is not None


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything as it stands now."""

    passings: tuple[Passing, ...]
    """Every crossing, in the order of time."""
    tallies: Mapping[str, Tally]
    """By entry."""
    revision: int
    """The number of the last line that a person wrote."""

    @property
    def waiting(self) -> tuple[Passing, ...]:
        """Crossings that wait for a person."""
        return tuple(passing for passing in self.passings if passing.standing == "waits")

    @property
    def ended(self) -> bool:
        """Whether every run is over."""
        return all(tally.ended for tally in self.tallies.values())


def fold(notes: Sequence[Note], entries: Sequence[EntryPlan], rules: Rules, now_us: int) -> Sheet:
    """What stands, of everything that was written down.

    Args:
        notes: The list, in any order.
        entries: Who may have crossed: the entries that are timed.
        rules: `laps`, `rank`, `min_lap_s`, `time_limit_s`, `lap_may_finish`, `max_resets_per_lap` and
            `lap_clock` are read.
        now_us: Time since the green light.
    """
    ordered = sorted(notes, key=lambda note: note.number)
    valid = in_force(ordered)
    passings = _passings(valid, entries)
    tallies: dict[str, Tally] = {}
    for entry in entries:
        mine = [index for index, passing in enumerate(passings) if passing.entry == entry.id]
        decided = [note for note in valid if note.entry == entry.id and note.kind in OF_ENTRIES]
        run = _Run(entry, rules, decided)
        for index in mine:
            passings[index] = run.cross(passings[index])
        tallies[entry.id] = run.close(now_us)
    passings = _with_hints(passings, tallies)
    said = [note.number for note in ordered if note.kind not in ("crossing", "green")]
    return Sheet(tuple(passings), tallies, max(said, default=0))


def check(note: Note, notes: Iterable[Note], entries: Sequence[EntryPlan]) -> None:
    """Whether a decision makes sense after what is written already.

    Raises:
        InputError: It is about a line or an entry that there is not.
    """
    known = {other.number: other for other in notes}
    ids = [entry.id for entry in entries]
    if note.kind in (*OF_ENTRIES, "reassign") and note.entry not in ids:
        raise InputError(f"{note.kind}: found entry {note.entry!r}, expected one of {', '.join(ids)}")
    target = known.get(note.target)
    if note.kind in ON_CROSSINGS and (target is None or target.kind not in ("crossing", "add")):
        raise InputError(f"{note.kind}: found line {note.target}, expected the number of a crossing")
    if note.kind == "undo" and (target is None or target.kind in ("crossing", "green")):
        raise InputError(f"undo: found line {note.target}, expected the number of a decision")


def last_decision(notes: Iterable[Note]) -> int | None:
    """The newest decision that is in force and is no undoing itself; what "undo" means without a number."""
    ordered = sorted(notes, key=lambda note: note.number)
    standing = {note.number for note in in_force(ordered)}
    found = [
        note.number
        for note in ordered
        if note.number in standing and note.kind not in ("crossing", "green", "undo")
    ]
    return max(found, default=None)


def _passings(valid: Sequence[Note], entries: Sequence[EntryPlan]) -> list[Passing]:
    """Every crossing with its owner, in the order of time."""
    voided: dict[int, bool] = {}
    owners: dict[int, str] = {}
    for note in valid:
        if note.kind == "reassign":
            owners[note.target] = note.entry
            voided[note.target] = False
        elif note.kind in ("void", "restore"):
            voided[note.target] = note.kind == "void"
    made = []
    for note in valid:
        if note.kind not in ("crossing", "add"):
            continue
        owner = owners.get(note.number) or _owner(note, entries)
        standing: Standing = "counts" if owner else "waits"
        if note.point != LINE:
            standing = "elsewhere"
        if voided.get(note.number):
            standing = "void"
        made.append(Passing(note, owner, standing))
    return sorted(made, key=lambda passing: (passing.note.at_us, passing.note.number))


def _owner(note: Note, entries: Sequence[EntryPlan]) -> str:
    """Whose crossing it is, if that is certain: never by taking turns, which the first overtake breaks."""
    if note.entry:
        return note.entry if any(entry.id == note.entry for entry in entries) else ""
    if note.confidence < SURE:
        return ""
    if note.car:
        named = [entry.id for entry in entries if note.car.casefold() in (entry.id, entry.name.casefold())]
        return named[0] if len(named) == 1 else ""
    return entries[0].id if len(entries) == 1 else ""


class _Run:
    """One entry's crossings and decisions, in the order of time, as laps."""

    def __init__(self, entry: EntryPlan, rules: Rules, decided: Sequence[Note]) -> None:
        self.tally = Tally(entry)
        self._rules = rules
        self._limit_us = round(rules.time_limit_s * 1e6)
        self._least_us = max(1, round(rules.min_lap_s * 1e6))
        self._resets_us = sorted(note.at_us for note in decided if note.kind == "reset")
        # Whoever ends a run last has the last word; undoing it gives the one before it back.
        self._end = next((note for note in reversed(decided) if note.kind in ("finish", "dnf")), None)
        if rules.lap_clock == "light":
            self.tally.started_us = 0

    def cross(self, passing: Passing) -> Passing:
        """Take the next crossing."""
        tally, at_us = self.tally, passing.note.at_us
        if passing.standing != "counts":
            return passing
        if at_us < 0:
            return _as(passing, "early")
        if tally.ended or (self._end is not None and at_us > self._end.at_us):
            return _as(passing, "late")
        if tally.started_us is None:
            if at_us >= self._limit_us:
                return _as(passing, "late")
            tally.started_us = tally.last_us = at_us
            return _as(passing, "start")
        if at_us - tally.last_us < self._least_us:
            leaving = not tally.laps and self._rules.lap_clock == "light"
            return _as(passing, "start" if leaving else "too soon")
        if not self._in_time(at_us):
            return _as(passing, "late")
        return self._lap(passing)

    def close(self, now_us: int) -> Tally:
        """The run as it stands at a time."""
        tally, end = self.tally, self._end
        tally.resets = len(self._resets_us)
        if end is not None and not tally.ended:
            tally.ended_us = end.at_us
            if end.kind == "dnf":
                tally.status, tally.reason = "DNF-crash", end.why or "it did not go on"
            else:
                self._stop("the timekeeper ended the run")
        elif not tally.ended and now_us >= self._closes_us():
            tally.ended_us = min(now_us, self._closes_us())
            self._stop("time is up")
        return tally

    def _lap(self, passing: Passing) -> Passing:
        tally, at_us = self.tally, passing.note.at_us
        lap_us = at_us - tally.last_us
        resets = sum(tally.last_us < reset_us <= at_us for reset_us in self._resets_us)
        most = self._rules.max_resets_per_lap
        tally.laps.append(LapResult(time_s=lap_us / 1e6, resets=resets, valid=most is None or resets <= most))
        tally.last_us = at_us
        assert tally.started_us is not None
        if len(tally.laps) == self._rules.laps:
            tally.status, tally.ended_us = "FIN", at_us
            tally.total_us = at_us - tally.started_us
        return Passing(passing.note, passing.entry, "counts", len(tally.laps), lap_us)

    def _in_time(self, at_us: int) -> bool:
        """Whether the lap under way may end at this moment."""
        if at_us <= self._limit_us:
            return True
        return at_us <= self._closes_us()

    def _closes_us(self) -> int:
        """When the run is over at the latest."""
        tally = self.tally
        under_way = tally.started_us is not None and tally.last_us < self._limit_us
        overtime_us = round(OVERTIME_S * 1e6) if self._rules.lap_may_finish and under_way else 0
        return self._limit_us + overtime_us

    def _stop(self, reason: str) -> None:
        """End a run whose laps are not all driven: good enough where the best of them counts."""
        tally = self.tally
        if self._rules.rank != "total" and any(lap.valid for lap in tally.laps):
            tally.status, tally.reason = "FIN", reason
            return
        tally.status, tally.reason = "DNF-timeout", f"{reason} after {distance(len(tally.laps))}"


def _as(passing: Passing, standing: Standing) -> Passing:
    return Passing(passing.note, passing.entry, standing)


def _with_hints(passings: Sequence[Passing], tallies: Mapping[str, Tally]) -> list[Passing]:
    """Say what looks like a double trigger or a crossing that was missed."""
    hinted = []
    for passing in passings:
        hint = ""
        if passing.standing == "too soon":
            hint = "double trigger?"
        elif passing.lap:
            fastest_us = min(lap.time_s for lap in tallies[passing.entry].laps) * 1e6
            if passing.lap_us > LONG * fastest_us:
                hint = "missed a crossing?"
        hinted.append(
            Passing(passing.note, passing.entry, passing.standing, passing.lap, passing.lap_us, hint)
        )
    return hinted
