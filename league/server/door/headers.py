"""What browsers may do with what this server answers: set on every response, in one place."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from league.server.door.rights import right_for

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; font-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'self'"
)
"""For pages: only our own files, nothing written into the page itself, and nothing from elsewhere."""
DATA_POLICY: Final = "default-src 'none'; base-uri 'none'; form-action 'none'"
"""For whatever is no page."""
HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
EMBED: Final = "embed"
"""A public page asked for as `?embed` may stand in a frame of any other site."""


def add_headers(app: web.Application) -> None:
    """Let an application's answers say what browsers may do with them."""
    app.on_response_prepare.append(_protect)


async def _protect(request: web.Request, response: web.StreamResponse) -> None:
    page = response.content_type == "text/html"
    framed = (
        "*" if page and EMBED in request.query and _is_public(request) else "'self'" if page else "'none'"
    )
    policy = POLICY if page else DATA_POLICY
    response.headers["Content-Security-Policy"] = f"{policy}; frame-ancestors {framed}"
    for name, value in HEADERS.items():
        response.headers[name] = value
    if page:
        response.headers.setdefault("Cache-Control", "no-cache")


def _is_public(request: web.Request) -> bool:
    right = right_for(request)
    return right is not None and right.public
