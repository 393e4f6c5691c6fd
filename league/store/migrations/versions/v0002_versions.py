"""Versions of entries: the report of each, and whether it may race."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Everything that was entered before may race, and nobody looked at it."""
    with op.batch_alter_table("entry_versions") as table:
        table.add_column(sa.Column("accepted", sa.Boolean, nullable=False, server_default=sa.true()))
        table.add_column(sa.Column("report_json", sa.Text))
