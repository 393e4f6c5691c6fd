"""Who may do what: one line for every route of this server.

A route that has no line here keeps the server from starting, so none can be forgotten. `admission` asks this
table before any handler runs; what no role decides, such as whose entry it is, the handler still decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, get_args

from aiohttp import web

from league.errors import ConfigError
from league.store.records import PersonRole, Role


@dataclass(frozen=True, slots=True)
class Right:
    """Who may use a route.

    Args:
        roles: Whose token is good for it.
        nobody: Whether it may be used without a token.
        later: Whether the token may come with the form or the hello instead; its handler then asks
            `admission.admit`.
        public: Whether the read-only port has it, too.
    """

    roles: frozenset[Role]
    nobody: bool = False
    later: bool = False
    public: bool = False


def _only(*roles: Role) -> frozenset[Role]:
    return frozenset(roles)


EVERY_ROLE: Final = frozenset[Role](get_args(Role))

PUBLIC: Final = Right(EVERY_ROLE, nobody=True, public=True)
"""Anybody, with or without a token, on the read-only port, too."""
ANYBODY: Final = Right(EVERY_ROLE, nobody=True)
"""Anybody, but not on the read-only port."""
BEARERS: Final = Right(EVERY_ROLE)
"""Whoever has a token."""
PEOPLE: Final = Right(frozenset[Role](get_args(PersonRole)))
"""Every person, but no entry and no device."""
OWNERS: Final = Right(_only("owner"))
RUNNING: Final = Right(_only("owner", "director"))
"""Those who run events."""
JUDGING: Final = Right(_only("owner", "director", "steward"))
"""Those who decide on incidents, penalties and protests."""
RACING: Final = Right(_only("owner", "director", "racer", "entry"))
"""Those who enter, and look after, cars; whose car it is, the handler checks."""
ENTERING: Final = Right(RACING.roles, nobody=True, later=True)
"""Those, or anybody where the event says so."""
OWN_ENTRY: Final = Right(RACING.roles, later=True)
TIMEKEEPING: Final = Right(_only("owner", "director", "timekeeper"), later=True)
DEVICES: Final = Right(_only("owner", "director", "timekeeper", "timing"), later=True)

_API: Final = "/api/v1"

RIGHTS: Final[Mapping[str, Right]] = {
    # pages
    "GET /": PUBLIC,
    "GET /static/{version}/{name}": PUBLIC,
    "GET /events/{event}": PUBLIC,
    "GET /events/{event}/heats/{heat}": PUBLIC,
    "GET /events/{event}/heats/{heat}/replay": PUBLIC,
    "GET /events/{event}/heats/{heat}/film": PUBLIC,
    "GET /events/{event}/heats/{heat}/camera": PUBLIC,
    "GET /events/{event}/entries/{entry}": PUBLIC,
    "GET /live/{event}": PUBLIC,
    "GET /api": PUBLIC,
    "GET /live/{event}/line": PUBLIC,
    "GET /live/{event}/camera": PUBLIC,
    "GET /boards": PUBLIC,
    "GET /seasons": PUBLIC,
    "GET /seasons/{season}": PUBLIC,
    "GET /ratings": PUBLIC,
    "GET /boards/{circuit}": PUBLIC,
    "GET /pages/{page}": PUBLIC,
    "GET /pages/{page}/files/{version}/{name}": PUBLIC,
    "GET /events/{event}/timekeeper": ANYBODY,  # shows nothing without a token
    "POST /events/{event}/enter": ENTERING,
    "POST /events/{event}/entries/{entry}/versions": OWN_ENTRY,
    "POST /events/{event}/entries/{entry}/active": OWN_ENTRY,
    "GET /events/{event}/next": PUBLIC,
    "GET /desk": BEARERS,
    "GET /desk/new": RUNNING,
    "GET /desk/people": RUNNING,
    "GET /desk/events/{event}": JUDGING,
    "GET /desk/events/{event}/stewards": JUDGING,
    "GET /sign-in": ANYBODY,
    "POST /sign-in": Right(EVERY_ROLE, nobody=True, later=True),
    "POST /sign-out": ANYBODY,
    "GET /join": ANYBODY,
    "POST /join": ANYBODY,
    "GET /metrics": ANYBODY,
    # sockets
    "GET /ws/watch": PUBLIC,
    "GET /ws/agent": ENTERING,
    "GET /ws/timing": DEVICES,
    "GET /ws/control": TIMEKEEPING,
    # programs read
    f"GET {_API}/health": PUBLIC,
    f"GET {_API}/openapi.json": PUBLIC,
    f"GET {_API}/circuits": PUBLIC,
    f"GET {_API}/circuits/{{ref}}": PUBLIC,
    f"GET {_API}/agents": PUBLIC,
    f"GET {_API}/formats": PUBLIC,
    f"GET {_API}/events": PUBLIC,
    f"GET {_API}/events/{{event}}": PUBLIC,
    f"GET {_API}/events/{{event}}/leaderboard": PUBLIC,
    f"GET {_API}/events/{{event}}/leaderboard.csv": PUBLIC,
    f"GET {_API}/events/{{event}}/laps.csv": PUBLIC,
    f"GET {_API}/events/{{event}}/stream": PUBLIC,
    f"GET {_API}/events/{{event}}/heats": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/facts": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/recording": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/recording.mcap": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/positions.csv": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/simtrace.csv": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/as/{{form}}": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/timing": PUBLIC,
    f"GET {_API}/events/{{event}}/entries/{{entry}}": PUBLIC,
    f"GET {_API}/events/{{event}}/heats/{{heat}}/result.csv": PUBLIC,
    f"GET {_API}/events/{{event}}/decisions": PUBLIC,
    f"GET {_API}/events/{{event}}/incidents": PUBLIC,
    f"GET {_API}/scrutineering": PUBLIC,
    f"GET {_API}/events/{{event}}/queue": PUBLIC,
    f"GET {_API}/ratings": PUBLIC,
    f"GET {_API}/seasons": PUBLIC,
    f"GET {_API}/seasons/{{season}}": PUBLIC,
    f"GET {_API}/seasons/{{season}}/standings": PUBLIC,
    f"GET {_API}/seasons/{{season}}/standings.csv": PUBLIC,
    f"POST {_API}/seasons": RUNNING,
    f"POST {_API}/seasons/{{season}}": RUNNING,
    f"POST {_API}/seasons/{{season}}/events": RUNNING,
    f"DELETE {_API}/seasons/{{season}}/events/{{event}}": RUNNING,
    f"POST {_API}/seasons/{{season}}/next": RUNNING,
    # programs judge
    f"POST {_API}/events/{{event}}/decisions": JUDGING,
    f"POST {_API}/events/{{event}}/heats/{{heat}}/protests": RACING,
    # programs look after people
    f"GET {_API}/me": BEARERS,
    f"GET {_API}/people": RUNNING,
    f"POST {_API}/people/{{person}}/role": OWNERS,
    f"DELETE {_API}/people/{{person}}": OWNERS,
    f"GET {_API}/invitations": RUNNING,
    f"POST {_API}/invitations": RUNNING,
    f"DELETE {_API}/invitations/{{number}}": RUNNING,
    f"POST {_API}/join": ANYBODY,
    f"GET {_API}/tokens": BEARERS,
    f"POST {_API}/tokens": PEOPLE,
    f"DELETE {_API}/tokens/{{number}}": BEARERS,
    f"GET {_API}/audit": OWNERS,
    # programs run events
    f"POST {_API}/events": RUNNING,
    f"POST {_API}/events/{{event}}/start": RUNNING,
    f"POST {_API}/events/{{event}}/abort": RUNNING,
    f"POST {_API}/events/{{event}}/pause": RUNNING,
    f"POST {_API}/events/{{event}}/resume": RUNNING,
    f"POST {_API}/events/{{event}}/again": RUNNING,
    f"POST {_API}/events/{{event}}/closing": RUNNING,
    f"POST {_API}/events/{{event}}/race": RUNNING,
    f"POST {_API}/events/{{event}}/tokens": RUNNING,
    f"GET {_API}/webhooks": RUNNING,
    f"POST {_API}/webhooks": RUNNING,
    f"DELETE {_API}/webhooks/{{number}}": RUNNING,
    f"GET {_API}/webhooks/{{number}}/deliveries": RUNNING,
    f"POST {_API}/webhooks/{{number}}/ping": RUNNING,
    # programs enter
    f"POST {_API}/events/{{event}}/entries": ENTERING,
    f"DELETE {_API}/events/{{event}}/entries/{{entry}}": RACING,
    f"POST {_API}/events/{{event}}/entries/{{entry}}/versions": RACING,
    f"POST {_API}/events/{{event}}/entries/{{entry}}/active": RACING,
    f"POST {_API}/events/{{event}}/entries/{{entry}}/runs": RACING,
}
"""Every route as "METHOD /path", the path as it was registered; HEAD goes with GET."""


def name_of(method: str, path: str) -> str:
    """The line of `RIGHTS` that speaks of a route."""
    return f"{'GET' if method == 'HEAD' else method} {path}"


def right_for(request: web.Request) -> Right | None:
    """Who may use the route that a request found; None if it found none, or one without a line."""
    resource = request.match_info.route.resource
    return None if resource is None else RIGHTS.get(name_of(request.method, resource.canonical))


def check_routes(routes: Iterable[web.AbstractRoute]) -> None:
    """Make sure that the table has a line for every route.

    Raises:
        ConfigError: A route has none.
    """
    for route in routes:
        path = route.resource.canonical if route.resource is not None else ""
        if name_of(route.method, path) not in RIGHTS:
            name = name_of(route.method, path)
            raise ConfigError(
                f"route {name!r} has no line in league/server/door/rights.py, expected who may use it"
            )
