"""The first book: events, entries, models, heats, results, laps, facts, recordings and tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates every table."""
    _who_races()
    _what_was_raced()
    _who_may()


def _number() -> sa.Column[int]:
    return sa.Column("number", sa.Integer, primary_key=True, autoincrement=True)


def _points_at(
    name: str, target: str, *, primary_key: bool = False, nullable: bool = False
) -> sa.Column[int]:
    return sa.Column(
        name,
        sa.Integer,
        sa.ForeignKey(target),
        primary_key=primary_key,
        nullable=nullable,
        autoincrement=False,
    )


def _who_races() -> None:
    op.create_table(
        "events",
        _number(),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("plan_json", sa.Text, nullable=False),
        sa.Column("autostart", sa.Integer),
        sa.Column("open_entry", sa.Boolean, nullable=False),
        sa.Column("pace", sa.Float),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entries",
        _number(),
        _points_at("event", "events.number"),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("withdrawn_at", sa.BigInteger),
        sa.UniqueConstraint("event", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "models",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("onnx", sa.LargeBinary, nullable=False),
        sa.Column("metadata_json", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "entry_versions",
        _points_at("entry", "entries.number", primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("plan_json", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("hosted", sa.Boolean, nullable=False),
        sa.Column("model", sa.String(64), sa.ForeignKey("models.sha256")),
        sa.Column("entered_at", sa.BigInteger, nullable=False),
    )


def _what_was_raced() -> None:
    op.create_table(
        "heats",
        _number(),
        _points_at("event", "events.number"),
        sa.Column("id", sa.Text, nullable=False),
        sa.Column("plan_json", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("began_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.UniqueConstraint("event", "id"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "results",
        _points_at("heat", "heats.number", primary_key=True),
        sa.Column("result_json", sa.Text, nullable=False),
        sa.Column("circuit", sa.Text, nullable=False),
        sa.Column("car", sa.Text, nullable=False),
        sa.Column("behavior", sa.Integer, nullable=False),
        sa.Column("state_hash", sa.Text, nullable=False),
        sa.Index(None, "circuit"),
    )
    op.create_table(
        "result_entries",
        _points_at("heat", "heats.number", primary_key=True),
        _points_at("entry", "entries.number", primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("place", sa.Integer, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("total_us", sa.BigInteger),
        sa.Column("score_us", sa.BigInteger),
        sa.Column("off_tracks", sa.Integer, nullable=False),
        sa.Column("resets", sa.Integer, nullable=False),
        sa.Column("collisions", sa.Integer, nullable=False),
        sa.Column("progress_pct", sa.Float, nullable=False),
        sa.Index(None, "entry"),
    )
    op.create_table(
        "laps",
        _points_at("heat", "heats.number", primary_key=True),
        _points_at("entry", "entries.number", primary_key=True),
        sa.Column("lap", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("off_tracks", sa.Integer, nullable=False),
        sa.Column("resets", sa.Integer, nullable=False),
        sa.Column("collisions", sa.Integer, nullable=False),
        sa.Column("valid", sa.Boolean, nullable=False),
        sa.Index(None, "entry"),
    )
    op.create_table(
        "facts",
        _points_at("heat", "heats.number", primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("tick", sa.Integer, nullable=False),
        sa.Column("time_us", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("seat", sa.Integer, nullable=False),
        sa.Column("data_json", sa.Text, nullable=False),
    )
    op.create_table(
        "recordings",
        _points_at("heat", "heats.number", primary_key=True),
        sa.Column("content", sa.LargeBinary, nullable=False),
    )


def _who_may() -> None:
    op.create_table(
        "tokens",
        _number(),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        _points_at("event", "events.number", nullable=True),
        _points_at("entry", "entries.number", nullable=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("last_used_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Index(None, "event", "entry"),
        sqlite_autoincrement=True,
    )
