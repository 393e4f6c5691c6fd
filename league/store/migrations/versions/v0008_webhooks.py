"""Webhooks: who wants to be told what, and every message to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Nobody wants to be told anything yet."""
    op.create_table(
        "webhooks",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("kinds", sa.Text, nullable=False),
        sa.Column("event", sa.Integer, sa.ForeignKey("events.number")),
        sa.Column("secret", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "deliveries",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("webhook", sa.Integer, sa.ForeignKey("webhooks.number"), nullable=False),
        sa.Column("message", sa.String(64), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.BigInteger),
        sa.Column("delivered", sa.Boolean, nullable=False),
        sa.Column("problem", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("webhook", "message"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_deliveries_next_at", "deliveries", ["next_at"])
