"""Who may change something: only our own pages, and programs that are no browsers.

Somebody else's page could make a visitor's browser post to a league on the visitor's own machine or
network, where entering may need no token, or open a socket there. Browsers say where a request comes from,
and cannot be made not to (Fetch Metadata, W3C; `Origin`, RFC 6454, section 7).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from league.server.door.answers import problem
from league.server.door.rights import right_for

SAFE: Final = ("GET", "HEAD", "OPTIONS")
"""Methods that change nothing."""
OURS: Final = ("same-origin", "none")


@web.middleware
async def only_ours(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Refuse what another site's page asks for and would change something."""
    if changes_something(request) and not may_change(request):
        raise problem(403, "cross_site", "a page of another site sent this; use this server's own")
    return await handler(request)


def changes_something(request: web.Request) -> bool:
    """Whether a request may change something: any but a reading one, and sockets on which one can talk."""
    if request.method not in SAFE:
        return True
    right = right_for(request)
    return "Upgrade" in request.headers and right is not None and not right.public


def may_change(request: web.BaseRequest) -> bool:
    """Whether a request comes from our own pages, or from no browser."""
    return ("Sec-Fetch-Site" not in request.headers and "Origin" not in request.headers) or is_ours(request)


def is_ours(request: web.BaseRequest) -> bool:
    """Whether a browser says that a request comes from our own pages."""
    site = request.headers.get("Sec-Fetch-Site")
    if site is not None:
        return site in OURS
    # A proxy in front may have changed the one, and then tells the other.
    ours = {request.host, request.headers.get("X-Forwarded-Host", request.host)}
    return urlsplit(request.headers.get("Origin", "")).netloc in ours
