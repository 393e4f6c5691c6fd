"""Attempts: when a racer submitted something or asked for a run, and until when and how often that may be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Every version that was entered so far was an attempt; no event closes its entries or limits them."""
    op.create_table(
        "attempts",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("entry", sa.Integer, sa.ForeignKey("entries.number"), nullable=False),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("run", sa.Boolean, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_attempts_entry", "attempts", ["entry"])
    op.execute(
        "INSERT INTO attempts (entry, asked_at, run) "
        "SELECT entry, entered_at, version = 1 FROM entry_versions ORDER BY entered_at, entry, version"
    )
    op.add_column("events", sa.Column("closes_at", sa.BigInteger))
    op.add_column("events", sa.Column("attempts", sa.Integer))
    op.add_column("events", sa.Column("attempts_a_day", sa.Integer))
    open_for_ever = sa.Column("stays_open", sa.Boolean, nullable=False, server_default=sa.false())
    op.add_column("events", open_for_ever)
