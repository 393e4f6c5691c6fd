"""Talking to a server's REST interface from the command line."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import aiohttp
import click

from league.errors import ConfigError, InputError, RaceError, why_unreachable
from league.server.door.kept import stored_token, token_file

DEFAULT: Final = "http://127.0.0.1:8490"
_LOCAL_NAMES = ("localhost", "::1", "0.0.0.0")  # noqa: S104 - compared, not bound


class RefusedError(InputError):
    """A server refuses; it may have said more than the reason.

    Args:
        message: The reason, in one line.
        answer: All that it said.
        status: The answer's HTTP status.
    """

    def __init__(self, message: str, answer: Mapping[str, Any], status: int = 400) -> None:
        self.answer, self.status = answer, status
        super().__init__(message)


server_option = click.option(
    "--server", default=lambda: os.environ.get("LEAGUE_SERVER", DEFAULT), metavar="URL",
    help=f"The server's address; by default LEAGUE_SERVER, or {DEFAULT}.",
)  # fmt: skip
token_option = click.option(
    "--token", default=lambda: os.environ.get("LEAGUE_TOKEN") or None, metavar="TOKEN",
    help="By default LEAGUE_TOKEN, or what `league serve` left for this user on this machine.",
)  # fmt: skip
entry_token_option = click.option(
    "--token", default=lambda: os.environ.get("LEAGUE_TOKEN") or None, metavar="TOKEN",
    help="Of the entry: what `league event invite` printed; by default LEAGUE_TOKEN. Open events need none.",
)  # fmt: skip


def http_url(server: str) -> str:
    """A server's address as "http://HOST:PORT", however it was written.

    Raises:
        ConfigError: It is no address.
    """
    expected = "expected http://HOST:PORT"
    try:
        parts = urlsplit(server if "://" in server else f"http://{server}")
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError(f"server {server!r}: {error}; {expected}") from None
    scheme = {"http": "http", "ws": "http", "https": "https", "wss": "https"}.get(parts.scheme)
    if scheme is None or not host:
        raise ConfigError(f"server {server!r}: {expected}")
    name = "127.0.0.1" if host in _LOCAL_NAMES else f"[{host}]" if ":" in host else host
    path = parts.path.removesuffix("/").removesuffix("/ws/agent")
    return urlunsplit((scheme, name if port is None else f"{name}:{port}", path, "", ""))


def segment(name: str) -> str:
    """A name as one part of an address."""
    return quote(name, safe="")


def ask(
    server: str,
    method: str,
    path: str,
    *,
    token: str | None = None,
    payload: Mapping[str, Any] | None = None,
    form: aiohttp.FormData | None = None,
) -> dict[str, Any]:
    """Send one request, and give its JSON answer.

    Args:
        server: The server's address.
        method: "GET", "POST" or "DELETE".
        path: Below /api/v1.
        token: If not given, the one that a server on this machine left for this user.
        payload: JSON to send.
        form: Files to send.

    Raises:
        RefusedError: The server refuses; with its reason.
        RaceError: It cannot be reached, or fails.
    """
    url = http_url(server)
    kept = stored_token(url) if token is None else None
    token = token or kept
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        return asyncio.run(_ask(url, method, f"{url}/api/v1{path}", headers, payload, form))
    except RefusedError as error:
        if error.status == 401 and kept:
            raise RefusedError(f"{error}; it is the one kept in {token_file()}", error.answer) from None
        raise


async def _ask(
    url: str,
    method: str,
    address: str,
    headers: Mapping[str, str],
    payload: Mapping[str, Any] | None,
    form: aiohttp.FormData | None,
) -> dict[str, Any]:
    timeout = aiohttp.ClientTimeout(total=120, connect=10)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
            http.request(method, address, json=payload, data=form) as answer,
        ):
            status, content = answer.status, await answer.json(content_type=None)
    except (aiohttp.ClientConnectionError, TimeoutError, OSError) as error:
        raise RaceError(
            f"no server answers at {url}: {why_unreachable(error)}; is `league serve` running there?"
        ) from None
    except (ValueError, aiohttp.ClientError) as error:
        raise RaceError(f"{url} does not answer as a league's server: {error}") from None
    if not isinstance(content, dict):
        raise RaceError(f"{url} does not answer as a league's server: HTTP {status}")
    if status < 400:
        return content
    told = content.get("error")
    message = str(told.get("message")) if isinstance(told, dict) else f"HTTP {status}"
    if status >= 500:
        raise RaceError(f"{url}: {message}")
    lacking = status in (401, 403) and not headers and "token" in message
    hint = "; give a token with --token" if lacking else ""
    raise RefusedError(f"{message}{hint}", content, status)
