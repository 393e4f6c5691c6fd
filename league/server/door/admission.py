"""Who is asking, and whether they may: the one place that looks at `rights` before any handler runs."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from league.errors import LeagueError
from league.server.door.answers import meaning, problem
from league.server.door.brake import slow_down
from league.server.door.origin import SAFE, changes_something, is_ours
from league.server.door.rights import Right, check_routes, right_for
from league.server.keys import BOOK, DOORKEEPER
from league.store.records import TokenRecord

log = logging.getLogger(__name__)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_WHO: Final = web.RequestKey("who", TokenRecord)
_ABOUT: Final = web.RequestKey("about", str)
_HINT: Final = "'Authorization: Bearer TOKEN'"


def add_admission(app: web.Application) -> None:
    """Let nobody through an application's routes but those whom the table names.

    Of all that looks at requests before a handler does, this comes last.
    """
    app[PORTS] = Ports()
    app.middlewares.extend((only_look, by_rights))
    app.on_startup.append(_every_route_has_a_line)


async def _every_route_has_a_line(app: web.Application) -> None:
    check_routes(app.router.routes())


class Ports:
    """Which ports are for everything, if there is one on which one can only look."""

    def __init__(self) -> None:
        self.full: set[int] | None = None
        """None: every port is."""
        self.public: int | None = None
        """The one on which one can only look."""

    def only_for_looking(self, request: web.Request) -> bool:
        """Whether a request came in by the read-only port."""
        if self.full is None:
            return False
        here = request.transport.get_extra_info("sockname") if request.transport is not None else None
        return not isinstance(here, tuple) or here[1] not in self.full


PORTS: Final = web.AppKey("ports", Ports)


@web.middleware
async def only_look(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keep from the read-only port whatever is not for everybody, or could change something."""
    if not is_only_looking(request):
        return await handler(request)
    right = right_for(request)
    if request.method not in SAFE or (right is not None and not right.public):
        raise problem(403, "read_only", "on this port one can only look; use the league's own address")
    return await handler(request)


def is_only_looking(request: web.Request) -> bool:
    """Whether a request came in by the port on which one can only look."""
    ports = request.app.get(PORTS)
    return ports is not None and ports.only_for_looking(request)


@web.middleware
async def by_rights(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who is asking, refuse who has no business there, and write down what was changed."""
    right = right_for(request)
    if right is None:
        if request.match_info.http_exception is not None:
            return await handler(request)  # there is no such address, which it says
        raise problem(403, "role", "nobody may use this address")
    record = None if is_only_looking(request) else await _identify(request)
    if (
        record is not None
        and right.later
        and record.session_of is not None
        and record.role not in right.roles
    ):
        record = None  # another token may come with the hello, from whoever sits there
    status = 500
    try:
        if record is not None:
            slow_down(request, record.number)
            admit(request, record)
        elif not (right.nobody or right.later):
            raise problem(
                401, "auth", f"{_wanted(right)} token is needed: {_HINT}",
                headers={"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        response = await handler(request)
        status = response.status
        return response
    except web.HTTPException as error:
        status = error.status
        raise
    except LeagueError as error:
        status = meaning(request, error)[0]
        raise
    finally:
        if request.method not in SAFE:
            await _write_down(request, status)


async def _identify(request: web.Request) -> TokenRecord | None:
    """Whose token came with a request, in its header or as the cookie of a browser that is signed in."""
    door = request.app[DOORKEEPER]
    record = await door.bearer(request)
    if record is not None:
        return record
    record = await door.session(request)
    # A cookie comes by itself, so the browser has to say that it was our own page that asked.
    if record is not None and changes_something(request) and not is_ours(request):
        raise problem(403, "cross_site", "nothing says that our own page sent this; sign in and try again")
    return record


async def _write_down(request: web.Request, status: int) -> None:
    """A line of the audit log, for everything but strangers' failures."""
    record = who(request)
    if record is None and (status >= 400 or _ABOUT not in request):
        return
    try:
        await request.app[BOOK].write_deed(
            who=record.bearer if record is not None else "",
            role=record.role if record is not None else "",
            token=record.number if record is not None else None,
            what=f"{request.method} {request.path}",
            status=status,
            address=request.app[DOORKEEPER].address_of(request),
            about=request.get(_ABOUT, ""),
        )
    except LeagueError:
        log.exception("the audit log has no line for %s %s", request.method, request.path)


def note(request: web.Request, about: str) -> None:
    """Say what a request is about, for the audit log; never a secret."""
    request[_ABOUT] = about


def who(request: web.Request) -> TokenRecord | None:
    """Whose token came with a request; None if none did."""
    return request.get(_WHO)


def admit(request: web.Request, record: TokenRecord) -> None:
    """Refuse a token that is not for the request's route; needed where it comes with a form.

    Raises:
        HTTPForbidden: It is another role's, or another event's.
    """
    request[_WHO] = record
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
