"""The shapes of what the REST interface answers, for its document and for tests that hold answers to it.

Where an answer is a value of the core, its shape is that value's; only what the server adds stands here.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from league.racing.crossings import Note
from league.racing.plan import EntryPlan, EventPlan, HeatPlan
from league.racing.result import CircuitFacts, HeatResult, Standing
from league.scrutineering.report import Check
from league.store.records import EventStatus, HeatStatus


class Shape(BaseModel):
    """Closed: an answer that says more than its shape has drifted from the document."""

    model_config = ConfigDict(extra="forbid")


class ErrorBody(Shape):
    """What went wrong."""

    code: str
    """One word for programs."""
    message: str
    """One line for people: what was found, what was expected."""


class Problem(Shape):
    """The answer to a request that is refused or failed."""

    error: ErrorBody


class Health(Shape):
    """Whether the server answers, and what it is."""

    status: Literal["ok"]
    name: str
    version: str
    behavior: int
    events: int
    running: int


class Circuits(Shape):
    """Ids of circuits."""

    circuits: list[str]


Point = Annotated[list[float], Field(min_length=2, max_length=2)]


class CircuitLines(Shape):
    """A circuit as closed lines of [x, y] in metres."""

    id: str
    name: str
    length_m: float
    direction: Literal["clockwise", "anticlockwise"]
    centre: list[Point]
    left: list[Point]
    right: list[Point]
    about: str
    sha256: str


class Agents(Shape):
    """Names of agents."""

    agents: list[str]


class FormatLine(Shape):
    """A format."""

    name: str
    about: str


class Formats(Shape):
    """Formats of events."""

    formats: list[FormatLine]


class EventEntry(EntryPlan):
    """An entry of an event."""

    connected: bool
    hosted: bool
    withdrawn: bool
    away: str
    """Why its driver is not connected, in words."""
    owner: str
    """Whose it is, where somebody with an account entered it."""


class EventAnswer(EventPlan):
    """An event with how it is run and who is there."""

    status: EventStatus
    created_at: datetime
    autostart: int | None
    open_entry: bool
    pace: float | None
    closes_at: datetime | None
    """When it takes no more entries and submissions."""
    attempts: int | None
    """How many a racer has."""
    attempts_a_day: int | None
    stays_open: bool
    """Whether it takes entries while it is raced."""
    heat: str | None
    """The heat under way."""
    paused: bool
    """Whether the organiser lets no heat begin."""
    problem: str
    """Why it was aborted."""
    entries: tuple[EventEntry, ...]


class Raced(EventAnswer):
    """An event made of another one's entries, with the tokens of those that connect by themselves."""

    tokens: dict[str, str]


class Events(Shape):
    """Every event, oldest first."""

    events: list[EventAnswer]


class Board(Shape):
    """Standings, as result JSON."""

    event: str
    name: str
    status: EventStatus
    heats: int
    circuit: CircuitFacts
    car: str
    laps: int
    rank: str
    seed: int
    behavior: int
    clock: str
    format: str
    entries: list[Standing]
    state_hash: str
    revision: int
    """How many decisions were written down."""
    final: bool
    """Whether no more is to come; provisional until then."""


class HeatLine(Shape):
    """A heat in a list."""

    id: str
    phase: str
    status: HeatStatus
    attempt: int
    names: list[str]
    began_at: datetime
    finished_at: datetime | None
    reason: str


class Heats(Shape):
    """Heats in the order in which they began."""

    heats: list[HeatLine]


class HeatAnswer(HeatLine):
    """A heat with its plan and, once finished, its result."""

    plan: HeatPlan
    result: HeatResult | None
    revision: int
    """How many decisions were written down in the event."""
    final: bool


class FactLine(Shape):
    """Something that happened in a heat."""

    k: int
    """The tick."""
    t_us: int
    kind: str
    seat: int
    data: dict[str, Any]


class Facts(Shape):
    """What happened in a heat, in order."""

    heat: str
    facts: list[FactLine]


class TimingLine(Note):
    """A line that a device or a timekeeper wrote down."""

    written_at: datetime


class TimingLines(Shape):
    """What was written down for a heat, in order."""

    heat: str
    lines: list[TimingLine]


class ReportAnswer(Shape):
    """What the scrutineers found."""

    sha256: str
    size_bytes: int
    checks: list[Check]
    cost: dict[str, float] | None
    passed: bool
    reason: str


class Submitted(Shape):
    """What became of a submission; `token` is shown only now."""

    entry_id: str | None = None
    token: str | None = None
    version: int | None = None
    active: bool | None = None
    report: ReportAnswer | None = None
    error: ErrorBody | None = None


class VersionLine(Shape):
    """One version of an entry."""

    version: int
    agent: str
    kind: str
    sha256: str | None
    entered_at: datetime
    accepted: bool
    active: bool
    report: ReportAnswer | None


class EntryAnswer(EntryPlan):
    """An entry with all its versions."""

    versions: list[VersionLine]


class Token(Shape):
    """A new token, shown only now."""

    token: str
    role: str
    event: str
