"""What the REST interface answers when something is wrong: JSON with a code and one line."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web

from league.errors import InputError, LeagueError, RaceError, RecordBookError, UnknownNameError

log = logging.getLogger(__name__)

_CLASSES: Mapping[int, type[web.HTTPException]] = {
    400: web.HTTPBadRequest,
    401: web.HTTPUnauthorized,
    403: web.HTTPForbidden,
    404: web.HTTPNotFound,
    409: web.HTTPConflict,
    415: web.HTTPUnsupportedMediaType,
    421: web.HTTPMisdirectedRequest,
    429: web.HTTPTooManyRequests,
    500: web.HTTPInternalServerError,
    503: web.HTTPServiceUnavailable,
}
_CODES = {404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def body(code: str, message: str) -> str:
    """The JSON text of an error."""
    return json.dumps({"error": {"code": code, "message": " ".join(message.split())}}, ensure_ascii=False)


def problem(
    status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None
) -> web.HTTPException:
    """An exception that answers a request with an error in JSON."""
    return _CLASSES[status](
        text=body(code, message), content_type="application/json", headers=dict(headers or {})
    )


@web.middleware
async def errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Answer programs (`/api`, `/ws`) in JSON whatever goes wrong; pages are left alone."""
    if not request.path.startswith(("/api/", "/ws/")):
        return await handler(request)
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400 or error.content_type == "application/json":
            raise
        code = _CODES.get(error.status, "error")
        return web.Response(
            status=error.status,
            text=body(code, f"{request.method} {request.path}: {error.reason}"),
            content_type="application/json",
            headers={"Allow": error.headers["Allow"]} if "Allow" in error.headers else None,
        )
    except LeagueError as error:
        status, code = meaning(request, error)
        if status >= 500:
            log.exception("%s %s failed", request.method, request.path)
        return web.Response(status=status, text=body(code, str(error)), content_type="application/json")
    except Exception as error:
        if isinstance(error, ConnectionError) and is_gone(request):
            return web.Response()
        log.exception("%s %s failed", request.method, request.path)
        text = body("internal", "the server failed; its log says why")
        return web.Response(status=500, text=text, content_type="application/json")


def is_gone(request: web.BaseRequest) -> bool:
    """Whether whoever asked has left, maybe in the middle of a handshake: nobody is there to be answered."""
    return request.transport is None or request.transport.is_closing()


def meaning(request: web.Request, error: LeagueError) -> tuple[int, str]:
    """Status and code of one of our own errors."""
    if isinstance(error, UnknownNameError):
        # A name in the address is a thing that is not there; one in the body is a bad request.
        asked_for = request.method in ("GET", "HEAD") or error.kind in ("event", "heat", "entry", "webhook")
        return (404, "not_found") if asked_for else (400, "unknown_name")
    if isinstance(error, InputError):
        return 400, "bad_request"
    if isinstance(error, RaceError):
        return 409, "conflict"
    if isinstance(error, RecordBookError):
        return 503, "record_book"
    return 500, "internal"
