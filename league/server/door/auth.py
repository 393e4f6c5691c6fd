"""Who is asking: bearer tokens, and a brake on guessing them."""

from __future__ import annotations

import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Collection
from typing import Final

from aiohttp import web

from league.server.door.answers import problem
from league.store.book import RecordBook
from league.store.records import TokenRecord

FAILURES: Final = 10
"""So many wrong tokens from one address within `WITHIN_S` are enough."""
WITHIN_S: Final = 60.0
_ADDRESSES: Final = 4096
_LONGEST: Final = 256


class Doorkeeper:
    """Looks tokens up in the record book, and turns away an address that keeps guessing.

    Args:
        book: Where tokens are kept, hashed.
        proxies: Addresses of our own proxies, which are believed when they say for whom they ask.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        book: RecordBook,
        *,
        proxies: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._book = book
        self._proxies = frozenset(proxies)
        self._clock = clock
        self._failed: OrderedDict[str, deque[float]] = OrderedDict()

    def is_our_proxy(self, request: web.BaseRequest) -> bool:
        """Whether one of our own proxies passes a request on."""
        return request.remote in self._proxies

    def address_of(self, request: web.BaseRequest) -> str:
        """Where a request comes from: who connected, or whom our own proxy names."""
        remote = request.remote or ""
        if remote not in self._proxies:
            return remote
        return request.headers.get("X-Forwarded-For", remote).rpartition(",")[2].strip() or remote

    def wait_s(self, address: str) -> float:
        """How long an address has to wait before it may try another token; 0 if it need not."""
        failed = self._failed.get(address)
        if failed is None:
            return 0.0
        now = self._clock()
        while failed and failed[0] <= now - WITHIN_S:
            failed.popleft()
        if not failed:
            del self._failed[address]
            return 0.0
        return failed[0] + WITHIN_S - now if len(failed) >= FAILURES else 0.0

    def note_failure(self, address: str) -> None:
        """Remember that an address gave a wrong token."""
        failed = self._failed.setdefault(address, deque(maxlen=FAILURES))
        failed.append(self._clock())
        self._failed.move_to_end(address)
        while len(self._failed) > _ADDRESSES:
            self._failed.popitem(last=False)

    def check_patience(self, address: str) -> None:
        """Turn away who keeps guessing.

        Raises:
            HTTPTooManyRequests: The address gave too many wrong tokens.
        """
        wait_s = math.ceil(self.wait_s(address))
        if wait_s > 0:
            raise problem(
                429, "rate", f"too many wrong tokens; try again in {wait_s} s",
                headers={"Retry-After": str(wait_s)},
            )  # fmt: skip

    async def look_up(self, token: str, address: str) -> TokenRecord | None:
        """What a token allows; None if it is not good. Ask `wait_s` first."""
        record = await self._book.token(token) if 0 < len(token) <= _LONGEST else None
        if record is None or record.revoked_at is not None:
            self.note_failure(address)
            return None
        return record

    async def bearer(self, request: web.Request) -> TokenRecord | None:
        """What the request's token allows; None if it carries none.

        Raises:
            HTTPUnauthorized: The header is malformed or the token is not good.
            HTTPTooManyRequests: The address gave too many wrong tokens.
        """
        header = request.headers.get("Authorization")
        if header is None:
            return None
        scheme, _, token = header.partition(" ")
        return await self.present(
            token.strip() if scheme.lower() == "bearer" else "", self.address_of(request)
        )

    async def session(self, request: web.Request) -> TokenRecord | None:
        """What a browser may in which somebody signed in; None if nobody did, or it is over."""
        text = request.cookies.get(cookie_name(request), "")
        return await self._book.token(text) if 0 < len(text) <= _LONGEST else None

    async def present(self, token: str, address: str) -> TokenRecord:
        """What a token allows that somebody presents, in whatever way.

        Raises:
            HTTPUnauthorized: It is not good.
            HTTPTooManyRequests: The address gave too many wrong ones.
        """
        self.check_patience(address)
        record = await self.look_up(token, address)
        if record is None:
            why = (
                "misspelt, taken back, run out, or another server's"
                if token
                else "expected 'Authorization: Bearer TOKEN'"
            )
            raise problem(401, "auth", f"the token is not good: {why}")
        return record


def is_secure(request: web.BaseRequest) -> bool:
    """Whether a browser speaks TLS with us, or with a proxy in front of us."""
    return request.headers.get("X-Forwarded-Proto", request.scheme) == "https"


def cookie_name(request: web.BaseRequest) -> str:
    """What the session's cookie is called: by port, as browsers give a host's cookies to every port."""
    port = request.host.rpartition(":")[2]
    return f"league-{port if port.isascii() and port.isdigit() else 'session'}"
