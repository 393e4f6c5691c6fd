"""Judging: the stewards' ledger, incidents and opinions about them; and seasons."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

ONLY_ADDED = ("decisions", "incidents", "opinions")


def upgrade() -> None:
    """Creates the tables, and lets nobody change or remove what was decided."""
    op.create_table(
        "decisions",
        _points_at("event", "events.number"),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("heat", sa.Text, nullable=False),
        sa.Column("command", sa.Text),
        sa.Column("decision_json", sa.Text, nullable=False),
        sa.Column("decided_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("event", "command"),
    )
    op.create_table(
        "incidents",
        _points_at("event", "events.number"),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("heat", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("incident_json", sa.Text, nullable=False),
        sa.Column("filed_at", sa.BigInteger, nullable=False),
        sa.UniqueConstraint("event", "key"),
    )
    op.create_table(
        "opinions",
        sa.Column("event", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("incident", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("adviser", sa.Text, primary_key=True),
        sa.Column("opinion_json", sa.Text, nullable=False),
        sa.Column("given_at", sa.BigInteger, nullable=False),
        sa.ForeignKeyConstraint(["event", "incident"], ["incidents.event", "incidents.number"]),
    )
    for table in ONLY_ADDED:
        _keep(table)
    op.create_table(
        "seasons",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("plan_json", sa.Text, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "season_events",
        _points_at("season", "seasons.number"),
        _points_at("event", "events.number"),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Index(None, "event"),
    )


def _points_at(name: str, target: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, sa.ForeignKey(target), primary_key=True, autoincrement=False)


def _keep(table: str) -> None:
    """Triggers that refuse to change or remove a row; inserting stays free."""
    said = f"{table} are only ever added"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {table}_stay() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{said}'; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {table}_stay BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_stay()"
        )
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_stay_{deed.lower()} BEFORE {deed} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{said}'); END"
        )
