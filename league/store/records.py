"""Records: what the record book takes and gives, as values.

Pure: values only. Times are aware datetimes in UTC.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from league.racing.crossings import Note
from league.racing.plan import EntryPlan, EventPlan, HeatPlan

EventStatus = Literal["open", "running", "finished", "aborted"]
HeatStatus = Literal["running", "finished", "abandoned"]
PersonRole = Literal["owner", "director", "steward", "timekeeper", "racer", "viewer"]
"""What people are in a league; an owner may do everything, a viewer only look."""
Role = Literal["owner", "director", "steward", "timekeeper", "racer", "viewer", "entry", "timing"]
"""What a token's bearer is: a person, an entry, or a timing device."""


@dataclass(frozen=True, slots=True)
class EventOptions:
    """How an event is run, as opposed to what is raced.

    Args:
        autostart: Start when this many entries are connected; None waits for the organiser.
        open_entry: Whether a driver may enter by connecting, without a token.
        pace: Speed of a lockstep heat as a multiple of real time; None is as fast as agents answer.
        closes_at: When it takes no more entries and submissions; None is when it begins, or never if it
            stays open.
        attempts: How many a racer has in it: submissions, and runs that were asked for; None is any number.
        attempts_a_day: The same within 24 hours.
        stays_open: Whether it takes entries while it is raced.
    """

    autostart: int | None = None
    open_entry: bool = False
    pace: float | None = None
    closes_at: datetime | None = None
    attempts: int | None = None
    attempts_a_day: int | None = None
    stays_open: bool = False


@dataclass(frozen=True, slots=True)
class EventRecord:
    """An event as the book has it.

    Args:
        plan: What is raced, with the entries in the order in which they entered.
        options: How it is run.
        status: Where it stands.
        created_at: When it was added.
        withdrawn: Entries in the plan that left after the first heat began; they will not appear again.
        revision: Grows with every change to the event, its entries or its heats; never goes back.
        owners: What the people are called whose entries are in it, by entry; nobody's are left out.
    """

    plan: EventPlan
    options: EventOptions
    status: EventStatus
    created_at: datetime
    withdrawn: frozenset[str] = frozenset()
    revision: int = 0
    owners: Mapping[str, str] = field(default_factory=dict)

    @property
    def takes_entries(self) -> bool:
        """Whether it does, unless its hour has struck."""
        return self.status == "open" or (self.status == "running" and self.options.stays_open)


@dataclass(frozen=True, slots=True)
class ModelFiles:
    """A trained model as submitted.

    Args:
        onnx: The network, an ONNX file.
        metadata: The text of its model_metadata.json, exactly as given.
    """

    onnx: bytes
    metadata: str

    @property
    def sha256(self) -> str:
        """Digest of both files: the same network with another action space is another model."""
        digest = hashlib.sha256(len(self.onnx).to_bytes(8, "big"))
        digest.update(self.onnx)
        digest.update(self.metadata.encode())
        return digest.hexdigest()

    def files(self, folder: str) -> dict[str, bytes]:
        """Both files by their path below a folder of this name."""
        return {
            f"{folder}/model.onnx": self.onnx,
            f"{folder}/model_metadata.json": self.metadata.encode(),
        }


@dataclass(frozen=True, slots=True)
class EntrySource:
    """What drives an entry, in the version that races.

    Args:
        plan: The entry as it stands in the event's plan.
        source: The agent's reference, the model's file name, or what a remote client said of itself.
        model: The model's files; None for anything else.
        hosted: Whether the server starts the driver itself.
        version: Counts the submissions of this entry, from 1.
        entered_at: When this version came.
        withdrawn: Whether the entry has left the event.
    """

    plan: EntryPlan
    source: str
    model: ModelFiles | None
    hosted: bool
    version: int
    entered_at: datetime
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of an entry; what was entered never changes.

    Args:
        number: Counts the submissions of this entry, from 1.
        plan: The entry as this version describes it.
        source: The agent's reference, the model's file name, or what a remote client said of itself.
        hosted: Whether the server starts the driver itself.
        sha256: Digest of the model's files, as `ModelFiles.sha256`; None for anything else, and where the
            files were not kept because they were not accepted.
        entered_at: When it came.
        accepted: Whether it may race.
        active: Whether it is the one that does.
        report: What the scrutineers found, as JSON; None if they did not look.
    """

    number: int
    plan: EntryPlan
    source: str
    hosted: bool
    sha256: str | None
    entered_at: datetime
    accepted: bool
    active: bool
    report: str | None = None


@dataclass(frozen=True, slots=True)
class HeatRecord:
    """A heat as the book has it.

    Args:
        plan: What is or was raced.
        status: Where it stands; a heat that is running in the book but not on a server was cut off.
        attempt: Counts how often it was begun, from 1.
        began_at: When it was last begun.
        finished_at: When its result was committed; None before that.
        reason: Why it was abandoned; empty otherwise.
        finished_in: The event's revision that finished it; None before, and where books did not note it yet.
    """

    plan: HeatPlan
    status: HeatStatus
    attempt: int
    began_at: datetime
    finished_at: datetime | None = None
    reason: str = ""
    finished_in: int | None = None


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to run an event, held by one race host at a time.

    Args:
        event_id: The event.
        token: Another one each time that it changes hands.
        owner: What people call the host.
        url: Where the host is found, by drivers and viewers.
        beat: Grows while the host is there.
    """

    event_id: str
    token: str
    owner: str
    url: str
    beat: int


@dataclass(frozen=True, slots=True)
class TimingRecord:
    """A line of a physical heat's timing as the book has it."""

    note: Note
    written_at: datetime
    command: str = ""
    """What the one who decided calls it."""


@dataclass(frozen=True, slots=True)
class LapRecord:
    """One valid lap in the list of a circuit's fastest."""

    time_s: float
    name: str
    agent: str
    car: str
    event_id: str
    heat_id: str
    entry_id: str
    lap: int
    """Counts the laps of that heat, from 1."""
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class PersonRecord:
    """Somebody with an account.

    Args:
        number: Names the person where a name could be mistaken.
        name: What people call them; no two have the same.
        role: What they are in this league.
        created_at: When the account was made.
        removed_at: When it was taken away, with all its tokens; None if it is good.
        last_used_at: When one of its tokens was last presented, to the minute; None is never.
    """

    number: int
    name: str
    role: PersonRole
    created_at: datetime
    removed_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """An invitation, good once; never its code.

    Args:
        number: Names it where it is listed or taken back.
        role: What whoever takes it up becomes.
        name: For whom it was meant.
        invited_by: Who gave it out.
        created_at: When.
        expires_at: From then on it is not good any more.
        taken_at: When it was taken up; None if it was not.
        taken_by: Who did; empty if nobody did.
        revoked_at: When it was taken back; None if it was not.
    """

    number: int
    role: PersonRole
    name: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    taken_at: datetime | None = None
    taken_by: str = ""
    revoked_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Deed:
    """One line of the audit log; what was written is never changed.

    Args:
        number: Counts the lines, from 1.
        at: When it was done.
        who: The person, or what the token is called.
        role: What they were then; empty for somebody without a token.
        token: Number of the token; None for none.
        what: What was asked of which address, as "POST /api/v1/events/cup/start".
        status: What was answered, as HTTP has it.
        address: From where.
        about: Whatever else is worth knowing; empty for nothing.
    """

    number: int
    at: datetime
    who: str
    role: str
    token: int | None
    what: str
    status: int
    address: str
    about: str = ""


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """What a token allows; never the token itself.

    Args:
        number: Names the token where it is listed or revoked.
        role: What its bearer is; a person's token has the person's role, whatever that becomes.
        name: What its issuer called it.
        event_id: The only event it is good for; None is every event.
        entry_id: The entry it speaks for; None is no particular one.
        created_at: When it was issued.
        last_used_at: When it was last presented, to the minute; None is never.
        revoked_at: When it was taken back; None if it is good.
        expires_at: From then on it is not good any more; None is never.
        person: Number of the person whose it is; None for a machine's or an entry's.
        person_name: That person's name; empty for none.
        session_of: Number of the token with which somebody signed in; None if it is no session.
    """

    number: int
    role: Role
    name: str
    event_id: str | None
    entry_id: str | None
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    person: int | None = None
    person_name: str = ""
    session_of: int | None = None

    @property
    def bearer(self) -> str:
        """Who it is, for people to read."""
        return self.person_name or f"{self.name or self.role} #{self.number}"
