"""The shapes of what the REST interface answers about people, for its document."""

from __future__ import annotations

from datetime import datetime

from league.server.rest.shapes import Shape
from league.store.records import PersonRole, Role


class Bearer(Shape):
    """Whose token it is, and what it is good for."""

    name: str
    role: Role
    person: int | None
    event: str | None
    entry: str | None
    expires_at: datetime | None


class Person(Shape):
    """Somebody with an account."""

    number: int
    name: str
    role: PersonRole
    created_at: datetime
    last_used_at: datetime | None


class People(Shape):
    """Everybody with an account."""

    people: list[Person]


class Joined(Person):
    """A new account, with its token, which is told only now."""

    token: str


class Invitation(Shape):
    """An invitation; never its code."""

    number: int
    role: PersonRole
    name: str
    invited_by: str
    created_at: datetime
    expires_at: datetime
    taken_at: datetime | None
    taken_by: str
    revoked_at: datetime | None


class Invited(Invitation):
    """A new invitation, with its code, which is told only now."""

    code: str


class Invitations(Shape):
    """Every invitation."""

    invitations: list[Invitation]


class TokenLine(Shape):
    """A token as lists show it; never its text."""

    number: int
    role: Role
    name: str
    person: str
    event: str | None
    entry: str | None
    session: bool
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None


class Tokens(Shape):
    """Tokens that are good."""

    tokens: list[TokenLine]


class TokenText(Shape):
    """A new token, which is told only now."""

    token: str
    role: Role
    expires_at: datetime | None


class DeedLine(Shape):
    """A line of the audit log."""

    number: int
    at: datetime
    who: str
    role: str
    token: int | None
    what: str
    status: int
    address: str
    about: str


class AuditLog(Shape):
    """Lines of the audit log, newest first."""

    deeds: list[DeedLine]
