"""People: accounts, invitations, whose entry it is, tokens that expire, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """An organiser's token becomes an owner's."""
    op.create_table(
        "people",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("spoken", sa.Text, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("removed_at", sa.BigInteger),
        sqlite_autoincrement=True,
    )
    # Written out, as SQLite adds a column that points elsewhere in this form only.
    points = "ALTER TABLE tokens ADD COLUMN {0} INTEGER CONSTRAINT fk_tokens_{0} REFERENCES {1} (number)"
    op.execute(points.format("person", "people"))
    op.add_column("tokens", sa.Column("expires_at", sa.BigInteger))
    op.execute(points.format("session_of", "tokens"))
    op.execute("UPDATE tokens SET role = 'owner' WHERE role = 'organiser'")
    op.create_table(
        "invitations",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("sha256", sa.String(64), nullable=False, unique=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("invited_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        sa.Column("revoked_at", sa.BigInteger),
        sa.Column("taken_at", sa.BigInteger),
        sa.Column("taken_by", sa.Integer, sa.ForeignKey("people.number")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "entry_owners",
        sa.Column(
            "entry", sa.Integer, sa.ForeignKey("entries.number"), primary_key=True, autoincrement=False
        ),
        sa.Column("person", sa.Integer, sa.ForeignKey("people.number"), nullable=False, index=True),
    )
    op.create_table(
        "deeds",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("who", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("token", sa.Integer),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("about", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )
    _only_append("deeds")


def _only_append(table: str) -> None:
    """Let the database itself refuse to change or delete a line."""
    if op.get_bind().dialect.name == "sqlite":
        for deed in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, 'lines of {table} are only ever added'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_only_append() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION 'lines of {table} are only ever added'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_only_append BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_only_append()"
    )
