"""Signing in and out in a browser, and taking up an invitation.

A session is a token of its own that hangs on the one that somebody signed in with: it is in a cookie that no
script can read and that no other site's page makes the browser send.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from aiohttp import web

from league.errors import InputError
from league.server.door.admission import admit, note, who
from league.server.door.auth import cookie_name, is_secure
from league.server.keys import BOOK, DOORKEEPER, SETTINGS
from league.server.rest.membership import take_up
from league.server.rest.uploads import TEXT_BYTES, read_form, read_text
from league.store.records import TokenRecord

Render = Callable[..., web.Response]

SIGN_IN: Final = "/sign-in"


class Signing:
    """Answers requests about who sits before a browser.

    Args:
        render: Makes a page from a template and what it shows.
    """

    def __init__(self, render: Render) -> None:
        self._render = render

    def routes(self) -> list[web.RouteDef]:
        """List where the pages and forms are found."""
        return [
            web.get(SIGN_IN, self.ask),
            web.post(SIGN_IN, self.sign_in),
            web.post("/sign-out", self.sign_out),
            web.get("/join", self.invited),
            web.post("/join", self.join),
        ]

    async def ask(self, request: web.Request) -> web.Response:
        """`GET /sign-in`: a form for a token."""
        return self._render(request, "sign_in.html", following=_following(request.query.get("next", "")))

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """`POST /sign-in`: a form with a token; whoever's it is, is signed in from now on."""
        most = {"token": TEXT_BYTES, "next": TEXT_BYTES}
        given = await read_form(request, most, optional=("next",))
        door = request.app[DOORKEEPER]
        record = await door.present(read_text(given, "token"), door.address_of(request))
        admit(request, record)
        answer = web.HTTPSeeOther(_following(read_text(given, "next")))
        await _open(request, answer, record)
        note(request, "signed in")
        raise answer

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """`POST /sign-out`: the session is over, here and wherever its cookie may have got to."""
        record = who(request)
        if record is not None and record.session_of is not None:
            await request.app[BOOK].revoke(record.number)
        answer = web.HTTPSeeOther("/")
        answer.del_cookie(cookie_name(request), path="/")
        raise answer

    async def invited(self, request: web.Request) -> web.Response:
        """`GET /join`: a form for an invitation's code, which the link has behind its #."""
        return self._render(request, "join.html")

    async def join(self, request: web.Request) -> web.Response:
        """`POST /join`: a form with a code and a name; shows the new token, once, and signs in."""
        given = await read_form(request, {"code": TEXT_BYTES, "name": TEXT_BYTES})
        code, name = read_text(given, "code"), read_text(given, "name")
        if not code:
            raise InputError("form: 'code' is empty, expected what the invitation says")
        person, token = await take_up(request, code, name)
        answer = self._render(request, "joined.html", person=person, token=token)
        answer.headers["Cache-Control"] = "no-store"
        record = await request.app[BOOK].token(token)
        assert record is not None
        await _open(request, answer, record)
        return answer


async def _open(request: web.Request, answer: web.StreamResponse, record: TokenRecord) -> None:
    """Open a session for a token, and let the browser keep it."""
    lasts = timedelta(days=request.app[SETTINGS].session_days)
    ends = datetime.now(UTC) + lasts
    until = ends if record.expires_at is None else min(ends, record.expires_at)
    text = await request.app[BOOK].open_session(record, until=until)
    answer.set_cookie(
        cookie_name(request), text, path="/", httponly=True, samesite="Strict",
        secure=is_secure(request), max_age=max(0, int((until - datetime.now(UTC)).total_seconds())),
    )  # fmt: skip


def _following(path: str) -> str:
    """Where to go afterwards: a path of this server, never another's."""
    # Browsers take // and /\ for another server's name, and leave tabs and line ends out.
    ours = path.startswith("/") and path.isprintable() and not path.startswith(("//", "/\\"))
    return path if ours else "/"
