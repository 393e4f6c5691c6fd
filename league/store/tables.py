"""Tables of the record book, as the newest migration leaves them.

A test compares these with what the migrations build. Rows point at each other by number; the ids that
people see stand once, in the row that they name. JSON is kept as the text that the values were checked
from, so that what is read is what was written.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
    true,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970 in UTC on every database."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """To the database."""
        return None if value is None else (value - EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """From the database."""
        return None if value is None else EPOCH + timedelta(microseconds=value)


class Words(TypeDecorator[str]):
    """Text that every database can keep.

    PostgreSQL knows no NUL character and neither knows half of a surrogate pair. They become U+FFFD: what
    is looked up with them is not found, and what is stored with them stays readable.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """To the database."""
        if value is None:
            return None
        return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")


# Names for every constraint, so that a later migration can find and change them on any database.
metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _number() -> Column[int]:
    return Column("number", Integer, primary_key=True, autoincrement=True)


def _points_at(name: str, target: str, *, primary_key: bool = False, nullable: bool = False) -> Column[int]:
    key = ForeignKey(target)
    return Column(name, Integer, key, primary_key=primary_key, nullable=nullable, autoincrement=False)


events = Table(
    "events",
    metadata,
    _number(),
    Column("id", Words, nullable=False, unique=True),
    Column("plan_json", Text, nullable=False),  # an EventPlan without its entries
    Column("autostart", Integer),
    Column("open_entry", Boolean, nullable=False),
    Column("pace", Float),
    Column("status", Words, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("closes_at", Moment),  # entries and submissions close; none: when the event begins
    Column("attempts", Integer),  # that a racer has in the event; none: any number
    Column("attempts_a_day", Integer),
    Column("stays_open", Boolean, nullable=False, server_default=false()),  # is raced while it takes entries
    sqlite_autoincrement=True,  # numbers are never used twice
)

entries = Table(
    "entries",
    metadata,
    _number(),
    _points_at("event", "events.number"),
    Column("id", Words, nullable=False),
    Column("listed", Boolean, nullable=False),  # stands in the event's plan
    Column("version", Integer, nullable=False),  # the one that races
    Column("withdrawn_at", Moment),
    UniqueConstraint("event", "id"),
    sqlite_autoincrement=True,
)

models = Table(
    "models",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("onnx", LargeBinary, nullable=False),
    Column("metadata_json", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
)

entry_versions = Table(
    "entry_versions",
    metadata,
    _points_at("entry", "entries.number", primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("plan_json", Text, nullable=False),  # an EntryPlan
    Column("source", Words, nullable=False),
    Column("hosted", Boolean, nullable=False),
    Column("model", String(64), ForeignKey("models.sha256")),
    Column("entered_at", Moment, nullable=False),
    Column("accepted", Boolean, nullable=False, server_default=true()),  # may be the one that races
    Column("report_json", Text),  # of the scrutineers, if they looked at it
)

attempts = Table(
    "attempts",
    metadata,
    _number(),
    _points_at("entry", "entries.number"),
    Column("asked_at", Moment, nullable=False),
    Column("run", Boolean, nullable=False),  # asks for a run of its own, where an event stays open
    Index(None, "entry"),
    sqlite_autoincrement=True,
)

heats = Table(
    "heats",
    metadata,
    _number(),
    _points_at("event", "events.number"),
    Column("id", Words, nullable=False),
    Column("plan_json", Text, nullable=False),  # a HeatPlan
    Column("status", Words, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("began_at", Moment, nullable=False),
    Column("finished_at", Moment),
    Column("reason", Words, nullable=False),
    Column("finished_in", Integer),  # the event's revision that finished it
    UniqueConstraint("event", "id"),
    Index(None, "event", "number", "status"),
    sqlite_autoincrement=True,
)

leases = Table(
    "leases",
    metadata,
    _points_at("event", "events.number", primary_key=True),
    Column("token", String(32), nullable=False, unique=True),
    Column("owner", Words, nullable=False),
    Column("url", Words, nullable=False),
    Column("beat", BigInteger, nullable=False),
    Column("taken_at", Moment, nullable=False),
)

results = Table(
    "results",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    Column("result_json", Text, nullable=False),  # a HeatResult
    Column("circuit", Words, nullable=False),
    Column("car", Words, nullable=False),
    Column("behavior", Integer, nullable=False),
    Column("state_hash", Words, nullable=False),
    Index(None, "circuit"),
    Index(None, "heat", "state_hash"),
)

result_entries = Table(
    "result_entries",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    _points_at("entry", "entries.number", primary_key=True),
    Column("version", Integer, nullable=False),  # of the entry, when the heat was finished
    Column("place", Integer, nullable=False),
    Column("status", Words, nullable=False),
    Column("total_us", BigInteger),
    Column("score_us", BigInteger),
    Column("off_tracks", Integer, nullable=False),
    Column("resets", Integer, nullable=False),
    Column("collisions", Integer, nullable=False),
    Column("progress_pct", Float, nullable=False),
    Column("rank_key", BigInteger),  # league.racing.standing.rank_key of the result
    Index(None, "entry", "rank_key", "heat"),
)

laps = Table(
    "laps",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    _points_at("entry", "entries.number", primary_key=True),
    Column("lap", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("time_us", BigInteger, nullable=False),
    Column("off_tracks", Integer, nullable=False),
    Column("resets", Integer, nullable=False),
    Column("collisions", Integer, nullable=False),
    Column("valid", Boolean, nullable=False),
    Index(None, "entry"),
)

facts = Table(
    "facts",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),  # from 0
    Column("tick", Integer, nullable=False),
    Column("time_us", BigInteger, nullable=False),
    Column("kind", Words, nullable=False),
    Column("seat", Integer, nullable=False),
    Column("data_json", Text, nullable=False),
)

recordings = Table(
    "recordings",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    Column("content", LargeBinary, nullable=False),
)

timing_notes = Table(
    "timing_notes",
    metadata,
    _points_at("heat", "heats.number", primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("device", Words),
    Column("seq", BigInteger),  # the device's own number
    Column("command", Words),  # what the one who decided calls it
    Column("note_json", Text, nullable=False),  # a Note
    Column("written_at", Moment, nullable=False),
    UniqueConstraint("heat", "attempt", "device", "seq"),
    UniqueConstraint("heat", "attempt", "command"),
)

people = Table(
    "people",
    metadata,
    _number(),
    Column("name", Words, nullable=False),
    Column("spoken", Words, unique=True),  # the name, however it is written; none once removed
    Column("role", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("removed_at", Moment),
    sqlite_autoincrement=True,
)

# Lines of the next three are only ever added: triggers refuse to change or remove one.
decisions = Table(
    "decisions",
    metadata,
    _points_at("event", "events.number", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("heat", Words, nullable=False),  # its id; empty if it is about no heat
    Column("command", Words),  # what the one who decided calls it
    Column("decision_json", Text, nullable=False),  # a Decision
    Column("decided_at", Moment, nullable=False),
    UniqueConstraint("event", "command"),
)

incidents = Table(
    "incidents",
    metadata,
    _points_at("event", "events.number", primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),  # from 1
    Column("heat", Words, nullable=False),  # its id
    Column("key", Words, nullable=False),  # Incident.key
    Column("incident_json", Text, nullable=False),  # an Incident
    Column("filed_at", Moment, nullable=False),
    UniqueConstraint("event", "key"),
)

opinions = Table(
    "opinions",
    metadata,
    Column("event", Integer, primary_key=True, autoincrement=False),
    Column("incident", Integer, primary_key=True, autoincrement=False),
    Column("adviser", Words, primary_key=True),
    Column("opinion_json", Text, nullable=False),  # an Opinion
    Column("given_at", Moment, nullable=False),
    ForeignKeyConstraint(["event", "incident"], ["incidents.event", "incidents.number"]),
)

seasons = Table(
    "seasons",
    metadata,
    _number(),
    Column("id", Words, nullable=False, unique=True),
    Column("plan_json", Text, nullable=False),  # a SeasonPlan without its events
    Column("revision", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    sqlite_autoincrement=True,
)

season_events = Table(
    "season_events",
    metadata,
    _points_at("season", "seasons.number", primary_key=True),
    _points_at("event", "events.number", primary_key=True),
    Column("position", Integer, nullable=False),  # from 1
    Index(None, "event"),
)

tokens = Table(
    "tokens",
    metadata,
    _number(),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("role", Words, nullable=False),
    Column("name", Words, nullable=False),
    _points_at("event", "events.number", nullable=True),
    _points_at("entry", "entries.number", nullable=True),
    Column("created_at", Moment, nullable=False),
    Column("last_used_at", Moment),
    Column("revoked_at", Moment),
    _points_at("person", "people.number", nullable=True),
    Column("expires_at", Moment),
    _points_at("session_of", "tokens.number", nullable=True),
    Index(None, "event", "entry"),
    sqlite_autoincrement=True,
)

invitations = Table(
    "invitations",
    metadata,
    _number(),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("role", Words, nullable=False),
    Column("name", Words, nullable=False),
    Column("invited_by", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
    Column("revoked_at", Moment),
    Column("taken_at", Moment),
    _points_at("taken_by", "people.number", nullable=True),
    sqlite_autoincrement=True,
)

entry_owners = Table(
    "entry_owners",
    metadata,
    _points_at("entry", "entries.number", primary_key=True),
    _points_at("person", "people.number"),
    Index(None, "person"),
)

deeds = Table(  # the audit log: triggers refuse to change or delete a line
    "deeds",
    metadata,
    _number(),
    Column("at", Moment, nullable=False),
    Column("who", Words, nullable=False),
    Column("role", Words, nullable=False),
    Column("token", Integer),
    Column("what", Words, nullable=False),
    Column("status", Integer, nullable=False),
    Column("address", Words, nullable=False),
    Column("about", Words, nullable=False),
    sqlite_autoincrement=True,
)

webhooks = Table(
    "webhooks",
    metadata,
    _number(),
    Column("url", Words, nullable=False),
    Column("kinds", Words, nullable=False),  # with spaces between them
    _points_at("event", "events.number", nullable=True),  # the only one that it is about
    Column("secret", Words, nullable=False),  # with which messages are signed
    Column("created_at", Moment, nullable=False),
    Column("since_json", Text),  # how far every event was when it was added: see `how_far`
    sqlite_autoincrement=True,
)

deliveries = Table(
    "deliveries",
    metadata,
    _number(),
    _points_at("webhook", "webhooks.number"),
    Column("message", String(64), nullable=False),
    Column("kind", Words, nullable=False),
    Column("body", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", Moment),  # none once it is over
    Column("delivered", Boolean, nullable=False),
    Column("problem", Words, nullable=False),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("webhook", "message"),
    Index(None, "next_at"),
    sqlite_autoincrement=True,
)
