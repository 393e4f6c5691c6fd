"""Under which names this server answers, so that no stranger's name can be turned to it.

A page of another site can let its own name point to a visitor's machine or network, and its requests then
look as if they came from our own pages (DNS rebinding). Browsers still say which name they asked for (`Host`,
RFC 9110, section 7.2), and whoever plays this trick has a name on the public internet. So addresses are
answered, and names that mean nothing there: this machine's own, and those of a local network. Any other has
to be set.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Final
from urllib.parse import urlsplit

from aiohttp import web

from league.server.door.answers import problem
from league.server.keys import DOORKEEPER, SETTINGS

LOCAL: Final = (".localhost", ".local", ".lan", ".home.arpa", ".internal", ".test")
"""Ends of names that are nobody's on the internet (RFC 6761, 6762 and 8375; ICANN keeps "internal" free), and
what most routers call a home."""
ANY: Final = "*"
OWN: Final = web.AppKey("own names", set[str])
"""What this machine is called where it listens on every address, and tells others to look for it."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def known_by_name(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is asked of a name that is not this server's."""
    settings = request.app[SETTINGS]
    name = name_in(request.host)
    hosts = (*settings.hosts, *request.app[OWN])
    # Our own proxy answers to its own names only, and says which one it was.
    if request.app[DOORKEEPER].is_our_proxy(request) or answers_to(name, hosts, settings.url):
        return await handler(request)
    message = f"this server does not answer to the name {name[:80]!r}"
    raise problem(421, "host", f'{message}; if it should, its organiser sets hosts = ["NAME"]')


def name_in(host: str) -> str:
    """The name or address in a `Host` header: without its port, in small letters."""
    name = host.strip().lower()
    if name.startswith("["):
        return name[1:].partition("]")[0]
    return name.partition(":")[0].removesuffix(".")


@lru_cache(maxsize=256)
def answers_to(name: str, hosts: Iterable[str] = (), url: str = "") -> bool:
    """Whether a server answers to a name.

    Args:
        name: As `name_in` gives it.
        hosts: Names that were set; one that begins with a dot stands for all that end so; "*" is any.
        url: Where the server says it is found.
    """
    if _is_address(name) or name.endswith(LOCAL):
        return True
    if "." not in name:  # on the internet every name has a dot
        return True
    if name in {socket.gethostname().lower(), (urlsplit(url).hostname or "").lower()}:
        return True
    for host in map(str.lower, hosts):
        if host == ANY or name == host.removeprefix(".") or (host.startswith(".") and name.endswith(host)):
            return True
    return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
