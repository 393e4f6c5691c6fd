"""Order: what was finished before what, whatever the clock said, and indexes that are read in that order."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """What was finished or asked for so far is known by its time alone."""
    op.add_column("heats", sa.Column("finished_in", sa.Integer))
    op.add_column("webhooks", sa.Column("since_json", sa.Text))
    op.create_index("ix_heats_event_number_status", "heats", ["event", "number", "status"])
    op.create_index("ix_results_heat_state_hash", "results", ["heat", "state_hash"])
