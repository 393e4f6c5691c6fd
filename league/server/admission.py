"""Who is asking, and whether they may: the one place that looks at `rights` before any handler runs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from league.server.answers import problem
from league.server.keys import DOORKEEPER
from league.server.rights import Right, check_routes, right_for
from league.store.records import TokenRecord

_WHO: Final = web.RequestKey("who", TokenRecord)
_HINT: Final = "'Authorization: Bearer TOKEN'"


def add_admission(app: web.Application) -> None:
    """Let nobody through an application's routes but those whom the table names."""
    app.middlewares.append(by_rights)
    app.on_startup.append(_every_route_has_a_line)


async def _every_route_has_a_line(app: web.Application) -> None:
    check_routes(app.router.routes())


@web.middleware
async def by_rights(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Find out who is asking, and refuse who has no business there."""
    right = right_for(request)
    if right is None:
        if request.match_info.http_exception is not None:
            return await handler(request)  # there is no such address, which it says
        raise problem(403, "role", "nobody may use this address")
    record = await request.app[DOORKEEPER].bearer(request)
    if record is not None:
        admit(request, record)
        request[_WHO] = record
    elif not (right.nobody or right.later):
        raise problem(
            401, "auth", f"{_wanted(right)} token is needed: {_HINT}", headers={"WWW-Authenticate": "Bearer"}
        )
    return await handler(request)


def who(request: web.Request) -> TokenRecord | None:
    """Whose token came with a request; None if none did."""
    return request.get(_WHO)


def admit(request: web.Request, record: TokenRecord) -> None:
    """Refuse a token that is not for the request's route; needed where it comes with a form.

    Raises:
        HTTPForbidden: It is another role's, or another event's.
    """
    right = right_for(request)
    if right is None or record.role not in right.roles:
        wanted = "nobody may" if right is None else f"{_wanted(right)} token is needed"
        raise problem(403, "role", f"{wanted}, this one is of role {record.role}")
    if record.event_id is not None and not _within(request, right, record.event_id):
        raise problem(403, "role", f"the token is good for event {record.event_id!r} only")


def _within(request: web.Request, right: Right, event_id: str) -> bool:
    """Whether a request stays within the one event that a token is good for."""
    if right.nobody and not right.later:
        return True
    named = request.match_info.get("event")
    # A socket's hello names the event later; what a mere entry may use is about no event.
    return right.later or "entry" in right.roles if named is None else named == event_id


def roles_for(request: web.Request) -> frozenset[str]:
    """Whose token a socket's hello may hold."""
    right = right_for(request)
    return frozenset[str]() if right is None else frozenset[str](right.roles)


def _wanted(right: Right) -> str:
    return (
        "an organiser's" if right.roles == {"owner", "director"} else f"a {' or '.join(sorted(right.roles))}"
    )
