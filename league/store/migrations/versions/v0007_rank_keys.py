"""Rank keys: a number by which an entry's best run is found without reading every run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

BATCH = 10_000


def upgrade() -> None:
    """Adds the keys of everything that was raced, and the index that they are looked up in."""
    with op.batch_alter_table("result_entries") as table:
        table.add_column(sa.Column("rank_key", sa.BigInteger))
    rows = op.get_bind().execute(
        sa.text("SELECT heat, entry, status, score_us, progress_pct FROM result_entries")
    )
    todo = [{"h": row.heat, "e": row.entry, "k": _key(row)} for row in rows]
    for start in range(0, len(todo), BATCH):
        _write(todo[start : start + BATCH])
    op.create_index("ix_result_entries_entry_rank_key_heat", "result_entries", ["entry", "rank_key", "heat"])
    op.drop_index("ix_result_entries_entry", "result_entries")


def _write(keys: Sequence[dict[str, Any]]) -> None:
    changing = sa.text("UPDATE result_entries SET rank_key = :k WHERE heat = :h AND entry = :e")
    op.get_bind().execute(changing, list(keys))


def _key(row: Any) -> int:
    """The key as it was when the column came."""
    step = 10**13
    if row.status == "FIN" and row.score_us is not None:
        return max(0, min(int(row.score_us), step - 1))
    order = {"DNS": 2, "DSQ": 3, "VOID": 4}.get(row.status, 1)
    return order * step + max(0, min(int((100.0 - row.progress_pct) * 1e9), step - 1))
