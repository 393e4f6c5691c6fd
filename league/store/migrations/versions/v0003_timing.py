"""Timing: what devices and timekeepers wrote down while a physical car raced."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """A list for every attempt at a heat."""
    op.create_table(
        "timing_notes",
        sa.Column("heat", sa.Integer, sa.ForeignKey("heats.number"), primary_key=True, autoincrement=False),
        sa.Column("attempt", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("device", sa.Text),
        sa.Column("seq", sa.BigInteger),
        sa.Column("command", sa.Text),
        sa.Column("note_json", sa.Text, nullable=False),
        sa.Column("written_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("heat", "attempt", "device", "seq"),
        sa.UniqueConstraint("heat", "attempt", "command"),
    )
